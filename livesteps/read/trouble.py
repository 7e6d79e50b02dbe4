"""A trouble: something that is other than a sample expects: `samples/troubles.toml`.

The message with which a program gives up is recorded beside its outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from livesteps.errors import Problem, nearest
from livesteps.plugin import Change
from livesteps.read.recording import diff_to_recorded
from livesteps.read.tomlfile import Table, line_of, load


class Trouble(Table):
    """What is made to differ, and before which step."""

    name: str
    """By which pages and recordings call it."""
    chapter: str = ""
    """Which; a guide of one chapter need not say it."""
    before: int
    """The step before which it comes."""
    stops: int
    """The step that it stops, if the program does not know how to help itself."""
    environment: dict[str, str] = {}
    """Variables with other values."""
    change: str = ""
    """What is done to the account, by the name of a plugin's change."""


class TroublesFile(Table):
    """What a troubles.toml says."""

    trouble: list[Trouble]


def load_troubles(
    path: Path, changes: Mapping[str, Change], chapters: list[str]
) -> dict[str, Trouble]:
    """Read troubles.toml: the guide's troubles by name; it need not have any."""
    if not path.exists():
        return {}
    troubles = load(path, TroublesFile).trouble
    for index, each in enumerate(troubles):
        for key, known in (("change", changes), ("chapter", chapters)):
            name = getattr(each, key)
            if name and name not in known:
                line = line_of(
                    path.read_text(encoding="utf-8"), ["trouble", index, key]
                )
                what = f"trouble.{key}: unknown '{name}'"
                raise Problem(what, nearest(name, known), path=path, line=line)
    return {
        each.name: each.model_copy(update={"chapter": each.chapter or chapters[0]})
        for each in troubles
    }


def trouble_path(folder: Path, name: str) -> Path:
    """The file of a program's message, in the folder of its recording."""
    return folder / f"trouble-{name}.txt"


def read_message(folder: Path, name: str) -> str:
    """The recorded message; it is empty if the program ran on to its end."""
    path = trouble_path(folder, name)
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise Problem(
            "it is missing", "record it, by `livesteps record SDK`", path=path
        ) from None


def write_messages(messages: dict[str, str], folder: Path) -> bool:
    """Write the message of each trouble; whether that changed any file."""
    texts = {trouble_path(folder, name): text for name, text in messages.items()}
    old = {
        path: path.read_text() for path in folder.glob(trouble_path(folder, "*").name)
    }
    for path in old.keys() - texts.keys():
        path.unlink()
    for path, text in texts.items():
        if old.get(path) != text:
            path.write_text(text, encoding="utf-8")
    return old != texts


def difference(message: str, folder: Path, name: str) -> str:
    """How a message differs from the recorded one, as a diff; best nothing."""
    path = trouble_path(folder, name)
    return diff_to_recorded(read_message(folder, name), message, path, "said")
