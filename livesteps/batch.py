"""Many samples side by side: who runs, how far each is, and how it went."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum

from livesteps.errors import Problem
from livesteps.kit import Kit
from livesteps.program import Program
from livesteps.recording import Recording, check_recording, read_recording
from livesteps.redact import Redaction
from livesteps.run import Failure, Result, Run
from livesteps.stage import Stage
from livesteps.step import Step


class State(Enum):
    """How a sample fares."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    RECORDED = "recorded"


@dataclass
class Outcome:
    """One sample in a batch; it changes while the sample runs."""

    kit: Kit
    state: State = State.WAITING
    passed: int = 0
    """Steps passed so far."""
    seconds: float = 0.0
    """For its build and its steps."""
    step: Step | None = None
    """The step that was last run."""
    why: str = ""
    """Why it was not run, or failed, or is only recorded, in one line."""
    failure: Failure | None = None
    recording: Recording | None = None
    """The run as a recording, if that was asked for and every step passed."""
    gaps: list[int] = field(default_factory=list)
    """The steps of which something is declared a gap, of the SDK or the server."""
    version: str = ""
    """Of the SDK that runs here, or that was recorded, if either is so."""
    language: str = ""
    """Version of the language, likewise."""
    results: list[Result] = field(default_factory=list)
    """Of the steps that were run."""
    servers: dict[str, str] = field(default_factory=dict)
    """Versions of the servers that it ran against, by name."""
    redact: Redaction = field(default_factory=Redaction)
    """Takes out of a text what nobody but the person may see."""
    doing: str = ""
    """What takes long, besides its steps."""
    after: tuple[str, ...] = ()
    """What the run left in somebody's account, or removed, in lines to read."""


class Abandoned(KeyboardInterrupt):
    """Interrupted again while what was made was being removed; says what is left."""


def only_recorded(kit: Kit, steps: int) -> Outcome:
    """The outcome of a sample that is not run with the others: it is good if
    its recording is whole, and of the sample as it is now."""
    folder = kit.folder / "recorded"
    try:
        recording = read_recording(folder, steps)
        check_recording(recording, folder, kit)
    except Problem as problem:
        return Outcome(kit, State.FAILED, why=str(problem))
    return Outcome(
        kit,
        State.RECORDED,
        why=f"on {recording.date}: {kit.recorded_only}",
        version=recording.sdk,
        language=recording.language,
    )


def look_for(outcome: Outcome) -> None:
    """Look for what the sample needs; it is not run where that is missing."""
    try:
        outcome.kit.check_machine()
        outcome.version = outcome.kit.version_of("sdk")
        outcome.language = outcome.kit.version_of("language")
    except Problem as problem:
        outcome.state, outcome.why = State.NOT_RUN, problem.what


def run_batch(
    stage: Stage,
    outcomes: Iterable[Outcome],
    changed: Callable[[Outcome], None],
    *,
    last: int | None = None,
    compare: bool = True,
    record: bool = False,
    keep: bool = False,
) -> float:
    """Run all outcomes' samples, as many at once as the stage allows.

    It returns the seconds from the start of the first to the end of the last.

    `changed` is called after every step, from the thread that ran it. `last`
    is the step after which to stop. With `compare` the outputs must be the
    recorded ones. With `record` the outcome of a good run has its recording.
    With `keep` a run that stops after `last` leaves what it made, also on a cloud
    that is not ours.
    """
    waiting = [outcome for outcome in outcomes if outcome.state is State.WAITING]
    # The longest first. How long a program is built was not recorded.
    waiting.sort(
        key=lambda each: (bool(each.kit.build), _recorded_seconds(stage, each)),
        reverse=True,
    )
    halt, ready = threading.Event(), threading.Event()
    begun = time.monotonic()
    pool = ThreadPoolExecutor(max_workers=stage.at_once)
    try:
        futures = [
            pool.submit(
                _run_one,
                *(stage, outcome, changed),
                last=last,
                compare=compare,
                record=record,
                keep=keep,
                ready=ready,
                halt=halt,
            )
            for outcome in waiting
        ]
        stage.wait()  # meanwhile, programs are built
        ready.set()
        for future in futures:
            future.result()
    except BaseException:
        halt.set()  # Ctrl-C does not wait for a step's deadline
        ready.set()
        try:
            pool.shutdown(cancel_futures=True)
        except KeyboardInterrupt:
            raise Abandoned("\n".join(stage.abandon())) from None
        raise
    pool.shutdown()
    return time.monotonic() - begun


def _recorded_seconds(stage: Stage, outcome: Outcome) -> float:
    """How long it took when it was recorded; what is not known comes first."""
    try:
        recording = read_recording(outcome.kit.folder / "recorded", len(stage.steps))
    except Problem:
        return float("inf")
    return sum(step.seconds for step in recording.steps)


def _run_one(
    stage: Stage,
    outcome: Outcome,
    changed: Callable[[Outcome], None],
    *,
    last: int | None,
    compare: bool,
    record: bool,
    keep: bool,
    ready: threading.Event,
    halt: threading.Event,
) -> None:
    kit = outcome.kit
    look_for(outcome)
    if outcome.state is State.NOT_RUN:
        return
    outcome.state = State.RUNNING
    outcome.gaps = [
        step.number
        for step in stage.steps.steps
        if step.number in kit.gaps or stage.server.gap(kit.id, step)
    ]
    changed(outcome)

    def tell(doing: str) -> None:
        outcome.doing = doing
        changed(outcome)

    recording, stale = None, ""
    if compare:
        try:
            recording = read_recording(kit.folder / "recorded", len(stage.steps))
            check_recording(recording, kit.folder / "recorded", kit)
        except Problem as problem:
            stale = str(problem)
    begun = time.monotonic()
    run: Run | None = None
    try:
        with Program(kit, stage.steps, halt, way=stage.way) as program:
            built = time.monotonic()
            ready.wait()
            if halt.is_set():
                return
            begun += time.monotonic() - built
            with stage.run(program, recording, tell=tell) as run:
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
                    changed(outcome)
                    if result.step.number == last:
                        run.keep = keep
                        break
                if record and run.passed:
                    outcome.recording = run.recorded()
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
    changed(outcome)
