"""A program that must be built before it runs: built once for each content of it.

What was built lies in the cache, beside the libraries: a folder for each SDK, and
in it one for each program. Its `lock` is held, with flock(2), by who builds it, and
shared by those who run it. A new build removes those that were not run lately.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from livesteps.errors import unwritten
from livesteps.read.sdk import SDK
from livesteps.run import install, toolchain

KEPT = 3
"""How many of an SDK's are kept besides the one that is run."""


@contextmanager
def built(
    sdk: SDK, name: str, text: str, libraries: Path | None, halt: threading.Event
) -> Iterator[Path]:
    """A program of this `text`, in a file of this `name`, ready to run as long as the
    context lasts; the file's path.

    Raises `install.Failed` if it cannot be built.
    """
    cache = platformdirs.user_cache_path("livesteps") / f"{sdk.id}-built"
    folder = cache / _digest(sdk, name, text, libraries)
    program = folder / "program" / name
    lock = -1
    try:
        with unwritten(folder):
            while not _there(lock):
                _close(lock)
                lock = _open(folder)
                install.wait_for_lock(sdk, lock, folder, halt, shared=True)
                if not (folder / "done").exists():
                    install.wait_for_lock(sdk, lock, folder, halt)
                    if _there(lock) and not (folder / "done").exists():
                        _build(sdk, program, text, libraries, halt, lock)
                        (folder / "done").touch()
                        _forget_others(folder)
                    fcntl.flock(lock, fcntl.LOCK_SH)
            os.utime(lock)
        yield program
    finally:
        _close(lock)


def _open(folder: Path) -> int:
    """The lock of a folder, which is made if it is not there."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # somebody has just removed it
            return os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)


def _there(lock: int) -> bool:
    """Whether it is open, and its folder was not removed before it was held."""
    return lock >= 0 and os.fstat(lock).st_nlink > 0


def _close(lock: int) -> None:
    if lock >= 0:
        os.close(lock)


def variables(sdk: SDK, home: Path) -> dict[str, str]:
    """All that the programs and the builds of an SDK find in their environment."""
    return {
        "PATH": toolchain.search_path(),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        **toolchain.variables(sdk),
    }


def _digest(sdk: SDK, name: str, text: str, libraries: Path | None) -> str:
    return toolchain.digest_of(
        *(sdk.build or ()),
        *(f"{key}={value}" for key, value in sorted(sdk.environment.items())),
        toolchain.version_of(sdk, "sdk"),
        toolchain.version_of(sdk, "language"),
        *(str(libraries), name, text),
    )


def _build(
    sdk: SDK,
    program: Path,
    text: str,
    libraries: Path | None,
    halt: threading.Event,
    lock: int,
) -> None:
    assert sdk.build
    folder = program.parent
    shutil.rmtree(folder, ignore_errors=True)  # of a build that did not end
    install.lay_out(program, text, libraries)
    install.complete(
        toolchain.words(sdk, sdk.build, program),
        folder,
        variables(sdk, folder.parent),
        install.BUILD_DEADLINE,
        halt,
        hold=lock,
    )


def _forget_others(folder: Path) -> None:
    """Remove what else was built for the SDK, but the last few that were run, and
    those that somebody builds or runs."""
    locks = [each / "lock" for each in folder.parent.iterdir() if each != folder]
    with suppress(OSError):  # somebody else forgets them, too
        locks.sort(key=lambda lock: lock.stat().st_mtime)
    for lock in locks[:-KEPT]:
        with suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                (lock.parent / "done").unlink(missing_ok=True)  # before a part of it is
                shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(descriptor)
