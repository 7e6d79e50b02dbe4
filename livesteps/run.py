"""One run of a sample, stopped after every step and compared with its contract."""

from __future__ import annotations

import datetime
import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from livesteps import contract, guard, toolchain
from livesteps.errors import Problem, shown
from livesteps.kit import Kit, search_path
from livesteps.normalise import normalise, secret_in
from livesteps.place import Place, Request
from livesteps.recording import (
    RecordedStep,
    Recording,
    diff_to_recorded,
    exchanges,
    output_path,
)
from livesteps.step import Step, Steps

DEADLINE = 60.0
"""Seconds that a step may take."""
MOST_OUTPUT = 64 * 1024
"""Bytes that a step may print: more is not for a reader."""
MOST_FILES = 256 * 1024 * 1024
"""Bytes that a sample may have in its folder."""
TICK = 0.25
"""Seconds between two looks at how full the folder is, while a step runs."""
SEPARATOR = b"\x1e"


@dataclass(frozen=True)
class Failure:
    """Why a step failed, for the person who mends it."""

    path: Path
    line: int
    """Where the step begins in the published file."""
    reasons: tuple[str, ...]
    """Each a sentence, or a few lines: what was expected, what was found."""
    requests: tuple[Request, ...] = ()
    """What the step asked of the server."""
    broken: bool = False
    """The program does not run as a sample must; what it did is not looked at."""

    def __str__(self) -> str:
        first, *rest = self.reasons
        lines = [f"{shown(self.path)}:{self.line}: {first}", *rest]
        if self.requests:
            lines += ["requests of this step:"]
            lines += [
                f"  {entry['method']} {entry['path']}"
                + (f"?{entry['query']}" if entry["query"] else "")
                + f" -> {entry['status']}"
                for entry in self.requests
            ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Result:
    """How one step went."""

    step: Step
    output: str
    seconds: float
    requests: tuple[Request, ...]
    failure: Failure | None = None
    said: str = ""
    """What it printed to standard error, as if of the published file."""


@dataclass(frozen=True)
class Ending:
    """How the program ended, and what it used."""

    exit: int
    """Its exit status; a signal's number is negative."""
    left: list[str]
    """Commands of the processes that it left behind."""
    cpu: float
    """Processor seconds."""
    memory: int
    """Most bytes of memory at once."""

    def __str__(self) -> str:
        if self.exit < 0:
            return f"was killed by signal {-self.exit}"
        return f"ended with status {self.exit}"


class _Stopped(Exception):
    """The program did not reach the next boundary; says why."""


@dataclass
class _Streams:
    """What the program printed since the last boundary."""

    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    status: bytearray = field(default_factory=bytearray)


class Run:
    """A sample that runs in a place, step by step.

    A context manager: when it closes, nothing of the run is left, neither a
    process nor a file. With `recording` each output is compared with it.
    """

    def __init__(
        self,
        kit: Kit,
        steps: Steps,
        place: Place,
        *,
        fractals: str,
        pictures: Mapping[str, str],
        recording: Recording | None = None,
        deadline: float = DEADLINE,
        halt: threading.Event | None = None,
    ) -> None:
        """`fractals` is the app's address, `pictures` its pictures' md5 by name.

        When another thread sets `halt`, the step that runs fails within moments.
        """
        sample = kit.sample
        if sample.steps != len(steps):
            raise Problem(
                f"it has {sample.steps} steps, the guide has {len(steps)}",
                f"end it with `{kit.comment} step-{len(steps) + 1}`",
                path=sample.path,
                line=sample.markers[-1],
            )
        self.kit = kit
        self.results: list[Result] = []
        self.ending: Ending | None = None
        self._steps = steps
        self._place = place
        self._environment = {**place.environment, "FRACTALS_ENDPOINT": fractals}
        self._pictures = pictures
        self._recording = recording
        self._deadline = deadline
        self._halt = halt or threading.Event()
        self._streams = _Streams()
        self.known = {**place.known, fractals.partition("//")[2]: "fractals address"}

    def __enter__(self) -> Run:
        try:
            cache = toolchain.install(self.kit, self._halt)
        except Problem:
            self._place.account.close()
            raise
        # The guard removes the folder, also when this process is no more.
        self._folder = Path(tempfile.mkdtemp(prefix="livesteps-run-")).resolve()
        self.work = self._folder / "work"
        self._program = self._folder / "program" / self.kit.path.name
        status, status_write = os.pipe()
        control_read, self._control = os.pipe()
        try:
            self._guard = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", guard.__file__),
                    *(str(control_read), str(status_write), str(self._folder)),
                    *self.kit.words(self.kit.command, self._program),
                ],
                cwd=self._make_work(),
                env=self._scrubbed(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(control_read, status_write),
                start_new_session=True,
                bufsize=0,
            )
        finally:
            os.close(control_read)
            os.close(status_write)
        self._status = status
        for data in self._steps.files.values():
            (self.work / data.name).write_bytes(data.content)
        toolchain.lay_out(
            self._program, self.kit.sample.with_boundaries(self.kit.boundary), cache
        )
        self._broken = self._build()
        self._selector = selectors.DefaultSelector()
        assert self._guard.stdout
        assert self._guard.stderr
        for stream, into in (
            (self._guard.stdout.fileno(), self._streams.out),
            (self._guard.stderr.fileno(), self._streams.err),
            (self._status, self._streams.status),
        ):
            os.set_blocking(stream, False)
            self._selector.register(stream, selectors.EVENT_READ, into)
        return self

    def _build(self) -> list[str]:
        """Make the program ready to run; why that cannot be done."""
        if not self.kit.build:
            return []
        try:
            toolchain.complete(
                self.kit.words(self.kit.build, self._program),
                self._program.parent,
                self._scrubbed(),
                toolchain.BUILD_DEADLINE,
                self._halt,
            )
        except toolchain.Failed as failed:
            said = _indented(self._published(failed.printed))
            return [f"its build {failed.why}:\n{said}"]
        return []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._control)
        try:
            self._guard.wait()
        finally:
            self._selector.close()
            os.close(self._status)
            for pipe in (self._guard.stdin, self._guard.stdout, self._guard.stderr):
                assert pipe
                pipe.close()
            self._place.account.close()

    def __iter__(self) -> Iterator[Result]:
        """The steps in their order, until one fails."""
        while (result := self.advance()) is not None:
            yield result

    @property
    def passed(self) -> bool:
        """Every step was run, and none failed."""
        return len(self.results) == len(self._steps) and not self.results[-1].failure

    def advance(self, *, check: bool = True) -> Result | None:
        """Run the next step; None if there is none, or one has failed.

        Without `check` it fails only if the program ends or says that it is wrong.
        """
        if len(self.results) == len(self._steps):
            return None
        if self.results and self.results[-1].failure:
            return None
        step = self._steps.steps[len(self.results)]
        begun = time.monotonic()
        reasons: list[str] = []
        try:
            if self.results:
                self._tell(b"\n")
            elif not self._broken:
                os.write(self._control, b"\n")
            if not self._broken:
                self._run_until(f"step-{step.number + 1}", begun)
        except _Stopped as stopped:
            reasons.append(str(stopped))
        seconds = time.monotonic() - begun
        requests = self._place.requests()
        said = self._said()
        output, faults = self._take_output(said, stopped=bool(reasons))
        reasons += self._broken or faults
        broken = bool(reasons)
        if not reasons and check:
            reasons += self._breaches(step, output, requests)
            if step.number in self.kit.gaps:
                reasons = [] if reasons else [self._closed(step)]
        if not reasons and step.number == len(self._steps):
            reasons += self._end()
            broken = bool(reasons)
        if not reasons and check and self._recording:
            reasons += self._differences(step, output, self._recording)
        failure = None
        if reasons:
            failure = Failure(
                self.kit.path,
                self.kit.sample.line_of(step.number),
                tuple(reasons),
                tuple(requests or ()),
                broken,
            )
        result = Result(step, output, seconds, tuple(requests or ()), failure, said)
        self.results.append(result)
        return result

    def recorded(self) -> Recording:
        """This run, all of whose steps passed, as a recording of today."""
        assert self.ending
        return Recording(
            date=datetime.date.today(),
            digest=self.kit.sample.digest,
            sdk=self.kit.version_of("sdk"),
            language=self.kit.version_of("language"),
            libraries=self.kit.count_libraries(),
            memory=self.ending.memory,
            servers=self._place.versions,
            steps=tuple(
                RecordedStep(
                    number=result.step.number,
                    seconds=round(result.seconds, 3),
                    request=exchanges(result.requests),
                )
                for result in self.results
            ),
            outputs=tuple(result.output for result in self.results),
            known=self.known,
        )

    def _make_work(self) -> Path:
        self.work.mkdir()
        return self.work

    def _scrubbed(self) -> dict[str, str]:
        return {
            "PATH": search_path(),
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **self.kit.variables(),
            **self._environment,
        }

    def _tell(self, line: bytes) -> None:
        assert self._guard.stdin
        with suppress(BrokenPipeError):
            self._guard.stdin.write(line)

    def _run_until(self, boundary: str, begun: float) -> None:
        """Wait until the program says that it reached the boundary."""
        out = self._streams.out
        end = SEPARATOR + boundary.encode() + b"\n"
        while not out.endswith(end):
            if SEPARATOR in out and out.endswith(b"\n"):
                name = out[out.index(SEPARATOR) + 1 :].decode(errors="replace")
                raise _Stopped(
                    f"expected the boundary {boundary}, found {name!r};"
                    " run the steps in their order, each of them once"
                )
            if self.ending:
                raise _Stopped(
                    f"it {self.ending} before its marker {boundary}; mend what ended it"
                )
            self._wait(begun)
        self._look_at_folder()

    def _wait(self, begun: float) -> None:
        """Take what the program prints next; `_Stopped` if it went too far."""
        if max(len(self._streams.out), len(self._streams.err)) > MOST_OUTPUT:
            raise _Stopped(
                f"it printed more than {MOST_OUTPUT // 1024} KiB in this step;"
                " print what a reader can use"
            )
        if self._halt.is_set():
            raise _Stopped("it was interrupted; run it again")
        rest = begun + self._deadline - time.monotonic()
        if rest <= 0:
            raise _Stopped(
                f"it was stopped, since it did not end within {self._deadline:g} s;"
                " see what it waits for, or let it do less"
            )
        ready = self._selector.select(min(rest, TICK))
        if not ready:
            self._look_at_folder()
        for key, _ in ready:
            chunk = os.read(key.fd, 1 << 16)
            key.data.extend(chunk)
            if not chunk:
                self._selector.unregister(key.fd)
                if key.fd == self._status:
                    raise _Stopped("its guard was killed; run it again")
        if self._streams.status.endswith(b"\n"):
            # What it printed is in the pipes by now. They are not read to
            # their end, which a process that it left may never close.
            self.ending = Ending(**json.loads(self._streams.status))
            for key in list(self._selector.get_map().values()):
                with suppress(BlockingIOError):
                    while chunk := os.read(key.fd, 1 << 16):
                        key.data.extend(chunk)
                self._selector.unregister(key.fd)

    def _look_at_folder(self) -> None:
        size = 0
        for path in self._folder.rglob("*"):
            with suppress(FileNotFoundError):
                size += path.lstat().st_size
        if size > MOST_FILES:
            raise _Stopped(
                f"it filled its working folder with {size >> 20} MiB;"
                f" write less, at most {MOST_FILES >> 20} MiB"
            )

    def _take_output(self, said: str, *, stopped: bool) -> tuple[str, list[str]]:
        """What the step printed, and what is wrong with that and what it said."""
        out = bytes(self._streams.out)
        self._streams.out.clear()
        self._streams.err.clear()
        out = out.partition(SEPARATOR)[0][:MOST_OUTPUT]
        faults = []
        try:
            output = out.decode()
        except UnicodeDecodeError as error:
            output = out.decode(errors="replace")
            faults.append(
                f"it printed bytes that are not UTF-8: {out[error.start : error.end]!r}"
                f" after {output[: error.start][-40:]!r}; print UTF-8"
            )
        if not output.strip() and not stopped:
            faults.append("it printed nothing; print what the reader should see")
        if name := secret_in(output, self._place.secrets):
            faults.append(f"it printed {name}; leave it out, for it would be published")
            for secret in self._place.secrets:
                output = output.replace(secret, "***")
        if said:
            faults.append(_to_mend(said))
        return output, faults

    def _said(self) -> str:
        """What it printed to standard error, as if of the published file."""
        return self._published(self._streams.err.decode(errors="replace"))

    def _published(self, text: str) -> str:
        """What a command said of the program, as if of the published file."""
        text = text[-MOST_OUTPUT:]
        for secret in self._place.secrets:
            text = text.replace(secret, "***")
        name = re.escape(self._program.name)
        folder = re.escape(str(self._program.parent))
        here = rf"{folder}/{name}|(?<![\w./-])(?:\./)?{name}(?=[:(])"
        return re.sub(here, lambda _: shown(self.kit.path), text)

    def _breaches(
        self, step: Step, output: str, requests: list[Request] | None
    ) -> list[str]:
        end = time.monotonic() + self._place.patience
        pause = 0.5
        while True:
            found = contract.breaches(
                step,
                self._steps,
                self._pictures,
                self._place,
                output,
                requests,
                self.work,
            )
            if not found or time.monotonic() + pause > end:
                return found
            # A real cloud's listings follow what was stored after a while.
            if self._halt.wait(pause):
                return found
            pause *= 2

    def _closed(self, step: Step) -> str:
        """A gap that is none any more."""
        index = list(self.kit.gaps).index(step.number)
        line = self.kit.line_of("gap", index)
        return (
            f"step {step.number} is declared a gap, and does what its contract says;"
            f" take the gap out of {shown(self.kit.toml)}:{line}"
        )

    def _end(self) -> list[str]:
        """Let the program end after its last step; what went wrong then."""
        begun = time.monotonic()
        self._tell(b"\n")
        try:
            while not self.ending:
                self._wait(begun)
        except _Stopped as stopped:
            return [f"after its last step {stopped}"]
        reasons = []
        if self.ending.exit:
            reasons.append(f"after its last step it {self.ending}; let it end with 0")
        if self.ending.left:
            left = ", ".join(f"`{command}`" for command in self.ending.left)
            reasons.append(
                f"it left processes behind, {left}; wait for them, or end them"
            )
        if self._streams.out:
            reasons.append("it printed after its closing marker; print before it")
        if self._streams.err:
            reasons.append(_to_mend(self._said()))
        return reasons

    def _differences(self, step: Step, output: str, recording: Recording) -> list[str]:
        """How the output differs from the recorded one, as a diff."""
        recorded = recording.outputs[step.number - 1]
        diff = diff_to_recorded(
            normalise(recorded, recording.known),
            normalise(output, self.known),
            output_path(self.kit.folder / "recorded", step.number),
            "printed",
        )
        if not diff:
            return []
        return ["the output is not the recorded one:\n" + _indented(diff)]


def _to_mend(said: str) -> str:
    return "it printed to standard error; mend what this says:\n" + _indented(said)


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.rstrip().splitlines())
