"""What a report says, whatever its format; the JSON form is this, as it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FORMAT = 1
"""Goes up when a key is renamed or taken away."""


class State(StrEnum):
    """How a step went."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    """The run ended before it."""
    GAP = "gap"
    """It cannot be done here, as was declared, and was seen not to be."""
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Exchange:
    """A request of a step, and the status that it was answered by."""

    method: str
    path: str
    """With its query."""
    status: int


@dataclass(frozen=True)
class Failed:
    """What was seen when a step failed."""

    where: str
    """The line where the step begins, in the program's file."""
    saw: tuple[str, ...]
    """Each a sentence, or a few lines: what was expected, what was found."""
    printed: str
    """What the step printed."""
    broken: bool
    """The program ended, or could not be run."""


@dataclass(frozen=True)
class Step:
    """One step of one SDK."""

    number: int
    title: str
    state: State
    seconds: float | None = None
    why: str = ""
    """Why it is a gap, or was not run or not reached."""
    link: str = ""
    """Of a gap: its makers' word."""
    failed: Failed | None = None
    requests: tuple[Exchange, ...] | None = None
    """None where nobody sees them."""


@dataclass(frozen=True)
class SDK:
    """One SDK, and all steps."""

    id: str
    name: str
    version: str
    """None known: empty. So is the language's."""
    language: str
    language_version: str
    state: State
    why: str
    """Why it failed or was not run, in one line."""
    required: bool
    """That it was not run is a failure."""
    seconds: float
    after: tuple[str, ...]
    """What the run removed from a cloud of a person's own, what is left there, and
    what differs, in lines to read."""
    steps: tuple[Step, ...]

    @property
    def good(self) -> bool:
        """Nothing is wrong with it."""
        return self.state is not State.FAILED and not (
            self.required and self.state is State.NOT_RUN
        )

    @property
    def passed(self) -> int:
        """How many steps passed."""
        return sum(step.state is State.PASSED for step in self.steps)


@dataclass(frozen=True)
class Target:
    """What the SDKs were run against."""

    kind: str
    """`cloud`, of clouds.yaml, or `server`, of our own."""
    name: str
    way: str
    """How the samples connected; empty where there is but one way."""
    versions: dict[str, str]
    """Of its servers, as far as they are known, by name."""
    info: dict[str, Any] | None
    """What it answers to GET /info."""
    info_missing: str
    """Why that is not known; empty of a server that has no way to say it."""


@dataclass(frozen=True)
class Report:
    """A whole run."""

    format: int
    livesteps: str
    """Version of the tool."""
    date: str
    """When it began: ISO 8601, in UTC."""
    seconds: float
    passed: bool
    """Nothing failed, and what was required was run."""
    stopped: str
    """What ended the run before its end, in one line, or nothing."""
    target: Target
    sdks: tuple[SDK, ...]
