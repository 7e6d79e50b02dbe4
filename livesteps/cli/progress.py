"""How far the samples of a batch are, and how they went, for a person."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from livesteps.run.outcome import Outcome, State

STYLES = {
    State.PASSED: "green",
    State.FAILED: "red",
    State.NOT_RUN: "yellow",
    State.RUNNING: "cyan",
    State.WAITING: "dim",
    State.RECORDED: "green",
}

require = click.option(
    "--require",
    multiple=True,
    metavar="SDK",
    help="Fail if this SDK cannot run here (may be repeated).",
)


@contextmanager
def progress(outcomes: Sequence[Outcome]) -> Iterator[Callable[[Outcome], None]]:
    """Show how far each sample is: live on a terminal, else line by line. What it
    gives is to be called when a sample got further."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Live(
            get_renderable=lambda: table(outcomes),
            console=console,
            transient=True,
            refresh_per_second=8,
        ):
            yield lambda _: None
    else:
        yield _print


def _print(outcome: Outcome) -> None:
    if outcome.doing:
        click.echo(f"{outcome.name}: {outcome.doing}")
    elif outcome.state is State.RUNNING and outcome.step:
        click.echo(
            f"{outcome.name}: {outcome.step.label}"
            f" ({outcome.passed}/{len(outcome.chapter)}, {outcome.seconds:.2f} s)"
        )


def table(outcomes: Sequence[Outcome]) -> Table:
    """A row for each sample."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("SDK", "version", "steps passed", "seconds", "result"):
        made.add_column(title, justify="right" if title == "seconds" else "left")
    for outcome in outcomes:
        ran = outcome.step is not None
        state = outcome.state.value
        if outcome.state is State.RUNNING and outcome.step:
            state = outcome.doing or outcome.step.label
        elif outcome.state is State.RUNNING and outcome.doing:
            state = outcome.doing
        elif outcome.why:
            between = " " if outcome.state is State.RECORDED else ": "
            state += between + outcome.why
        elif outcome.state is State.PASSED and outcome.gaps:
            gaps = ", ".join(map(str, outcome.gaps))
            state += f", but for what is declared a gap: {gaps}"
        made.add_row(
            outcome.name,
            outcome.version,
            f"{outcome.passed} of {len(outcome.chapter)}" if ran else "-",
            f"{outcome.seconds:.1f}" if ran else "-",
            Text(state, style=STYLES[outcome.state]),
        )
    return made


def tell_after(outcomes: Sequence[Outcome]) -> None:
    """Print what the runs left in somebody's account, or removed there."""
    for outcome in outcomes:
        for line in outcome.after:
            click.echo(f"{outcome.name}: {line}", err=True)


def finish(
    outcomes: Sequence[Outcome], required: Sequence[str], whole: float = 0.0
) -> None:
    """Print how all went, and in how many seconds on the whole.

    Exit with 2 if a sample is broken, with 1 if one did something else than it
    should, or was not run although it had to be.
    """
    for outcome in outcomes:
        if outcome.failure:
            click.echo(f"\n{outcome.failure}\n", err=True)
    tell_after(outcomes)
    console = Console(width=None if sys.stdout.isatty() else 240)
    made = table(outcomes)
    if sum(outcome.step is not None for outcome in outcomes) > 1:
        made.add_row("all", "", "", f"{whole:.1f}", "")
    console.print(made)
    failed = [outcome for outcome in outcomes if outcome.state is State.FAILED]
    absent = [
        outcome.name
        for outcome in outcomes
        if outcome.state is State.NOT_RUN and outcome.sdk.id in required
    ]
    if absent:
        click.echo(f"required, but not run: {', '.join(absent)}", err=True)
    if any(outcome.failure and outcome.failure.broken for outcome in failed):
        sys.exit(2)
    if failed or absent:
        sys.exit(1)
