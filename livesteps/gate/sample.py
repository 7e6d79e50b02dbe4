"""A program whose steps are items: they share one run of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from livesteps.errors import Problem
from livesteps.gate.backends import backends
from livesteps.read.chapter import Chapter, Step
from livesteps.read.guide import Guide
from livesteps.read.recording import Recording, read_recording
from livesteps.read.sdk import SDK
from livesteps.run import toolchain
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps.run.result import Result
from livesteps.run.run import Run


class Sample:
    """Owns the run, from the first item that needs it until it is closed."""

    def __init__(
        self, config: pytest.Config, guide: Guide, sdk: SDK, chapter: Chapter
    ) -> None:
        self.guide = guide
        self.sdk = sdk
        self.chapter = chapter
        self._config = config
        self._after = ExitStack()
        self._run: Run | None = None
        self._problem: Problem | None = None

    def recording(self) -> Recording:
        """The recording that the outputs are compared with."""
        return read_recording(self.sdk.recorded(self.chapter.name), len(self.chapter))

    def result_of(self, step: Step) -> Result:
        """The result of a step; those before it are run if they were not."""
        if self._problem:
            raise self._problem
        if self._run is None:
            try:
                self._run = self._after.enter_context(self.run_on(self.guide.server))
            except Problem as problem:
                # The next item does not install again what cannot be had.
                self._problem = problem
                raise
        for _ in range(len(self._run.results), step.number):
            self._run.advance()
        if len(self._run.results) < step.number:
            failed = self._run.results[-1].step
            pytest.skip(f"not reached: {failed.label} failed")
        return self._run.results[step.number - 1]

    def close(self) -> None:
        """End the run."""
        self._after.close()
        self._run = None

    @contextmanager
    def run_on(self, server: str, *, tls: bool = False, way: str = "") -> Iterator[Run]:
        """A run against a server; what cannot run here is skipped."""
        backend = self.backend_on(server, tls=tls)
        with (
            Program(self.sdk, self.chapter, way=way) as program,
            backend.run(
                program,
                self.recording(),
                account=backend.account(self.sdk, self.chapter, way=way),
            ) as run,
        ):
            yield run

    def backend_on(self, server: str, *, tls: bool = False) -> Backend:
        """A server, started; what cannot run here is skipped."""
        if reason := self.guide.plugins.servers[server].supported():
            pytest.skip(f"not run: {reason}")
        self.check_machine()
        return backends(self._config).on(self.guide, server, tls=tls)

    def check_machine(self) -> None:
        """Skip what this machine lacks something for, and say what."""
        try:
            toolchain.check_machine(self.sdk)
        except Problem as problem:
            pytest.skip(f"not run: {problem.what}")
