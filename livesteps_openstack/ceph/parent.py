"""The parent's side of a Ceph: starts it below a guard, and stops it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from livesteps.plugin import Problem
from livesteps.run.process import Process
from livesteps_openstack.ceph import cluster
from livesteps_openstack.ceph.relay import Lane, Relay
from livesteps_openstack.cloud import Cloud

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
        with self._log.open("wb") as log, ExitStack() as stack:
            self._process = stack.enter_context(
                Process(
                    [PYTHON, "-I", "-B", cluster.__file__],
                    self.folder,
                    environment={
                        "PATH": os.environ.get("PATH", os.defpath),
                        "HOME": str(self.folder),
                        "TMPDIR": str(self.folder),
                        "TZ": "UTC",
                        "LC_ALL": "C.UTF-8",
                    },
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            )
            self._process.start()
            self._relay = stack.enter_context(Relay())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def lane(self) -> Lane:
        """An address of one's own, whose requests are recorded."""
        return self._relay.lane(self._started()["port"])

    @property
    def url(self) -> str:
        """The gateway itself, whose requests are not recorded: scheme, host, port."""
        return f"http://127.0.0.1:{self._started()['port']}"

    @property
    def version(self) -> str:
        """Of Ceph."""
        version: str = self._started()["version"]
        return version

    def _started(self) -> dict[str, Any]:
        """What it printed when it was ready."""
        with self._turn:
            self._ready = self._ready or self._answer()
            return self._ready

    def _answer(self) -> dict[str, Any]:
        keystone = {
            "url": self._cloud.auth_url.removesuffix("/v3"),
            "password": self._cloud.admin_password,
        }
        self._process.write(json.dumps(keystone).encode() + b"\n")
        line = self._process.line(self._deadline)
        if not line.endswith(b"\n"):
            late = "" if self._process.ended else f" in {self._deadline:g} s"
            raise self._failed(f"Ceph did not start{late}")
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
