"""An SDK's folder, `samples/<sdk>/sdk.toml`: all that differs between SDKs."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field
from pygments.lexers import get_all_lexers

from livesteps.errors import Problem, nearest
from livesteps.sample import Sample, read_sample
from livesteps.tomlfile import Table, line_of, load

SERVERS = ("swift", "debian", "moto", "ceph")
"""What a sample can run against: the Swift that this project pins, the older one
that Debian packages, moto, which speaks S3 alone, and Ceph's RADOS Gateway, which
speaks Swift's API and S3."""

Command = Annotated[list[str], Field(min_length=1)]


class Versions(Table):
    """Commands that print the versions; the first word with a digit counts."""

    sdk: Command
    language: Command


class Gap(Table):
    """A step that cannot be done with an SDK at all."""

    step: int
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
    """As steps.toml has it."""
    sample: str = ""
    """The file of the block, between the markers `step-1` and `step-2`."""
    reason: str = ""
    """Why there is no block: a sentence for readers."""
    link: str = ""
    """Where the SDK's makers say so."""


class Cannot(Table):
    """What a cloud may need and an SDK cannot do, and why: ends of a sentence."""

    ipv6: str = ""
    """Read an address such as `http://[::1]:8080`."""
    proxy: str = ""
    """Go through the proxy that HTTPS_PROXY names."""


class _File(Table):
    name: str
    language: str
    lexer: str
    lexer_options: dict[str, bool | int | str] = {}
    opening: str = ""
    sample: str
    comment: str
    boundary: str
    command: Command
    versions: Versions
    needs: list[str] = []
    download: str = ""
    build: Command | None = None
    install: Install | None = None
    libraries: Command | None = None
    environment: dict[str, str] = {}
    check: list[Command] = []
    servers: list[Literal["debian", "moto", "ceph"]] = []
    containers: list[str] = []
    recorded_only: str = ""
    cannot: Cannot = Cannot()
    ca: dict[str, str] = {}
    gap: list[Gap] = []
    way: list[Way] = []


