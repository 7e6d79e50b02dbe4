"""What pytest runs of a sample, an item each."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from livesteps.errors import Problem, shown
from livesteps.gate.sample import Sample
from livesteps.read.chapter import Step
from livesteps.read.recording import check_recording
from livesteps.read.trouble import Trouble, difference, trouble_path
from livesteps.run import install, toolchain
from livesteps.run.meet import meet


class _Item(pytest.Item):
    """What is looked at of one sample."""

    def __init__(self, *, sample: Sample, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.sample = sample

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """The reason, and nothing of how it was found."""
        if isinstance(excinfo.value, (_Failed, Problem)):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class RecordingItem(_Item):
    """The recording is whole, and of the sample as it is now."""

    def runtest(self) -> None:
        """Read and check it."""
        sdk, chapter = self.sample.sdk, self.sample.chapter.name
        check_recording(self.sample.recording(), sdk.recorded(chapter), sdk, chapter)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it is and what it is called."""
        folder = self.sample.sdk.recorded(self.sample.chapter.name)
        return folder / "run.toml", 0, self.name


class CheckItem(_Item):
    """What looks at the program without running it finds nothing wrong; `way` is
    another one by which it connects."""

    def __init__(
        self, *, words: Sequence[str], way: str = "", **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self.words = words
        self.way = way

    def runtest(self) -> None:
        """Run the command on the program, or on a copy with another block in it."""
        sdk, chapter = self.sample.sdk, self.sample.chapter.name
        program = sdk.path(chapter)
        if not self.way:
            self._look_at(program.absolute(), program)
            return
        block = sdk.block_of(self.way)
        with TemporaryDirectory(prefix="livesteps-check-") as folder:
            path = Path(folder) / program.name
            text = sdk.sample_of(chapter).by(block, padded=False).text
            path.write_text(text, encoding="utf-8")
            self._look_at(path, block.path)

    def _look_at(self, path: Path, file: Path) -> None:
        """Run the command on the program at a path; `file` is what is to be mended."""
        sdk = self.sample.sdk
        words = toolchain.words(sdk, self.words, path)
        halt = threading.Event()
        if "{cache}" in self.words[0]:
            self.sample.check_machine()
            install.install(sdk, halt)
        if not shutil.which(words[0], path=toolchain.search_path()):
            pytest.skip(f"not run: {words[0]} is not installed")
        try:
            install.complete(
                words,
                sdk.folder,
                {**os.environ, "PATH": toolchain.search_path()},
                install.BUILD_DEADLINE,
                halt,
            )
        except install.Failed as failed:
            command = " ".join(toolchain.words(sdk, self.words, Path(path.name)))
            printed = failed.printed.replace(str(path), shown(file))
            raise _Failed(
                f"{shown(file)}:1: `{command}` {failed.why}:\n{printed.strip()}"
            ) from None

    def reportinfo(self) -> tuple[Path, int, str]:
        """The program and what it is called."""
        return self.sample.sdk.path(self.sample.chapter.name), 0, self.name


class StepItem(_Item):
    """A step did what its contract says, and printed what was recorded."""

    def __init__(self, *, step: Step, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.step = step

    def runtest(self) -> None:
        """Run the sample as far as this step."""
        failure = self.sample.result_of(self.step).failure
        if failure:
            raise _Failed(failure)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the step begins and what it is called."""
        sdk, chapter = self.sample.sdk, self.sample.chapter.name
        line = sdk.sample_of(chapter).line_of(self.step.number)
        return sdk.path(chapter), line - 1, self.name


class TroubleItem(_Item):
    """In a trouble, the sample says what was recorded."""

    def __init__(self, *, trouble: Trouble, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.trouble = trouble

    def runtest(self) -> None:
        """Run the sample into it."""
        sdk = self.sample.sdk
        backend = self.sample.backend_on(self.sample.guide.server)
        message = meet(backend, sdk, self.trouble)
        folder = sdk.recorded(self.trouble.chapter)
        if diff := difference(message, folder, self.trouble.name):
            raise _Failed(f"what it says is not what was recorded:\n{diff}")

    def reportinfo(self) -> tuple[Path, int, str]:
        """The recording and what it is called."""
        folder = self.sample.sdk.recorded(self.trouble.chapter)
        return trouble_path(folder, self.trouble.name), 0, self.name


class ServerItem(_Item):
    """The whole sample does the same against another server, or over TLS, or when
    it connects in another way."""

    def __init__(
        self,
        *,
        server: str = "",
        tls: bool = False,
        way: str = "",
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.server = server or self.sample.guide.server
        self.tls = tls
        self.way = way

    def runtest(self) -> None:
        """Run the sample to its end."""
        with self.sample.run_on(self.server, tls=self.tls, way=self.way) as run:
            for result in run:
                if result.failure:
                    raise _Failed(result.failure)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The program and what it is called."""
        return self.sample.sdk.path(self.sample.chapter.name), 0, self.name


class _Failed(Exception):
    """A step's failure, already in words."""
