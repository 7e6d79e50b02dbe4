"""A guide: its title, its chapters and what they need: `samples/guide.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field

from livesteps.errors import Problem, nearest
from livesteps.read.chapter import Chapter, load_chapter
from livesteps.read.deviations import Deviations, load_deviations
from livesteps.read.plugins import Plugins, load_plugins
from livesteps.read.recording import Recording, check_recording, read_recording
from livesteps.read.sdk import SDK, load_sdks
from livesteps.read.tomlfile import Table, line_of, load
from livesteps.read.trouble import Trouble, load_troubles


class ServiceFile(Table):
    """A helper that samples need beside the server.

    In its command and environment, `{python}` is this Python and `{samples}` the
    folder of guide.toml.
    """

    title: str
    """What it is called in a sentence."""
    command: Annotated[list[str], Field(min_length=1)]
    """What starts it."""
    environment: dict[str, str] = {}
    """Variables that it gets, besides `PATH`, `LANG` and `HOME`."""
    ready: str
    """How the line begins that it prints when it is ready: all of that line is the
    value of `variable`."""
    variable: str
    """By which samples know where it is."""


class GuideFile(Table):
    """What a guide.toml says."""

    title: str
    """Of the whole guide, as readers see it."""
    description: str = ""
    """What it is about, in a sentence or two."""
    chapters: Annotated[list[str], Field(min_length=1)]
    """Their names, in their order."""
    plugins: list[str] = []
    """Entry points of packages, and files `NAME.py` beside guide.toml."""
    server: str
    """What recordings are made against, by the name of a plugin's server."""
    always: list[str] = []
    """The keys that every step's contract must have."""
    service: dict[str, ServiceFile] = {}
    """Helpers that samples need beside the server, by name."""


@dataclass(frozen=True)
class Guide:
    """All that is known of a guide before anything runs."""

    path: Path
    """Its guide.toml."""
    file: GuideFile
    plugins: Plugins
    chapters: dict[str, Chapter]
    deviations: dict[str, Deviations]
    """By the names of servers."""
    troubles: dict[str, Trouble]

    @property
    def samples(self) -> Path:
        """The folder of chapters and SDKs."""
        return self.path.parent

    @cached_property
    def sdks(self) -> dict[str, SDK]:
        """By the names of their folders, sorted by their own; `Problem` if one of
        their files is wrong."""
        return load_sdks(self.samples, self.plugins, list(self.chapters))

    @property
    def root(self) -> Path:
        """The folder of the whole guide."""
        return self.path.parent.parent

    @property
    def slug(self) -> str:
        """What the files are called that hold all of it, without their endings."""
        return re.sub(r"[^a-z0-9]+", "-", self.file.title.lower()).strip("-")

    @property
    def server(self) -> str:
        """What recordings are made against."""
        return self.file.server

    def recording(self, sdk: SDK, chapter: Chapter) -> Recording:
        """The recording of a program as it is now; `Problem` if there is none."""
        folder = sdk.recorded(chapter.name)
        recording = read_recording(folder, len(chapter))
        check_recording(recording, folder, sdk, chapter.name)
        return recording

    def called(self, sdk: SDK, chapter: Chapter) -> str:
        """What a person calls a program: `SDK`, or `SDK/chapter` if that says more."""
        return sdk.id if len(self.chapters) == 1 else f"{sdk.id}/{chapter.name}"

    def programs(self, sdk: SDK) -> list[Chapter]:
        """The chapters of which an SDK has a program."""
        return [
            chapter
            for chapter in self.chapters.values()
            if 0 not in sdk.gaps(chapter.name)
        ]

    def others(self) -> Mapping[str, str]:
        """The titles of the servers besides the first, by name."""
        return {
            name: server.title
            for name, server in self.plugins.servers.items()
            if name != self.server
        }


def load_guide(path: Path) -> Guide:
    """Read a guide.toml and all that it leads to; `Problem` says what is wrong."""
    file = load(path, GuideFile)
    samples = path.parent
    text = path.read_text(encoding="utf-8")

    def problem(key: str, what: str, todo: str) -> Problem:
        return Problem(what, todo, path=path, line=line_of(text, [key]))

    try:
        plugins = load_plugins(file.plugins, samples, file.always)
    except Problem as wrong:
        raise problem("plugins", wrong.what, wrong.todo) from None
    if file.server not in plugins.servers:
        advice = "name a plugin that brings one"
        if plugins.servers:
            advice = nearest(file.server, plugins.servers)
        raise problem("server", f"unknown server '{file.server}'", advice)
    for key in file.always:
        if key not in plugins.kinds:
            what = f"unknown key of a contract '{key}'"
            raise problem("always", what, nearest(key, plugins.kinds))
    chapters = {
        name: load_chapter(samples / f"{name}.toml", plugins.kinds, file.always)
        for name in file.chapters
    }
    names = list(chapters)
    return Guide(
        path,
        file,
        plugins,
        chapters,
        load_deviations(samples / "servers.toml", plugins, file.server, file.always),
        load_troubles(samples / "troubles.toml", plugins.changes, names),
    )


def find_guide(here: Path) -> Guide:
    """The guide that a folder is in; `Problem` if it is in none."""
    for folder in (here, *here.parents):
        path = folder / "samples" / "guide.toml"
        if path.is_file():
            return load_guide(path)
    raise Problem(
        "there is no samples/guide.toml here or above", "go to a guide's folder"
    )
