"""Where pictures are stored: behind one Protocol, three back ends."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from fractals.database import Database
from fractals.errors import Changed, Missing, StorageError
from fractals.model import Fractal, Picture
from fractals.settings import Settings

CHUNK = 64 * 1024
"""Bytes that are read at once."""


class Storage(Protocol):
    """What keeps pictures. All of it raises `StorageError`."""

    def put(self, fractal: Fractal, picture: IO[bytes]) -> None:
        """Store a picture; when this returns, it is stored.

        `picture` can be rewound. What is stored for the fractal is replaced.
        """

    def get(self, uuid: UUID) -> Iterator[bytes]:
        """Read a picture piece by piece; raises `Missing` if there is none."""

    def delete(self, uuid: UUID) -> None:
        """Delete a picture, if it is there."""

    def names(self) -> Iterator[str]:
        """The names of all that is stored."""


class DatabaseStorage:
    """Pictures in the app's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, fractal: Fractal, picture: IO[bytes]) -> None:
        picture.seek(0)
        row = Picture(uuid=fractal.uuid, content=picture.read())
        try:
            with self._database.session() as session, session.begin():
                session.merge(row)
        except OperationalError as error:
            raise StorageError(f"the database: {error.orig}") from error

    def get(self, uuid: UUID) -> Iterator[bytes]:
        with self._database.session() as session:
            row = session.get(Picture, uuid)
        if row is None:
            raise Missing(f"the database has no picture {uuid}")
        yield row.content

    def delete(self, uuid: UUID) -> None:
        with self._database.session() as session, session.begin():
            session.execute(sa.delete(Picture).where(Picture.uuid == uuid))

    def names(self) -> Iterator[str]:
        with self._database.session() as session:
            for uuid in session.scalars(sa.select(Picture.uuid)):
                yield str(uuid)


class FileStorage:
    """Pictures in a folder, a file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, fractal: Fractal, picture: IO[bytes]) -> None:
        picture.seek(0)
        try:
            write_file(self._path(fractal.uuid), iter_chunks(picture))
        except OSError as error:
            raise StorageError(
                f"the folder {self._folder}: {error.strerror}"
            ) from error

    def get(self, uuid: UUID) -> Iterator[bytes]:
        try:
            with self._path(uuid).open("rb") as file:
                yield from iter_chunks(file)
        except FileNotFoundError:
            raise Missing(
                f"the folder {self._folder} has no picture {uuid}"
            ) from None
        except OSError as error:
            raise StorageError(
                f"the folder {self._folder}: {error.strerror}"
            ) from error

    def delete(self, uuid: UUID) -> None:
        try:
            self._path(uuid).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"the folder {self._folder}: {error.strerror}"
            ) from error

    def names(self) -> Iterator[str]:
        for path in self._folder.glob("*.png"):
            yield path.stem

    def _path(self, uuid: UUID) -> Path:
        return self._folder / f"{uuid}.png"


class Storages:
    """All back ends, each opened when it is first asked for."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._opened: dict[str, Storage] = {}

    def __getitem__(self, name: str) -> Storage:
        """The back end of that name.

        Raises `SettingsError` if its settings are wrong or incomplete.
        """
        if name not in self._opened:
            self._opened[name] = self._open(name)
        return self._opened[name]

    def _open(self, name: str) -> Storage:
        if name == "database":
            return DatabaseStorage(self._database)
        if name == "file":
            return FileStorage(self._settings.folder)
        from fractals.swift import SwiftStorage, sign_in

        return SwiftStorage(sign_in(os.environ), self._settings.container)


def iter_chunks(file: IO[bytes]) -> Iterator[bytes]:
    """What a file holds from here on, piece by piece."""
    while chunk := file.read(CHUNK):
        yield chunk


def checked(
    chunks: Iterator[bytes], fractal: Fractal, storage: str
) -> Iterator[bytes]:
    """A fractal's picture, of which the last piece comes only if it is whole.

    Raises `Changed` if the bytes are not those that were stored.
    """
    md5 = hashlib.md5(usedforsecurity=False)
    last = b""
    for chunk in chunks:
        md5.update(chunk)
        if last:
            yield last
        last = chunk
    if md5.hexdigest() != fractal.checksum:
        raise Changed(
            f"the picture {fractal.uuid} was stored with checksum"
            f" {fractal.checksum}; in storage '{storage}' it has"
            f" {md5.hexdigest()}"
        )
    yield last


def write_file(path: Path, chunks: Iterator[bytes]) -> None:
    """Write a file that is there whole or not at all; raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
