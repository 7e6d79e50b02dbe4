"""A run: stopped at every step, and nothing left of it, whatever happens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from small import COMMAND

from livesteps.errors import Problem
from livesteps.run import limits
from livesteps.run.backend import Backend
from livesteps.run.run import Result, Run

if TYPE_CHECKING:
    from small import SmallGuide as Guide

MakeGuide = Callable[..., "Guide"]
Start = Callable[..., AbstractContextManager[Run]]
WaitFor = Callable[[Callable[[], object], str], None]

ONE = "print('one')"
HANG = "import time\nprint('hangs', flush=True)\ntime.sleep(600)"


SHORT = 2.0
"""Seconds in which Python has long started, for a sample that hangs."""


def run_all(started: AbstractContextManager[Run]) -> Run:
    """Run a sample as far as it goes; nothing of it may be left."""
    with started as run:
        for _ in run:
            pass
        guard = run.program.process.pid
    assert not run.program.folder.exists()
    assert not psutil.pid_exists(guard)
    return run


def why(result: Result) -> str:
    """Why a step failed, as a person reads it."""
    assert result.failure
    return str(result.failure)


def test_every_step_has_its_output(make_guide: MakeGuide, start: Start) -> None:
    blocks = "import sys\nprint('one')", "print('two\\n')", "print(3)"
    run = run_all(start(make_guide(*blocks)))
    results = run.results
    assert [result.failure for result in results] == [None] * 3
    assert [result.output for result in results] == ["one\n", "two\n\n", "3\n"]
    assert run.passed
    ending = run.program.process.ending
    assert ending
    assert (ending.exit, ending.left) == (0, [])
    assert ending.cpu > 0
    assert ending.memory > 1 << 20


GAP = """
[[gap]]
step = 2
reason = "It has no call for that."
link = "https://example.org/issues/1"
"""


def declare(guide: Guide) -> int:
    """Declare step 2 a gap; the line of sdk.toml on which that begins."""
    toml = guide.sdk_folder / "sdk.toml"
    toml.write_text(toml.read_text() + GAP)
    return toml.read_text().splitlines().index("[[gap]]") + 1


def test_a_gap_is_what_cannot_do_what_its_contract_says(
    make_guide: MakeGuide, start: Start
) -> None:
    nothing, missing = "holds = {}", "holds = { missing = [] }"
    guide = make_guide(ONE, ONE, ONE, contracts=[nothing, missing, nothing])
    declare(guide)
    run = run_all(start(guide))
    assert [result.failure for result in run.results] == [None] * 3
    assert run.passed


def test_a_gap_that_is_closed_must_go(make_guide: MakeGuide, start: Start) -> None:
    guide = make_guide(ONE, ONE, ONE)
    line = declare(guide)
    [_, closed] = run_all(start(guide)).results
    assert why(closed).partition(": ")[2] == (
        "step 2 is declared a gap, and does what its contract says;"
        f" take the gap out of {guide.sdk_folder / 'sdk.toml'}:{line}"
    )


def test_a_gap_is_of_a_step_that_there_is(make_guide: MakeGuide) -> None:
    guide = make_guide(ONE)
    line = declare(guide)
    with pytest.raises(Problem) as raised:
        guide.sdk.sample_of("tiny")
    assert str(raised.value) == (
        f"{guide.sdk_folder / 'sdk.toml'}:{line + 1}: gap.step: there is no step 2;"
        " they are 1 to 1"
    )


def test_a_program_that_cuts_other_steps_than_the_guide_does_not_start(
    make_guide: MakeGuide, start: Start
) -> None:
    guide = make_guide(ONE, ONE)
    guide.program.write_text("# step-1\nprint(1)\n# step-2\n")
    with pytest.raises(Problem) as raised, start(guide):
        pass
    assert str(raised.value) == (
        f"{guide.program}:3: it has 1 steps, the guide has 2; end it with `# step-3`"
    )


@pytest.mark.parametrize(
    ("second", "said"),
    [
        pytest.param(
            HANG,
            "it was stopped, since it did not end within 2 s; see what",
            id="hangs",
        ),
        pytest.param(
            "import sys; print('dies'); sys.exit(3)",
            "it ended with status 3 before its marker step-3; mend what ended it",
            id="ends early",
        ),
        pytest.param(
            "import os; print('dies', flush=True); os.kill(os.getpid(), 9)",
            "it was killed by signal 9 before its marker step-3",
            id="killed",
        ),
        pytest.param(
            "pass", "it printed nothing; print what the reader should", id="mute"
        ),
        pytest.param(
            "print(' ')", "it printed nothing; print what the reader", id="blank"
        ),
        pytest.param(
            "print('x' * (1 << 20))",
            "it printed more than 64 KiB in this step; print what a reader can use",
            id="a megabyte",
        ),
        pytest.param(
            "sys.stdout.buffer.write(b'caf\\xe9!\\n')",
            "it printed bytes that are not UTF-8: b'\\xe9' after 'caf'; print UTF-8",
            id="Latin-1",
        ),
        pytest.param(
            "print('fine'); print('a warning', file=sys.stderr)",
            "it printed to standard error; mend what this says:\n  a warning",
            id="standard error",
        ),
        pytest.param(
            "import os; print('I am', os.environ['OS_PASSWORD'])",
            "it printed the password; leave it out, for it would be published",
            id="the password",
        ),
        pytest.param(
            "print('gAAAAABn' + 'x' * 90)",
            "it printed a token; leave it out, for it would be published",
            id="a token",
        ),
        pytest.param(
            "print('\\x1estep-4'); input()",
            "expected the boundary step-3, found 'step-4\\n'; run the steps in",
            id="boundary of another step",
        ),
        pytest.param(
            "print('\\x1e'); input()",
            "expected the boundary step-3, found '\\n'",
            id="boundary without a name",
        ),
    ],
)
def test_a_step_that_fails_is_named_and_the_next_ones_are_not_run(
    make_guide: MakeGuide, start: Start, second: str, said: str
) -> None:
    guide = make_guide("import sys\nprint('one')", second, "print('three')")
    deadline = SHORT if second == HANG else 20.0
    results = run_all(start(guide, deadline)).results
    assert [bool(result.failure) for result in results] == [False, True]
    assert why(results[1]).startswith(f"{guide.program}:5: {said}")


def test_a_secret_is_in_neither_the_output_nor_the_failure(
    make_guide: MakeGuide, start: Start
) -> None:
    secret = (
        "import os, sys\n"
        "for file in (sys.stdout, sys.stderr):\n"
        "    print('key:', os.environ['OS_PASSWORD'], file=file)"
    )
    run = run_all(start(make_guide(secret)))
    [password] = run.account.secrets
    [result] = run.results
    assert result.output == "key: ***\n"
    assert "  key: ***" in why(result)
    assert password not in why(result)


def test_a_traceback_points_at_the_published_file(
    make_guide: MakeGuide, start: Start
) -> None:
    guide = make_guide(ONE, "print('two')\n\nraise RuntimeError('out of goats')", ONE)
    said = why(run_all(start(guide)).results[1])
    assert said.startswith(f"{guide.program}:4: it ended with status 1 before")
    assert f'File "{guide.program}", line 7, in <module>' in said
    assert "RuntimeError: out of goats" in said
    assert "livesteps-run-" not in said


def test_a_child_that_is_left_is_named_and_ended(
    make_guide: MakeGuide, start: Start, tmp_path: Path
) -> None:
    child = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c',"
        " 'import time; time.sleep(601)'], start_new_session=True)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "print('started')"
    )
    results = run_all(start(make_guide(child, "print('two')"))).results
    assert results[0].failure is None
    assert "it left processes behind, `" in why(results[1])
    assert "import time; time.sleep(601)" in why(results[1])
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_folder_that_fills_up_stops_the_step(
    make_guide: MakeGuide, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_FILES", 2 << 20)
    monkeypatch.setattr(limits, "TICK", 0.02)
    fill = "open('much', 'wb').write(b'x' * (3 << 20))\n"
    guide = make_guide(ONE, fill + HANG, ONE)
    # It may be looked at before all of it is written.
    said = r"filled its working folder with [23] MiB; write less, at most 2 MiB"
    assert re.search(said, why(run_all(start(guide)).results[1]))


@pytest.mark.parametrize(
    ("after", "said"),
    [
        pytest.param("print('more')", "it printed after its closing", id="prints"),
        pytest.param("os._exit(4)", "after its last step it ended with", id="fails"),
        pytest.param(
            "sys.stderr.write('oh')",
            "standard error; mend what this says:\n  oh",
            id="complains",
        ),
        pytest.param(
            "time.sleep(600)", "after its last step it was stopped", id="hangs"
        ),
    ],
)
def test_a_program_ends_in_peace_after_its_closing_marker(
    make_guide: MakeGuide, start: Start, after: str, said: str
) -> None:
    # No code may stand there, but what was registered before may still run.
    block = (
        "import atexit, os, sys, time\n"
        f"@atexit.register\ndef later():\n    {after}\n"
        "print('one')"
    )
    guide = make_guide(block, "print('two')")
    run = run_all(start(guide, SHORT if "sleep" in after else 20.0))
    first, second = run.results
    assert first.failure is None
    assert said in why(second)
    assert not run.passed


def test_a_sample_gets_a_scrubbed_environment(
    make_guide: MakeGuide, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    monkeypatch.setenv("OS_CLOUD", "mine")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    show = "import os, time\nprint(*sorted(os.environ))\nprint(*time.tzname)"
    where = "print(os.environ['HOME'], os.getcwd(), *os.listdir(), sep='\\n')"
    guide = make_guide(show, where)
    guide.add_service("fractals", "FRACTALS_ENDPOINT")
    first, second = run_all(start(guide)).results
    names = set(first.output.splitlines()[0].split()) - {"LC_CTYPE"}
    assert {name for name in names if not name.startswith("OS_")} == {
        *("PATH", "HOME", "LANG", "TZ", "FRACTALS_ENDPOINT"),
    }
    assert {name for name in names if name.startswith("OS_")} == {
        *("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME"),
        *("OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME", "OS_REGION_NAME"),
        *("OS_PROJECT_ID", "OS_PROJECT_DOMAIN_ID"),
        *("OS_IDENTITY_API_VERSION", "OS_INTERFACE"),
    }
    assert first.output.splitlines()[1] == "UTC UTC"
    home, folder = second.output.splitlines()
    assert Path(folder).parent == Path(home)


def test_a_run_that_is_left_in_the_middle_leaves_nothing(
    make_guide: MakeGuide, start: Start, tmp_path: Path
) -> None:
    pid = f"import os\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    with start(make_guide(pid + ONE, ONE, ONE)) as run:
        assert run.advance()
        program = int((tmp_path / "pid").read_text())
        assert psutil.pid_exists(program)
    assert not psutil.pid_exists(program)
    assert not run.program.folder.exists()


def test_two_runs_at_once_see_nothing_of_each_other(
    make_guide: MakeGuide, start: Start
) -> None:
    guide = make_guide(
        "import os\nopen('mine', 'x')\nprint(os.getcwd(), os.environ['OS_USERNAME'])",
        "print(os.listdir())",
    )
    with start(guide) as one, start(guide) as other:
        first, second = one.advance(), other.advance()
        assert first
        assert second
        assert not set(first.output.split()) & set(second.output.split())
        assert one.advance() == one.results[1]
        assert other.advance() == other.results[1]
    assert one.passed
    assert other.passed


@pytest.fixture
def hanging(make_guide: MakeGuide, tmp_path: Path) -> Guide:
    """A guide whose sample hangs in step 2, with a child and an open port."""
    child = f"""
