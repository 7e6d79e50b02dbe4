"""The tool's manual: its tutorial can be followed, and nothing is left out."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from small import COMMAND, ROOT

import livesteps
from livesteps import plugin, read, run
from livesteps.cli import main

MANUAL = ROOT / "doc" / "livesteps"
FIRST = MANUAL / "first"
TUTORIAL = (MANUAL / "tutorial.rst").read_text()
REFERENCE = (MANUAL / "reference.rst").read_text()
GLOSSARY = (MANUAL / "glossary.rst").read_text()

PROGRAMS = {
    "livesteps": COMMAND,
    "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
    "sphinx-build": [sys.executable, "-m", "sphinx"],
}


class Folder:
    """A folder in which a reader follows the tutorial."""

    def __init__(self, path: Path, environment: dict[str, str]) -> None:
        self.path = path
        self.environment = environment
        path.mkdir()

    def write(self, *names: str) -> None:
        """Write files of the tutorial, which its page shows."""
        for name in names:
            assert f".. literalinclude:: first/{name}\n" in TUTORIAL
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(FIRST / name, self.path / name)

    def follow(self, session: str) -> None:
        """Do what the page shows in a session, and compare what is printed."""
        assert f".. literalinclude:: first/{session}\n" in TUTORIAL
        shown = (FIRST / session).read_text()
        printed = ""
        for line in re.findall(r"^\$ (.*)$", shown, re.MULTILINE):
            name, *arguments = line.split()
            ran = subprocess.run(
                [*PROGRAMS[name], *arguments],
                cwd=self.path,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=120,
                check=False,
            )
            printed += f"$ {line}\n{ran.stdout}"
        assert lasting(printed) == lasting(shown)

    def page(self) -> BeautifulSoup:
        """The page of the chapter."""
        html = (self.path / "build" / "html" / "copying.html").read_text()
        return BeautifulSoup(html, "html.parser")


def lasting(printed: str) -> list[str]:
    """The lines of a session, without versions, seconds, folders and the width of
    columns; those of steps last, for SDKs run side by side."""
    text = re.sub(r"\d+(\.\d+)+", "N", printed)
    text = re.sub(r"/\S*/copying/", "/", text)
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return sorted(lines, key=lambda line: line if ": step-" in line else "")


@pytest.fixture
def folder(tmp_path: Path, environment: dict[str, str]) -> Folder:
    return Folder(tmp_path / "copying", environment)


def test_the_tutorial_can_be_followed(folder: Folder) -> None:
    folder.write(
        "samples/guide.toml",
        "samples/nothing.py",
        "samples/copying.toml",
        "samples/letter.txt",
        "samples/shutil/sdk.toml",
        "samples/shutil/copying.py",
    )
    folder.follow("run.txt")
    folder.follow("record.txt")
    recorded = folder.path / "samples/shutil/recorded/copying/step-01.txt"
    assert recorded.read_text() == "The copy has 42 bytes.\n"

    program = folder.path / "samples/shutil/copying.py"
    right = program.read_text()
    program.write_text(right.replace("copy.txt", "kopy.txt"))
    folder.follow("wrong.txt")
    program.write_text(right)

    folder.write("doc/conf.py", "doc/index.rst", "doc/copying.rst")
    folder.follow("page.txt")
    page = folder.page().get_text()
    assert "shutil.copy(" in page
    assert "The copy has 42 bytes." in page
    assert re.search(r"shutil \S+ on Python \S+\. Recorded on ", page)

    folder.write("samples/cp/sdk.toml", "samples/cp/copying.sh")
    folder.follow("second.txt")
    found = folder.page()
    assert [each.get_text(strip=True) for each in found.select(".sd-tab-label")] == [
        "cp",
        "shutil",
    ]
    assert re.search(r"cp \S+ on Bash \S+\. Ran on ", found.get_text())
    folder.follow("gate.txt")


def test_the_tutorial_shows_all_that_it_needs() -> None:
    files = {
        path.relative_to(FIRST).as_posix()
        for path in FIRST.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    shown = re.findall(r"^.. literalinclude:: first/(.*)$", TUTORIAL, re.MULTILINE)
    assert sorted(shown) == sorted(files)


def public_classes() -> Iterator[type]:
    """Those of the plugins' module, and of the rooms that read and run."""
    rooms = [plugin]
    for package in (read, run):
        for each in pkgutil.iter_modules(package.__path__):
            rooms.append(importlib.import_module(f"{package.__name__}.{each.name}"))
    for room in rooms:
        for name, each in vars(room).items():
            ours = inspect.isclass(each) and each.__module__ == room.__name__
            if ours and not name.startswith("_"):
                yield each


def test_the_glossary_has_every_noun_once() -> None:
    nouns = re.findall(r"``([A-Z]\w+)``", GLOSSARY)
    assert sorted(nouns) == sorted({each.__name__ for each in public_classes()})
    terms = re.findall(r"^([A-Za-z][\w ]*)\n    \S", GLOSSARY, re.MULTILINE)
    assert terms == sorted(set(terms), key=str.casefold)


