"""One run of a sample, stopped after every step and compared with its contract."""

from __future__ import annotations

import datetime
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from livesteps import contract
from livesteps.errors import shown
from livesteps.named import Aftermath
from livesteps.normalise import normalise, secret_in, without_secrets
from livesteps.place import Place, Request, redaction
from livesteps.program import Program, indented
from livesteps.recording import (
    RecordedStep,
    Recording,
    diff_to_recorded,
    exchanges,
    output_path,
)
from livesteps.servers import Server
from livesteps.step import Step

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
    excuse: str = ""
    """What the cloud lacks, where that may be why."""

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
    requests: tuple[Request, ...] | None
    """None where nobody sees them."""
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


class Run:
    """A program that runs in a place, step by step.

    With `recording` each output is compared with it.
    """

    def __init__(
        self,
        program: Program,
        place: Place,
        *,
        fractals: str,
        pictures: Mapping[str, str],
        server: Server | None = None,
        recording: Recording | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        """`fractals` is the app's address, `pictures` its pictures' md5 by name,
        `server` says how the place differs from what is recorded.

        When another thread sets the program's `halt`, the step that runs fails
        within moments.
        """
        self.kit = program.kit
        self.work = program.work
        self.results: list[Result] = []
        self.ending: Ending | None = None
        self.keep = False
        """What it made in an account of somebody's is to stay there."""
        self.aftermath = Aftermath()
        """Of such an account, once the run is over."""
        self._program = program
        self._steps = program.steps
        self._place = place
        self._environment = {
            **place.environment,
            **(program.kit.trusting(place.ca) if place.ca else {}),
            "FRACTALS_ENDPOINT": fractals,
        }
        self._pictures = pictures
        self._server = server
        self._recording = recording
        self._deadline = deadline
        self._streams = program.streams
        self.known = {**place.known, fractals.partition("//")[2]: "fractals address"}
        self.redact = redaction(place, self.known)
        self.servers = place.versions

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
        self._place.begin(step)
        begun = time.monotonic()
        reasons: list[str] = []
        try:
            if self._program.fault:
                raise _Stopped(self._program.fault)
            if self.results:
                self._program.go_on()
            else:
                self._program.start(self._environment)
            self._run_until(f"step-{step.number + 1}", begun)
        except _Stopped as stopped:
            reasons.append(str(stopped))
        seconds = time.monotonic() - begun
        if not reasons:
            self._place.reach(step)
        requests = self._place.requests()
        said = self._said()
        output, faults = self._take_output(said, stopped=bool(reasons))
        reasons += faults
        broken = bool(reasons)
        if not reasons and check:
            reasons += self._faults(step, output, requests)
        if not reasons and step.number == len(self._steps):
            reasons += self._end()
            broken = bool(reasons)
        if not reasons and check and self._recording:
            reasons += self._differences(step, output, self._recording)
        failure = None
        if reasons and not self._program.halt.is_set():
            reasons = [*filter(None, [self._place.hindrance()]), *reasons]
        if reasons:
            failure = Failure(
                self._program.sample.path_of(step.number),
                self._program.sample.line_of(step.number),
                tuple(reasons),
                tuple(requests or ()),
                broken,
                self._server.without.get(step.number, "") if self._server else "",
            )
        seen = None if requests is None else tuple(requests)
        result = Result(step, output, seconds, seen, failure, said)
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
                    request=exchanges(result.requests or ()),
                )
                for result in self.results
            ),
            outputs=tuple(result.output for result in self.results),
            known=self.known,
        )

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
        if self._program.halt.is_set():
            raise _Stopped("it was interrupted; run it again")
        rest = begun + self._deadline - time.monotonic()
        if rest <= 0:
            raise _Stopped(
                f"it was stopped, since it did not end within {self._deadline:g} s;"
                " see what it waits for, or let it do less"
            )
        ready = self._program.selector.select(min(rest, TICK))
        if not ready:
            self._look_at_folder()
        for key, _ in ready:
            chunk = os.read(key.fd, 1 << 16)
            key.data.extend(chunk)
            if not chunk:
                self._program.selector.unregister(key.fd)
                if key.data is self._streams.status:
                    raise _Stopped("its guard was killed; run it again")
        if self._streams.status.endswith(b"\n"):
            # What it printed is in the pipes by now. They are not read to
            # their end, which a process that it left may never close.
            self.ending = Ending(**json.loads(self._streams.status))
            for key in list(self._program.selector.get_map().values()):
                with suppress(BlockingIOError):
                    while chunk := os.read(key.fd, 1 << 16):
                        key.data.extend(chunk)
                self._program.selector.unregister(key.fd)

    def _look_at_folder(self) -> None:
        size = 0
        for path in self._program.folder.rglob("*"):
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
            output = without_secrets(output, self._place.secrets)
        if said:
            faults.append(_to_mend(said))
        return output, faults

    def _said(self) -> str:
        """What it printed to standard error, as if of the published file."""
        text = self._streams.err.decode(errors="replace")[-MOST_OUTPUT:]
        text = without_secrets(text, self._place.secrets)
        return self._program.published(text, len(self.results) + 1)

    def _faults(
        self, step: Step, output: str, requests: list[Request] | None
    ) -> list[str]:
        """What is wrong with what the step did, gaps aside, which must be there."""
        gap = self._server and self._server.gap(self.kit.id, step)
        rest = gap.rest_of(step) if gap else step
        if gap and not gap.server:
            return self._breaches(rest, output, requests)
        found = self._breaches(step, output, requests)
        if step.number in self.kit.gaps:
            return [] if found else [self._closed(step)]
        if self._server and gap:
            if not found:
                return [self._server.closed(gap)]
            return self._breaches(rest, output, requests)
        return found

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
            if self._program.halt.wait(pause):
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
        self._program.go_on()
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
        recorded = normalise(recording.outputs[step.number - 1], recording.known)
        printed = self._place.plain(normalise(output, self.known))
        if self._server:
            recorded = self._server.levelled(recorded)
            printed = self._server.levelled(printed)
        diff = diff_to_recorded(
            recorded,
            printed,
            output_path(self.kit.folder / "recorded", step.number),
            "printed",
        )
        if not diff:
            return []
        return ["the output is not the recorded one:\n" + indented(diff)]


def _to_mend(said: str) -> str:
    return "it printed to standard error; mend what this says:\n" + indented(said)
