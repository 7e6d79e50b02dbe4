"""Troubles: what a sample says when something is other than it expects."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from livesteps.run.trouble import (
    difference,
    load_troubles,
    meet,
    read_said,
    trouble_path,
    write_said,
)
from small import SmallGuide as Guide
from small import write_guide
from test_gate import INSTALLED

from livesteps.errors import Problem
from livesteps.run.backend import Backend

ASKS = """
import os
import urllib.request

if os.environ["OS_PASSWORD"] == "wrong":
    print("Connecting")
    try:
        raise ValueError("the first")
    except ValueError:
        raise SystemExit("no entry") if os.environ.get("QUIET") else OSError("no entry")
print("Connected")
"""
GOES_ON = 'print("one more step")'


def write_troubles(guide: Guide, text: str) -> None:
    (guide.folder / "samples" / "troubles.toml").write_text(text)


PASSWORD = """\
[[trouble]]
name = "password"
before = 1
stops = 1
environment = { OS_PASSWORD = "wrong" }
"""


@pytest.fixture
def guide(tmp_path: Path) -> Guide:
    made = write_guide(tmp_path / "guide", [ASKS, GOES_ON])
    write_troubles(made, PASSWORD)
    return made


def met(backend: Backend, guide: Guide, name: str) -> str:
    troubles = load_troubles(guide.folder / "samples")
    small = Backend(guide.chapter)
    small.cloud, small.fractals = backend.cloud, backend.fractals
    small._numbers = backend._numbers
    return meet(small, guide.sdk, troubles[name])


def test_the_last_error_is_told_without_its_calls(
    backend: Backend, guide: Guide
) -> None:
    assert met(backend, guide, "password") == "Connecting\nOSError: no entry\n"


def test_a_program_that_is_not_stopped_says_nothing(
    backend: Backend, guide: Guide
) -> None:
    write_troubles(guide, PASSWORD.replace('"wrong"', '"other"'))
    assert met(backend, guide, "password") == ""


def test_what_varies_is_left_out(backend: Backend, tmp_path: Path) -> None:
    guide = write_guide(
        tmp_path / "guide",
        [
            "import os\n"
            "raise SystemExit('2026/11/25 07:46:48 ' + os.environ['OS_AUTH_URL'])"
        ],
    )
    write_troubles(guide, PASSWORD)
    said = met(backend, guide, "password")
    assert said == "<date and time> http://<identity address>/v3\n"


def test_a_sample_that_fails_before_its_trouble_is_a_problem(
    backend: Backend, tmp_path: Path
) -> None:
    guide = write_guide(tmp_path / "guide", ["raise SystemExit(3)", GOES_ON])
    write_troubles(guide, PASSWORD.replace("1\nstops = 1", "2\nstops = 2"))
    with pytest.raises(Problem, match=r"before the trouble 'password'.*with status 3"):
        met(backend, guide, "password")


def test_what_changed_is_written_and_what_is_no_more_is_removed(
    tmp_path: Path,
) -> None:
    assert write_said({"one": "1\n", "two": ""}, tmp_path)
    assert not write_said({"one": "1\n", "two": ""}, tmp_path)
    assert read_said(tmp_path, "two") == ""
    assert write_said({"one": "1\n"}, tmp_path)
    with pytest.raises(Problem, match=r"trouble-two.txt:1: it is missing; record it"):
        read_said(tmp_path, "two")


def test_a_difference_is_shown_as_one(guide: Guide) -> None:
    folder = guide.recorded
    folder.mkdir()
    trouble_path(folder, "password").write_text("old words\n")
    assert difference("old words\n", guide.sdk, "password") == ""
    assert difference("new words\n", guide.sdk, "password").splitlines()[-2:] == [
        "-old words",
        "+new words",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[trouble]]\nname = 'a'\nstops = 1\n", ":1: key 'before' is missing; add it"),
        (
            PASSWORD + "sever = 'quota'\n",
            ":6: unknown key 'sever'; did you mean 'server'?",
        ),
    ],
)
def test_a_file_that_is_wrong_is_an_error(
    guide: Guide, text: str, complaint: str
) -> None:
    write_troubles(guide, text)
    with pytest.raises(Problem) as raised:
        load_troubles(guide.folder / "samples")
    assert complaint in str(raised.value)


def test_record_records_troubles_and_the_gate_compares_them(
    guide: Guide,
    livesteps_here: Callable[..., subprocess.CompletedProcess[str]],
    pytester: pytest.Pytester,
) -> None:
    ran = livesteps_here(guide.folder, "record", "tiny")
    assert ran.returncode == 0, ran.stderr
    path = trouble_path(guide.recorded, "password")
    assert path.read_text() == "Connecting\nOSError: no entry\n"
    assert "nothing changed" in livesteps_here(guide.folder, "record", "tiny").stdout
    path.write_text("Connecting\nOSError: come in\n")
    result = pytester.runpytest_subprocess(
        *([] if INSTALLED else ["-p", "livesteps.gate"]),
        *("-p", "no:cacheprovider", str(guide.sdk_folder), "-k", "trouble"),
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*what it says is not what was recorded:*"])
    result.stdout.fnmatch_lines(["-OSError: come in", "+OSError: no entry"])
