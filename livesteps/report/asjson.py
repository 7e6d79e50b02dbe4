"""A report as JSON: the model as it is."""

from __future__ import annotations

import json
from dataclasses import asdict

from livesteps.report.model import Report


def write(report: Report) -> str:
    """The text of the file."""
    return json.dumps(asdict(report), indent=2, ensure_ascii=False) + "\n"
