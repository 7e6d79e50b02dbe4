"""Who reads a guide loads what reads, and neither HTTP nor a server."""

from __future__ import annotations

import subprocess
import sys

import pytest
from small import ROOT

IMPURE = (
    "requests",
    "urllib3",
    "http.client",
    "httpx",
    "botocore",
    "moto",
    "keystoneauth1",
    "openstack",
    "swift",
    "eventlet",
    "livesteps_openstack.cloud",
    "livesteps.run",
)
"""Modules, each with all below it."""

READING = """\
from pathlib import Path
from livesteps.read.guide import load_guide
guide = load_guide(Path("samples/guide.toml"))
for sdk in guide.sdks.values():
    for chapter in guide.programs(sdk):
        guide.recording(sdk, chapter)
"""


def loaded(code: str) -> set[str]:
    """The modules that a fresh process has loaded after some code."""
    code = f"import sys\n{code}\nprint(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(ran.stdout.split())


def impure(modules: set[str]) -> set[str]:
    """Those of `IMPURE` that are among these, or something below them."""
    return {
        name
        for name in IMPURE
        if any(each == name or each.startswith(f"{name}.") for each in modules)
    }


def test_sphinx_alone_loads_nothing_of_it() -> None:
    # So that nothing below is Sphinx's own: where this fails, a newer Sphinx loads
    # something itself, which is to be taken out of what is asserted there.
    assert impure(loaded("import sphinx.application")) == set()


@pytest.mark.parametrize(
    "code",
    ["import livesteps.guide", READING, f"import livesteps.guide\n{READING}"],
    ids=["the extension", "reading the guide", "both"],
)
def test_reading_loads_no_http_and_no_server(code: str) -> None:
    assert impure(loaded(code)) == set()
