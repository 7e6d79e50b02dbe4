"""The wheel, installed outside of this checkout with each extra alone.

What an extra names is linked from the packages that the tests run with, which are
those of requirements.txt; pip says whether that is all that the wheel wants.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path

import pytest
from elsewhere import elsewhere
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from small import ROOT, SmallGuide

from livesteps_openstack.cloud import supported

# `livesteps editions` does this for all SDKs together, and for each.
PUBLISH = """\
from pathlib import Path

from livesteps.publish.editions import Edition
from livesteps.read.guide import find_guide

Edition(find_guide(Path.cwd()), Path("site")).build()
"""

Elsewhere = Callable[..., "subprocess.CompletedProcess[str]"]
"""Runs a command of an environment in a folder."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path: Path) -> Elsewhere:
    """An environment with the wheel and the extra that the test's parameter names."""
    extra = getattr(request, "param", "")
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    link(closure(wheel, extra), packages)
    # Nothing but the wheel is to be got: all that it wants is there.
    pip(
        *("--python", str(folder / "bin" / "python"), "install"),
        *("--no-index", "--no-compile", f"{wheel}[{extra}]" if extra else str(wheel)),
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PY", "OS_"))}
    environment = {**kept, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}

    programs = folder / "bin"

    def run(folder: Path, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        script = programs / name  # only the wheel's own is made
        start = (
            [str(script)] if script.exists() else [str(programs / "python"), "-m", name]
        )
        return subprocess.run(
            [*start, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@cache
def here() -> dict[str, Distribution]:
    """What is installed where the tests run, by its name."""
    return {canonicalize_name(each.name): each for each in distributions()}


@cache
def owners() -> dict[str, set[str]]:
    """By the names of files and folders beside all packages, whose they are."""
    found: dict[str, set[str]] = {}
    for name, each in here().items():
        for file in each.files or ():
            found.setdefault(file.parts[0], set()).add(name)
    return found


def closure(wheel: Path, extra: str) -> set[str]:
    """The distributions that a wheel needs with an extra, as their metadata says."""
    [about] = (
        PathDistribution(folder)
        for folder in zipfile.Path(wheel).iterdir()
        if folder.name.endswith(".dist-info")
    )
    found: set[tuple[str, str]] = set()
    waiting = [*needed(about, ""), *needed(about, extra)]
    while waiting:
        name, more = waiting.pop()
        if (name, more) not in found:
            found.add((name, more))
            waiting += needed(here()[name], more)
    return {name for name, _ in found}


def needed(of: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    """The distributions that one needs with an extra, each with an extra of its own."""
    for line in of.requires or ():
        wanted = Requirement(line)
        if not wanted.marker or wanted.marker.evaluate({"extra": extra}):
            for each in ("", *wanted.extras):
                yield canonicalize_name(wanted.name), each


def link(names: set[str], into: Path) -> None:
    """Put distributions, and nothing of any other, into a folder of packages."""
    for name in names:
        for file in here()[name].files or ():
            top = file.parts[0]
            if top in ("..", "__pycache__"):
                continue
            # A namespace is shared with others, which may not be wanted.
            part = Path(*file.parts[: 1 if owners()[top] <= names else 2])
            target = into / part
            target.parent.mkdir(exist_ok=True)
            if not target.is_symlink():
                target.symlink_to(Path(str(here()[name].locate_file(part))))


def pip(*words: str) -> None:
    """Run it; what it says is shown if it fails."""
    ran = subprocess.run(
        [sys.executable, "-m", "pip", "-q", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


def record(installed: Elsewhere, folder: Path) -> None:
    """Run the guide's sample with an installed wheel, and keep what it printed."""
    ran = installed(folder, "livesteps", "record", "tiny")
    assert ran.returncode == 0, ran.stderr


def test_a_wheel_has_both_packages_with_their_types_and_the_license(
    wheel: Path,
) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"livesteps/py.typed", "livesteps_openstack/py.typed"} <= names
    data = {
        "guide/static/livesteps.css",
        "guide/static/livesteps.js",
        "report/page.html",
    }
    assert {f"livesteps/{name}" for name in data} <= names
    tops = {name.partition("/")[0] for name in names}
    [about] = tops - {"livesteps", "livesteps_openstack"}
    assert f"{about}/licenses/LICENSE" in names


def test_without_an_extra_a_guide_elsewhere_runs(
    installed: Elsewhere, tmp_path: Path
) -> None:
    guide = elsewhere(tmp_path)
    record(installed, guide)
    [output] = SmallGuide(guide).recorded.glob("step-*.txt")
    assert output.read_text() == "hello\n"
    report = tmp_path / "report.html"
    ran = installed(guide, "livesteps", "run", "--all", "--report", str(report))
    assert ran.returncode == 0, ran.stderr
    assert "1 of 1" in ran.stdout
    assert "Tiny SDK" in report.read_text()
    assert "server here" in installed(guide, "livesteps", "doctor").stdout


def test_without_an_extra_what_needs_one_names_it(
    installed: Elsewhere, tmp_path: Path
) -> None:
    guide = elsewhere(tmp_path, "openstack", "swift")

    def said(*words: str) -> str:
        ran = installed(guide, "livesteps", *words)
        assert ran.returncode == 2
        return ran.stderr

    todo = "pip install 'livesteps[{}]'\n"
    assert said("guide") == "livesteps guide needs sphinx; " + todo.format("guide")
    wanted = "livesteps editions needs sphinx; " + todo.format("editions")
    assert said("editions") == wanted
    for words in (("run", "tiny", "--os-cloud", "x"), ("clean", "--os-cloud", "x")):
        assert said(*words).endswith(" needs openstack; " + todo.format("openstack"))
    lack = "is not installed (pip install 'livesteps[openstack]')"
    if sys.platform == "linux":
        assert lack in said("cloud")
        assert lack in said("run", "tiny")


@pytest.mark.parametrize("installed", ["guide"], indirect=True)
def test_with_the_extra_guide_pages_are_built(
    installed: Elsewhere, tmp_path: Path
) -> None:
    guide = elsewhere(tmp_path)
    record(installed, guide)
    ran = installed(guide, "sphinx", "-q", "-W", "doc", "html")
    assert ran.returncode == 0, ran.stderr
    assert "hello" in (guide / "html" / "tiny.html").read_text()


@pytest.mark.parametrize("installed", ["editions"], indirect=True)
def test_with_the_extra_editions_all_of_one_is_published(
    installed: Elsewhere, tmp_path: Path
) -> None:
    guide = elsewhere(tmp_path)
    record(installed, guide)
    (guide / "publish.py").write_text(PUBLISH)
    ran = installed(guide, "publish")
    assert ran.returncode == 0, ran.stderr
    made = {path.name for path in (guide / "site").glob("*.*")}
    assert {"tiny.html", "tiny.md", "elsewhere.pdf", "elsewhere.epub"} <= made


@pytest.mark.parametrize("installed", ["gate"], indirect=True)
def test_with_the_extra_gate_pytest_runs_a_sample(
    installed: Elsewhere, tmp_path: Path
) -> None:
    guide = elsewhere(tmp_path)
    record(installed, guide)
    ran = installed(guide, "pytest", "-v")
    assert ran.returncode == 0, ran.stdout
    assert "2 passed" in ran.stdout


@pytest.mark.parametrize("installed", ["openstack"], indirect=True)
@pytest.mark.skipif(supported() is not None, reason=str(supported()))
def test_with_the_extra_openstack_a_sample_runs_on_swift(
    installed: Elsewhere, tmp_path: Path
) -> None:
    guide = elsewhere(tmp_path, "openstack", "swift")
    record(installed, guide)
