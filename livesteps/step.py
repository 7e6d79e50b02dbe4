"""The steps of the guide and their contracts: `samples/steps.toml`.

A contract says what the server (and the working folder) holds when the step
is done. It is the same for every SDK.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field

from livesteps.errors import Problem, nearest
from livesteps.tomlfile import Table, line_of, load


class File(Table):
    """A file that every sample finds in its working folder when it starts.

    It is copied from beside steps.toml, or, with `size` (bytes), generated:
    the same bytes every time, and not compressible.
    """

    size: Annotated[int, Field(gt=0)] | None = None


class Object(Table):
    """An object that steps store, with the bytes of a named file."""

    file: str
    segments: Annotated[int, Field(ge=0)] | None = None
    """It is a manifest of at least this many segments; if 0, or one whole object."""
    content_type: str | None = None
    metadata: dict[str, str] = {}


class Step(Table):
    """One step: what it is called, and what must be true when it is done."""

    number: int
    title: str
    token: bool = False
    """Identity issued a token in this step."""
    holds: dict[str, list[str]]
    """The account holds exactly these containers, and each exactly these
    objects (segments and the containers that hold nothing else aside)."""
    pictures: str | None = None
    """This container holds, besides, every picture of the Fractals app."""
    reads: list[str] = []
    """The server answered a read (GET or HEAD; where there are downloads, GET)
    of each of these: "" is the account, "container" a container,
    "container/object" an object."""
    downloads: dict[str, str] = {}
    """Files of the working folder, and the file whose bytes each one holds."""
    prints_md5: str | None = None
    """The md5 of this file is in the output."""
    shares: str | None = None
    """"container/object": the output holds an address that gives the object
    without a token, and does not give it without its signature."""

    @property
    def name(self) -> str:
        """The marker's word: `step-4`."""
        return f"step-{self.number}"

    @property
    def label(self) -> str:
        """How lists show it, sorted by number: `step-04 upload an object`."""
        return f"step-{self.number:02} {self.title}"


class Way(Table):
    """Another way to connect than that of step 1."""

    name: str
    title: str
    """How the page and lists name it, such as "by an application credential"."""


class _File(Table):
    way: list[Way] = []
    files: dict[str, File]
    objects: dict[str, Object]
    step: Annotated[list[Step], Field(min_length=1)]


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
        """Its md5 in hexadecimal digits, as Swift gives it."""
        return self.md5_of(0, len(self.content))

    @cache  # noqa: B019 - there are a few files, for as long as all is
    def md5_of(self, start: int, end: int) -> str:
        """The md5 of its bytes from `start` up to `end`."""
        part = self.content[start:end]
        return hashlib.md5(part, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Steps:
    """All steps of the guide, and the objects and files that they work on."""

    path: Path
    steps: tuple[Step, ...]
    objects: dict[str, Object]
    files: dict[str, Data]
    ways: dict[str, Way]
    """By name; the first, which step 1 itself shows, is none of them."""

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def containers(self) -> set[str]:
        """All that the steps hold at one time or another."""
        return {name for step in self.steps for name in step.holds}


def load_steps(path: Path) -> Steps:
    """Read steps.toml; `Problem` says where it is wrong."""
    table = load(path, _File)
    text = path.read_text(encoding="utf-8")

    def problem(what: str, todo: str, keys: list[int | str]) -> Problem:
        return Problem(what, todo, path=path, line=line_of(text, keys))

    def known(
        kind: str, name: str, among: Iterable[str], keys: list[int | str]
    ) -> None:
        if name not in among:
            raise problem(f"unknown {kind} '{name}'", nearest(name, among), keys)

    files = {}
    for name, file in table.files.items():
        data = files[name] = Data(name, path.with_name(name), file.size)
        if data.size is None and not data.path.is_file():
            raise problem(
                f"file '{name}' is not beside it",
                "add the file, or give a 'size' to have it generated",
                ["files", name],
            )
    for name, stored in table.objects.items():
        known("file", stored.file, files, ["objects", name, "file"])
    for index, step in enumerate(table.step):
        here: list[int | str] = ["step", index]
        if step.number != index + 1:
            raise problem(
                f"step {step.number} stands where step {index + 1} is due",
                "number the steps from 1 without a hole",
                [*here, "number"],
            )
        for names in step.holds.values():
            for name in names:
                known("object", name, table.objects, [*here, "holds"])
        for name in step.downloads.values():
            known("file", name, files, [*here, "downloads"])
        if step.prints_md5 is not None:
            known("file", step.prints_md5, files, [*here, "prints_md5"])
        if step.pictures is not None:
            known("container", step.pictures, step.holds, [*here, "pictures"])
        if step.shares is not None:
            container, _, name = step.shares.partition("/")
            known("container", container, step.holds, [*here, "shares"])
            known("object", name, step.holds[container], [*here, "shares"])
    ways = {way.name: way for way in table.way}
    return Steps(path, tuple(table.step), table.objects, files, ways)
