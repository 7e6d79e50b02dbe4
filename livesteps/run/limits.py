"""How far a program may go in one step, and waiting for it meanwhile."""

from __future__ import annotations

import time
from contextlib import suppress

from livesteps.run.process import Ending, GuardKilled
from livesteps.run.program import Program

DEADLINE = 60.0
"""Seconds that a step may take."""
MOST_OUTPUT = 64 * 1024
"""Bytes that a step may print: more is not for a reader."""
MOST_FILES = 256 * 1024 * 1024
"""Bytes that a sample may have in its folder."""
TICK = 0.25
"""Seconds between two looks at how full the folder is, while a step runs."""
SEPARATOR = b"\x1e"


class Stopped(Exception):
    """The program did not reach the next boundary; says why."""


class Watch:
    """Waits for a program that runs, and raises `Stopped` where it goes too far.

    When another thread sets the program's `halt`, that is within moments.
    """

    def __init__(self, program: Program, deadline: float) -> None:
        """The `deadline` is in seconds, for each step."""
        self._program = program
        self._process = program.process
        self._deadline = deadline

    def until(self, boundary: str, begun: float) -> None:
        """Wait until the program says that it reached the boundary of a step that
        has `begun`, by the monotonic clock."""
        out = self._process.out
        end = SEPARATOR + boundary.encode() + b"\n"
        while not out.endswith(end):
            if SEPARATOR in out and out.endswith(b"\n"):
                name = out[out.index(SEPARATOR) + 1 :].decode(errors="replace")
                raise Stopped(
                    f"expected the boundary {boundary}, found {name!r};"
                    " run the steps in their order, each of them once"
                )
            if self._process.ending:
                raise Stopped(
                    f"it {self._process.ending} before its marker {boundary};"
                    " mend what ended it"
                )
            self._wait(begun)
        self._look_at_folder()

    def until_end(self, begun: float) -> Ending:
        """Wait until the program ends; what is after its last step has `begun`."""
        while not self._process.ending:
            self._wait(begun)
        return self._process.ending

    def _wait(self, begun: float) -> None:
        """Take what the program prints next."""
        if max(len(self._process.out), len(self._process.err)) > MOST_OUTPUT:
            raise Stopped(
                f"it printed more than {MOST_OUTPUT // 1024} KiB in this step;"
                " print what a reader can use"
            )
        if self._program.halt.is_set():
            raise Stopped("it was interrupted; run it again")
        rest = begun + self._deadline - time.monotonic()
        if rest <= 0:
            raise Stopped(
                f"it was stopped, since it did not end within {self._deadline:g} s;"
                " see what it waits for, or let it do less"
            )
        try:
            if not self._process.read(min(rest, TICK)):
                self._look_at_folder()
        except GuardKilled:
            raise Stopped("its guard was killed; run it again") from None

    def _look_at_folder(self) -> None:
        size = 0
        for path in self._program.folder.rglob("*"):
            with suppress(FileNotFoundError):
                size += path.lstat().st_size
        if size > MOST_FILES:
            raise Stopped(
                f"it filled its working folder with {size >> 20} MiB;"
                f" write less, at most {MOST_FILES >> 20} MiB"
            )
