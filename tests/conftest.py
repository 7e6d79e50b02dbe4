"""What the tests share: guides to spoil, the servers, and the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from livesteps.cli import main
from livesteps.cloud import supported
from livesteps.kit import Kit, load_kit
from livesteps.run import Run
from livesteps.stage import Stage
from livesteps.step import Steps, load_steps

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is coloured, whatever the terminal that the tests run in."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")


ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from livesteps.cli import main; main()"]

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SDK_TOML = """\
name = "Tiny SDK"
language = "Python"
lexer = "python"
sample = "tiny.py"
comment = "#"
boundary = 'print("\\x1e{step}", flush=True); input()'
command = ["{python}", "{sample}"]

[versions]
sdk = ["{python}", "-c", "print('1.0')"]
language = ["{python}", "--version"]
"""


@dataclass(frozen=True)
class Guide:
    """A guide in a folder of its own, with one SDK, whose steps ask for nothing."""

    folder: Path

    @property
    def samples(self) -> Path:
        """The folder of steps and SDKs."""
        return self.folder / "samples"

    @property
    def sdk(self) -> Path:
        """The SDK's folder."""
        return self.samples / "tiny"

    @property
    def sample(self) -> Path:
        """The program."""
        return self.sdk / "tiny.py"

    @property
    def kit(self) -> Kit:
        """The SDK, read anew."""
        return load_kit(self.sdk / "sdk.toml")

    @property
    def steps(self) -> Steps:
        """The steps, read anew."""
        return load_steps(self.folder / "samples" / "steps.toml")


def write_guide(
    folder: Path, blocks: Sequence[str], contracts: Sequence[str] = (), after: str = ""
) -> Guide:
    """Write a guide with a step for each block of Python.

    `contracts` are lines of steps.toml, one for each step; `after` is what the
    sample holds after its closing marker.
    """
    guide = Guide(folder)
    guide.sdk.mkdir(parents=True)
    steps, sample = "[files]\n[objects]\n", ""
    for number, block in enumerate(blocks, start=1):
        contract = contracts[number - 1] if contracts else "holds = {}"
        steps += f'[[step]]\nnumber = {number}\ntitle = "do {number}"\n{contract}\n'
        sample += f"# step-{number}\n{block.strip()}\n\n"
    guide.sample.write_text(f"{sample}# step-{len(blocks) + 1}\n{after}")
    (folder / "samples" / "steps.toml").write_text(steps)
    (guide.sdk / "sdk.toml").write_text(SDK_TOML)
    return guide


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
def stage() -> Iterator[Stage]:
    """The real steps, the real cloud, and the Fractals app."""
    if why := supported():
        pytest.skip(why)
    with Stage(load_steps(ROOT / "samples" / "steps.toml")) as running:
        yield running


@pytest.fixture
def borrowed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Whoever opens a stage in this process gets the servers of the one stage."""

    original = Stage.__enter__

    def enter(self: Stage) -> Stage:
        if self._os_cloud:
            return original(self)
        self._numbers = stage._numbers
        self.cloud = stage.cloud
        self.fractals_url = stage.fractals_url
        self.pictures = stage.pictures
        self._stack = ExitStack()
        return self

    monkeypatch.setattr(Stage, "__enter__", enter)
    return stage


@pytest.fixture
def start(stage: Stage) -> Callable[..., Run]:
    """Make a run of a small guide's sample on the one stage."""

    def make(guide: Guide) -> Run:
        return Run(
            guide.kit,
            guide.steps,
            stage.place(guide.kit.id),
            fractals=stage.fractals_url,
            pictures={},
            deadline=20,
        )

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
    """Run the command in a folder, with more environment if need be."""

    def run(
        folder: Path, *arguments: str, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=folder,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def livesteps_here(
    borrowed: Stage, monkeypatch: pytest.MonkeyPatch
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
