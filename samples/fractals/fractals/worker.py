"""A worker: it takes waiting fractals one by one, draws and stores them.

Any number of workers run side by side. A worker claims a fractal before it
draws it. If the worker is killed its claim expires, and another one takes the
fractal.
"""

from __future__ import annotations

import io
import logging
import time
from datetime import timedelta
from hashlib import md5
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from fractals.app import App
from fractals.draw import Parameters, draw
from fractals.model import Fractal, now

log = logging.getLogger(__name__)

IDLE = 0.5
"""Seconds until an idle worker looks again."""
AGAIN = timedelta(seconds=5)
"""After this a picture that could not be stored is tried again."""


class Worker:
    """One of the workers."""

    def __init__(self, app: App) -> None:
        self._id = uuid4()
        self._database = app.database
        self._storage = app.storage
        self._storage_name = app.settings.storage
        self._claim_lasts = timedelta(seconds=app.settings.claim_seconds)

    def run(self) -> None:
        """Work until the process ends."""
        while True:
            try:
                if self.step():
                    continue
            except OperationalError as error:
                log.warning("the database: %s", error.orig)
            time.sleep(IDLE)

    def step(self) -> bool:
        """Draw and store a waiting fractal; say whether there was one."""
        fractal = self._claim()
        if fractal is None:
            return False
        try:
            picture = draw(Parameters.model_validate_json(fractal.parameters))
            self._storage.put(fractal, io.BytesIO(picture))
            # Only now is it stored.
            self._record(fractal, picture)
        except OperationalError:
            raise
        except Exception as error:
            log.warning("%s stays waiting: %s", fractal.uuid, error)
            self._update(
                fractal,
                claim=None,
                claimed_until=now() + AGAIN,
                error=str(error),
            )
        except BaseException:
            # This worker is told to end.
            self._update(fractal, claim=None, claimed_until=None)
            raise
        return True

    def _claim(self) -> Fractal | None:
        """Take the fractal that has waited longest."""
        oldest = (
            sa.select(Fractal.uuid)
            .where(Fractal.storage.is_(None))
            .where(
                Fractal.claimed_until.is_(None)
                | (Fractal.claimed_until < now())
            )
            .order_by(Fractal.created, Fractal.uuid)
            .limit(1)
            # PostgreSQL: what another worker is just taking is passed over.
            # SQLite has one writer at a time.
            .with_for_update(skip_locked=True)
        )
        claiming = (
            sa.update(Fractal)
            .where(Fractal.uuid == oldest.scalar_subquery())
            .values(claim=self._id, claimed_until=now() + self._claim_lasts)
            .returning(Fractal)
        )
        with self._database.session() as session, session.begin():
            return session.scalar(claiming)

    def _record(self, fractal: Fractal, picture: bytes) -> None:
        if not self._update(
            fractal,
            storage=self._storage_name,
            size=len(picture),
            checksum=md5(picture, usedforsecurity=False).hexdigest(),
            claim=None,
            claimed_until=None,
            error=None,
        ):
            with self._database.session() as session:
                deleted = session.get(Fractal, fractal.uuid) is None
            # Else another worker has taken it over, and stores the same.
            if deleted:
                self._storage.delete(fractal.uuid)

    def _update(self, fractal: Fractal, **values: Any) -> bool:
        """Change a fractal's row, if the claim still holds."""
        changing = (
            sa.update(Fractal)
            .where(Fractal.uuid == fractal.uuid, Fractal.claim == self._id)
            .values(**values)
            .returning(Fractal.uuid)
        )
        with self._database.session() as session, session.begin():
            return session.scalar(changing) is not None
