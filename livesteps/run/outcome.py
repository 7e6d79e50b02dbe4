"""How one sample of a batch fares, while it runs and after."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from livesteps.read.chapter import Chapter, Step
from livesteps.read.recording import Recording
from livesteps.read.redact import Redaction
from livesteps.read.sdk import SDK
from livesteps.run.result import Failure, Result


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

    sdk: SDK
    chapter: Chapter
    name: str
    """What a person calls it."""
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
