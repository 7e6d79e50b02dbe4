"""The parent's side of a cloud: starts the child process, speaks to it and stops it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import livesteps
from livesteps.read.exchange import Exchange
from livesteps_openstack.child import end
from livesteps_openstack.cloud import certificate, folder
from livesteps_openstack.cloud.folder import CloudError
from livesteps_openstack.cloud.needs import DEBIAN_PYTHON, supported
from livesteps_openstack.cloud.project import Credential, Project

# What the child may know of its parent's environment. No proxies, no OS_*, no
# home: it talks to itself alone and writes into its state folder alone.
_INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class Cloud:
    """Owns the start and the stop of a cloud.

    The start does not wait until the cloud is ready; the first use does.

    With `state`, a folder, all that the cloud holds is kept between starts:
    data, ports, projects and their passwords. Without, it is all removed at
    the end. `debian` is as for `supported`. With `tls` projects are reached
    over HTTPS, with a certificate of a CA that nobody else knows.
    `deadline` is in seconds, for the start and for each call.

    Raises `CloudError` where it cannot start, or has not.
    """

    state: Path
    pid: int

    def __init__(
        self,
        state: Path | None = None,
        *,
        debian: bool = False,
        tls: bool = False,
        deadline: float = 60.0,
    ) -> None:
        self._kept = state
        self._tls = tls
        self._debian = debian
        self._deadline = deadline
        self._turn = threading.Lock()
        self._ready: dict[str, Any] = {}

    @property
    def auth_url(self) -> str:
        """Keystone, as all projects share it; ends with `/v3`."""
        url: str = self._started()["auth_url"]
        return url

    @property
    def storage_url(self) -> str:
        """Swift, as all projects share it: scheme, host and port."""
        url: str = self._started()["storage_url"]
        return url

    @property
    def admin_password(self) -> str:
        """Of Keystone's user `admin`, in the project `admin`."""
        password: str = self._started()["admin_password"]
        return password

    @property
    def versions(self) -> dict[str, str]:
        """The versions of Swift and Keystone, by lower-case name."""
        versions: dict[str, str] = self._started()["versions"]
        return versions

    @property
    def ca(self) -> Path | None:
        """The CA's certificate in PEM, where there is one; beside it lies a trust
        store, as Java has them."""
        return self.state / certificate.CA if self._tls else None

    @property
    def devices(self) -> list[Path]:
        """The folders of the three devices; each has a copy of everything."""
        return [self.state / "devices" / name for name in ("d1", "d2", "d3")]

    def __enter__(self) -> Self:
        reason = supported(debian=self._debian)
        if reason:
            raise CloudError(f"no cloud can run here: {reason}")
        if self._kept is None:
            self.state = folder.temporary()
        else:
            self.state = folder.kept(self._kept)
        if self._tls:
            certificate.make(self.state)
        self._child = subprocess.Popen(
            self._command(),
            env=self._environment(),
            cwd=self.state,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self.pid = self._child.pid
        return self

    def __exit__(self, *error: object) -> None:
        end(self._child)
        if self._kept is None:
            # The child has done so, unless it was killed.
            shutil.rmtree(self.state, ignore_errors=True)

    def project(
        self,
        name: str,
        *,
        front: str | None = None,
        domain: str = "Default",
        interface: str = "",
    ) -> Project:
        """A new project with a user and two listeners of its own, in a domain.

        If there is a project of this name already, it is that one. Its catalog
        shows `front` in the place of Swift's own address: a server that stands
        before it; scheme, host and port. With `interface` only its addresses are
        good, those of the others lead nowhere, and services have names of their own.
        """
        asked = {"name": name, "front": front, "domain": domain, "interface": interface}
        return Project(
            **self._call("project", **asked),
            main_auth_url=self.auth_url,
            main_storage_url=self.storage_url,
        )

    def application_credential(self, project: Project) -> Credential:
        """A new one, of the project's user, with the user's own role in it."""
        return Credential(**self._call("credential", project=project.id))

    def exchanges(self, project: Project) -> list[Exchange]:
        """The project's since the last call."""
        records = self._call("exchanges", project=project.id)
        return [Exchange(**record) for record in records]

    def read(
        self, project: Project, method: str, path: str
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and body of what the storage servers answer.

        The `method` is GET or HEAD, `path` is quoted, and below the project's
        account. Names of headers are in lower case. It is not recorded.
        """
        path = f"/v1/AUTH_{project.id}{path}"
        answer = self._call("read", method=method, path=path)
        return answer["status"], answer["headers"], answer["body"]

    def replicate(self) -> None:
        """Bring the copies back that a device has lost."""
        self._call("replicate")

    def audit(self) -> None:
        """Read every object on every device; put those aside that are damaged."""
        self._call("audit")

    def wait(self) -> None:
        """Wait until the cloud ends, which it should not. Raises `CloudError`."""
        self._child.wait()
        raise self._failed("the cloud has ended")

    def _command(self) -> list[str]:
        python = DEBIAN_PYTHON if self._debian else sys.executable
        command = [python, "-P", "-m", "livesteps_openstack.cloud.server"]
        temporary = ["--temporary"] if self._kept is None else []
        tls = ["--tls"] if self._tls else []
        return [*command, str(self.state), *temporary, *tls]

    def _environment(self) -> dict[str, str]:
        packages = [
            Path(livesteps.__file__).resolve().parent,
            Path(__file__).resolve().parents[1],
        ]
        path = [
            *(str(package.parent) for package in packages),
            *os.environ.get("PYTHONPATH", "").split(os.pathsep),
        ]
        if self._debian:
            # Nothing of this Python but these packages.
            path = [str(self.state / "python")]
            (self.state / "python").mkdir(exist_ok=True)
            for package in packages:
                link = self.state / "python" / package.name
                link.unlink(missing_ok=True)
                link.symlink_to(package)
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "HOME": str(self.state),
            "TMPDIR": str(self.state),
            "TZ": "UTC",
            "EVENTLET_NO_GREENDNS": "yes",
            "MALLOC_ARENA_MAX": "2",
        }

    def _started(self) -> dict[str, Any]:
        """What the cloud printed when it was ready."""
        with self._turn:
            self._ready = self._ready or self._answer()
            return self._ready

    def _call(self, do: str, **arguments: Any) -> Any:
        self._started()
        with self._turn:
            assert self._child.stdin is not None
            line = json.dumps({"do": do, **arguments}).encode() + b"\n"
            # Where it has ended, the answer is missing too, and says so.
            with contextlib.suppress(OSError):
                self._child.stdin.write(line)
            return self._answer()

    def _answer(self) -> Any:
        line = self._line()
        if not line.endswith(b"\n"):
            raise self._failed("the cloud has ended")
        answer = json.loads(line)
        if "error" not in answer:
            return answer["done"]
        if answer["error"].get("todo"):
            raise CloudError(**answer["error"])
        raise self._failed(answer["error"]["what"])

    def _line(self) -> bytes:
        """A line from the child, or what there is of it when the child ended."""
        assert self._child.stdout is not None
        end = time.monotonic() + self._deadline
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, end - time.monotonic())):
                    # An answer that came later would be taken for the next one.
                    self._child.kill()
                    raise self._failed(f"no answer in {self._deadline:g} s")
                chunk = os.read(self._child.stdout.fileno(), 1 << 20)
                if not chunk:
                    break
                line += chunk
        return line

    def _failed(self, what: str) -> CloudError:
        return CloudError(
            what, f"these are the last lines of its log:\n{folder.log_tail(self.state)}"
        )
