"""A chapter: its steps and their contracts, `samples/<chapter>.toml`.

A contract says what the server (and the working folder) holds when the step
is done. It is the same for every SDK. What it can say, contract kinds bring.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, create_model

from livesteps.errors import Problem, nearest
from livesteps.plugin import Kind, Name
from livesteps.read.tomlfile import Table, line_of, load


class File(Table):
    """A file that every sample finds in its working folder when it starts.

    It is copied from beside the chapter's file, or generated.
    """

    size: Annotated[int, Field(gt=0)] | None = None
    """Generate it, with so many bytes: the same every time, and not compressible."""


class Way(Table):
    """Another way to connect than that of step 1."""

    name: str
    """By which the sdk.toml of each SDK calls it."""
    title: str
    """How the page and lists name it, such as "by an application credential"."""


class StepFile(Table):
    """What a chapter's file says of a step, besides its contract."""

    number: int
    """Its place, from 1."""
    title: str
    """Its name, as tests and lists show it."""


class ChapterFile(Table):
    """What a chapter's file says, besides its steps and what kinds of contract
    bring."""

    way: list[Way] = []
    files: dict[str, File] = {}
    """What every sample finds in its working folder, by name."""


@dataclass(frozen=True)
class Step:
    """One step: what it is called, and what must be true when it is done."""

    number: int
    title: str
    contract: Mapping[str, Any] = field(default_factory=dict)
    """By the key of its kind."""

    @property
    def name(self) -> str:
        """The marker's word: `step-4`."""
        return f"step-{self.number}"

    @property
    def label(self) -> str:
        """How lists show it, sorted by number: `step-04 upload an object`."""
        return f"step-{self.number:02} {self.title}"

    def without(self, key: str) -> Step:
        """The step, and what of its contract is left without one key."""
        kept = {name: value for name, value in self.contract.items() if name != key}
        return replace(self, contract=kept)


@dataclass(frozen=True)
class Data:
    """A file that a sample works on."""

    name: str
    path: Path
    size: int | None

    @cached_property
    def content(self) -> bytes:
        """Its bytes."""
        if self.size is None:
            return self.path.read_bytes()
        return hashlib.shake_256(self.name.encode()).digest(self.size)

    @property
    def md5(self) -> str:
        """Its md5 in hexadecimal digits."""
        return self.md5_of(0, len(self.content))

    @cache  # noqa: B019 - there are a few files, for as long as all is
    def md5_of(self, start: int, end: int) -> str:
        """The md5 of its bytes from `start` up to `end`."""
        part = self.content[start:end]
        return hashlib.md5(part, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Chapter:
    """All steps of a chapter, and what they work on."""

    path: Path
    steps: tuple[Step, ...]
    files: dict[str, Data]
    ways: dict[str, Way]
    """By name; the first, which step 1 itself shows, is none of them."""
    tables: Mapping[str, Any]
    """What contract kinds refer to, by its key."""
    kinds: Mapping[str, Kind]
    """What a contract can say, by its key, in the order in which it is checked."""

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def name(self) -> str:
        """What its file, its page and its programs are called."""
        return self.path.stem


def load_chapter(
    path: Path, kinds: Mapping[str, Kind], always: Collection[str] = ()
) -> Chapter:
    """Read a chapter's file; `Problem` says where it is wrong.

    Every step must have the keys `always`.
    """
    table: Any = load(path, _model(kinds, always))
    text = path.read_text(encoding="utf-8")

    def problem(what: str, todo: str, keys: list[int | str]) -> Problem:
        return Problem(what, todo, path=path, line=line_of(text, keys))

    files = {}
    for name, file in table.files.items():
        data = files[name] = Data(name, path.with_name(name), file.size)
        if data.size is None and not data.path.is_file():
            raise problem(
                f"file '{name}' is not beside it",
                "add the file, or give a 'size' to have it generated",
                ["files", name],
            )
    chapter = Chapter(
        path,
        tuple(
            Step(
                each.number,
                each.title,
                {
                    key: getattr(each, key)
                    for key in kinds
                    if key in each.model_fields_set
                },
            )
            for each in table.step
        ),
        files,
        {way.name: way for way in table.way},
        {key: getattr(table, key) for kind in kinds.values() for key in kind.tables},
        kinds,
    )
    for index, step in enumerate(chapter.steps):
        if step.number != index + 1:
            raise problem(
                f"step {step.number} stands where step {index + 1} is due",
                "number the steps from 1 without a hole",
                ["step", index, "number"],
            )
    for keys, name in _names(chapter):
        if name.name not in name.among:
            raise problem(
                f"unknown {name.what} '{name.name}'",
                nearest(name.name, name.among),
                keys,
            )
    return chapter


def _names(chapter: Chapter) -> Iterator[tuple[list[int | str], Name]]:
    """What must be known, and the keys that lead there."""
    for kind in chapter.kinds.values():
        for name in kind.table_names(chapter):
            yield list(name.keys), name
    for index, step in enumerate(chapter.steps):
        for key, value in step.contract.items():
            for name in chapter.kinds[key].names(value, step, chapter):
                yield ["step", index, key], name


def _model(kinds: Mapping[str, Kind], always: Collection[str]) -> type[Table]:
    """What a chapter's file may hold, with what these kinds of contract bring."""
    keys: dict[str, Any] = {
        key: (kind.type, ...) if key in always else (kind.type | None, None)
        for key, kind in kinds.items()
    }
    step = create_model("Step", __base__=StepFile, **keys)
    tables: dict[str, Any] = {
        key: (kind, {}) for each in kinds.values() for key, kind in each.tables.items()
    }
    top: dict[str, Any] = {
        "step": (Annotated[list[step], Field(min_length=1)], ...),  # type: ignore[valid-type]
        **tables,
    }
    return create_model("Chapter", __base__=ChapterFile, **top)
