"""What the tests share: guides to spoil, the servers, and the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from guides import COMMAND, ROOT, Guide, write_guide

from livesteps.cli import main
from livesteps_openstack.cloud import Project, supported
from livesteps.read.sdk import SERVERS
from livesteps.run.program import Program
from livesteps.run.run import Run
from livesteps_openstack.contents import EmbeddedContents
from livesteps.run.backend import Backend
from livesteps.run.backend import supported as server_supported
from livesteps.read.chapter import load_chapter

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is coloured, whatever the terminal that the tests run in."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")


CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def make_guide(tmp_path: Path) -> Callable[..., Guide]:
    """Make a guide of a few blocks of Python, as `write_guide`."""

    def make(*blocks: str, contracts: Sequence[str] = (), after: str = "") -> Guide:
        return write_guide(tmp_path / "guide", blocks, contracts, after)

    return make


@pytest.fixture
def guide_folder(tmp_path: Path) -> Path:
    """A copy of the guide's steps and of one SDK, to be spoiled."""
    samples = tmp_path / "guide" / "samples"
    samples.mkdir(parents=True)
    for name in ("steps.toml", "goat.jpg"):
        shutil.copy(ROOT / "samples" / name, samples)
    shutil.copytree(ROOT / "samples" / "libcloud", samples / "libcloud")
    return samples.parent


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    """The real steps, the real cloud, and the Fractals app."""
    if why := supported():
        pytest.skip(why)
    with Backend(load_chapter(ROOT / "samples" / "steps.toml")) as running:
        yield running


def backend_on(server: str) -> Iterator[Backend]:
    """The real steps, with another server for object storage."""
    if why := server_supported(server):
        pytest.skip(f"not run: {why}")
    steps = load_chapter(ROOT / "samples" / "steps.toml")
    with Backend(steps, server=server) as running:
        yield running


@pytest.fixture(scope="session")
def debian_backend() -> Iterator[Backend]:
    """As `stage`, with Debian's Swift."""
    yield from backend_on("debian")


@pytest.fixture(scope="session")
def ceph_backend() -> Iterator[Backend]:
    """As `stage`, with Ceph's gateway."""
    yield from backend_on("ceph")


@pytest.fixture
def serving(request: pytest.FixtureRequest) -> Backend:
    """The one stage; or that with the server that the test's parameter names."""
    server = getattr(request, "param", SERVERS[0])
    name = "stage" if server == SERVERS[0] else f"{server}_stage"
    running: Backend = request.getfixturevalue(name)
    return running


@pytest.fixture
def contents(backend: Backend, project: Project) -> EmbeddedContents:
    """What Swift really holds, whatever stands before it."""
    assert backend.cloud
    return EmbeddedContents(backend.cloud, project)


@pytest.fixture
def borrowed(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Whoever opens a stage in this process gets the servers of the one stage."""

    original = Backend.__enter__

    def enter(self: Backend) -> Backend:
        if self._os_cloud:
            return original(self)
        self._numbers = backend._numbers
        self.cloud = backend.cloud
        self.fractals = backend.fractals
        self._stack = ExitStack()
        return self

    monkeypatch.setattr(Backend, "__enter__", enter)
    return backend


@pytest.fixture
def start(backend: Backend) -> Callable[..., AbstractContextManager[Run]]:
    """Make a run of a small guide's sample on the one stage."""

    @contextmanager
    def make(guide: Guide) -> Iterator[Run]:
        with (
            Program(guide.sdk, guide.steps) as program,
            backend.run(program, deadline=20) as run,
        ):
            yield run

    return make


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment for the command: its temporary files are below `tmp_path`."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OS_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "",
        "TMPDIR": str(temporary),
        "HOME": str(temporary),
    }


@pytest.fixture
def livesteps(
    environment: dict[str, str],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a folder, with more environment if need be; it has so many
    seconds."""

    def run(
        folder: Path, *arguments: str, within: float = 120, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=folder,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )

    return run


@pytest.fixture
def livesteps_here(
    borrowed: Backend, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in this process, on the one stage, which is quicker."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(folder)
        ran = CliRunner().invoke(main, arguments, catch_exceptions=False)
        return subprocess.CompletedProcess(
            arguments, ran.exit_code, ran.stdout, ran.stderr
        )

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A playwright.sync_api.Browser."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="Python's playwright is not installed"
    )
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here (Debian: apt install chromium)")
    # As long as a page has for what is done on it: other tests keep it waiting.
    sync_api.expect.set_options(timeout=20_000)
    with sync_api.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """Wait until something is so, at most 30 s; else fail, and say for what."""

    def wait(so: Callable[[], object], what: str, *, within: float = 30) -> None:
        end = time.monotonic() + within
        while not so():
            if time.monotonic() > end:
                pytest.fail(f"{within:g} s went by without: {what}")
            time.sleep(0.01)

    return wait
