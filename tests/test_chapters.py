"""A guide of two chapters: each is named, run, recorded, gated and shown."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup
from small import write_guide

from livesteps.errors import Problem
from livesteps.read.recording import RecordedStep, Recording, write_recording

if TYPE_CHECKING:
    from small import SmallGuide as Guide

Command = Callable[..., subprocess.CompletedProcess[str]]
Gate = Callable[..., pytest.RunResult]

GAP = """
[[gap]]
chapter = "two"
reason = "It has no call for that."
link = "https://example.org/issues/1"
"""


def write_two(folder: Path) -> Guide:
    """Write a guide of the chapters `tiny`, of one step, and `two`, of two."""
    small = write_guide(folder, ["print('one')"])
    small.add_chapter("two", ["print('first')", "print('second')"])
    return small


@pytest.fixture
def two(tmp_path: Path) -> Guide:
    """A guide of two chapters, to be spoiled."""
    return write_two(tmp_path / "guide")


def record(small: Guide) -> None:
    """Write what a run of each program would record."""
    guide = small.guide
    for sdk in guide.sdks.values():
        for chapter in guide.programs(sdk):
            lines = sdk.sample_of(chapter.name).text.splitlines()
            printed = [line.split("'")[1] for line in lines if "print" in line]
            recording = Recording(
                date=datetime.date(2026, 11, 25),
                digest=sdk.sample_of(chapter.name).digest,
                sdk="1.0",
                language="3.11",
                libraries=0,
                memory=1 << 20,
                servers={},
                known={},
                step=[
                    RecordedStep(number=step.number, seconds=0.1)
                    for step in chapter.steps
                ],
                outputs=tuple(f"{word}\n" for word in printed),
            )
            folder = sdk.recorded(chapter.name)
            write_recording(recording, folder, guide.plugins.vocabulary)


def without_two(small: Guide) -> int:
    """Declare that the SDK lacks the second chapter; the line of that."""
    toml = small.sdk_folder / "sdk.toml"
    toml.write_text(toml.read_text() + GAP)
    (small.sdk_folder / "two.py").unlink()
    return toml.read_text().splitlines().index("[[gap]]") + 1


def test_an_sdk_runs_all_its_chapters_or_the_one_that_is_named(
    two: Guide, livesteps_here: Command
) -> None:
    record(two)
    ran = livesteps_here(two.folder, "run", "tiny")
    assert ran.returncode == 0, ran.stdout
    assert "tiny/tiny: step-01 do 1 (1/1, " in ran.stdout
    assert "tiny/two: step-02 do 2 (2/2, " in ran.stdout
    ran = livesteps_here(two.folder, "run", "tiny/two")
    assert ran.returncode == 0, ran.stdout
    assert "tiny/two: step-02 do 2 (2/2, " in ran.stdout
    assert "tiny/tiny" not in ran.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tiny/tow", "unknown chapter 'tow'; did you mean 'two'?"),
        ("tny/two", "unknown SDK 'tny'; did you mean 'tiny'?"),
    ],
)
@pytest.mark.parametrize("command", ["run", "record"])
def test_an_unknown_name_is_told_the_nearest(
    two: Guide, livesteps_here: Command, command: str, name: str, said: str
) -> None:
    ran = livesteps_here(two.folder, command, name)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"{said}\n")


def test_a_chapter_that_an_sdk_lacks_is_not_run(
    two: Guide, livesteps_here: Command
) -> None:
    without_two(two)
    record(two)
    ran = livesteps_here(two.folder, "run", "tiny")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "tiny/tiny" in ran.stdout
    assert "tiny/two" not in ran.stdout
    ran = livesteps_here(two.folder, "run", "tiny/two")
    assert (ran.returncode, ran.stderr) == (
        2,
        "'tiny' has no program of 'two': It has no call for that; it has tiny\n",
    )


def test_recordings_lie_by_chapter(two: Guide, livesteps_here: Command) -> None:
    folder = two.sdk_folder / "recorded"
    ran = livesteps_here(two.folder, "record", "tiny/two")
    assert ran.returncode == 0, ran.stderr
    written = [str(path.relative_to(folder)) for path in folder.rglob("*.*")]
    assert sorted(written) == ["two/run.toml", "two/step-01.txt", "two/step-02.txt"]
    ran = livesteps_here(two.folder, "record", "tiny")
    assert "samples/tiny/recorded/tiny: written" in ran.stdout
    assert "samples/tiny/recorded/two: nothing changed" in ran.stdout
    assert (folder / "tiny" / "step-01.txt").read_text() == "one\n"


def test_the_gate_has_the_items_of_each_chapter(two: Guide, gate: Gate) -> None:
    record(two)
    assert gate(two, "--collect-only", "-q").outlines[:5] == [
        "samples/tiny/sdk.toml::tiny: recording",
        "samples/tiny/sdk.toml::tiny: step-01 do 1",
        "samples/tiny/sdk.toml::two: recording",
        "samples/tiny/sdk.toml::two: step-01 do 1",
        "samples/tiny/sdk.toml::two: step-02 do 2",
    ]
    program = two.sdk_folder / "two.py"
    program.write_text(program.read_text().replace("second", "third"))
    ran = gate(two)
    ran.assert_outcomes(passed=3, failed=2)
    ran.stdout.fnmatch_lines(
        [
            "samples/tiny/recorded/two/run.toml:3: it is of another version of *",
            "samples/tiny/two.py:4: the output is not the recorded one:",
            "  --- recorded in samples/tiny/recorded/two/step-02.txt",
        ]
    )


def test_the_gate_has_no_item_of_a_chapter_that_an_sdk_lacks(
    two: Guide, gate: Gate
) -> None:
    without_two(two)
    record(two)
    assert gate(two, "--collect-only", "-q").outlines[:3] == [
        "samples/tiny/sdk.toml::tiny: recording",
        "samples/tiny/sdk.toml::tiny: step-01 do 1",
        "",
    ]


def of_no_chapter(two: Guide) -> int:
    line = without_two(two)
    toml = two.sdk_folder / "sdk.toml"
    toml.write_text(toml.read_text().replace('chapter = "two"\n', "step = 1\n"))
    return line


def of_an_unknown_chapter(two: Guide) -> int:
    line = without_two(two) + 1
    toml = two.sdk_folder / "sdk.toml"
    toml.write_text(toml.read_text().replace('"two"', '"tow"'))
    return line


def of_all_chapters(two: Guide) -> int:
    line = without_two(two)
    toml = two.sdk_folder / "sdk.toml"
    toml.write_text(toml.read_text() + GAP.replace("two", "tiny"))
    return line


def one_program(two: Guide) -> int:
    toml = two.sdk_folder / "sdk.toml"
    toml.write_text(toml.read_text().replace("{chapter}.py", "tiny.py"))
    return 4


def no_program(two: Guide) -> int:
    (two.sdk_folder / "two.py").unlink()
    return 4


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (of_no_chapter, "gap.0: it does not say of which chapter; give 'chapter'"),
        (of_an_unknown_chapter, "gap.0.chapter: unknown 'tow'; did you mean 'two'?"),
        (
            of_all_chapters,
            "gap.0: no chapter is left that it has a program of; write one",
        ),
        (
            one_program,
            "sample: it names one program for all chapters; write {chapter} in it",
        ),
        (
            no_program,
            "sample: there is no file 'two.py' beside it; write it, or say in a gap why"
            " this chapter cannot be done",
        ),
    ],
)
def test_a_mistake_in_sdk_toml_is_named_with_its_line(
    two: Guide, spoil: Callable[[Guide], int], said: str
) -> None:
    line = spoil(two)
    with pytest.raises(Problem) as raised:
        _ = two.sdk
    assert str(raised.value) == f"{two.sdk_folder / 'sdk.toml'}:{line}: {said}"


def test_a_gap_of_a_step_is_of_its_chapter_alone(two: Guide) -> None:
    toml = two.sdk_folder / "sdk.toml"
    toml.write_text(toml.read_text() + GAP + "step = 2\n")
    assert list(two.sdk.gaps("two")) == [2]
    assert list(two.sdk.gaps("tiny")) == []
    two.sdk.sample_of("tiny")  # which has no step 2


@dataclass(frozen=True)
class Built:
    """What Sphinx made of pages, and said."""

    folder: Path
    said: str

    def page(self, name: str) -> BeautifulSoup:
        """A page."""
        return BeautifulSoup((self.folder / f"{name}.html").read_text(), "html.parser")


def title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n\n"


def section(text: str) -> str:
    return f"{text}\n{'-' * len(text)}\n\n"


def build(small: Guide, pages: dict[str, str], *options: str) -> Built:
    """Build these pages."""
    doc, out = small.folder / "doc", small.folder / "out"
    doc.mkdir()
    (doc / "conf.py").write_text('extensions = ["livesteps.guide"]\n')
    tree = ".. toctree::\n\n" + "".join(f"   {name}\n" for name in pages)
    for name, text in {"index": tree, **pages}.items():
        (doc / f"{name}.rst").write_text(title(name) + text)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "--no-color", "-q", "-n"),
            *(*options, str(doc), str(out)),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = ran.stderr.replace(f"{doc}/", "")
    assert (ran.returncode == 0) == (not said or "-W" not in options), said
    return Built(out, said)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Pages in which all is well; a second SDK lacks the second chapter."""
    small = write_two(tmp_path_factory.mktemp("guide"))
    lacks = small.samples / "lacks"
    shutil.copytree(small.sdk_folder, lacks, ignore=shutil.ignore_patterns("two.py"))
    toml = (lacks / "sdk.toml").read_text().replace("Tiny", "Lacking")
    (lacks / "sdk.toml").write_text(toml + GAP)
    record(small)
    step = ".. step:: {}\n\n".format
    pages = {
        "tiny": section("Do one") + step(1),
        "two": section("Do it first") + step(1),
        "more": ":ref:`tiny-step-1`, :ref:`two-step-1`, :ref:`two-step-2`\n\n"
        + section("Do it second")
        + ".. step:: 2\n   :chapter: two\n\n"
        + section("All")
        + ".. matrix:: steps\n",
    }
    return build(small, pages, "-W", "--keep-going")


