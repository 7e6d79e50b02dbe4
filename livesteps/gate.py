"""The pytest plugin: every sdk.toml is collected, one item a step.

A sample that is recorded only has no items of steps, since it does not run
here, but one of what looks at the program without running it.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from livesteps import toolchain
from livesteps.errors import Problem, shown
from livesteps.kit import SERVERS, Kit, load_kit, search_path
from livesteps.program import Program
from livesteps.recording import Recording, check_recording, read_recording
from livesteps.run import Result, Run
from livesteps.step import Step, Steps, load_steps
from livesteps.trouble import Trouble, difference, load_troubles, meet, trouble_path

if TYPE_CHECKING:
    from livesteps.stage import Stage

STAGES = pytest.StashKey[dict[tuple[str, bool], "Stage"]]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SdkFile | None:
    """Collect `samples/<sdk>/sdk.toml`."""
    if file_path.name == "sdk.toml":
        return SdkFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`, keep what is in one file together: its steps are one run."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the servers, if a step needed them."""
    for stage in session.config.stash.get(STAGES, {}).values():
        stage.__exit__(None, None, None)


class SdkFile(pytest.File):
    """An SDK's folder; its items share one run of the sample."""

    kit: Kit
    steps: Steps
    _run: Run | None = None
    _problem: Problem | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """The recording, then each step, or the check of what is not run."""
        self._after = ExitStack()
        samples = self.path.parent.parent
        try:
            self.kit = load_kit(self.path)
            self.steps = load_steps(samples / "steps.toml")
            troubles = load_troubles(samples)
            _ = self.kit.sample
        except Problem as problem:
            raise self.CollectError(str(problem)) from None
        yield RecordingItem.from_parent(self, name="recording")
        blocks = [
            name
            for name in self.steps.ways
            if name in self.kit.ways and self.kit.ways[name].sample
        ]
        for words in self.kit.check:
            name = f"check by {Path(words[0]).name.strip('{}')}"
            yield CheckItem.from_parent(self, name=name, words=words)
            for block in blocks:
                label = f"{name}, {block}"
                yield CheckItem.from_parent(self, name=label, words=words, way=block)
        if self.kit.recorded_only:
            return
        for step in self.steps.steps:
            yield StepItem.from_parent(self, name=step.label, step=step)
        for name, trouble in troubles.items():
            label = f"trouble {name}"
            yield TroubleItem.from_parent(self, name=label, trouble=trouble)
        for server in self.kit.servers:
            tls = server == "debian"
            name = f"on {server}" + (" over TLS" if tls else "")
            yield ServerItem.from_parent(self, name=name, server=server, tls=tls)
        for way in blocks:
            name = f"{self.steps.ways[way].title}, over TLS"
            yield ServerItem.from_parent(self, name=name, way=way, tls=True)
        if self.kit.ca and not blocks:
            yield ServerItem.from_parent(self, name="over TLS", tls=True)

    def recording(self) -> Recording:
        """The recording that the outputs are compared with."""
        return read_recording(self.kit.folder / "recorded", len(self.steps))

    def result_of(self, step: Step) -> Result:
        """The result of a step; those before it are run if they were not."""
        if self._problem:
            raise self._problem
        if self._run is None:
            try:
                self._run = self._after.enter_context(self.run_on(SERVERS[0]))
            except Problem as problem:
                # The next item does not install again what cannot be had.
                self._problem = problem
                raise
        for _ in range(len(self._run.results), step.number):
            self._run.advance()
        if len(self._run.results) < step.number:
            failed = self._run.results[-1].step
            pytest.skip(f"not reached: {failed.label} failed")
        return self._run.results[step.number - 1]

    def teardown(self) -> None:
        """End the run when the last of its items is done."""
        self._after.close()
        self._run = None

    @contextmanager
    def run_on(self, server: str, *, tls: bool = False, way: str = "") -> Iterator[Run]:
        """A run against one of `SERVERS`; what cannot run here is skipped."""
        stage = self.stage_on(server, tls=tls)
        with (
            Program(self.kit, self.steps, way=way) as program,
            stage.run(
                program, self.recording(), place=stage.place(self.kit.id, way=way)
            ) as run,
        ):
            yield run

    def stage_on(self, server: str, *, tls: bool = False) -> Stage:
        """One of `SERVERS`, started; what cannot run here is skipped."""
        from livesteps.stage import Stage, supported  # not before a sample runs

        if reason := supported(server):
            pytest.skip(f"not run: {reason}")
        self.check_machine()
        stages = self.config.stash.setdefault(STAGES, {})
        if (server, tls) not in stages:
            stage = Stage(self.steps, server=server, tls=tls)
            stages[server, tls] = stage.__enter__()
        return stages[server, tls]

    def check_machine(self) -> None:
        """Skip what this machine lacks something for, and say what."""
        try:
            self.kit.check_machine()
        except Problem as problem:
            pytest.skip(f"not run: {problem.what}")