@dataclass(frozen=True)
class Kit:
    """How one SDK's sample is read and run.

    In its commands `{python}` is this Python, `{sample}` the program,
    `{built}` the file that its build makes, and `{cache}` the folder that its
    libraries are installed in. In `ca`, `{ca}` is a file of certificates in
    PEM, and `{truststore}` the same in PKCS #12.
    """

    folder: Path
    name: str
    """The SDK's own name, as its tab shows it."""
    language: str
    lexer: str
    """Pygments' name of the sample's language."""
    path: Path
    """The program."""
    comment: str
    """What opens a comment that ends with the line."""
    boundary: str
    """The statement that stands in for the marker `{step}` while it runs: it
    prints a record separator (0x1E) and the step's name, flushes, and waits
    for one line on standard input."""
    command: tuple[str, ...]
    versions: Versions
    needs: tuple[str, ...] = ()
    """Commands that the program calls, and that a machine may lack."""
    download: str = ""
    """Where to get the toolchain if a distribution has none that will do."""
    build: tuple[str, ...] = ()
    """What makes the program ready to run, in its folder; may be nothing."""
    install: Install | None = None
    libraries: tuple[str, ...] = ()
    """What prints the libraries that the program needs, a line each; none if
    it needs none."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """More variables for all its commands."""
    lexer_options: Mapping[str, object] = field(default_factory=dict)
    """Options for the lexer."""
    opening: str = ""
    """The line with which the language wants every file to begin, if it does."""
    check: tuple[tuple[str, ...], ...] = ()
    """Commands that look at the program without running it."""
    servers: tuple[str, ...] = ()
    """Which of `SERVERS` it is run against, besides the first."""
    containers: tuple[str, ...] = ()
    """Those that its program makes besides the ones that the steps name."""
    recorded_only: str = ""
    """Why it is not run with the others, if it is not."""
    cannot: Cannot = field(default_factory=Cannot)
    """What a cloud may need and it cannot do."""
    ca: Mapping[str, str] = field(default_factory=dict)
    """More variables for the program where a private CA is to be trusted."""
    gaps: Mapping[int, Gap] = field(default_factory=dict)
    """The steps that cannot be done with it."""
    ways: Mapping[str, Way] = field(default_factory=dict)
    """The other ways to connect, by name."""
    _versions: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """What was asked once: an SDK's version takes up to a second."""

    @property
    def id(self) -> str:
        """The folder's name, by which commands, tabs and addresses call it."""
        return self.folder.name

    @cached_property
    def sample(self) -> Sample:
        """The program, its markers checked; `gaps` are steps that it has."""
        sample = read_sample(
            self.path,
            comment=self.comment,
            lexer=self.lexer,
            lexer_options=self.lexer_options,
            opening=self.opening,
        )
        for index, step in enumerate(self.gaps):
            if not 1 <= step <= sample.steps:
                raise Problem(
                    f"gap.step: there is no step {step}",
                    f"they are 1 to {sample.steps}",
                    path=self.toml,
                    line=self.line_of("gap", index, "step"),
                )
        return sample

    def way(self, name: str) -> Sample:
        """The block that takes the place of step 1 where the way is another.

        `Problem` says why there is none.
        """
        way = self.ways.get(name)
        if way is None:
            raise Problem(f"its sdk.toml does not name the way '{name}'")
        if not way.sample:
            raise Problem(way.reason)
        block = read_sample(
            self.folder / way.sample,
            comment=self.comment,
            lexer=self.lexer,
            lexer_options=self.lexer_options,
            opening=self.opening,
        )
        if block.steps != 1:
            raise Problem(
                f"it has {block.steps} steps",
                f"end it with `{self.comment} step-2`: it takes the place of step 1",
                path=block.path,
                line=block.markers[-1],
            )
        return block

    @cached_property
    def cache(self) -> Path:
        """Where its libraries are installed: another place if anything differs."""
        assert self.install
        digest = hashlib.sha256()
        for part in (
            *self.install.command,
            *(f"{key}={value}" for key, value in sorted(self.environment.items())),
            self.version_of("language"),
            *(f"{name}\0{self._content(name)}" for name in self.install.files),
        ):
            digest.update(f"{len(part)}:{part}".encode(errors="surrogateescape"))
        name = f"{self.id}-{digest.hexdigest()[:16]}"
        return platformdirs.user_cache_path("livesteps") / name / "tree"

    def words(self, command: Sequence[str], sample: Path) -> list[str]:
        """A command of this kit, filled in for a copy of the program."""
        return [self._filled(word, sample) for word in command]

    def variables(self) -> dict[str, str]:
        """Its environment, filled in."""
        return {
            key: self._filled(value, self.path)
            for key, value in self.environment.items()
        }

    def trusting(self, ca: Path) -> dict[str, str]:
        """The variables with which the program trusts the CA of this PEM file,
        beside which lies the trust store."""
        store = ca.with_suffix(".p12")
        return {
            key: value.replace("{ca}", str(ca)).replace("{truststore}", str(store))
            for key, value in self.ca.items()
        }

    def _filled(self, word: str, sample: Path) -> str:
        filled = word.replace("{python}", sys.executable)
        filled = filled.replace("{sample}", str(sample))
        filled = filled.replace("{built}", str(sample.with_suffix(".built")))
        if "{cache}" in word:
            filled = filled.replace("{cache}", str(self.cache))
        return filled

    def _content(self, name: str) -> str:
        return (self.folder / name).read_bytes().decode(errors="surrogateescape")

    def check_machine(self) -> None:
        """`Problem` says what this machine lacks to run the sample."""
        for command in self.needs:
            if not shutil.which(command, path=search_path()):
                raise Problem(f"{command} is not installed", path=self.toml)
        self.version_of("sdk")
        self.version_of("language")

    def version_of(self, what: str) -> str:
        """The version of the `sdk` or the `language`, as it is here.

        `Problem` says what is missing if there is none.
        """
        if what not in self._versions:
            command = getattr(self.versions, what)
            # Nothing is installed yet.
            environment = {k: v for k, v in self.environment.items() if "{" not in v}
            printed = self._printed_by(command, environment)
            found = re.search(r"\d[\w.+~-]*", printed)
            if not found:
                shown = " ".join(self.words(command, Path(self.path.name)))
                raise Problem(f"`{shown}` printed no version", path=self.toml)
            self._versions[what] = found[0]
        return self._versions[what]

    def count_libraries(self) -> int:
        """How many libraries the program needs; they are installed.

        `Problem` says why they cannot be counted.
        """
        if not self.libraries:
            return 0
        printed = self._printed_by(self.libraries, self.variables())
        return len({line.strip() for line in printed.splitlines()} - {""})

    def _printed_by(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> str:
        """What a command prints that asks this machine about the SDK."""
        words = self.words(command, self.path.absolute())
        shown = " ".join(self.words(command, Path(self.path.name)))
        try:
            return subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
                cwd=self.folder,
                env={**os.environ, "PATH": search_path(), **environment},
            ).stdout
        except FileNotFoundError:
            raise Problem(f"{words[0]} is not installed", path=self.toml) from None
        except subprocess.TimeoutExpired:
            raise Problem(
                f"`{shown}` did not end within 60 s", path=self.toml
            ) from None
        except subprocess.CalledProcessError as error:
            last = error.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise Problem(f"`{shown}` failed: {last[0]}", path=self.toml) from None

    @property
    def toml(self) -> Path:
        """The file that it was read from."""
        return self.folder / "sdk.toml"

    def line_of(self, *keys: int | str) -> int:
        """The line of a key in its file."""
        return line_of(self.toml.read_text(encoding="utf-8"), list(keys))


