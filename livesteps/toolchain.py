"""What an SDK's program needs before it runs: libraries installed, code built.

Libraries are installed once into a cache, outside of every checkout: a folder
for each SDK and each content of its lock files. In it `tree` is what was
installed, `done` says that this was completed, and `lock` is held, with
flock(2), by the one who fills it.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livesteps import guard
from livesteps.errors import Problem
from livesteps.kit import Kit, search_path

INSTALL_DEADLINE = 900.0
"""Seconds for an install, and for waiting until another process has done it."""
BUILD_DEADLINE = 300.0
"""Seconds for a build."""
LAST_LINES = 12
"""How many lines of a failing install are shown: its end says why."""
TICK = 0.1
"""Seconds between two looks at whether to go on."""


class Failed(Exception):
    """A command did not succeed: `why`, and all that it printed."""

    def __init__(self, why: str, printed: str) -> None:
        super().__init__(why)
        self.why = why
        self.printed = printed


def install(kit: Kit, halt: threading.Event) -> Path | None:
    """Have the kit's libraries in the cache; the folder that they are in.

    None if the kit installs nothing. `Problem` says why it cannot be done.
    """
    if not kit.install:
        return None
    tree = kit.cache
    done = tree.parent / "done"
    try:
        tree.parent.mkdir(parents=True, exist_ok=True)
        with _locked(kit, tree.parent / "lock", halt) as lock:
            if not done.exists():
                _fill(kit, tree, lock, halt)
                done.touch()
    except OSError as error:
        raise Problem(
            f"cannot be written: {error.strerror}",
            "mend its permissions, or make room",
            path=error.filename or tree,
        ) from None
    return tree


def lay_out(program: Path, text: str, cache: Path | None) -> None:
    """Write a program into a new folder, with what is in the cache beside it."""
    program.parent.mkdir()
    program.write_text(text, encoding="utf-8")
    for entry in cache.iterdir() if cache else ():
        (program.parent / entry.name).symlink_to(entry)


def _fill(kit: Kit, tree: Path, lock: int, halt: threading.Event) -> None:
    assert kit.install
    if tree.exists():  # an install that did not end
        shutil.rmtree(tree)
    tree.mkdir()
    for name in kit.install.files:
        shutil.copy(kit.folder / name, tree)
    words = kit.words(kit.install.command, kit.path)
    environment = {**os.environ, "PATH": search_path(), **kit.variables()}
    try:
        complete(words, tree, environment, INSTALL_DEADLINE, halt, hold=lock)
    except Failed as failed:
        last = failed.printed.strip().splitlines()[-LAST_LINES:]
        said = "\n".join(f"  {line}" for line in last or ["it said nothing"])
        raise Problem(
            f"`{' '.join(words)}` {failed.why} in {tree}:\n{said}",
            path=kit.toml,
            line=kit.line_of("install", "command"),
        ) from None


@contextmanager
def _locked(kit: Kit, path: Path, halt: threading.Event) -> Iterator[int]:
    """Hold a lock; wait for another who holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        end = time.monotonic() + INSTALL_DEADLINE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Problem(
                        f"another process has held {path} for {INSTALL_DEADLINE:g} s",
                        "end it, then run this again",
                        path=kit.toml,
                        line=kit.line_of("install", "command"),
                    ) from None
            if halt.wait(TICK):
                raise Problem("it was interrupted", path=kit.toml)
        yield descriptor
    finally:
        os.close(descriptor)


def complete(
    words: list[str],
    folder: Path,
    environment: dict[str, str],
    deadline: float,
    halt: threading.Event,
    *,
    hold: int | None = None,
) -> None:
    """Run a command in a folder to its end; `Failed` if it does not succeed.

    Like a sample it runs below a guard: nothing that it starts outlives it, or
    this process. The guard keeps the descriptor `hold` open for as long.
    """
    scratch = tempfile.mkdtemp(prefix="livesteps-make-")  # the guard removes it
    control_read, control = os.pipe()
    status, status_write = os.pipe()
    with tempfile.TemporaryFile() as printed:
        process = None
        try:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", guard.__file__),
                    *(str(control_read), str(status_write), scratch, *words),
                ],
                cwd=folder,
                env={**environment, "TMPDIR": scratch},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                pass_fds=[
                    *(control_read, status_write),
                    *([] if hold is None else [hold]),
                ],
                start_new_session=True,
            )
            os.close(status_write)
            os.write(control, guard.told({}))
            why = _wait(status, deadline, halt)
        finally:
            os.close(control)
            if process:
                process.wait()
            else:
                os.rmdir(scratch)
                os.close(status_write)
            os.close(control_read)
            os.close(status)
        if why:
            printed.seek(0)
            raise Failed(why, printed.read().decode(errors="replace"))


def _wait(status: int, deadline: float, halt: threading.Event) -> str:
    """Why the guard's command did not succeed, or nothing."""
    end = time.monotonic() + deadline
    while not select.select([status], [], [], TICK)[0]:
        if halt.is_set():
            return "was interrupted"
        if time.monotonic() > end:
            return f"did not end within {deadline:g} s"
    report = os.read(status, 1 << 16)
    if not report:
        return "was stopped with its guard"
    ended = json.loads(report)["exit"]
    return "" if ended == 0 else f"ended with status {ended}"
