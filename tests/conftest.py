"""What the tests share: guides to spoil, the servers, and the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, chdir, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from built import pages_of_the_guide
from click.testing import CliRunner
from small import COMMAND, ROOT, SmallGuide, write_guide

from livesteps.cli import main
from livesteps.read.guide import Guide, load_guide
from livesteps.read.recording import Recording, read_recording, write_recording
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps.run.run import Run
from livesteps_openstack.cloud import Cloud, Project
from livesteps_openstack.contents import EmbeddedContents

pytest_plugins = ["pytester"]

LONG = (
    "test_clouds.py",
    "test_named.py",
    "test_run.py",
    "test_mutations.py",
    "test_streaming.py",
    "test_safety.py",
    "test_guide.py",
    "test_cloud.py",
    "test_wcag.py",
    "test_site.py",
)
"""The files that take longest, the longest first. Of several processes none has
nothing to do at the end while another begins such a file."""


def pytest_configure(config: pytest.Config) -> None:
    """Hand out files in the order of what is collected, not of their tests' number."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first."""
    place = {name: index for index, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONG)))


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
def make_guide(tmp_path: Path) -> Callable[..., SmallGuide]:
    """Make a guide of a few blocks of Python, as `write_guide`."""

    def make(
        *blocks: str, contracts: Sequence[str] = (), after: str = ""
    ) -> SmallGuide:
        return write_guide(tmp_path / "guide", blocks, contracts, after)

    return make


@pytest.fixture
def guide_folder(tmp_path: Path) -> Path:
    """A copy of the guide's steps and of one SDK, to be spoiled."""
    samples = tmp_path / "guide" / "samples"
    samples.mkdir(parents=True)
    for name in ("guide.toml", "durability.toml", "goat.jpg", "pictures.py"):
        shutil.copy(ROOT / "samples" / name, samples)
    shutil.copytree(ROOT / "samples" / "libcloud", samples / "libcloud")
    return samples.parent


@pytest.fixture(scope="session")
def guide() -> Guide:
    """The real one."""
    return load_guide(ROOT / "samples" / "guide.toml")


@pytest.fixture(scope="session")
def backend(guide: Guide) -> Iterator[Backend]:
    """The real cloud, and the Fractals app."""
    yield from backend_on(guide, guide.server)


def backend_on(guide: Guide, name: str) -> Iterator[Backend]:
    """A server for the real guide."""
    server = guide.plugins.servers[name]
    if why := server.supported():
        pytest.skip(f"not run: {why}")
    with Backend(guide, server(guide)) as running:
        yield running


@pytest.fixture(scope="session")
def debian_backend(guide: Guide) -> Iterator[Backend]:
    """As `backend`, with Debian's Swift."""
    yield from backend_on(guide, "debian")


@pytest.fixture(scope="session")
def ceph_backend(guide: Guide) -> Iterator[Backend]:
    """As `backend`, with Ceph's gateway."""
    yield from backend_on(guide, "ceph")


@pytest.fixture
def serving(request: pytest.FixtureRequest, guide: Guide) -> Backend:
    """The one backend; or that with the server that the test's parameter names."""
    server = getattr(request, "param", guide.server)
    name = "backend" if server == guide.server else f"{server}_backend"
    running: Backend = request.getfixturevalue(name)
    return running


def cloud_of(backend: Backend) -> Cloud:
    """The cloud that is its server, or stands behind it."""
    cloud: Cloud = backend.server.cloud  # type: ignore[attr-defined]
    return cloud


@pytest.fixture(scope="session")
def cloud(backend: Backend) -> Cloud:
    """That of the one backend."""
    return cloud_of(backend)


@pytest.fixture
def contents(cloud: Cloud, project: Project) -> EmbeddedContents:
    """What Swift really holds, whatever stands before it."""
    return EmbeddedContents(cloud, project)


def lend(backend: Backend, patch: pytest.MonkeyPatch) -> None:
    """Whoever starts a cloud, or the services of the guide, in this process gets
    those of the one backend."""
    from livesteps_openstack import cloud

    started = cloud.Cloud

    def borrow(state: Path | None = None, **how: Any) -> AbstractContextManager[Cloud]:
        if state or any(how.values()):
            return started(state, **how)
        return nullcontext(cloud_of(backend))

    def services(guide: Guide) -> AbstractContextManager[object]:
        return nullcontext(backend.services if guide.file.service else {})

    patch.setattr(cloud, "Cloud", borrow)
    patch.setattr("livesteps.run.backend.serving", services)
    patch.setattr("livesteps.cli.serving", services)


@pytest.fixture
def borrowed(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """The one backend, which whoever starts one in this process gets, too."""
    lend(backend, monkeypatch)
    return backend


@pytest.fixture
def start(borrowed: Backend) -> Callable[..., AbstractContextManager[Run]]:
    """Make a run of a small guide's sample on the one cloud."""

    @contextmanager
    def make(small: SmallGuide, deadline: float = 20.0) -> Iterator[Run]:
        guide = small.guide
        sdk, chapter = guide.sdks["tiny"], guide.chapters["tiny"]
        with (
            Backend(guide) as backend,
            Program(sdk, chapter) as program,
            backend.run(program, deadline=deadline) as run,
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
        # What SDKs install is there already, or will be for the next test.
        "XDG_CACHE_HOME": str(platformdirs.user_cache_path()),
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


Command = Callable[..., subprocess.CompletedProcess[str]]


def run_here(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, in a folder."""
    with chdir(folder):
        ran = CliRunner().invoke(main, arguments, catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, ran.exit_code, ran.stdout, ran.stderr)


@pytest.fixture
def livesteps_here(borrowed: Backend) -> Command:
    """Run the command in this process, on the one backend, which is quicker."""
    return run_here


@pytest.fixture(scope="module")
def livesteps_once(backend: Backend) -> Iterator[Command]:
    """As `livesteps_here`, for what the tests of a module share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        lend(backend, patch)
        yield run_here


@pytest.fixture
def gate(
    pytester: pytest.Pytester, borrowed: Backend
) -> Callable[..., pytest.RunResult]:
    """Run pytest on a guide, in this process, on the one cloud."""

    def run(guide: SmallGuide, *arguments: str) -> pytest.RunResult:
        os.chdir(guide.folder)  # pytester goes back
        options = ("-p", "no:cacheprovider", f"--rootdir={guide.folder}")
        return pytester.runpytest_inprocess(*options, *arguments)

    return run


@pytest.fixture
def record(
    start: Callable[..., AbstractContextManager[Run]],
) -> Callable[[SmallGuide], Recording]:
    """Run a guide's sample, and write the recording."""

    def write(guide: SmallGuide) -> Recording:
        with start(guide) as run:
            assert [result.failure for result in run] == [None] * len(run.chapter)
            words = guide.guide.plugins.vocabulary
            write_recording(run.recorded(), guide.recorded, words)
        return read_recording(guide.recorded, len(run.chapter))

    return write


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the real guide's pages, for all SDKs."""
    return pages_of_the_guide(tmp_path_factory, "site")


@pytest.fixture(scope="session")
def libcloud_html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `html`, the edition for one SDK."""
    return pages_of_the_guide(tmp_path_factory, "libcloud", "-t", "libcloud")


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
