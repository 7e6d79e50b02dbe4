"""The parts of a running app, made from its settings."""

from __future__ import annotations

from fractals.database import Database
from fractals.settings import Settings
from fractals.storage import Storage, Storages


class App:
    """A database, and the storages of its pictures."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.database_url)
        self.storages = Storages(settings, self.database)

    @property
    def storage(self) -> Storage:
        """Where new pictures go."""
        return self.storages[self.settings.storage]
