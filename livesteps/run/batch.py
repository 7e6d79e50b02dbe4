"""Many samples side by side: who runs, how far each is, and how it went."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from livesteps.errors import Problem
from livesteps.read.recording import Recording, read_recording
from livesteps.run import toolchain
from livesteps.run.backend import Backend
from livesteps.run.outcome import Outcome, State
from livesteps.run.program import Program
from livesteps.run.run import Run


class Abandoned(KeyboardInterrupt):
    """Interrupted again while what was made was being removed; says what is left."""


@dataclass
class Batch:
    """How the samples of a batch are run."""

    backend: Backend
    changed: Callable[[Outcome], None]
    """Called after every step, from the thread that ran it."""
    last: int | None = None
    """The step after which to stop."""
    compare: bool = True
    """The outputs must be the recorded ones."""
    record: bool = False
    """The outcome of a good run has its recording."""
    keep: bool = False
    """A run that stops after `last` leaves what it made, also on a server that is
    not ours."""
    _halt: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)

    def run(self, outcomes: Iterable[Outcome]) -> float:
        """Run all outcomes' samples, as many at once as the backend allows.

        It returns the seconds from the start of the first to the end of the last.
        """
        waiting = [each for each in outcomes if each.state is State.WAITING]
        # The longest first. How long a program is built was not recorded.
        waiting.sort(
            key=lambda each: (bool(each.sdk.build), _recorded_seconds(each)),
            reverse=True,
        )
        begun = time.monotonic()
        pool = ThreadPoolExecutor(max_workers=self.backend.at_once)
        try:
            futures = [pool.submit(self._run_one, outcome) for outcome in waiting]
            self.backend.wait()  # meanwhile, programs are built
            self._ready.set()
            for future in futures:
                future.result()
        except BaseException:
            self._halt.set()  # Ctrl-C does not wait for a step's deadline
            self._ready.set()
            try:
                pool.shutdown(cancel_futures=True)
            except KeyboardInterrupt:
                raise Abandoned("\n".join(self.backend.abandon())) from None
            raise
        pool.shutdown()
        return time.monotonic() - begun

    def _run_one(self, outcome: Outcome) -> None:
        look_for(outcome)
        if outcome.state is State.NOT_RUN:
            return
        outcome.state = State.RUNNING
        outcome.gaps = self._gaps(outcome)
        self.changed(outcome)
        recording, stale = self._recording(outcome)
        run: Run | None = None
        begun = time.monotonic()
        way = self.backend.server.way
        try:
            with Program(outcome.sdk, outcome.chapter, self._halt, way=way) as program:
                built = time.monotonic()
                self._ready.wait()
                if self._halt.is_set():
                    return
                begun += time.monotonic() - built
                with self.backend.run(
                    program, recording, tell=lambda doing: self._tell(outcome, doing)
                ) as run:
                    self._take_through(run, outcome, begun)
        except Problem as problem:
            outcome.state, outcome.why = State.FAILED, str(problem)
        if run:
            outcome.after = run.aftermath.lines
            if run.aftermath.wrong and outcome.state is State.RUNNING:
                outcome.state = State.FAILED
                outcome.why = "it did not leave the account as it was"
        if outcome.state is State.RUNNING:
            outcome.state = State.FAILED if stale else State.PASSED
            outcome.why = stale
        self.changed(outcome)

    def _take_through(self, run: Run, outcome: Outcome, begun: float) -> None:
        """The steps, one after the other, until the last or one that fails."""
        outcome.doing = ""
        outcome.results, outcome.redact = run.results, run.redact
        outcome.servers = run.servers
        for result in run:
            outcome.seconds = time.monotonic() - begun
            outcome.step = result.step
            if result.failure and result.failure.excuse:
                outcome.state = State.NOT_RUN
                outcome.why = (
                    f"not beyond step {outcome.passed}: {result.failure.excuse}"
                )
                break
            if result.failure:
                outcome.state = State.FAILED
                outcome.failure = result.failure
                outcome.why = f"step {result.step.number} failed"
                break
            outcome.passed += 1
            self.changed(outcome)
            if result.step.number == self.last:
                run.keep = self.keep
                break
        if self.record and run.passed:
            outcome.recording = run.recorded()

    def _tell(self, outcome: Outcome, doing: str) -> None:
        outcome.doing = doing
        self.changed(outcome)

    def _gaps(self, outcome: Outcome) -> list[int]:
        deviations = self.backend.server.deviations()
        gaps = outcome.sdk.gaps(outcome.chapter.name)
        return [
            step.number
            for step in outcome.chapter.steps
            if step.number in gaps or deviations.gap(outcome.sdk.id, step)
        ]

    def _recording(self, outcome: Outcome) -> tuple[Recording | None, str]:
        """What the outputs are compared with, and why with nothing."""
        if not self.compare:
            return None, ""
        try:
            return self.backend.guide.recording(outcome.sdk, outcome.chapter), ""
        except Problem as problem:
            return _readable(outcome), str(problem)


def look_for(outcome: Outcome) -> None:
    """Look for what the sample needs; it is not run where that is missing."""
    try:
        toolchain.check_machine(outcome.sdk)
        outcome.version = toolchain.version_of(outcome.sdk, "sdk")
        outcome.language = toolchain.version_of(outcome.sdk, "language")
    except Problem as problem:
        outcome.state, outcome.why = State.NOT_RUN, problem.what


def _readable(outcome: Outcome) -> Recording | None:
    """A recording, also of another version of the program."""
    folder = outcome.sdk.recorded(outcome.chapter.name)
    try:
        return read_recording(folder, len(outcome.chapter))
    except Problem:
        return None


def _recorded_seconds(outcome: Outcome) -> float:
    """How long it took when it was recorded; what is not known comes first."""
    recording = _readable(outcome)
    if recording is None:
        return float("inf")
    return sum(step.seconds for step in recording.step)
