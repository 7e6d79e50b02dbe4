"""A report, made from the outcomes of a run."""

from __future__ import annotations

from livesteps.errors import shown
from livesteps.plugin import Info
from livesteps.read.chapter import Step as Contract
from livesteps.read.deviations import Deviations
from livesteps.read.exchange import in_order
from livesteps.report.model import SDK, Exchange, Failed, State, Step
from livesteps.run import outcome as batch
from livesteps.run.outcome import Outcome
from livesteps.run.result import Result

INTERRUPTED = "the run was interrupted"


def collect(
    outcome: Outcome,
    *,
    deviations: Deviations | None,
    last: int | None,
    required: bool,
    stopped: str,
) -> SDK:
    """What a report says of one SDK on a server, with its deviations; `last` is the
    step after which it stopped."""
    sdk, redact = outcome.sdk, outcome.redact
    why = redact(outcome.why)
    state = {
        batch.State.PASSED: State.PASSED,
        batch.State.FAILED: State.FAILED,
    }.get(outcome.state, State.NOT_RUN)
    if outcome.state is batch.State.RECORDED:
        why = f"recorded {why}"
    elif state is State.NOT_RUN and not why:
        why = redact(stopped) or INTERRUPTED
    results = {result.step.number: result for result in outcome.results}

    def step_of(contract: Contract) -> Step:
        if result := results.get(contract.number):
            return _reached(result, outcome, deviations)
        if state is State.NOT_RUN and not results:
            return Step(contract.number, contract.title, state, why=why)
        if last is not None and contract.number > last:
            reason = f"the run was to stop after step {last}"
            return Step(contract.number, contract.title, State.NOT_RUN, why=reason)
        return Step(contract.number, contract.title, State.NOT_REACHED, why=why)

    return SDK(
        id=outcome.name,
        name=sdk.name + outcome.name.removeprefix(sdk.id),
        version=outcome.version,
        language=sdk.language,
        language_version=outcome.language,
        state=state,
        why=why,
        required=required,
        seconds=round(outcome.seconds, 3),
        after=tuple(map(redact, outcome.after)),
        steps=tuple(map(step_of, outcome.chapter.steps)),
    )


def versions(outcomes: list[Outcome], info: Info) -> dict[str, str]:
    """Of the servers: as we know them, else as they say."""
    for outcome in outcomes:
        if outcome.servers:
            return dict(outcome.servers)
    return dict(info.versions)


def _reached(result: Result, outcome: Outcome, deviations: Deviations | None) -> Step:
    redact, failure = outcome.redact, result.failure
    gap = outcome.sdk.gaps(outcome.chapter.name).get(result.step.number) or (
        deviations.gap(outcome.sdk.id, result.step) if deviations else None
    )
    why, link = (gap.reason, gap.link) if gap else ("", "")
    state = State.PASSED
    failed = None
    if failure and failure.excuse:
        state, why, link = State.GAP, failure.excuse, ""
    elif failure:
        state = State.FAILED
        failed = Failed(
            f"{shown(failure.path)}:{failure.line}",
            tuple(map(redact, failure.reasons)),
            redact(result.output),
            failure.broken,
        )
    elif gap:
        state = State.GAP
    return Step(
        result.step.number,
        result.step.title,
        state,
        round(result.seconds, 3),
        why,
        link,
        failed,
        None
        if result.exchanges is None
        else tuple(
            Exchange(each.method, redact(each.path), each.status)
            for each in in_order(result.exchanges)
        ),
    )
