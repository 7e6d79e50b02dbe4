"""What an SDK's programs need before they run: their libraries, installed.

Libraries are installed once into a cache, outside of every checkout: a folder
for each SDK and each content of its lock files. In it `tree` is what was
installed, `done` says that this was completed, and `lock` is held, with
flock(2), by the one who fills it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from livesteps.errors import Problem, unwritten
from livesteps.read.sdk import SDK
from livesteps.run import toolchain
from livesteps.run.process import GuardKilled, Process

INSTALL_DEADLINE = 900.0
"""Seconds for an install, and for waiting until another process has done it."""
BUILD_DEADLINE = 300.0
"""Seconds for a build."""
LAST_LINES = 12
"""How many lines of a failing install are shown: its end says why."""
TICK = 0.1
"""Seconds between two looks at whether to go on."""


class Failed(Exception):
    """A command did not succeed: `why`, all that it printed, and where it ran."""

    def __init__(self, why: str, printed: str, folder: Path) -> None:
        super().__init__(why)
        self.why = why
        self.printed = printed
        self.folder = folder


def install(sdk: SDK, halt: threading.Event) -> Path | None:
    """Have the SDK's libraries in the cache; the folder that they are in.

    None if it installs nothing. `Problem` says why it cannot be done.
    """
    if not sdk.install:
        return None
    tree = toolchain.libraries_of(sdk)
    done = tree.parent / "done"
    with unwritten(tree):
        tree.parent.mkdir(parents=True, exist_ok=True)
        with _locked(sdk, tree.parent / "lock", halt) as lock:
            if not done.exists():
                _fill(sdk, tree, lock, halt)
                done.touch()
    return tree


def lay_out(program: Path, text: str, cache: Path | None) -> None:
    """Write a program into a new folder, with what is in the cache beside it."""
    program.parent.mkdir()
    program.write_text(text, encoding="utf-8")
    for entry in cache.iterdir() if cache else ():
        (program.parent / entry.name).symlink_to(entry)


def _fill(sdk: SDK, tree: Path, lock: int, halt: threading.Event) -> None:
    assert sdk.install
    if tree.exists():  # an install that did not end
        shutil.rmtree(tree)
    tree.mkdir()
    for name in sdk.install.files:
        shutil.copy(sdk.folder / name, tree)
    words = toolchain.words(sdk, sdk.install.command, sdk.folder)
    environment = {**os.environ, "PATH": toolchain.search_path()}
    environment |= toolchain.variables(sdk)
    try:
        complete(words, tree, environment, INSTALL_DEADLINE, halt, hold=lock)
    except Failed as failed:
        last = failed.printed.strip().splitlines()[-LAST_LINES:]
        printed = "\n".join(f"  {line}" for line in last or ["it said nothing"])
        raise Problem(
            f"`{' '.join(words)}` {failed.why} in {tree}:\n{printed}",
            path=sdk.toml,
            line=sdk.line_of("install", "command"),
        ) from None


@contextmanager
def _locked(sdk: SDK, path: Path, halt: threading.Event) -> Iterator[int]:
    """Hold a lock; wait for another who holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        wait_for_lock(sdk, descriptor, path, halt)
        yield descriptor
    finally:
        os.close(descriptor)


def wait_for_lock(
    sdk: SDK, lock: int, path: Path, halt: threading.Event, *, shared: bool = False
) -> None:
    """Lock an open file; `Problem` if another holds it too long, or at `halt`."""
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    end = time.monotonic() + INSTALL_DEADLINE
    while True:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise Problem(
                    f"another process has held {path} for {INSTALL_DEADLINE:g} s",
                    "end it, then run this again",
                    path=sdk.toml,
                    line=sdk.line_of("install", "command"),
                ) from None
        if halt.wait(TICK):
            raise Problem("it was interrupted", path=sdk.toml)


def complete(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    deadline: float,
    halt: threading.Event,
    *,
    hold: int | None = None,
) -> None:
    """Run a command in a folder to its end; `Failed` if it does not succeed.

    Like a sample it runs below a guard: nothing that it starts outlives it, or
    this process. The guard keeps the descriptor `hold` open for as long.
    """
    scratch = Path(tempfile.mkdtemp(prefix="livesteps-make-"))
    with tempfile.TemporaryFile() as printed:
        with Process(
            words,
            scratch,
            cwd=folder,
            environment={**environment, "TMPDIR": str(scratch)},
            stdout=printed,
            stderr=printed,
            hold=[] if hold is None else [hold],
        ) as process:
            process.start()
            why = _wait(process, deadline, halt)
        if why:
            printed.seek(0)
            raise Failed(why, printed.read().decode(errors="replace"), folder)


def _wait(process: Process, deadline: float, halt: threading.Event) -> str:
    """Why the command did not succeed, or nothing."""
    end = time.monotonic() + deadline
    try:
        while not process.ending:
            if halt.is_set():
                return "was interrupted"
            if time.monotonic() > end:
                return f"did not end within {deadline:g} s"
            process.read(TICK)
    except GuardKilled:
        return "was stopped with its guard"
    ended = process.ending.exit
    return "" if ended == 0 else f"ended with status {ended}"
