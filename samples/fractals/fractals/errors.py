"""What can go wrong, in words for the person who reads them."""

from __future__ import annotations


class FractalsError(Exception):
    """Something that a person can put right."""


class SettingsError(FractalsError):
    """The app cannot start with its settings."""


class StorageError(FractalsError):
    """A picture could not be stored, read or deleted."""


class Missing(StorageError):
    """A picture is not where the database says."""


class Changed(StorageError):
    """A picture's bytes are not those that were stored."""
