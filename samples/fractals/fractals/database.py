"""The app's database: SQLite or PostgreSQL, through SQLAlchemy and Alembic."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session, sessionmaker

from fractals.errors import FractalsError, SettingsError

BACKENDS = ("sqlite", "postgresql")

REVISION = "0001"
"""The newest of `migrations/versions/`."""


class Database:
    """The engine, and sessions on it."""

    def __init__(self, url: str) -> None:
        """Does not connect yet; raises `SettingsError` for a bad URL."""
        try:
            backend = sa.make_url(url).get_backend_name()
        except (ArgumentError, ValueError):
            backend = ""
        if backend not in BACKENDS:
            raise SettingsError(
                "FRACTALS_DATABASE_URL: this is no URL of SQLite or"
                " PostgreSQL; such are sqlite:///fractals.db and"
                " postgresql://user:password@host/name"
            )
        # SQLite has one writer at a time; the others wait for it.
        waits = {"timeout": 60} if backend == "sqlite" else {}
        try:
            self.engine = sa.create_engine(
                url, connect_args=waits, pool_pre_ping=True
            )
        except (ImportError, NoSuchModuleError) as error:
            raise SettingsError(f"FRACTALS_DATABASE_URL: {error}") from None
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    def session(self) -> Session:
        """A session; `with` closes it."""
        return self._sessions()

    def upgrade(self) -> None:
        """Make the tables, or bring them up to date."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", "fractals:migrations")
        config.set_main_option("path_separator", "os")
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def check(self) -> None:
        """Raises `FractalsError` if the tables are not those of this app."""
        revision = sa.table("alembic_version", sa.column("version_num"))
        with self.engine.connect() as connection:
            made = sa.inspect(connection).has_table(revision.name)
            found = connection.scalar(sa.select(revision)) if made else None
        if found != REVISION:
            raise FractalsError(
                "the database is not up to date; run `fractals upgrade`"
            )
