"""What a page is made from: a guide and its recordings, read once a build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sphinx.errors import ExtensionError
from sphinx.util.logging import getLogger

from livesteps.errors import Problem
from livesteps.read.chapter import Chapter
from livesteps.read.guide import Guide, load_guide
from livesteps.read.recording import Recording, check_recording, read_recording
from livesteps.read.sdk import SDK

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config


@dataclass(frozen=True)
class Shelf:
    """The guide's parts, complete and checked."""

    guide: Guide
    sdks: tuple[SDK, ...]
    """Those of this edition: all, or the one that a tag (`-t NAME`) names."""
    recordings: dict[tuple[str, str], Recording]
    """By the id of the SDK and the name of the chapter."""
    folders: dict[tuple[str, str], Path]
    """Where each recording was read, likewise."""
    fresh: frozenset[tuple[str, str]]
    """Those that were made for this very build."""

    @property
    def every(self) -> tuple[SDK, ...]:
        """The SDKs of all editions."""
        return tuple(self.guide.sdks.values())

    @property
    def single(self) -> bool:
        """Whether this is the edition for one SDK."""
        return len(self.sdks) == 1 < len(self.every)

    def chapter(self, page: str) -> Chapter | None:
        """The chapter whose page this is."""
        return self.guide.chapters.get(page.rpartition("/")[2])

    def having(self, chapter: Chapter) -> list[SDK]:
        """The SDKs of all editions that have a program of a chapter."""
        return [sdk for sdk in self.every if (sdk.id, chapter.name) in self.folders]

    def sources(self) -> list[Path]:
        """The files on which every comparison of SDKs depends."""
        guide = self.guide
        return [
            *(guide.path, guide.samples / "servers.toml"),
            *(chapter.path for chapter in guide.chapters.values()),
            *(sdk.toml for sdk in self.every),
            *(folder / "run.toml" for folder in self.folders.values()),
        ]

    def recording(self, sdk: SDK, chapter: Chapter) -> Recording:
        """That of a program."""
        return self.recordings[sdk.id, chapter.name]

    def folder(self, sdk: SDK, chapter: Chapter) -> Path:
        """Where its recording was read."""
        return self.folders[sdk.id, chapter.name]


_shelves: WeakKeyDictionary[Config, Shelf] = WeakKeyDictionary()


def open_shelf(app: Sphinx, config: Config) -> None:
    """Read everything; a build stops here if a part is wrong or missing."""
    samples = (Path(app.confdir) / config.livesteps_samples).resolve()
    try:
        guide = load_guide(samples / "guide.toml")
        if not guide.sdks:
            raise Problem("there is no SDK's folder beside it", path=guide.path)
        made = _read(guide, app, config.livesteps_fresh)
    except Problem as problem:
        # Sphinx puts the words of an exception below much else.
        getLogger(__name__).error(str(problem))
        raise ExtensionError(str(problem)) from None
    if len(made.sdks) < len(made.every):
        names = " and ".join(sdk.name for sdk in made.sdks)
        config.html_title = config.epub_title = f"{config.html_title} with {names}"
    config.highlight_options = {
        **{
            sdk.lexer: dict(sdk.lexer_options) for sdk in made.sdks if sdk.lexer_options
        },
        **config.highlight_options,
    }
    config.livesteps_shown = [
        str(folder)
        for (id_, _), folder in made.folders.items()
        if any(sdk.id == id_ for sdk in made.sdks)
    ]
    _shelves[config] = made


def _read(guide: Guide, app: Sphinx, newer: str) -> Shelf:
    """`newer` is the folder of recordings that were made for this build, if any."""
    recordings, folders, fresh = {}, {}, set()
    for sdk in guide.sdks.values():
        for chapter in guide.programs(sdk):
            key = sdk.id, chapter.name
            folder = sdk.recorded(chapter.name)
            if newer and (Path(newer).joinpath(*key) / "run.toml").is_file():
                folder = Path(newer).joinpath(*key)
                fresh.add(key)
            recording = read_recording(folder, len(chapter))
            check_recording(recording, folder, sdk, chapter.name)
            recordings[key], folders[key] = recording, folder
    tagged = [sdk for sdk in guide.sdks.values() if sdk.id in app.tags]
    edition = tuple(tagged or guide.sdks.values())
    return Shelf(guide, edition, recordings, folders, frozenset(fresh))


def shelf(config: Config) -> Shelf:
    """The parts of the build that has this configuration."""
    return _shelves[config]
