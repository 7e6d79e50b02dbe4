"""A report as JUnit's XML, as Jenkins and GitLab read it.

A suite for each SDK, a test case for each step. A step that failed is a
failure, one in which the program ended an error; what was not run, not
reached or is a gap is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from livesteps.report.model import SDK, Exchange, Report, State, Step


def write(report: Report) -> str:
    """The text of the file."""
    root = ET.Element("testsuites", name="livesteps")
    for sdk in report.sdks:
        _suite(root, report, sdk)
    if report.stopped:
        suite = ET.SubElement(root, "testsuite", name="livesteps")
        _error(suite, "livesteps", report.stopped)
        _count(suite, report.date, 0.0)
    _count(root, "", report.seconds)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(root: ET.Element, report: Report, sdk: SDK) -> None:
    suite = ET.SubElement(root, "testsuite", name=sdk.id)
    properties = ET.SubElement(suite, "properties")
    target = report.target
    for name, value in {
        "livesteps": report.livesteps,
        target.kind: target.name,
        "way": target.way,
        **{f"version of {name}": value for name, value in target.versions.items()},
        "sdk": f"{sdk.name} {sdk.version}".strip(),
        "language": f"{sdk.language} {sdk.language_version}".strip(),
        "info": json.dumps(target.info) if target.info else target.info_missing,
    }.items():
        if value:
            ET.SubElement(properties, "property", name=name, value=value)
    for step in sdk.steps:
        _case(suite, sdk, step)
    if not sdk.good and not any(step.failed for step in sdk.steps):
        _error(suite, sdk.id, sdk.why)
    if sdk.after:
        ET.SubElement(suite, "system-out").text = "\n".join(sdk.after)
    _count(suite, report.date, sdk.seconds)


def _case(suite: ET.Element, sdk: SDK, step: Step) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=sdk.id,
        name=f"step-{step.number:02} {step.title}",
        time=f"{step.seconds or 0:.3f}",
    )
    if failed := step.failed:
        first, *_ = failed.saw[0].splitlines()
        kind = "error" if failed.broken else "failure"
        seen = ET.SubElement(case, kind, message=first, type=step.state.value)
        seen.text = "\n".join([f"{failed.where}:", *failed.saw])
    elif step.state is not State.PASSED:
        message = f"{step.state.value}: {step.why}" if step.why else step.state.value
        ET.SubElement(case, "skipped", message=message)
    printed = step.failed.printed if step.failed else ""
    if out := "\n".join(filter(None, [*_lines(step.requests or ()), printed])):
        ET.SubElement(case, "system-out").text = out


def _lines(requests: Iterable[Exchange]) -> list[str]:
    return [f"{each.method} {each.path} -> {each.status}" for each in requests]


def _error(suite: ET.Element, classname: str, why: str) -> None:
    """What went wrong, but in no step."""
    case = ET.SubElement(
        suite, "testcase", classname=classname, name="run", time="0.000"
    )
    ET.SubElement(case, "error", message=why, type="failed").text = why


def _count(suite: ET.Element, date: str, seconds: float) -> None:
    """Say what is in it: readers do not count."""
    for name, tag in (
        ("tests", "testcase"),
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        suite.set(name, str(sum(1 for _ in suite.iter(tag))))
    suite.set("time", f"{seconds:.3f}")
    if date:
        suite.set("timestamp", date.removesuffix("+00:00"))
