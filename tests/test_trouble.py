"""Troubles: what a sample says when something is other than it expects."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from small import SmallGuide as Guide
from small import write_guide

from livesteps.errors import Problem
from livesteps.read.trouble import (
    difference,
    read_message,
    trouble_path,
    write_messages,
)
from livesteps.run.backend import Backend
from livesteps.run.meet import meet

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


def write_troubles(small: Guide, text: str) -> None:
    (small.folder / "samples" / "troubles.toml").write_text(text)


PASSWORD = """\
[[trouble]]
name = "password"
before = 1
stops = 1
environment = { OS_PASSWORD = "wrong" }
"""


@pytest.fixture
def small(tmp_path: Path) -> Guide:
    made = write_guide(tmp_path / "guide", [ASKS, GOES_ON])
    write_troubles(made, PASSWORD)
    return made


def met(small: Guide, name: str) -> str:
    """What its program says in a trouble, on the one cloud."""
    guide = small.guide
    with Backend(guide) as backend:
        return meet(backend, guide.sdks["tiny"], guide.troubles[name])


def test_the_last_error_is_told_without_its_calls(
    borrowed: Backend, small: Guide
) -> None:
    assert met(small, "password") == "Connecting\nOSError: no entry\n"


def test_a_program_that_is_not_stopped_says_nothing(
    borrowed: Backend, small: Guide
) -> None:
    write_troubles(small, PASSWORD.replace('"wrong"', '"other"'))
    assert met(small, "password") == ""


def test_what_varies_is_left_out(borrowed: Backend, tmp_path: Path) -> None:
    small = write_guide(
        tmp_path / "guide",
        [
            "import os\n"
            "raise SystemExit('2026/11/25 07:46:48 ' + os.environ['OS_AUTH_URL'])"
        ],
    )
    write_troubles(small, PASSWORD)
    said = met(small, "password")
    assert said == "<date and time> http://<identity address>/v3\n"


def test_a_sample_that_fails_before_its_trouble_is_a_problem(
    borrowed: Backend, tmp_path: Path
) -> None:
    small = write_guide(tmp_path / "guide", ["raise SystemExit(3)", GOES_ON])
    write_troubles(small, PASSWORD.replace("1\nstops = 1", "2\nstops = 2"))
    with pytest.raises(Problem, match=r"before the trouble 'password'.*with status 3"):
        met(small, "password")


def test_what_changed_is_written_and_what_is_no_more_is_removed(
    tmp_path: Path,
) -> None:
    assert write_messages({"one": "1\n", "two": ""}, tmp_path)
    assert not write_messages({"one": "1\n", "two": ""}, tmp_path)
    assert read_message(tmp_path, "two") == ""
    assert write_messages({"one": "1\n"}, tmp_path)
    with pytest.raises(Problem, match=r"trouble-two.txt:1: it is missing; record it"):
        read_message(tmp_path, "two")


def test_a_difference_is_shown_as_one(small: Guide) -> None:
    folder = small.recorded
    folder.mkdir(parents=True)
    trouble_path(folder, "password").write_text("old words\n")
    assert difference("old words\n", folder, "password") == ""
    assert difference("new words\n", folder, "password").splitlines()[-2:] == [
        "-old words",
        "+new words",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[trouble]]\nname = 'a'\nstops = 1\n", ":1: key 'before' is missing; add it"),
        (
            PASSWORD + "chagne = 'quota'\n",
            ":6: unknown key 'chagne'; did you mean 'change'?",
        ),
        (
            PASSWORD + "change = 'qouta'\n",
            ":6: trouble.change: unknown 'qouta'; did you mean 'quota'?",
        ),
    ],
)
def test_a_file_that_is_wrong_is_an_error(
    small: Guide, text: str, complaint: str
) -> None:
    write_troubles(small, text)
    with pytest.raises(Problem) as raised:
        _ = small.guide
    assert complaint in str(raised.value)


def test_record_records_troubles_and_the_gate_compares_them(
    small: Guide,
    livesteps_here: Callable[..., subprocess.CompletedProcess[str]],
    gate: Callable[..., pytest.RunResult],
) -> None:
    ran = livesteps_here(small.folder, "record", "tiny")
    assert ran.returncode == 0, ran.stderr
    path = trouble_path(small.recorded, "password")
    assert path.read_text() == "Connecting\nOSError: no entry\n"
    assert "nothing changed" in livesteps_here(small.folder, "record", "tiny").stdout
    path.write_text("Connecting\nOSError: come in\n")
    result = gate(small, "-k", "trouble")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*what it says is not what was recorded:*"])
    result.stdout.fnmatch_lines(["-OSError: come in", "+OSError: no entry"])
