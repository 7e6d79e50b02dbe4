"""How one step of a run went, and why it failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from livesteps.errors import shown
from livesteps.read.chapter import Step
from livesteps.read.exchange import Exchange


@dataclass(frozen=True)
class Failure:
    """Why a step failed, for the person who mends it."""

    path: Path
    line: int
    """Where the step begins in the published file."""
    reasons: tuple[str, ...]
    """Each a sentence, or a few lines: what was expected, what was found."""
    exchanges: tuple[Exchange, ...] = ()
    """What the step asked of the server."""
    broken: bool = False
    """The program does not run as a sample must; what it did is not looked at."""
    excuse: str = ""
    """What the cloud lacks, where that may be why."""

    def __str__(self) -> str:
        first, *rest = self.reasons
        lines = [f"{shown(self.path)}:{self.line}: {first}", *rest]
        if self.exchanges:
            lines += ["requests of this step:"]
            lines += [
                f"  {each.method} {each.path} -> {each.status}"
                for each in self.exchanges
            ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Result:
    """How one step went."""

    step: Step
    output: str
    seconds: float
    exchanges: tuple[Exchange, ...] | None
    """None where nobody sees them."""
    failure: Failure | None = None
    stderr: str = ""
    """What it printed to standard error, as if of the published file."""
