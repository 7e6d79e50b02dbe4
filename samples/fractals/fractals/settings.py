"""The app's settings: the FRACTALS_* variables of its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from fractals.errors import SettingsError

STORAGES = ("database", "file", "swift")

DEFAULTS = {
    "FRACTALS_DATABASE_URL": "sqlite:///fractals.db",
    "FRACTALS_STORAGE": "database",
    "FRACTALS_FOLDER": "pictures",
    "FRACTALS_CONTAINER": "fractals-pictures",
    "FRACTALS_CLAIM_SECONDS": "600",
}

# Where the app is, for the programs that use it.
OTHERS = ("FRACTALS_ENDPOINT",)


@dataclass(frozen=True)
class Settings:
    """How this app is to run."""

    database_url: str
    storage: str
    """Where new pictures go: one of `STORAGES`."""
    folder: Path
    """Of the storage `file`."""
    container: str
    """Of the storage `swift`."""
    claim_seconds: float
    """How long a worker may take for a picture."""


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises `SettingsError` if one makes no sense."""
    for name in environment:
        if name.startswith("FRACTALS_") and name not in (*DEFAULTS, *OTHERS):
            raise SettingsError(f"unknown variable {name}; {known(name)}")
    values = {**DEFAULTS, **environment}
    storage = values["FRACTALS_STORAGE"]
    if storage not in STORAGES:
        raise SettingsError(
            f"FRACTALS_STORAGE: unknown storage '{storage}';"
            f" choose {', '.join(STORAGES[:-1])} or {STORAGES[-1]}"
        )
    container = values["FRACTALS_CONTAINER"]
    if not container or "/" in container:
        raise SettingsError(
            f"FRACTALS_CONTAINER: '{container}' is no container's name;"
            " choose one without '/'"
        )
    try:
        claim_seconds = float(values["FRACTALS_CLAIM_SECONDS"])
    except ValueError:
        claim_seconds = 0
    if not 1 <= claim_seconds <= 86400:
        raise SettingsError(
            f"FRACTALS_CLAIM_SECONDS: '{values['FRACTALS_CLAIM_SECONDS']}' is"
            " no number of seconds from 1 to 86400"
        )
    return Settings(
        database_url=values["FRACTALS_DATABASE_URL"],
        storage=storage,
        folder=Path(values["FRACTALS_FOLDER"]),
        container=container,
        claim_seconds=claim_seconds,
    )


def known(name: str) -> str:
    """Advice on an unknown variable."""
    if close := get_close_matches(name, DEFAULTS, n=1):
        return f"did you mean {close[0]}?"
    return "known: " + ", ".join(DEFAULTS)
