"""A report as one HTML page that needs nothing beside it."""

from __future__ import annotations

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from livesteps.report.model import Report, State
from livesteps.report.words import facts, headline, versions

SIGNS = {
    State.PASSED: "✓",
    State.FAILED: "✗",
    State.NOT_REACHED: "·",
    State.GAP: "○",
    State.NOT_RUN: "-",
}


def write(report: Report) -> str:
    """The text of the file."""
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    info = report.target.info
    return environment.get_template("page.html").render(
        report=report,
        headline=headline(report),
        facts=facts(report),
        versions=versions,
        signs=SIGNS,
        info=None if info is None else json.dumps(info, indent=2, sort_keys=True),
    )
