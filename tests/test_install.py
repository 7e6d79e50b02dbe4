"""What an SDK installs and builds: once, whole, and with clear words if it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small import COMMAND

from livesteps.errors import Problem
from livesteps.run.run import Run

if TYPE_CHECKING:
    from small import SmallGuide as Guide

MakeGuide = Callable[..., "Guide"]
Start = Callable[..., AbstractContextManager[Run]]
Command = Callable[..., subprocess.CompletedProcess[str]]
WaitFor = Callable[[Callable[[], object], str], None]

# Of webob, which the cloud uses.
pytestmark = pytest.mark.filterwarnings("ignore:'cgi' is deprecated")

PRINTS_LIBRARY = "print(open(__file__.replace('tiny.py', 'library')).read())"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache, of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "livesteps"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What every install writes a line to."""
    return tmp_path / "log"


def installing(guide: Guide, shell: str) -> Guide:
    """Let the guide's SDK install by a line of shell."""
    (guide.sdk_folder / "lock").write_text("library 1.0\n")
    with (guide.sdk_folder / "sdk.toml").open("a") as file:
        file.write(
            "[install]\n"
            'files = ["lock"]\n'
            f"command = ['sh', '-c', '''{shell}''']\n"
            "[environment]\n"
            'WHERE = "{cache}"\n'
        )
    return guide


def building(guide: Guide, shell: str) -> Guide:
    """Let the guide's SDK build by a line of shell."""
    toml = guide.sdk_folder / "sdk.toml"
    build = f"build = ['sh', '-c', '''{shell}''', '{{sample}}', '{{built}}']\n"
    toml.write_text(build + toml.read_text())
    return guide


def outputs(started: AbstractContextManager[Run]) -> list[str]:
    """What each step of a run that passes printed."""
    with started as run:
        results = list(run)
    assert [result.failure for result in results] == [None] * len(results)
    return [result.output for result in results]


def test_it_installs_once_and_again_when_a_file_changed(
    make_guide: MakeGuide, start: Start, log: Path
) -> None:
    guide = installing(
        make_guide(PRINTS_LIBRARY), f'cp lock "$WHERE/library"; echo ran >> {log}'
    )
    assert outputs(start(guide)) == ["library 1.0\n\n"]
    assert outputs(start(guide)) == ["library 1.0\n\n"]
    assert log.read_text() == "ran\n"
    (guide.sdk_folder / "lock").write_text("library 1.1\n")
    assert outputs(start(guide)) == ["library 1.1\n\n"]
    assert log.read_text() == "ran\nran\n"
    assert sorted(os.listdir(guide.sdk_folder)) == ["lock", "sdk.toml", "tiny.py"]


def test_an_install_that_was_killed_is_repaired(
    make_guide: MakeGuide, start: Start, log: Path, wait_for: WaitFor
) -> None:
    guide = installing(
        make_guide(PRINTS_LIBRARY),
        f"test ! -e half || exit 1; touch half; echo $$ >> {log}; "
        f"test -e {log}.again || sleep 600; cp lock library",
    )
    fill = (
        "import sys, threading; from pathlib import Path\n"
        "from livesteps.read.guide import load_guide\n"
        "from livesteps.run import install\n"
        "sdk = load_guide(Path(sys.argv[1])).sdks['tiny']\n"
        "install.install(sdk, threading.Event())\n"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", fill, str(guide.samples / "guide.toml")]
    )
    wait_for(lambda: log.exists() and log.read_text().strip(), "the install began")
    killed.kill()
    killed.wait()
    installer = Path("/proc") / log.read_text().strip()
    wait_for(lambda: not installer.exists(), "what it started ended with it")
    Path(f"{log}.again").touch()
    assert outputs(start(guide)) == ["library 1.0\n\n"]


