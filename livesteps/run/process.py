"""A command below a guard, from its start to its end."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from livesteps.run import guard

Stream = int | IO[bytes]


@dataclass(frozen=True)
class Ending:
    """How a command ended, and what it used."""

    exit: int
    """Its exit status; a signal's number is negative."""
    left: list[str]
    """Commands of the processes that it left behind."""
    cpu: float
    """Processor seconds."""
    memory: int
    """Most bytes of memory at once."""

    def __str__(self) -> str:
        if self.exit < 0:
            return f"was killed by signal {-self.exit}"
        return f"ended with status {self.exit}"


class GuardKilled(Exception):
    """Somebody killed the guard; nothing more is known of the command."""


class Process:
    """Owns a command, all that it starts, and its folder; none of it outlives this.

    A context manager. On entry it waits below its guard; `start` lets it run. The
    guard ends all of it, and removes the folder, also when this process is no more.
    """

    ending: Ending | None = None
    """How it ended, once that was read."""
    ended = False
    """It runs no more, whether or not it is known how it ended."""

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        *,
        environment: Mapping[str, str],
        cwd: Path | None = None,
        stdin: Stream = subprocess.DEVNULL,
        stdout: Stream = subprocess.DEVNULL,
        stderr: Stream = subprocess.DEVNULL,
        hold: Sequence[int] = (),
    ) -> None:
        """`folder` is there, and is where it runs, if not in `cwd`. The guard keeps
        the descriptors `hold` open as long as it lives."""
        self.folder = folder
        self._words = words
        self._how = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        self._environment = environment
        self._cwd = cwd or folder
        self._hold = hold
        self._stopped = False
        self.out, self.err = bytearray(), bytearray()
        """What it printed since they were last emptied, of what was `read`."""
        self._report = bytearray()

    def __enter__(self) -> Self:
        with ExitStack() as stack, ExitStack() as theirs:
            # Its guard does it, but not one that was killed, or never started.
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self._selector = stack.enter_context(selectors.DefaultSelector())
            control, self._control = os.pipe()
            theirs.callback(os.close, control)
            stack.callback(self._let_go)
            self._status, status = os.pipe()
            theirs.callback(os.close, status)
            stack.callback(os.close, self._status)
            self._guard = stack.enter_context(
                subprocess.Popen(
                    [
                        *(sys.executable, "-I", "-S", guard.__file__),
                        *(str(control), str(status), str(self.folder)),
                        *self._words,
                    ],
                    cwd=self._cwd,
                    env=dict(self._environment),
                    pass_fds=(control, status, *self._hold),
                    start_new_session=True,
                    bufsize=0,
                    **self._how,  # type: ignore[call-overload]
                )
            )
            stack.callback(self.stop)
            for stream, into in (
                (self._guard.stdout, self.out),
                (self._guard.stderr, self.err),
            ):
                if stream:
                    self._follow(stream.fileno(), into)
            self._follow(self._status, self._report)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def pid(self) -> int:
        """Of its guard."""
        pid: int = self._guard.pid
        return pid

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Let it run, with more in its environment."""
        os.write(self._control, guard.started_with(environment or {}))

    def stop(self) -> None:
        """End it, and all that it started; its folder is removed."""
        self._let_go()
        self._guard.wait()

    def write(self, line: bytes) -> None:
        """Give it something to read; where it has ended, nobody does."""
        assert self._guard.stdin
        with suppress(BrokenPipeError):
            self._guard.stdin.write(line)

    def read(self, seconds: float) -> bool:
        """Take what it prints next, waiting so long; whether there was anything.

        `ending` is set when it has ended: what it printed was read then. Raises
        `GuardKilled`.
        """
        ready = self._selector.select(seconds)
        for key, _ in ready:
            chunk = os.read(key.fd, 1 << 16)
            key.data.extend(chunk)
            if not chunk:
                self._selector.unregister(key.fd)
                if key.data is self._report:
                    self.ended = True
                    raise GuardKilled
        if self._report.endswith(b"\n"):
            # What it printed is in the pipes by now. They are not read to
            # their end, which a process that it left may never close.
            self.ending = Ending(**json.loads(self._report))
            self.ended = True
            for key in list(self._selector.get_map().values()):
                with suppress(BlockingIOError):
                    while chunk := os.read(key.fd, 1 << 16):
                        key.data.extend(chunk)
                self._selector.unregister(key.fd)
        return bool(ready)

    def line(self, deadline: float) -> bytes:
        """The next line that it prints, with its newline; without, where it ended
        or so many seconds went by before that was complete."""
        end = time.monotonic() + deadline
        with suppress(GuardKilled):
            while b"\n" not in self.out and not self.ending:
                rest = end - time.monotonic()
                if rest <= 0:
                    break
                self.read(rest)
        line, newline, rest_of_it = bytes(self.out).partition(b"\n")
        self.out[:] = rest_of_it
        return line + newline

    def _let_go(self) -> None:
        """Let the guard see that it is to end."""
        if not self._stopped:
            self._stopped = True
            os.close(self._control)

    def _follow(self, descriptor: int, into: bytearray) -> None:
        os.set_blocking(descriptor, False)
        self._selector.register(descriptor, selectors.EVENT_READ, into)