class _Item(pytest.Item):
    parent: SdkFile

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """The reason, and nothing of how it was found."""
        if isinstance(excinfo.value, (_Failed, Problem)):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class RecordingItem(_Item):
    """The recording is whole, and of the sample as it is now."""

    def runtest(self) -> None:
        """Read and check it."""
        kit = self.parent.kit
        check_recording(self.parent.recording(), kit.folder / "recorded", kit)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it is and what it is called."""
        return self.parent.kit.folder / "recorded" / "run.toml", 0, self.name


class CheckItem(_Item):
    """What looks at the program without running it finds nothing wrong; `way` is
    another one by which it connects."""

    def __init__(
        self, *, words: tuple[str, ...], way: str = "", **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self.words = words
        self.way = way

    def runtest(self) -> None:
        """Run the command on the program, or on a copy with another block in it."""
        kit = self.parent.kit
        if not self.way:
            self._look_at(kit, kit.path.absolute(), kit.path)
            return
        block = kit.way(self.way)
        with TemporaryDirectory(prefix="livesteps-check-") as folder:
            path = Path(folder) / kit.path.name
            text = kit.sample.by(block, padded=False).text
            path.write_text(text, encoding="utf-8")
            self._look_at(kit, path, block.path)

    def _look_at(self, kit: Kit, path: Path, file: Path) -> None:
        """Run the command on the program at a path; `file` is what is to be mended."""
        words = kit.words(self.words, path)
        halt = threading.Event()
        if "{cache}" in self.words[0]:
            self.parent.check_machine()
            toolchain.install(kit, halt)
        if not shutil.which(words[0], path=search_path()):
            pytest.skip(f"not run: {words[0]} is not installed")
        try:
            toolchain.complete(
                words,
                kit.folder,
                {**os.environ, "PATH": search_path()},
                toolchain.BUILD_DEADLINE,
                halt,
            )
        except toolchain.Failed as failed:
            command = " ".join(kit.words(self.words, Path(kit.path.name)))
            printed = failed.printed.replace(str(path), shown(file))
            raise _Failed(
                f"{shown(file)}:1: `{command}` {failed.why}:\n{printed.strip()}"
            ) from None

    def reportinfo(self) -> tuple[Path, int, str]:
        """The program and what it is called."""
        return self.parent.kit.path, 0, self.name


class StepItem(_Item):
    """A step did what its contract says, and printed what was recorded."""

    def __init__(self, *, step: Step, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.step = step

    def runtest(self) -> None:
        """Run the sample as far as this step."""
        failure = self.parent.result_of(self.step).failure
        if failure:
            raise _Failed(failure)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the step begins and what it is called."""
        kit = self.parent.kit
        return kit.path, kit.sample.line_of(self.step.number) - 1, self.name


class TroubleItem(_Item):
    """In a trouble, the sample says what was recorded."""

    def __init__(self, *, trouble: Trouble, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.trouble = trouble

    def runtest(self) -> None:
        """Run the sample into it."""
        kit = self.parent.kit
        said = meet(self.parent.stage_on(SERVERS[0]), kit, self.trouble)
        if diff := difference(said, kit, self.trouble.name):
            raise _Failed(f"what it says is not what was recorded:\n{diff}")

    def reportinfo(self) -> tuple[Path, int, str]:
        """The recording and what it is called."""
        folder = self.parent.kit.folder / "recorded"
        return trouble_path(folder, self.trouble.name), 0, self.name


class ServerItem(_Item):
    """The whole sample does the same against another server, or over TLS, or when
    it connects in another way."""

    def __init__(
        self,
        *,
        server: str = SERVERS[0],
        tls: bool = False,
        way: str = "",
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.server = server
        self.tls = tls
        self.way = way

    def runtest(self) -> None:
        """Run the sample to its end."""
        with self.parent.run_on(self.server, tls=self.tls, way=self.way) as run:
            for result in run:
                if result.failure:
                    raise _Failed(result.failure)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The program and what it is called."""
        return self.parent.kit.path, 0, self.name


class _Failed(Exception):
    """A step's failure, already in words."""
