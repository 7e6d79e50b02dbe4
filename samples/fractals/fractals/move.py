"""What is done with all pictures: migrate, restore, verify."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from uuid import UUID

import sqlalchemy as sa

from fractals.app import App
from fractals.errors import Changed, Missing
from fractals.model import Fractal
from fractals.storage import checked, write_file


def to_migrate(app: App, target: str) -> list[Fractal]:
    """The fractals that `migrate` has something to do for."""
    return _fractals(
        app,
        sa.or_(
            Fractal.storage != target,
            Fractal.moved_from.is_not(None),
        ),
    )


def migrate(app: App, fractal: Fractal, target: str) -> None:
    """Move a picture to another storage.

    Wherever this is stopped, the database names a storage that has the whole
    picture, and the next call does the rest. Raises `StorageError`.
    """
    if fractal.moved_from:
        _delete_copy(app, fractal, fractal.moved_from)
    source = fractal.storage
    assert source
    if source == target:
        return
    stored = app.storages[source].get(fractal.uuid)
    # Through a file, so that it can be sent again.
    with TemporaryFile() as picture:
        for chunk in checked(stored, fractal, source):
            picture.write(chunk)
        app.storages[target].put(fractal, picture)
    # What counts is not what was sent, but what comes back.
    for _ in checked(app.storages[target].get(fractal.uuid), fractal, target):
        pass
    moving = (
        sa.update(Fractal)
        .where(Fractal.uuid == fractal.uuid, Fractal.storage == source)
        .values(storage=target, moved_from=source)
        .returning(Fractal.uuid)
    )
    with app.database.session() as session, session.begin():
        moved = session.scalar(moving)
    if moved:
        _delete_copy(app, fractal, source)
    elif _now(app, fractal.uuid) is None:
        # It was deleted meanwhile.
        app.storages[target].delete(fractal.uuid)


def _delete_copy(app: App, fractal: Fractal, source: str) -> None:
    app.storages[source].delete(fractal.uuid)
    with app.database.session() as session, session.begin():
        session.execute(
            sa.update(Fractal)
            .where(Fractal.uuid == fractal.uuid, Fractal.moved_from == source)
            .values(moved_from=None)
        )


def stored(app: App) -> list[Fractal]:
    """The fractals that have a picture."""
    return _fractals(app, Fractal.storage.is_not(None))


def restore(app: App, fractal: Fractal, folder: Path) -> None:
    """Write a picture into a folder; raises `StorageError` or `OSError`."""
    assert fractal.storage
    chunks = app.storages[fractal.storage].get(fractal.uuid)
    write_file(
        folder / f"{fractal.uuid}.png",
        checked(chunks, fractal, fractal.storage),
    )


def verify(app: App, fractal: Fractal) -> None:
    """Read a picture; raises `Missing` or `Changed` if it is not as it was."""
    assert fractal.storage
    try:
        chunks = app.storages[fractal.storage].get(fractal.uuid)
        for _ in checked(chunks, fractal, fractal.storage):
            pass
    except (Missing, Changed):
        current = _now(app, fractal.uuid)
        # Unless it was deleted or moved meanwhile.
        if current and current.storage == fractal.storage:
            raise


def orphans(app: App) -> Iterator[tuple[str, str]]:
    """What is stored and belongs to no fractal: storage and name."""
    with app.database.session() as session:
        names = list(session.scalars(sa.select(Fractal.storage).distinct()))
    for storage in sorted({app.settings.storage, *filter(None, names)}):
        for name in app.storages[storage].names():
            try:
                fractal = _now(app, UUID(name))
            except ValueError:
                fractal = None
            # One that waits may be just being stored.
            if (
                fractal is None
                or str(fractal.uuid) != name
                or fractal.storage not in (storage, None)
            ):
                yield storage, name


def _fractals(app: App, which: sa.ColumnElement[bool]) -> list[Fractal]:
    with app.database.session() as session:
        asking = sa.select(Fractal).where(which)
        return list(
            session.scalars(asking.order_by(Fractal.created, Fractal.uuid))
        )


def _now(app: App, uuid: UUID) -> Fractal | None:
    """A fractal's row as it is at this moment."""
    with app.database.session() as session:
        return session.get(Fractal, uuid)
