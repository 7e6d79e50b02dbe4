"""A service: a helper that samples need beside the server, as the guide says."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from livesteps.errors import Problem
from livesteps.read.guide import Guide, ServiceFile
from livesteps.run.process import Process

DEADLINE = 60.0
"""Seconds for it to start."""


class Service:
    """Owns the start and the stop of a service, and its folder.

    The start does not wait until it is ready; `url` does, and raises `Problem`
    where it is not in time.
    """

    def __init__(self, file: ServiceFile, samples: Path) -> None:
        self.file = file
        self._samples = samples
        self._turn = threading.Lock()
        self._url = ""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="livesteps-service-"))
        with self._log.open("wb") as log, ExitStack() as stack:
            self._process = stack.enter_context(
                Process(
                    [self._filled(word) for word in self.file.command],
                    self.folder,
                    environment=self._environment(),
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            )
            self._process.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """Where it is: what it printed when it was ready."""
        with self._turn:
            self._url = self._url or self._ready()
            return self._url

    @property
    def address(self) -> str:
        """Its host and port, if `url` is a URL; else the whole of it."""
        return self.url.rpartition("//")[2]

    def _ready(self) -> str:
        line = self._process.line(DEADLINE).decode(errors="replace").strip()
        if not line.startswith(self.file.ready):
            log = self._log.read_text(errors="replace").splitlines()
            raise Problem(
                f"{self.file.title} did not start",
                "these are the last lines that it wrote:\n" + "\n".join(log[-20:]),
            )
        return line.rstrip("/")

    @property
    def _log(self) -> Path:
        return self.folder / "service.log"

    def _filled(self, word: str) -> str:
        filled = word.replace("{python}", sys.executable)
        return filled.replace("{samples}", str(self._samples.resolve()))

    def _environment(self) -> dict[str, str]:
        kept = {
            name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ
        }
        own = {key: self._filled(value) for key, value in self.file.environment.items()}
        return {**kept, "HOME": str(self.folder), **own}


@contextmanager
def serving(guide: Guide) -> Iterator[Mapping[str, Service]]:
    """A guide's services by name, for as long as the context lasts."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(Service(file, guide.samples))
            for name, file in guide.file.service.items()
        }