def test_a_page_is_of_the_chapter_of_its_name(built: Built) -> None:
    def code(page: str) -> list[str]:
        blocks = built.page(page).select(".highlight-python pre")
        return [block.get_text().strip() for block in blocks]

    assert code("tiny") == ["print('one')"] * 2  # of either SDK
    assert code("two") == ["print('first')"]
    assert code("more") == ["print('second')"]


def test_a_label_is_that_of_a_step_and_its_chapter(built: Built) -> None:
    more = built.page("more")
    links = {link.get_text(): link["href"] for link in more.select("p a.reference")}
    assert links["Do one"] == "tiny.html#step-1"
    assert links["Do it first"] == "two.html#step-1"
    assert links["Do it second"] == "#step-2"
    for page, anchor in (("tiny", "step-1"), ("two", "step-1"), ("more", "step-2")):
        assert built.page(page).find(id=anchor)


def test_a_page_says_why_an_sdk_lacks_its_chapter(built: Built) -> None:
    said = " ".join(built.page("two").get_text().split())
    assert "Lacking SDK has no program of this chapter" in said
    assert "It has no call for that." in said
    assert "has no program" not in built.page("tiny").get_text()


def test_the_matrix_shows_each_chapter(built: Built) -> None:
    more = built.page("more")
    assert [each.get_text() for each in more.select("p.rubric")] == ["tiny", "two"]
    rows = [
        [[cell.get_text(strip=True) for cell in row] for row in table.select("tr")]
        for table in more.select("table.livesteps-matrix")
    ]
    assert [[row[0] for row in table] for table in rows] == [
        ["SDK", "Lacking SDK", "Tiny SDK"],
        ["SDK", "Tiny SDK"],
    ]
    assert "Lacking SDK, two: It has no call for that." in more.get_text()
    links = {link["href"] for link in more.select("table a")}
    assert {"tiny.html?sdk=tiny#step-1", "two.html?sdk=tiny#step-1"} <= links


def test_what_a_page_says_in_vain_is_named(two: Guide) -> None:
    record(two)
    pages = {
        "other": "Text.\n\n.. step:: 1\n",
        "wrong": "Text.\n\n.. step:: 1\n   :chapter: tow\n",
        "two": ".. step:: 1\n\n:ref:`two-step-9`\n",
        "most": "Text.\n\n.. step:: 2\n   :chapter: tiny\n",
    }
    said = build(two, pages, "-W", "--keep-going", "-b", "dummy").said
    for line in (
        "other.rst:6: ERROR: this page is of no chapter; say which, as ':chapter: ti",
        "wrong.rst:6: ERROR: unknown chapter 'tow'; did you mean 'two'?",
        "most.rst:6: ERROR: there is no step '2'; they are 1 to 1",
        "two.rst:6: WARNING: undefined label: 'two-step-9'",
    ):
        assert line in said
