"""A sample's program, ready to run: laid out, built, below a guard, waiting."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from livesteps import guard, toolchain
from livesteps.errors import Problem, shown
from livesteps.kit import Kit, search_path
from livesteps.step import Steps


@dataclass
class Streams:
    """What the program printed since the last boundary, and its guard said."""

    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    status: bytearray = field(default_factory=bytearray)


class Program:
    """Owns a program's process and its folder; neither outlives it.

    A context manager. It needs no server yet: what it runs with is said at its
    `start`. When another thread sets `halt`, its install or its build ends
    within moments. With `way` it connects by another block than its step 1.
    """

    def __init__(
        self,
        kit: Kit,
        steps: Steps,
        halt: threading.Event | None = None,
        *,
        way: str = "",
    ) -> None:
        sample = kit.sample.by(kit.way(way)) if way else kit.sample
        if sample.steps != len(steps):
            raise Problem(
                f"it has {sample.steps} steps, the guide has {len(steps)}",
                f"end it with `{kit.comment} step-{len(steps) + 1}`",
                path=sample.path,
                line=sample.markers[-1],
            )
        self.kit = kit
        self.sample = sample
        self.steps = steps
        self.halt = halt or threading.Event()
        self.streams = Streams()
        self._stopped = False

    def __enter__(self) -> Program:
        cache = toolchain.install(self.kit, self.halt)
        # The guard removes the folder, also when this process is no more.
        self.folder = Path(tempfile.mkdtemp(prefix="livesteps-run-")).resolve()
        self.work = self.folder / "work"
        self.work.mkdir()
        self.path = self.folder / "program" / self.kit.path.name
        self._status, status_write = os.pipe()
        control_read, self._control = os.pipe()
        try:
            self._guard = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", guard.__file__),
                    *(str(control_read), str(status_write), str(self.folder)),
                    *self.kit.words(self.kit.command, self.path),
                ],
                cwd=self.work,
                env=self._scrubbed(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(control_read, status_write),
                start_new_session=True,
                bufsize=0,
            )
        finally:
            os.close(control_read)
            os.close(status_write)
        for data in self.steps.files.values():
            (self.work / data.name).write_bytes(data.content)
        text = self.sample.with_boundaries(self.kit.boundary)
        toolchain.lay_out(self.path, text, cache)
        self.fault = self._build()
        """Why it cannot be run, or nothing."""
        self.selector = selectors.DefaultSelector()
        """Of what it prints; each key's data is the stream that it belongs to."""
        assert self._guard.stdout
        assert self._guard.stderr
        for stream, into in (
            (self._guard.stdout.fileno(), self.streams.out),
            (self._guard.stderr.fileno(), self.streams.err),
            (self._status, self.streams.status),
        ):
            os.set_blocking(stream, False)
            self.selector.register(stream, selectors.EVENT_READ, into)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            self.selector.close()
            os.close(self._status)
            for pipe in (self._guard.stdin, self._guard.stdout, self._guard.stderr):
                assert pipe
                pipe.close()

    def stop(self) -> None:
        """End it, and all that it started; its folder is removed."""
        if not self._stopped:
            self._stopped = True
            os.close(self._control)
        self._guard.wait()

    def start(self, environment: dict[str, str]) -> None:
        """Let it run, with more in its environment."""
        os.write(self._control, guard.told(environment))

    def go_on(self) -> None:
        """Let it leave the boundary where it waits."""
        assert self._guard.stdin
        with suppress(BrokenPipeError):  # its guard says that it has ended
            self._guard.stdin.write(b"\n")

    def published(self, text: str, step: int = 0) -> str:
        """What a command said of the program, as if of the published file: that
        of a step, if it is known which one ran."""
        file = shown(self.sample.path_of(step))
        name = re.escape(self.path.name)
        folder = re.escape(str(self.path.parent))
        here = rf"{folder}/{name}|(?<![\w./-])(?:\./)?{name}(?=[:(])"
        return re.sub(here, lambda _: file, text)

    def _build(self) -> str:
        """Make it ready to run; why that cannot be done."""
        if not self.kit.build:
            return ""
        try:
            toolchain.complete(
                self.kit.words(self.kit.build, self.path),
                self.path.parent,
                self._scrubbed(),
                toolchain.BUILD_DEADLINE,
                self.halt,
            )
        except toolchain.Failed as failed:
            return f"its build {failed.why}:\n" + indented(
                self.published(failed.printed)
            )
        return ""

    def _scrubbed(self) -> dict[str, str]:
        return {
            "PATH": search_path(),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **self.kit.variables(),
        }


def indented(text: str) -> str:
    """Each line two columns to the right, for a message."""
    return "\n".join("  " + line for line in text.rstrip().splitlines())
