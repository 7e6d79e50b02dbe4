"""The Fractals app, with three small pictures, for as long as samples run."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path
from types import TracebackType

import requests

from livesteps.child import end
from livesteps.errors import Problem

APP = Path(__file__).resolve().parents[1] / "samples" / "fractals"
DEADLINE = 60.0
"""Seconds for the app to start."""

# The same seed gives the same pictures, on every machine.
COMMAND = "upgrade create --tasks 3 --seed 11 --width 128 --height 96 serve --port 0"

# The child ends when its parent does, however that ends: the pipe is closed.
CHILD = """\
import os, shutil, sys, threading

def end_with_parent():
    sys.stdin.read()
    shutil.rmtree(os.getcwd(), ignore_errors=True)
    os._exit(0)

threading.Thread(target=end_with_parent, daemon=True).start()
from fractals.cli import main
main(prog_name="fractals")
"""


class Fractals:
    """Owns the start and the stop of the app, which listens on loopback.

    The start does not wait until the app is ready; `url` and `checksums` do,
    and raise `Problem` where it is not in time.
    """

    def __enter__(self) -> Fractals:
        self._folder = Path(tempfile.mkdtemp(prefix="livesteps-fractals-"))
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-c", CHILD, *COMMAND.split()],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end(self._child)
        # The child has done so, unless it was killed.
        shutil.rmtree(self._folder, ignore_errors=True)

    @cached_property
    def url(self) -> str:
        """FRACTALS_ENDPOINT."""
        assert self._child.stdout is not None
        ready, _, _ = select.select([self._child.stdout], [], [], DEADLINE)
        line = self._child.stdout.readline().decode() if ready else ""
        if not line.startswith("http://"):
            log = self._log.read_text(errors="replace").splitlines()
            raise Problem(
                "the Fractals app did not start",
                "these are the last lines that it wrote:\n" + "\n".join(log[-20:]),
            )
        return line.strip().rstrip("/")

    @cached_property
    def checksums(self) -> dict[str, str]:
        """The pictures' md5 in hexadecimal digits, by uuid."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(
                f"{self.url}/v1/fractal", params={"results_per_page": -1}, timeout=60
            )
        answer.raise_for_status()
        return {each["uuid"]: each["checksum"] for each in answer.json()["objects"]}

    @property
    def _log(self) -> Path:
        return self._folder / "fractals.log"

    def _environment(self) -> dict[str, str]:
        path = [str(APP), os.environ.get("PYTHONPATH", "")]
        return {
            **{
                name: os.environ[name]
                for name in ("PATH", "LANG")
                if name in os.environ
            },
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "FRACTALS_STORAGE": "file",
        }
