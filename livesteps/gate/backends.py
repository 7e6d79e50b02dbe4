"""The servers that the items of a session share."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from livesteps.read.guide import Guide
from livesteps.run.backend import Backend


class Backends:
    """Started when an item first needs one, and stopped at the session's end."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._started: dict[tuple[Path, str, bool], Backend] = {}

    def on(self, guide: Guide, name: str, *, tls: bool = False) -> Backend:
        """One with this server of a guide; `Problem` if it does not start."""
        key = guide.path, name, tls
        if key not in self._started:
            server = guide.plugins.servers[name](guide, tls=tls)
            self._started[key] = self._stack.enter_context(Backend(guide, server))
        return self._started[key]

    def close(self) -> None:
        """Stop them all."""
        self._stack.close()


BACKENDS = pytest.StashKey[Backends]()


def backends(config: pytest.Config) -> Backends:
    """Those of this session."""
    if BACKENDS not in config.stash:
        config.stash[BACKENDS] = made = Backends()
        config.add_cleanup(made.close)
    return config.stash[BACKENDS]
