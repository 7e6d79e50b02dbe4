"""A sample's program, ready to run: laid out, built, below a guard, waiting."""

from __future__ import annotations

import re
import subprocess
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from livesteps.errors import Problem, shown
from livesteps.read.chapter import Chapter
from livesteps.read.sdk import SDK
from livesteps.run import build, install, toolchain
from livesteps.run.process import Process


class Program:
    """Owns a program's process and its folder; neither outlives it.

    A context manager. It needs no server yet: its process gets the environment at its
    `start`. When another thread sets `halt`, its install or its build ends
    within moments. With `way` it connects by another block than its step 1.
    """

    def __init__(
        self,
        sdk: SDK,
        chapter: Chapter,
        halt: threading.Event | None = None,
        *,
        way: str = "",
    ) -> None:
        sample = sdk.sample_of(chapter.name)
        if way:
            sample = sample.by(sdk.block_of(way))
        if sample.steps != len(chapter):
            raise Problem(
                f"it has {sample.steps} steps, the guide has {len(chapter)}",
                f"end it with `{sdk.comment} step-{len(chapter) + 1}`",
                path=sample.path,
                line=sample.markers[-1],
            )
        self.sdk = sdk
        self.sample = sample
        self.chapter = chapter
        self.halt = halt or threading.Event()
        self.fault = ""
        """Why it cannot be run, or nothing; known on entry."""

    def __enter__(self) -> Program:
        libraries = install.install(self.sdk, self.halt)
        text = self.sample.with_boundaries(self.sdk.boundary)
        with ExitStack() as stack:
            built = self._build(stack, text, libraries) if self.sdk.build else None
            # The guard removes the folder, also when this process is no more.
            self.folder = Path(tempfile.mkdtemp(prefix="livesteps-run-")).resolve()
            self.work = self.folder / "work"
            self.work.mkdir()
            self.path = built or self.folder / "program" / self.sample.path.name
            self.process = stack.enter_context(
                Process(
                    toolchain.words(self.sdk, self.sdk.command, self.path),
                    self.folder,
                    cwd=self.work,
                    environment=build.variables(self.sdk, self.folder),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            )
            for data in self.chapter.files.values():
                (self.work / data.name).write_bytes(data.content)
            if not built:
                install.lay_out(self.path, text, libraries)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def published(self, text: str, step: int = 0) -> str:
        """What a command printed of the program, as if of the published file: that
        of a step, if it is known which one ran."""
        file = shown(self.sample.path_of(step))
        name = re.escape(self.path.name)
        folder = re.escape(str(self.path.parent))
        here = rf"{folder}/{name}|(?<![\w./-])(?:\./)?{name}(?=[:(])"
        return re.sub(here, lambda _: file, text)

    def _build(self, stack: ExitStack, text: str, libraries: Path | None) -> Path:
        """Make it ready to run; or say in `fault` why that cannot be done."""
        name = self.sample.path.name
        try:
            made = build.built(self.sdk, name, text, libraries, self.halt)
            return stack.enter_context(made)
        except install.Failed as failed:
            self.path = failed.folder / name
            self.fault = f"its build {failed.why}:\n" + indented(
                self.published(failed.printed)
            )
            return self.path


def indented(text: str) -> str:
    """Each line two columns to the right, for a message."""
    return "\n".join("  " + line for line in text.rstrip().splitlines())
