"""What a page is made from: steps, kits and recordings, read once a build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sphinx.errors import ExtensionError
from sphinx.util.logging import getLogger

from livesteps.errors import Problem
from livesteps.kit import Kit, load_kits
from livesteps.recording import Recording, check_recording, read_recording
from livesteps.servers import Server, load_servers
from livesteps.step import Steps, load_steps
from livesteps.trouble import load_troubles

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config


@dataclass(frozen=True)
class Shelf:
    """The guide's parts, complete and checked."""

    samples: Path
    steps: Steps
    servers: dict[str, Server]
    kits: tuple[Kit, ...]
    """Those of this edition: all, or the one that a tag (`-t libcloud`) names."""
    every: tuple[Kit, ...]
    """Those of all editions."""
    troubles: tuple[str, ...]
    """Their names."""
    recordings: dict[str, Recording]
    folders: dict[str, Path]
    """Where each recording was read."""
    fresh: frozenset[str]
    """The SDKs that ran for this very build."""

    @property
    def all_ids(self) -> tuple[str, ...]:
        """What those of all editions are called."""
        return tuple(kit.id for kit in self.every)

    @property
    def single(self) -> bool:
        """Whether this is the edition for one SDK."""
        return len(self.kits) == 1 < len(self.every)


_shelves: WeakKeyDictionary[Config, Shelf] = WeakKeyDictionary()


def open_shelf(app: Sphinx, config: Config) -> None:
    """Read everything; a build stops here if a part is wrong or missing."""
    samples = (Path(app.confdir) / config.livesteps_samples).resolve()
    newer = config.livesteps_fresh
    try:
        steps = load_steps(samples / "steps.toml")
        servers = load_servers(steps)
        kits = load_kits(samples)
        troubles = tuple(load_troubles(samples))
        if not kits:
            raise Problem("there is no SDK's folder beside it", path=steps.path)
        tagged = [kit for kit in kits.values() if kit.id in app.tags]
        recordings, folders, fresh = {}, {}, set()
        for kit in kits.values():
            folder = kit.folder / "recorded"
            if newer and (Path(newer) / kit.id / "run.toml").is_file():
                folder = Path(newer) / kit.id
                fresh.add(kit.id)
            recording = read_recording(folder, len(steps))
            check_recording(recording, folder, kit)
            recordings[kit.id], folders[kit.id] = recording, folder
    except Problem as problem:
        # Sphinx puts the words of an exception below much else.
        getLogger(__name__).error(str(problem))
        raise ExtensionError(str(problem)) from None
    edition = tuple(tagged or kits.values())
    if tagged:
        names = " and ".join(kit.name for kit in tagged)
        config.html_title = config.epub_title = f"{config.html_title} with {names}"
    config.highlight_options = {
        **{kit.lexer: dict(kit.lexer_options) for kit in edition if kit.lexer_options},
        **config.highlight_options,
    }
    config.livesteps_shown = [str(folders[kit.id]) for kit in edition]
    _shelves[config] = Shelf(
        samples,
        steps,
        servers,
        edition,
        tuple(kits.values()),
        troubles,
        recordings,
        folders,
        frozenset(fresh),
    )


def shelf(config: Config) -> Shelf:
    """The parts of the build that has this configuration."""
    return _shelves[config]
