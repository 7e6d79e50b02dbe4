"""A guide of another server, in another markup: the tool knows no guide."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from small import ROOT

from livesteps.read.guide import load_guide
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps.run.run import Result

GUIDE = ROOT / "tests" / "guides" / "postgresql"
PROGRAMS = {"psql": "tables.sql", "psycopg": "tables.py"}
STEPS = range(1, 6)

Livesteps = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    """One server for all programs."""
    guide = load_guide(GUIDE / "samples" / "guide.toml")
    if why := guide.plugins.servers[guide.server].supported():
        pytest.skip(f"not run: {why}")
    with Backend(guide) as running:
        yield running


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the guide, to be spoiled."""
    ignore = shutil.ignore_patterns("build", "__pycache__")
    return shutil.copytree(GUIDE, tmp_path / "guide", ignore=ignore)


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> BeautifulSoup:
    """The page of its chapter, built without a warning."""
    out = tmp_path_factory.mktemp("postgresql")
    words = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "-n", "-E", "-q"]
    built = subprocess.run(
        [*words, "-d", out / "doctrees", GUIDE / "doc", out / "html"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return BeautifulSoup((out / "html" / "tables.html").read_text(), "html.parser")


def tab(page: BeautifulSoup, step: int, sdk: str) -> Tag:
    """That of an SDK at a step."""
    label = page.select_one(f"#step-{step} label[data-sync-id={sdk}]")
    assert label
    found = label.find_next_sibling("div")
    assert isinstance(found, Tag)
    return found


def block(sdk: str, step: int) -> str:
    """The code between a step's marker and the next one."""
    text = (GUIDE / "samples" / sdk / PROGRAMS[sdk]).read_text()
    return re.split(r"^(?:#|--) step-\d\n", text, flags=re.MULTILINE)[step].strip()


@pytest.mark.parametrize("sdk", PROGRAMS)
@pytest.mark.parametrize("step", STEPS)
def test_each_step_has_its_code_its_output_and_its_stamp(
    page: BeautifulSoup, step: int, sdk: str
) -> None:
    shown = tab(page, step, sdk)
    code, output = (pre.get_text() for pre in shown.select("pre"))
    assert code.strip() == block(sdk, step)
    recorded = GUIDE / "samples" / sdk / "recorded" / "tables"
    assert output.strip() == (recorded / f"step-{step:02}.txt").read_text().strip()
    run = tomllib.loads((recorded / "run.toml").read_text())
    stamp = shown.select_one(".livesteps-stamp")
    assert stamp
    language = f"on Python {run['language']}" if sdk == "psycopg" else "on SQL"
    against = f"against PostgreSQL {run['servers']['PostgreSQL']}"
    assert f"{run['sdk']} {language}, {against}. Recorded on " in stamp.get_text()


def test_the_page_says_nothing_of_requests(page: BeautifulSoup) -> None:
    assert not page.select("details.livesteps-folded")
    assert "HTTP" not in page.get_text()


def test_markdown_refers_to_steps_and_speaks_to_one_sdk(page: BeautifulSoup) -> None:
    assert page.select_one('#step-5 a[href="#step-3"]')
    assert "ON_ERROR_STOP" in tab(page, 1, "psql").get_text()
    assert "ON_ERROR_STOP" not in tab(page, 1, "psycopg").get_text()


def test_both_programs_run_and_nothing_of_the_server_is_left(
    backend: Backend, livesteps: Livesteps, tmp_path: Path
) -> None:
    def left() -> set[Path]:
        return set(Path("/tmp").glob("livesteps-pg-*"))

    before = left()
    reports = [tmp_path / name for name in ("run.md", "run.html", "run.xml")]
    options = [word for path in reports for word in ("--report", str(path))]
    ran = livesteps(GUIDE, "run", "--all", *options)
    assert ran.returncode == 0, ran.stderr
    for sdk in PROGRAMS:
        assert re.search(rf"^{sdk} .* 5 of 5 .* passed$", ran.stdout, re.MULTILINE)
    for path in reports:
        report = path.read_text()
        assert "PostgreSQL" in report
        assert not re.search("GET|password", report)
    assert left() <= before


def test_doctor_says_what_brings_it(livesteps: Livesteps, tmp_path: Path) -> None:
    ran = livesteps(GUIDE, "doctor", PATH=str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"^psql +psql is not installed", ran.stdout, re.MULTILINE)
    assert "To run psql:\n  Debian, Ubuntu: sudo apt-get install postgresql" in (
        ran.stdout
    )


@pytest.mark.usefixtures("backend")
def test_the_gate_runs_it(environment: dict[str, str]) -> None:
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*words, GUIDE / "samples"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"=+ 13 passed in ", ran.stdout)


def test_a_wrong_row_fails_its_step_and_is_named(backend: Backend, copy: Path) -> None:
    program = copy / "samples" / "psql" / PROGRAMS["psql"]
    text = program.read_text()
    program.write_text(text.replace("cheeses + 3", "cheeses + 2"))
    *good, last = run(backend, copy, "psql")
    assert [result.failure for result in good] == [None] * 4
    line = text[: text.index("-- step-5")].count("\n") + 1
    assert str(last.failure) == (
        f"{program}:{line}: expected shops to hold"
        " ['(Bern,7)', '(Chur,7)'], found ['(Bern,7)', '(Chur,6)']"
    )


def test_what_is_not_committed_does_not_count(backend: Backend, copy: Path) -> None:
    program = copy / "samples" / "psycopg" / PROGRAMS["psycopg"]
    program.write_text(program.read_text().replace("autocommit=True", ""))
    *_, last = run(backend, copy, "psycopg")
    assert last.step.title == "create a table"
    assert "expected shops to hold [], found None" in str(last.failure)


def run(backend: Backend, guide: Path, sdk: str) -> list[Result]:
    """The results of a program of a guide's copy, on the one server."""
    read = load_guide(guide / "samples" / "guide.toml")
    with (
        Program(read.sdks[sdk], read.chapters["tables"]) as program,
        backend.run(program) as running,
    ):
        return list(running)


def test_the_guide_is_small_and_the_tool_does_not_know_it() -> None:
    lines = 0
    for path in GUIDE.rglob("*"):
        parts = path.relative_to(GUIDE).parts
        if path.is_file() and not {"recorded", "build", "__pycache__"} & {*parts}:
            lines += len(path.read_text().splitlines())
    assert lines <= 250
    found = subprocess.run(
        ["git", "grep", "-il", "postgres", "--", "livesteps"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (1, "")