import socket, subprocess, sys, time
from pathlib import Path
port = socket.create_server(("127.0.0.1", 0))
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
subprocess.Popen(sleep, start_new_session=True)
Path({str(tmp_path / "hangs")!r}).touch()
time.sleep(600)
"""
    return make_guide(ONE, child, ONE)


@pytest.fixture
def runner(
    hanging: Guide, environment: dict[str, str], backend: Backend
) -> Iterator[subprocess.Popen[str]]:
    """The command, as a terminal starts it, running a sample that hangs."""
    # `backend` is asked for, so that no test runs where no cloud can.
    running = subprocess.Popen(
        [*COMMAND, "run", "tiny"],
        cwd=hanging.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield running
    running.kill()
    running.communicate(timeout=30)


def listening(*processes: psutil.Process) -> set[int]:
    """The ports on which processes listen; without any given, all of them."""
    found = [one.net_connections("inet") for one in processes]
    return {
        connection.laddr.port
        for connections in found or [psutil.net_connections("inet")]
        for connection in connections
        if connection.status == psutil.CONN_LISTEN
    }


def has_cloud(command: psutil.Process) -> bool:
    """Whether the command has started a cloud, which may not be ready yet."""
    for child in command.children():
        with suppress(psutil.Error):  # it has just ended
            if "livesteps_openstack.cloud.server" in child.cmdline():
                return True
    return False


def nothing_is_left(
    processes: list[psutil.Process], ports: set[int], folder: Path, wait_for: WaitFor
) -> None:
    """No process, no port, no file: now, or soon."""
    wait_for(
        lambda: (
            not any(
                process.is_running() and process.status() != psutil.STATUS_ZOMBIE
                for process in processes
            )
        ),
        "the end of all processes",
    )
    # A thread may outlive its process's main thread by a moment.
    wait_for(lambda: not ports & listening(), f"the end of {ports}")
    wait_for(lambda: not list(folder.iterdir()), f"an empty {folder}")


def test_a_killed_runner_leaves_nothing(
    runner: subprocess.Popen[str],
    tmp_path: Path,
    environment: dict[str, str],
    wait_for: WaitFor,
) -> None:
    wait_for((tmp_path / "hangs").exists, "the sample in step 2")
    processes = psutil.Process(runner.pid).children(recursive=True)
    ports = listening(*processes)
    assert len(processes) >= 4  # the cloud, the guard, the sample, its child
    assert len(ports) >= 3  # Keystone, Swift, the sample
    assert list(Path(environment["TMPDIR"]).iterdir())
    runner.kill()
    runner.communicate(timeout=30)
    nothing_is_left(processes, ports, Path(environment["TMPDIR"]), wait_for)


@pytest.mark.parametrize("moment", ["the cloud starts", "in a step"])
def test_control_c_leaves_nothing(
    runner: subprocess.Popen[str],
    tmp_path: Path,
    environment: dict[str, str],
    wait_for: WaitFor,
    moment: str,
) -> None:
    command = psutil.Process(runner.pid)
    if moment == "in a step":
        wait_for((tmp_path / "hangs").exists, "the sample in step 2")
    else:
        wait_for(lambda: has_cloud(command), "the cloud's process")
    processes = command.children(recursive=True)
    ports = listening(*processes)
    os.killpg(runner.pid, signal.SIGINT)
    _, said = runner.communicate(timeout=60)
    assert runner.returncode == 130
    assert said.splitlines()[-1] == "Stopped."
    assert "Traceback" not in said
    nothing_is_left(processes, ports, Path(environment["TMPDIR"]), wait_for)
