"""A report as Markdown, for an issue, a merge request or a wiki."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from livesteps.report.model import SDK, Report, State
from livesteps.report.words import facts, headline, versions

SIGNS = {
    State.PASSED: "✓",
    State.FAILED: "**✗**",
    State.NOT_REACHED: "·",
    State.GAP: "gap",
    State.NOT_RUN: "-",
}


def write(report: Report) -> str:
    """The text of the file."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {_plain(headline(report))}"
    yield ""
    for name, value in facts(report):
        yield f"- {name}: {_plain(value)}"
    yield ""
    numbers = [step.number for step in report.sdks[0].steps] if report.sdks else []
    columns = ["SDK", "version", *map(str, numbers), "seconds", "result"]
    yield _row(columns)
    yield _row(["---"] * len(columns))
    for sdk in report.sdks:
        result = f"{sdk.state.value}: {sdk.why}" if sdk.why else sdk.state.value
        yield _row(
            [
                _plain(sdk.name),
                _plain(versions(sdk)),
                *(SIGNS[step.state] for step in sdk.steps),
                f"{sdk.seconds:.1f}",
                _plain(result),
            ]
        )
    yield ""
    yield (
        f"{SIGNS[State.PASSED]} passed, {SIGNS[State.FAILED]} failed,"
        f" {SIGNS[State.NOT_REACHED]} not reached, {SIGNS[State.NOT_RUN]} not run,"
        " gap: declared as what cannot be done here."
    )
    if report.sdks:
        yield ""
        yield from (
            f"{step.number}. {_plain(step.title)}" for step in report.sdks[0].steps
        )
    for sdk in report.sdks:
        yield from _sdk(sdk)
    if report.target.info is not None:
        yield "\n## GET /info\n"
        yield _fenced(json.dumps(report.target.info, indent=2, sort_keys=True), "json")
    elif report.target.info_missing:
        yield "\n## GET /info\n"
        yield _plain(report.target.info_missing)


def _sdk(sdk: SDK) -> Iterator[str]:
    """What went wrong, what is a gap, and the requests."""
    yield f"\n## {_plain(sdk.name)}"
    if not any(step.seconds is not None for step in sdk.steps):
        yield f"\n{_plain(f'{sdk.state.value}: {sdk.why}')}"
        yield from _after(sdk)
        return
    yield from _after(sdk)
    for step in sdk.steps:
        if failed := step.failed:
            yield f"\n### Step {step.number} failed: {_plain(step.title)}\n"
            yield f"{_plain(failed.where)}\n"
            yield _fenced("\n".join(failed.saw))
            if failed.printed:
                yield "\nIt printed:\n"
                yield _fenced(failed.printed.rstrip("\n"))
        elif step.state is State.GAP:
            link = f" <{step.link}>" if step.link else ""
            yield f"\nStep {step.number} is a gap: {_plain(step.why)}{link}"
    yield "\n<details><summary>Its steps</summary>\n"
    yield _row(["step", "result", "seconds", "requests"])
    yield _row(["---"] * 4)
    for step in sdk.steps:
        requests = (
            ["not seen"]
            if step.requests is None and step.seconds is not None
            else [
                f"{each.method} {_plain(each.path)} {each.status}"
                for each in step.requests or ()
            ]
        )
        seconds = "" if step.seconds is None else f"{step.seconds:.2f}"
        yield _row([str(step.number), step.state.value, seconds, "<br>".join(requests)])
    yield "\n</details>"


def _after(sdk: SDK) -> Iterator[str]:
    """What became of what it made on a cloud of a person's own."""
    if sdk.after:
        yield "\nAfterwards:\n"
        yield _fenced("\n".join(sdk.after))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """A text in one line, nothing of which is taken for markup."""
    return re.sub(r"([\\`*_{}\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def _fenced(text: str, language: str = "text") -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