def test_an_install_that_fails_is_told_with_its_last_lines(
    make_guide: MakeGuide, start: Start, livesteps_here: Command, cache: Path
) -> None:
    guide = installing(
        make_guide(PRINTS_LIBRARY),
        "seq 100; echo no route to registry >&2; exit 3",
    )
    with pytest.raises(Problem) as raised, start(guide):
        pass
    said = str(raised.value)
    toml = (guide.sdk_folder / "sdk.toml").read_text().splitlines()
    line = toml.index("[install]") + 3
    assert said.startswith(f"{guide.sdk_folder / 'sdk.toml'}:{line}: `sh -c seq 100;")
    assert f"` ended with status 3 in {cache}" in said
    assert said.endswith("  99\n  100\n  no route to registry")
    assert "\n  50\n" not in said

    ran = livesteps_here(guide.folder, "run", "tiny")
    assert ran.returncode == 1
    assert "no route to registry" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


def test_two_processes_at_once_fill_it_once(
    make_guide: MakeGuide, log: Path, environment: dict[str, str], wait_for: WaitFor
) -> None:
    guide = installing(
        make_guide(PRINTS_LIBRARY),
        f"echo ran >> {log}; while test ! -e {log}.go; do sleep 0.05; done; "
        "cp lock library",
    )
    guide.without_server()
    environment["XDG_CACHE_HOME"] = os.environ["XDG_CACHE_HOME"]
    both = [
        subprocess.Popen(
            [*COMMAND, "run", "tiny"],
            cwd=guide.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    wait_for(log.exists, "the first one installs")
    Path(f"{log}.go").touch()
    for process in both:
        printed, _ = process.communicate(timeout=100)
        # There is no recording yet.
        assert "do 1 (1/1" in printed
    assert log.read_text() == "ran\n"


def test_what_was_built_runs(make_guide: MakeGuide, start: Start) -> None:
    guide = building(make_guide("print('not built')"), 'sed s/not.// "$0" > "$1"')
    toml = guide.sdk_folder / "sdk.toml"
    toml.write_text(
        toml.read_text().replace('["{python}", "{sample}"]', '["{python}", "{built}"]')
    )
    assert outputs(start(guide)) == ["built\n"]


@pytest.mark.parametrize(
    "said", ["$0", "./tiny.py", "tiny.py"], ids=["absolute", "dot", "name"]
)
def test_a_build_that_fails_points_into_the_published_file(
    make_guide: MakeGuide, start: Start, said: str
) -> None:
    guide = building(
        make_guide("print(1)", "print(2)"),
        f'echo "{said}:5:7: no such name" >&2; exit 2',
    )
    with start(guide) as run:
        [result] = list(run)
    assert str(result.failure) == (
        f"{guide.program}:1: its build ended with status 2:\n"
        f"  {guide.program}:5:7: no such name"
    )


def test_a_build_that_does_not_end_is_stopped(
    make_guide: MakeGuide, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livesteps.run.install.BUILD_DEADLINE", 0.5)
    guide = building(make_guide("print(1)"), "sleep 600")
    with start(guide) as run:
        [result] = list(run)
    assert "its build did not end within 0.5 s" in str(result.failure)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[install]\nfiles = ["lock"]\n', "key 'command' is missing; add it"),
        (
            '[install]\nfiles = ["lokc"]\ncommand = ["true"]\n',
            "install.files: there is no file 'lokc' beside it; write it",
        ),
        (
            '[install]\nfiles = ["lock"]\ncommand = ["{cahce}"]\n',
            "install.command: unknown '{cahce}'; did you mean 'cache'?",
        ),
        (
            '[environment]\nGOPATH = "{cache}"\n',
            "environment.GOPATH: unknown '{cache}'; write it out",
        ),
    ],
)
def test_a_mistake_is_named(make_guide: MakeGuide, more: str, said: str) -> None:
    guide = make_guide("print(1)")
    (guide.sdk_folder / "lock").touch()
    with (guide.sdk_folder / "sdk.toml").open("a") as file:
        file.write(more)
    with pytest.raises(Problem) as raised:
        _ = guide.sdk
    assert str(raised.value).partition(": ")[2] == said
