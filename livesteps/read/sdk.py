"""An SDK's folder, `samples/<sdk>/sdk.toml`: all that differs between SDKs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, create_model
from pygments.lexers import get_all_lexers

from livesteps.errors import Problem, nearest
from livesteps.read.plugins import Plugins
from livesteps.read.sample import Sample, read_sample
from livesteps.read.tomlfile import Table, line_of, load

Command = Annotated[list[str], Field(min_length=1)]


class Versions(Table):
    """Commands that print the versions; the first word with a digit counts."""

    sdk: Command
    """That of the SDK."""
    language: Command | None = None
    """That of the language; none for a language that has no versions."""


class Gap(Table):
    """A step, or a whole chapter, that cannot be done with an SDK at all."""

    chapter: str = ""
    """Which; a guide of one chapter need not say it."""
    step: int = 0
    """0 for the whole chapter, of which there is no program then."""
    reason: str
    """A sentence for readers."""
    link: str
    """Where the SDK's makers say so."""


class Install(Table):
    """How the libraries are installed that the program needs."""

    files: Annotated[list[str], Field(min_length=1)]
    """Of the SDK's folder: what names the libraries, and their lock."""
    command: Command
    """Run once where copies of the files are, and what it makes stays there."""


class Way(Table):
    """Another way to connect than that of step 1: the block that takes its
    place, or why the SDK has none."""

    name: str
    """As the chapter has it."""
    sample: str = ""
    """The file of the block, between the markers `step-1` and `step-2`."""
    reason: str = ""
    """Why there is no block: a sentence for readers."""
    link: str = ""
    """Where the SDK's makers say so."""


class Cannot(Table):
    """What a server may need and an SDK cannot do, and why: ends of a sentence."""

    ipv6: str = ""
    """Read an address such as `http://[::1]:8080`."""
    proxy: str = ""
    """Go through the proxy that HTTPS_PROXY names."""


class SDKFile(Table):
    """What an sdk.toml says.

    In its commands `{python}` is this Python, `{sample}` the program,
    `{built}` the file that its build makes, and `{cache}` the folder that its
    libraries are installed in. In `ca`, `{ca}` is a file of certificates in
    PEM, and `{truststore}` the same in PKCS #12.
    """

    name: str
    """The SDK's own name, as its tab shows it."""
    language: str
    """The language's name, as the stamp below an output shows it."""
    lexer: str
    """Pygments' name of the sample's language."""
    lexer_options: dict[str, bool | int | str] = {}
    """Options for the lexer."""
    opening: str = ""
    """The line with which the language wants every file to begin, if it does."""
    sample: str
    """The program of a chapter: `{chapter}` is the chapter's name, `{Chapter}` the
    same as classes are called."""
    comment: str
    """What opens a comment that ends with the line."""
    boundary: str
    """The statement that stands in for the marker `{step}` while it runs: it
    prints a record separator (0x1E) and the step's name, flushes, and waits
    for one line on standard input."""
    command: Command
    """What runs the program."""
    versions: Versions
    needs: list[str] = []
    """Commands that the program calls, and that a machine may lack."""
    download: str = ""
    """Where to get the toolchain if a distribution has none that will do."""
    build: Command | None = None
    """What makes the program ready to run, in its folder."""
    install: Install | None = None
    libraries: Command | None = None
    """What prints the libraries that the program needs, a line each; none if
    it needs none."""
    environment: dict[str, str] = {}
    """More variables for all its commands."""
    check: list[Command] = []
    """Commands that look at the program without running it."""
    servers: list[str] = []
    """What it is run against, besides the guide's first server."""
    recorded_only: str = ""
    """Why it is not run with the others, if it is not."""
    cannot: Cannot = Cannot()
    ca: dict[str, str] = {}
    """More variables for the program where a private CA is to be trusted."""
    gap: list[Gap] = []
    way: list[Way] = []


