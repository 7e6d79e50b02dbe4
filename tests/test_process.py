"""Processes and services: nothing of them is left, and who fails says why."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from livesteps.errors import Problem
from livesteps.read.guide import ServiceFile
from livesteps.run.process import GuardKilled, Process
from livesteps.run.program import Program
from livesteps.run.service import Service

if TYPE_CHECKING:
    from small import SmallGuide as Guide

MakeGuide = Callable[..., "Guide"]
WaitFor = Callable[[Callable[[], object], str], None]

ECHO = "import sys\nfor line in sys.stdin: print('got', line, end='', flush=True)"
SLEEP = "import time\ntime.sleep(600)"
COMPLAIN = "import sys\nprint(*range(30), 'no port', sep='\\n', file=sys.stderr)\n"
SERVE = "import time\nprint('http://127.0.0.1:9/', flush=True)\ntime.sleep(600)"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all temporary folders of the test are."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def make(temporary: Path) -> Callable[..., Process]:
    """A process of Python, in a folder of its own."""

    def python(code: str) -> Process:
        return Process(
            [sys.executable, "-c", code],
            Path(tempfile.mkdtemp()),
            environment={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    return python


@pytest.fixture
def nothing_left(temporary: Path) -> Iterator[None]:
    """When the test is over, it has neither children nor temporary files."""
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before
    assert list(temporary.iterdir()) == []


def service(code: str, folder: Path) -> Service:
    """A service that is a program of Python."""
    file = ServiceFile(
        title="the clock",
        command=["{python}", "-c", code],
        environment={"HERE": "{samples}"},
        ready="http://",
        variable="CLOCK",
    )
    return Service(file, folder)


@pytest.mark.usefixtures("nothing_left")
def test_it_is_spoken_to_line_by_line(make: Callable[..., Process]) -> None:
    with make(ECHO) as process:
        process.start()
        process.write(b"one\n")
        assert process.line(20) == b"got one\n"
        process.write(b"two\n")
        assert process.line(20) == b"got two\n"
        assert psutil.pid_exists(process.pid)
    assert not psutil.pid_exists(process.pid)


@pytest.mark.usefixtures("nothing_left")
def test_it_waits_until_it_is_started(make: Callable[..., Process]) -> None:
    with make("print('ran')") as process:
        assert process.line(0.2) == b""
        process.start()
        assert process.line(20) == b"ran\n"
        while not process.ending:
            process.read(20)
        assert process.ending.exit == 0


@pytest.mark.usefixtures("nothing_left")
def test_a_guard_that_is_killed_is_told(make: Callable[..., Process]) -> None:
    with make(SLEEP) as process:
        process.start()
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(GuardKilled):
            process.read(20)
        assert process.ended


@pytest.mark.usefixtures("nothing_left")
def test_what_cannot_be_started_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    process = Process(["true"], folder, environment={}, cwd=tmp_path / "gone")
    with pytest.raises(FileNotFoundError), process:
        pass


@pytest.mark.usefixtures("nothing_left")
def test_what_fails_once_the_guard_runs_leaves_nothing(
    make: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(selectors.DefaultSelector, "register", full)
    with pytest.raises(OSError, match="No space left"), make(SLEEP):
        pass


@pytest.mark.usefixtures("nothing_left")
def test_a_program_that_cannot_be_laid_out_leaves_nothing(
    make_guide: MakeGuide,
) -> None:
    small = make_guide("print(1)")
    toml = small.samples / "tiny.toml"
    toml.write_text('[files]\n"data" = {}\n\n' + toml.read_text())
    (small.samples / "data").write_text("here now")
    program = Program(small.sdk, small.chapter)
    # It was there when the chapter was read.
    (small.samples / "data").unlink()
    with pytest.raises(FileNotFoundError), program:
        pass


@pytest.mark.usefixtures("nothing_left")
def test_a_service_says_where_it_is(tmp_path: Path) -> None:
    with service(SERVE, tmp_path) as running:
        assert running.url == "http://127.0.0.1:9"
        assert running.address == "127.0.0.1:9"
        assert list(running.folder.iterdir())


@pytest.mark.usefixtures("nothing_left")
def test_a_service_is_told_where_the_samples_are(tmp_path: Path) -> None:
    where = "import os\nprint('http://' + os.environ['HERE'], flush=True)\n" + SLEEP
    with service(where, tmp_path) as running:
        assert running.url == f"http://{tmp_path}"


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    "code",
    [
        COMPLAIN + "sys.exit(3)",
        COMPLAIN + "print('nonsense', flush=True)\n" + SLEEP,
    ],
    ids=["ends", "prints something else"],
)
def test_a_service_that_does_not_start_says_why(tmp_path: Path, code: str) -> None:
    with service(code, tmp_path) as running, pytest.raises(Problem) as raised:
        _ = running.url
    last = "\n".join(map(str, range(11, 30)))
    assert str(raised.value) == (
        "the clock did not start;"
        f" these are the last lines that it wrote:\n{last}\nno port"
    )


@pytest.mark.usefixtures("nothing_left")
def test_a_service_that_is_not_installed_says_so(tmp_path: Path) -> None:
    file = ServiceFile(title="it", command=["no-such"], ready="http", variable="IT")
    with Service(file, tmp_path) as running, pytest.raises(Problem) as raised:
        _ = running.url
    assert str(raised.value).endswith("\nno-such: No such file or directory")


def test_a_service_ends_with_its_owner_however_that_ends(
    tmp_path: Path, temporary: Path, wait_for: WaitFor
) -> None:
    # The service has a child that would outlive it.
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'"
        "], start_new_session=True)\n"
        "print(f'http://{child.pid}', flush=True)\n"
    ) + SLEEP
    owner = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from livesteps.read.guide import ServiceFile\n"
        "from livesteps.run.service import Service\n"
        "file = ServiceFile(title='it', command=['{python}', '-c', sys.argv[1]],\n"
        "    ready='http', variable='IT')\n"
        "with Service(file, Path.cwd()) as service:\n"
        "    print(service.url, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", owner, code],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        url = running.stdout.readline()
        below = psutil.Process(running.pid).children(recursive=True)
        assert psutil.Process(int(url.rpartition("/")[2])) in below
        assert list(temporary.iterdir())
        running.kill()
    wait_for(lambda: not any(map(psutil.Process.is_running, below)), "the end of all")
    wait_for(lambda: not list(temporary.iterdir()), "the end of its folder")