def search_path() -> str:
    """PATH, with the commands that came with this Python before all others."""
    here = str(Path(sys.executable).parent)
    return os.pathsep.join([here, os.environ.get("PATH", os.defpath)])


def load_kit(path: Path) -> Kit:
    """Read an sdk.toml; `Problem` says where it is wrong."""
    file = load(path, _File)
    text = path.read_text(encoding="utf-8")

    def problem(key: str, what: str, todo: str) -> Problem:
        keys = [int(word) if word.isdecimal() else word for word in key.split(".")]
        return Problem(f"{key}: {what}", todo, path=path, line=line_of(text, keys))

    lexers = {alias for entry in get_all_lexers(plugins=False) for alias in entry[1]}
    if file.lexer not in lexers:
        raise problem("lexer", f"unknown '{file.lexer}'", nearest(file.lexer, lexers))
    if not (path.parent / file.sample).is_file():
        raise problem(
            "sample", f"there is no file '{file.sample}' beside it", "write it"
        )
    if "{step}" not in file.boundary or "\n" in file.boundary:
        raise problem(
            "boundary",
            "it must be one line and hold {step}",
            "see CONTRIBUTING.rst for one in each language",
        )
    if "\n" in file.opening:
        raise problem("opening", "it must be one line", "leave the others out")
    common = ["python", "sample"]
    cached = ["cache"] if file.install else []
    later = [*common, *(["built"] if file.build else []), *cached]
    variables = {f"environment.{key}": [v] for key, v in file.environment.items()}
    trusting = {f"ca.{key}": [value] for key, value in file.ca.items()}
    for key, words, known in (
        ("command", file.command, later),
        ("build", file.build or [], later),
        (
            "install.command",
            file.install.command if file.install else [],
            ["python", "cache"],
        ),
        *((key, words, cached) for key, words in variables.items()),
        *((key, words, ["ca", "truststore"]) for key, words in trusting.items()),
        *((f"versions.{key}", words, common) for key, words in file.versions),
        *(("check", words, [*common, *cached]) for words in file.check),
        ("libraries", file.libraries or [], ["python", *cached]),
    ):
        for word in words:
            for name in re.findall(r"{(\w+)}", word):
                if name not in known:
                    advice = nearest(name, known) if known else "write it out"
                    raise problem(key, f"unknown '{{{name}}}'", advice)
    for name in file.install.files if file.install else []:
        if not (path.parent / name).is_file():
            raise problem(
                "install.files", f"there is no file '{name}' beside it", "write it"
            )
    for index, way in enumerate(file.way):
        here = f"way.{index}"
        said = [text for text in (way.reason, way.link) if text]
        if said if way.sample else len(said) < 2:
            raise problem(
                here,
                "it has no block, or too much",
                "give 'sample', or 'reason' and 'link'",
            )
        if way.sample and not (path.parent / way.sample).is_file():
            raise problem(
                f"{here}.sample",
                f"there is no file '{way.sample}' beside it",
                "write it",
            )
    return Kit(
        folder=path.parent,
        name=file.name,
        language=file.language,
        lexer=file.lexer,
        path=path.parent / file.sample,
        comment=file.comment,
        boundary=file.boundary,
        command=tuple(file.command),
        versions=file.versions,
        needs=tuple(file.needs),
        download=file.download,
        build=tuple(file.build or ()),
        install=file.install,
        libraries=tuple(file.libraries or ()),
        environment=file.environment,
        lexer_options=file.lexer_options,
        opening=file.opening,
        check=tuple(map(tuple, file.check)),
        servers=tuple(file.servers),
        containers=tuple(file.containers),
        recorded_only=file.recorded_only,
        cannot=file.cannot,
        ca=file.ca,
        ways={way.name: way for way in file.way},
        gaps={gap.step: gap for gap in file.gap},
    )


def load_kits(samples: Path) -> dict[str, Kit]:
    """Every kit below `samples`, by its folder's name, sorted by the SDK's."""
    kits = [load_kit(path) for path in samples.glob("*/sdk.toml")]
    kits.sort(key=lambda kit: kit.name.casefold())
    return {kit.id: kit for kit in kits}
