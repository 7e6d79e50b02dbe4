"""What an sdk.toml may say, and what is wrong with it besides its types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pygments.lexers import get_all_lexers

from livesteps.errors import nearest
from livesteps.read.plugins import Plugins
from livesteps.read.tomlfile import Table

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
    """What makes the program ready to run, in its folder: once for each content of it,
    in the cache."""
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


def program_of(pattern: str, chapter: str) -> str:
    """The file of a chapter's program, by what `sample` says."""
    words = re.split(r"[_\W]+", chapter)
    camel = "".join(word[:1].upper() + word[1:] for word in words)
    return pattern.replace("{chapter}", chapter).replace("{Chapter}", camel)


Fault = tuple[str, str, str]
"""The key, what is wrong with it, and what to do."""


def faults(
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
        name = program_of(file.sample, chapter)
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
