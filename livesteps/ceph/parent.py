"""The parent's side of a Ceph: starts it below a guard, and stops it."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from livesteps import guard
from livesteps.ceph import cluster
from livesteps.ceph.relay import Lane, Relay
from livesteps.cloud import Cloud
from livesteps.errors import Problem

PYTHON = "/usr/bin/python3"
"""The distribution's, which has the module `rados`."""
COMMANDS = ("ceph-mon", "ceph-osd", "monmaptool", "radosgw")


def supported() -> str | None:
    """Why no Ceph can run here, in a short phrase; None where one can."""
    if sys.platform != "linux":
        return "Ceph runs on Linux only"
    try:
        found = subprocess.run(
            [PYTHON, "-I", "-c", "import rados"], capture_output=True, check=False
        ).returncode
    except OSError:
        found = 1
    if found or not all(map(shutil.which, COMMANDS)):
        return "Ceph is not installed (apt-get install ceph-mon ceph-osd radosgw)"
    return None


class Ceph:
    """Owns the start and the stop of a Ceph whose users are those of a cloud.

    The start does not wait until it is ready; the first use does, and raises
    `Problem` where it takes more than `deadline` seconds. When this process
    ends, however that is, everything of it ends and is removed.
    """

    folder: Path

    def __init__(self, cloud: Cloud, *, deadline: float = 60.0) -> None:
        self._cloud = cloud
        self._deadline = deadline
        self._turn = threading.Lock()
        self._ready: dict[str, Any] = {}

    def __enter__(self) -> Self:
        if reason := supported():
            raise Problem(f"no Ceph can run here: {reason}")
        self.folder = Path(tempfile.mkdtemp(prefix="livesteps-ceph-"))
        control_read, self._control = os.pipe()
        try:
            with self._log.open("wb") as log:
                self._guard = subprocess.Popen(
                    [
                        *(sys.executable, "-I", "-S", guard.__file__),
                        *(str(control_read), str(log.fileno()), str(self.folder)),
                        *(PYTHON, "-I", "-B", cluster.__file__),
                    ],
                    cwd=self.folder,
                    env={
                        "PATH": os.environ.get("PATH", os.defpath),
                        "HOME": str(self.folder),
                        "TMPDIR": str(self.folder),
                        "TZ": "UTC",
                        "LC_ALL": "C.UTF-8",
                    },
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    pass_fds=(control_read, log.fileno()),
                    start_new_session=True,
                    bufsize=0,
                )
        finally:
            os.close(control_read)
        os.write(self._control, guard.told({}))
        self._relay = Relay().__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._relay.__exit__(kind, error, traceback)
        os.close(self._control)
        self._guard.wait()
        for pipe in (self._guard.stdin, self._guard.stdout):
            assert pipe
            pipe.close()

    @property
    def url(self) -> str:
        """The gateway itself, whose requests are not recorded: scheme, host, port."""
        return f"http://127.0.0.1:{self._started()['port']}"

    @property
    def version(self) -> str:
        """Of Ceph."""
        version: str = self._started()["version"]
        return version

    def lane(self) -> Lane:
        """An address of one's own, whose requests are recorded."""
        return self._relay.lane(self._started()["port"])

    def _started(self) -> dict[str, Any]:
        """What it said when it was ready."""
        with self._turn:
            self._ready = self._ready or self._answer()
            return self._ready

    def _answer(self) -> dict[str, Any]:
        assert self._guard.stdin
        assert self._guard.stdout
        keystone = {
            "url": self._cloud.auth_url.removesuffix("/v3"),
            "password": self._cloud.admin_password,
        }
        end = time.monotonic() + self._deadline
        line = b""
        try:
            self._guard.stdin.write(json.dumps(keystone).encode() + b"\n")
            while not line.endswith(b"\n"):
                rest = max(0.0, end - time.monotonic())
                if not select.select([self._guard.stdout], [], [], rest)[0]:
                    raise self._failed(f"Ceph did not start in {self._deadline:g} s")
                chunk = os.read(self._guard.stdout.fileno(), 1 << 16)
                if not chunk:
                    raise self._failed("Ceph did not start")
                line += chunk
        except BrokenPipeError:
            raise self._failed("Ceph did not start") from None
        ready: dict[str, Any] = json.loads(line)
        return ready

    @property
    def _log(self) -> Path:
        return self.folder / "start.log"

    def _failed(self, what: str) -> Problem:
        lines = self._log.read_text(errors="replace").splitlines()
        return Problem(
            what, "these are the last lines of its log:\n" + "\n".join(lines[-20:])
        )
