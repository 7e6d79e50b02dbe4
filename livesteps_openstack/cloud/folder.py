"""The folder of a cloud's state: made, checked, locked, and what it keeps."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from livesteps.errors import Problem

_RESERVED = "$%#?"


class CloudError(Problem):
    """The cloud did not start, or has ended; the message holds its log's end."""


def temporary() -> Path:
    """A new folder, for its owner alone, where files can have attributes."""
    refused = ""
    for parent in _places():
        try:
            path = Path(tempfile.mkdtemp(prefix="livesteps-cloud-", dir=parent))
        except OSError:
            continue
        refused = refusal(path)
        if not refused:
            return path
        path.rmdir()
    raise CloudError(
        refused or "no folder for temporary files can be written to",
        "set TMPDIR to a folder on ext4, xfs, btrfs or tmpfs that you may write to",
    )


def kept(path: Path) -> Path:
    """The folder of a cloud whose state is kept, made if it is not there."""
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        refused = refusal(path)
    except OSError as error:
        raise CloudError(
            f"the state folder {path} cannot be written to: {error.strerror}",
            "choose another folder with --state",
        ) from error
    if refused:
        raise CloudError(refused, "choose another folder with --state")
    return path


def refusal(path: Path) -> str:
    """Why Keystone and Swift cannot keep their state in a folder, or nothing."""
    for character in _RESERVED:
        if character in str(path):
            return (
                f"the state folder {path} has a '{character}' in its path,"
                " which means something else in configuration files"
            )
    with tempfile.TemporaryFile(dir=path) as file:
        try:
            # As long as what Swift writes for an object with much metadata.
            os.setxattr(file.fileno(), "user.livesteps", b"x" * 1024)
        except OSError as error:
            return (
                f"the file system of {path} has no extended attributes,"
                f" which Swift needs: {error.strerror}"
            )
    return ""


def log_tail(path: Path, lines: int = 20) -> str:
    """The last lines of a cloud's log."""
    try:
        text = (path / "cloud.log").read_text(errors="replace")
    except OSError:
        return "(there is no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def lock(path: Path) -> None:
    """Take the folder for this process, for as long as it lives."""
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(descriptor, 20).decode().strip()
        raise CloudError(
            f"state folder in use by another cloud (pid {pid})",
            f"stop that one, or choose another folder than {path}",
        ) from None
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())


class Kept:
    """`cloud.json`: the ports, the admin's password and the projects."""

    def __init__(self, path: Path) -> None:
        self._file = path / "cloud.json"
        self.new = not self._file.exists()
        content = {} if self.new else json.loads(self._file.read_text())
        self.identity_port: int = content.get("identity_port", 0)
        self.storage_port: int = content.get("storage_port", 0)
        self.admin_password: str = content.get(
            "admin_password", secrets.token_urlsafe(16)
        )
        self.projects: list[dict[str, Any]] = content.get("projects", [])

    def save(self) -> None:
        content = {k: v for k, v in vars(self).items() if k not in ("_file", "new")}
        draft = self._file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            json.dump(content, file, indent=1)
        draft.replace(self._file)


def _places() -> Iterator[str]:
    yield tempfile.gettempdir()
    yield from ("/var/tmp", "/dev/shm", str(Path.cwd()))
