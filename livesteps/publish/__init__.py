"""What is built for readers, from samples that just ran."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from livesteps.read.guide import Guide
from livesteps.read.recording import write_recording
from livesteps.run.backend import Backend
from livesteps.run.batch import Batch
from livesteps.run.outcome import Outcome, State
from livesteps.run.plan import plan, programs


@dataclass(frozen=True)
class Publication:
    """What is to be built, and from what."""

    guide: Guide
    outcomes: Sequence[Outcome]
    site: Path
    """The folder that it is built into."""
    fresh: Path
    """The folder of the recordings that were made for it."""


def plan_all(guide: Guide) -> list[Outcome]:
    """All samples, to be run against the guide's first server."""
    why_not = guide.plugins.servers[guide.server].supported()
    return plan(guide, programs(guide), why_not)


def run_all(
    guide: Guide, outcomes: Sequence[Outcome], tell: Callable[[Outcome], None]
) -> float:
    """Run what can run, to be shown; in how many seconds. `tell` is as of `Batch`."""
    if not any(outcome.state is State.WAITING for outcome in outcomes):
        return 0.0
    with Backend(guide) as backend:
        return Batch(backend, tell, record=True).run(outcomes)


@contextmanager
def publication(
    guide: Guide, outcomes: Sequence[Outcome], name: str
) -> Iterator[Publication]:
    """What is to be built into `build/NAME`, which is empty; as long as the context
    lasts, the recordings of what passed are in a folder for Sphinx."""
    site = guide.root / "build" / name
    with tempfile.TemporaryDirectory(prefix="livesteps-guide-") as folder:
        for outcome in outcomes:
            if outcome.recording and outcome.state is State.PASSED:
                write_recording(
                    outcome.recording,
                    Path(folder) / outcome.sdk.id / outcome.chapter.name,
                    guide.plugins.vocabulary,
                )
        shutil.rmtree(site, ignore_errors=True)
        yield Publication(guide, outcomes, site, Path(folder))