class SDK(SDKFile):
    """How one SDK's samples are read and run: what its sdk.toml says."""

    folder: Path
    chapters: tuple[str, ...]
    """The guide's, of which it has programs but for its gaps."""
    more: dict[str, Any]
    """What plugins read of its sdk.toml, by key."""

    @property
    def id(self) -> str:
        """The folder's name, by which commands, tabs and addresses call it."""
        return self.folder.name

    @property
    def toml(self) -> Path:
        """The file that it was read from."""
        return self.folder / "sdk.toml"

    @cached_property
    def ways(self) -> dict[str, Way]:
        """The other ways to connect, by name."""
        return {way.name: way for way in self.way}

    def path(self, chapter: str) -> Path:
        """The program of a chapter."""
        return self.folder / _program(self.sample, chapter)

    def recorded(self, chapter: str) -> Path:
        """The folder of a chapter's recording."""
        return self.folder / "recorded" / chapter

    def gaps(self, chapter: str) -> Mapping[int, Gap]:
        """The steps of a chapter that cannot be done with it; 0 is all of it."""
        return {
            gap.step: gap
            for gap in self.gap
            if (gap.chapter or self.chapters[0]) == chapter
        }

    def sample_of(self, chapter: str) -> Sample:
        """The program of a chapter, its markers checked; gaps are steps of it."""
        sample = self._samples.get(chapter)
        if sample is None:
            sample = self._samples[chapter] = self._read(self.path(chapter))
            for index, gap in enumerate(self.gap):
                of_it = (gap.chapter or self.chapters[0]) == chapter
                if of_it and not 0 <= gap.step <= sample.steps:
                    raise Problem(
                        f"gap.step: there is no step {gap.step}",
                        f"they are 1 to {sample.steps}",
                        path=self.toml,
                        line=self.line_of("gap", index, "step"),
                    )
        return sample

    def block_of(self, name: str) -> Sample:
        """The block that takes the place of step 1 where the way is another.

        `Problem` says why there is none.
        """
        way = self.ways.get(name)
        if way is None:
            raise Problem(f"its sdk.toml does not name the way '{name}'")
        if not way.sample:
            raise Problem(way.reason)
        block = self._read(self.folder / way.sample)
        if block.steps != 1:
            raise Problem(
                f"it has {block.steps} steps",
                f"end it with `{self.comment} step-2`: it takes the place of step 1",
                path=block.path,
                line=block.markers[-1],
            )
        return block

    def line_of(self, *keys: int | str) -> int:
        """The line of a key in its file."""
        return line_of(self.toml.read_text(encoding="utf-8"), list(keys))

    @cached_property
    def _samples(self) -> dict[str, Sample]:
        return {}

    def _read(self, path: Path) -> Sample:
        return read_sample(
            path,
            comment=self.comment,
            lexer=self.lexer,
            lexer_options=self.lexer_options,
            opening=self.opening,
        )


def load_sdk(path: Path, plugins: Plugins, chapters: Collection[str]) -> SDK:
    """Read an sdk.toml; `Problem` says where it is wrong.

    `chapters` are the guide's.
    """
    more = {
        key: kind
        for each in plugins.kinds.values()
        for key, kind in each.sdk_keys.items()
    }
    file = load(path, _model(tuple(more.items())))
    text = path.read_text(encoding="utf-8")
    for key, what, todo in _faults(file, path.parent, plugins, list(chapters)):
        keys = [int(word) if word.isdecimal() else word for word in key.split(".")]
        raise Problem(f"{key}: {what}", todo, path=path, line=line_of(text, keys))
    own = {name: getattr(file, name) for name in SDKFile.model_fields}
    return SDK(
        **own,
        folder=path.parent,
        chapters=tuple(chapters),
        more={key: getattr(file, key) for key in more if getattr(file, key)},
    )


def load_sdks(
    samples: Path, plugins: Plugins, chapters: Collection[str]
) -> dict[str, SDK]:
    """Every SDK below `samples`, by its folder's name, sorted by its own."""
    sdks = [load_sdk(path, plugins, chapters) for path in samples.glob("*/sdk.toml")]
    sdks.sort(key=lambda sdk: sdk.name.casefold())
    return {sdk.id: sdk for sdk in sdks}


@cache  # the same for all SDKs of a guide, and it takes as long as all the rest
def _model(more: tuple[tuple[str, Any], ...]) -> type[SDKFile]:
    """What an sdk.toml may hold, with the keys that plugins bring."""
    keys: dict[str, Any] = {key: (kind | None, None) for key, kind in more}
    return create_model("SDKFile", __base__=SDKFile, **keys)


