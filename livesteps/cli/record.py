"""The command `livesteps record`."""

from __future__ import annotations

from pathlib import Path

import click

from livesteps.cli.progress import finish, progress
from livesteps.errors import Problem, shown, unwritten
from livesteps.read.guide import Guide, find_guide
from livesteps.read.recording import read_recording, write_recording
from livesteps.read.trouble import write_messages
from livesteps.run.backend import Backend
from livesteps.run.batch import Batch
from livesteps.run.meet import meet
from livesteps.run.outcome import Outcome
from livesteps.run.plan import plan, programs


@click.command()
@click.argument("name", metavar="SDK|SDK/CHAPTER")
def record(name: str) -> None:
    """Run a sample and write what it printed as its recording."""
    guide = find_guide(Path.cwd())
    wanted = programs(guide, [name])
    id_ = wanted[0][0].id
    why_not = guide.plugins.servers[guide.server].supported()
    outcomes = plan(guide, wanted, why_not, named=[id_])
    with Backend(guide) as backend, progress(outcomes) as tell:
        Batch(backend, tell, compare=False, record=True).run(outcomes)
        messages = [_met(backend, outcome) for outcome in outcomes]
    for outcome, each in zip(outcomes, messages, strict=True):
        if outcome.recording:
            _write(guide, outcome, each)
    finish(outcomes, [id_])


def _met(backend: Backend, outcome: Outcome) -> dict[str, str]:
    """Its message in each trouble of its chapter."""
    messages = {}
    for trouble in backend.guide.troubles.values():
        if outcome.recording and trouble.chapter == outcome.chapter.name:
            click.echo(f"{outcome.name}: trouble {trouble.name}", err=True)
            messages[trouble.name] = meet(backend, outcome.sdk, trouble)
    return messages


def _write(guide: Guide, outcome: Outcome, messages: dict[str, str]) -> None:
    assert outcome.recording
    folder = outcome.sdk.recorded(outcome.chapter.name)
    words = guide.plugins.vocabulary
    try:
        old = read_recording(folder, len(outcome.chapter))
        same = old.same_but_for_time(outcome.recording, words)
    except Problem:
        same = False
    with unwritten(folder):
        if not same:
            write_recording(outcome.recording, folder, words)
        same = not write_messages(messages, folder) and same
    click.echo(f"{shown(folder)}: {'nothing changed' if same else 'written'}")
