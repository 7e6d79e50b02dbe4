"""What the database holds: a row for every fractal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Dialect, Index, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Moment(TypeDecorator[datetime]):
    """A point in time, in UTC; SQLite would forget the time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map = {datetime: Moment}


class Fractal(Base):
    """A fractal, and where its picture is."""

    __tablename__ = "fractals"

    uuid: Mapped[UUID] = mapped_column(primary_key=True)
    created: Mapped[datetime]
    parameters: Mapped[str]
    """What to draw, as JSON; `fractals.draw.Parameters` says its keys."""

    storage: Mapped[str | None]
    """Who has the picture; None as long as it waits to be drawn."""
    size: Mapped[int | None]
    """Of the picture, in bytes."""
    checksum: Mapped[str | None]
    """The picture's md5, in hexadecimal digits."""

    claim: Mapped[UUID | None]
    """Of the worker that draws it, if there is one."""
    claimed_until: Mapped[datetime | None]
    """No other worker takes it before this."""
    error: Mapped[str | None]
    """Why it could not be stored when last tried."""
    moved_from: Mapped[str | None]
    """Who may still have a copy, which a migration was about to delete."""

    __table_args__ = (Index("fractals_by_age", "created", "uuid"),)

    def as_json(self) -> dict[str, Any]:
        """What the API tells of it."""
        return {
            "uuid": str(self.uuid),
            "created": self.created.isoformat(),
            "parameters": json.loads(self.parameters),
            "storage": self.storage,
            "size": self.size,
            "checksum": self.checksum,
            "error": self.error,
        }


class Picture(Base):
    """A picture that the database itself stores."""

    __tablename__ = "pictures"

    uuid: Mapped[UUID] = mapped_column(primary_key=True)
    content: Mapped[bytes]


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)