def _program(pattern: str, chapter: str) -> str:
    words = re.split(r"[_\W]+", chapter)
    camel = "".join(word[:1].upper() + word[1:] for word in words)
    return pattern.replace("{chapter}", chapter).replace("{Chapter}", camel)


Fault = tuple[str, str, str]
"""The key, what is wrong with it, and what to do."""


def _faults(
    file: SDKFile, folder: Path, plugins: Plugins, chapters: list[str]
) -> Iterator[Fault]:
    """What the types do not tell; the first counts."""

    def here(name: str) -> bool:
        return (folder / name).is_file()

    lexers = {alias for entry in get_all_lexers(plugins=False) for alias in entry[1]}
    if file.lexer not in lexers:
        yield "lexer", f"unknown '{file.lexer}'", nearest(file.lexer, lexers)
    if len(chapters) > 1 and "{chapter}" not in file.sample.lower():
        yield "sample", "it names one program for all chapters", "write {chapter} in it"
    for index, gap in enumerate(file.gap):
        if gap.chapter and gap.chapter not in chapters:
            what = f"unknown '{gap.chapter}'"
            yield f"gap.{index}.chapter", what, nearest(gap.chapter, chapters)
        if len(chapters) > 1 and not gap.chapter:
            what = "it does not say of which chapter"
            yield f"gap.{index}", what, "give 'chapter'"
    gone = {gap.chapter or chapters[0] for gap in file.gap if not gap.step}
    if gone.issuperset(chapters):
        yield "gap.0", "no chapter is left that it has a program of", "write one"
    for chapter in chapters:
        name = _program(file.sample, chapter)
        if chapter not in gone and not here(name):
            todo = "write it"
            if len(chapters) > 1:
                todo += ", or say in a gap why this chapter cannot be done"
            yield "sample", f"there is no file '{name}' beside it", todo
    if "{step}" not in file.boundary or "\n" in file.boundary:
        yield (
            "boundary",
            "it must be one line and hold {step}",
            "see the manual for one in each language",
        )
    if "\n" in file.opening:
        yield "opening", "it must be one line", "leave the others out"
    yield from _unfilled(file)
    for name in file.install.files if file.install else []:
        if not here(name):
            yield "install.files", f"there is no file '{name}' beside it", "write it"
    for index, server in enumerate(file.servers):
        if server not in plugins.servers:
            advice = nearest(server, plugins.servers)
            yield f"servers.{index}", f"unknown '{server}'", advice
    for index, way in enumerate(file.way):
        why = [text for text in (way.reason, way.link) if text]
        if why if way.sample else len(why) < 2:
            yield (
                f"way.{index}",
                "it has no block, or too much",
                "give 'sample', or 'reason' and 'link'",
            )
        if way.sample and not here(way.sample):
            what = f"there is no file '{way.sample}' beside it"
            yield f"way.{index}.sample", what, "write it"


def _unfilled(file: SDKFile) -> Iterator[Fault]:
    """Words in braces that nothing takes the place of."""
    common = ["python", "sample"]
    cached = ["cache"] if file.install else []
    later = [*common, *(["built"] if file.build else []), *cached]
    install = file.install.command if file.install else []
    variables = {f"environment.{key}": [v] for key, v in file.environment.items()}
    trusting = {f"ca.{key}": [value] for key, value in file.ca.items()}
    for key, words, known in (
        ("sample", [file.sample], ["chapter", "Chapter"]),
        ("command", file.command, later),
        ("build", file.build or [], later),
        ("install.command", install, ["python", "cache"]),
        *((key, words, cached) for key, words in variables.items()),
        *((key, words, ["ca", "truststore"]) for key, words in trusting.items()),
        *((f"versions.{key}", words or [], common) for key, words in file.versions),
        *(("check", words, [*common, *cached]) for words in file.check),
        ("libraries", file.libraries or [], ["python", *cached]),
    ):
        for name in re.findall(r"{(\w+)}", " ".join(words)):
            if name not in known:
                advice = nearest(name, known) if known else "write it out"
                yield key, f"unknown '{{{name}}}'", advice