def test_the_reference_has_every_command() -> None:
    shown = re.findall(r"^.. livesteps-command:: (\S+)$", REFERENCE, re.MULTILINE)
    assert sorted(shown) == main.list_commands(main.make_context("livesteps", ["run"]))


def test_the_reference_has_every_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for group in project["entry-points"]:
        assert f"``{group}``" in REFERENCE


def sources() -> Iterator[ast.Call]:
    """Every call in the tool."""
    for path in Path(livesteps.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield node


def test_the_reference_has_every_variable_and_every_setting_of_sphinx() -> None:
    names = {
        call.args[0].value
        for call in sources()
        if ast.unparse(call.func) in ("os.environ.get", "app.add_config_value")
        and isinstance(call.args[0], ast.Constant)
    }
    # `livesteps_shown` is not to be set.
    for name in names - {"livesteps_shown"}:
        assert f"``{name}``" in REFERENCE
    assert {"GUIDE_URL", "livesteps_samples"} <= names


def pages_of(folder: Path, *options: str, builder: str = "html") -> Path:
    """Build what is in a folder, without much else, into its `out`."""
    command = [sys.executable, "-m", "sphinx", "-q", "-b", builder, *options]
    samples = f"livesteps_samples={ROOT / 'samples'}"
    subprocess.run(
        [*command, "-D", samples, str(folder), str(folder / "out")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=True,
    )
    return folder / "out"


def test_the_reference_explains_every_key(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(
        "extensions = ['livesteps.guide', 'livesteps.guide.manual']\n"
        "root_doc = 'reference'\nexclude_patterns = ['out']\n"
    )
    shutil.copy(MANUAL / "reference.rst", tmp_path)
    (tmp_path / "plugins.rst").write_text(":orphan:\n\nPlugins\n=======\n")
    html = (pages_of(tmp_path) / "reference.html").read_text()
    page = BeautifulSoup(html, "html.parser")
    found = {term.code.get_text(): term for term in page.select("dl > dt:has(> code)")}
    known = {"chapters", "boundary", "downloads", "prints_md5", "except", "containers"}
    known |= {"step", "--os-cloud NAME", "--require SDK", "livesteps-keys", "GUIDE_URL"}
    assert known <= found.keys()
    for term in found.values():
        assert term.find_next_sibling("dd").get_text(strip=True), term
    assert found["chapters"].get_text() == "chaptersarray of strings, required"


@pytest.mark.parametrize(
    ("options", "builder", "there"),
    [
        ([], "html", True),
        (["-t", "libcloud"], "html", False),
        ([], "singlehtml", False),
    ],
)
def test_what_one_takes_along_is_the_guide_alone(
    tmp_path: Path, options: list[str], builder: str, there: bool
) -> None:
    shutil.copy(ROOT / "doc" / "conf.py", tmp_path)
    (tmp_path / "_static").mkdir()
    (tmp_path / "livesteps").mkdir()
    (tmp_path / "livesteps" / "index.rst").write_text("The tool\n========\n")
    (tmp_path / "index.rst").write_text(
        "Guide\n=====\n\n.. toctree::\n\n   livesteps/index\n"
    )
    out = pages_of(tmp_path, "-W", *options, builder=builder)
    assert ("The tool" in (out / "index.html").read_text()) is there
    assert (out / "livesteps" / "index.html").exists() is there


Complaint = Callable[[str], str]


@pytest.fixture
def complaint(tmp_path: Path) -> Complaint:
    """Build a page with one directive; the first line of what Sphinx says."""

    def build_page(text: str) -> str:
        (tmp_path / "conf.py").write_text(
            "extensions = ['livesteps.guide', 'livesteps.guide.manual']\n"
            f"livesteps_samples = {str(ROOT / 'samples')!r}\n"
        )
        (tmp_path / "index.rst").write_text(f"Page\n====\n\n{text}\n")
        built = subprocess.run(
            [
                *(sys.executable, "-m", "sphinx", "--no-color", "-q", "-W"),
                *("-b", "dummy", str(tmp_path), str(tmp_path / "out")),
            ],
            env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return built.stderr.split("\n")[0].partition("ERROR: ")[2]

    return build_page


@pytest.mark.parametrize(
    ("directive", "says"),
    [
        (
            ".. livesteps-command:: rum",
            "there is no command 'rum'; did you mean 'run'?",
        ),
        (
            ".. livesteps-keys:: livesteps.read.guide.GuidFile",
            "there is no class 'livesteps.read.guide.GuidFile'; give its module and"
            " name",
        ),
        (
            ".. livesteps-plugins:: kind",
            "plugins bring no 'kind'; did you mean 'kinds'?",
        ),
        (
            ".. livesteps-plugins:: kinds\n   :of: nobody",
            "'nobody' brings no kinds; see the guide's plugins",
        ),
        (
            ".. livesteps-keys:: bare.Bare",
            "'first' of Bare is not explained; write a docstring below it",
        ),
    ],
)
def test_a_wrong_directive_says_so(
    complaint: Complaint, tmp_path: Path, directive: str, says: str
) -> None:
    (tmp_path / "bare.py").write_text(
        "from livesteps.plugin import Table\n\nclass Bare(Table):\n    first: str\n"
    )
    assert complaint(directive).startswith(says)
