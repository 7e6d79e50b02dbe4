"""One run of a sample, stopped after every step and compared with its contract."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Mapping

from livesteps.errors import shown
from livesteps.plugin import Account, Aftermath, Seen, Vocabulary
from livesteps.read.chapter import Step
from livesteps.read.deviations import Deviations
from livesteps.read.exchange import Exchange, in_order
from livesteps.read.normalise import normalise, secret_in, without_secrets
from livesteps.read.recording import (
    RecordedStep,
    Recording,
    diff_to_recorded,
    output_path,
)
from livesteps.read.redact import Redaction
from livesteps.run import toolchain
from livesteps.run.limits import DEADLINE, MOST_OUTPUT, SEPARATOR, Stopped, Watch
from livesteps.run.program import Program, indented
from livesteps.run.result import Failure, Result
from livesteps.run.service import Service


class Run:
    """A program that runs in an account, step by step.

    With `recording` each output is compared with it.
    """

    def __init__(
        self,
        program: Program,
        account: Account,
        *,
        services: Mapping[str, Service],
        words: Vocabulary,
        deviations: Deviations | None = None,
        recording: Recording | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        """`deviations` says how the server differs from what is recorded.

        When another thread sets the program's `halt`, the step that runs fails
        within moments.
        """
        self.sdk = program.sdk
        self.chapter = program.chapter
        self.work = program.work
        self.results: list[Result] = []
        self.keep = False
        """What it made in an account of somebody's is to stay there."""
        self.aftermath = Aftermath()
        """Of such an account, once the run is over."""
        self.program = program
        self.account = account
        self._services = services
        self._words = words
        self._deviations = deviations
        self._recording = recording
        self._process = program.process
        self._watch = Watch(program, deadline)
        self.known = {
            **account.known,
            **{each.address: f"{name} address" for name, each in services.items()},
        }
        self.redact = Redaction(
            tuple(account.secrets), {**account.where(), **self.known}, words
        )
        self.servers = account.versions

    def __iter__(self) -> Iterator[Result]:
        """The steps in their order, until one fails."""
        while (result := self.advance()) is not None:
            yield result

    @property
    def passed(self) -> bool:
        """Every step was run, and none failed."""
        return len(self.results) == len(self.chapter) and not self.results[-1].failure

    def advance(self, *, check: bool = True) -> Result | None:
        """Run the next step; None if there is none, or one has failed.

        Without `check` it fails only if the program ends or says that it is wrong.
        """
        if len(self.results) == len(self.chapter):
            return None
        if self.results and self.results[-1].failure:
            return None
        step = self.chapter.steps[len(self.results)]
        self.account.begin(step)
        begun = time.monotonic()
        reasons: list[str] = []
        try:
            if self.program.fault:
                raise Stopped(self.program.fault)
            if self.results:
                self._process.write(b"\n")
            else:
                self._process.start(self._environment())
            self._watch.until(f"step-{step.number + 1}", begun)
        except Stopped as stopped:
            reasons.append(str(stopped))
        seconds = time.monotonic() - begun
        if not reasons:
            self.account.reach(step)
        exchanges = self.account.exchanges()
        stderr = self._stderr()
        output, faults = self._take_output(stderr, stopped=bool(reasons))
        reasons += faults
        broken = bool(reasons)
        if not reasons and check:
            reasons += self._faults(step, output, exchanges)
        if not reasons and step.number == len(self.chapter):
            reasons += self._end()
            broken = bool(reasons)
        if not reasons and check and self._recording:
            reasons += self._differences(step, output, self._recording)
        failure = None
        if reasons and not self.program.halt.is_set():
            reasons = [*filter(None, [self.account.hindrance()]), *reasons]
        if reasons:
            failure = Failure(
                self.program.sample.path_of(step.number),
                self.program.sample.line_of(step.number),
                tuple(reasons),
                tuple(exchanges or ()),
                broken,
                self._deviations.without.get((self.chapter.name, step.number), "")
                if self._deviations
                else "",
            )
        seen = None if exchanges is None else tuple(exchanges)
        result = Result(step, output, seconds, seen, failure, stderr)
        self.results.append(result)
        return result

    def recorded(self) -> Recording:
        """This run, all of whose steps passed, as a recording of today."""
        assert self._process.ending
        return Recording(
            date=datetime.date.today(),
            digest=self.program.sample.digest,
            sdk=toolchain.version_of(self.sdk, "sdk"),
            language=toolchain.version_of(self.sdk, "language"),
            libraries=toolchain.count_libraries(self.sdk),
            memory=self._process.ending.memory,
            servers=self.account.versions,
            step=[
                RecordedStep(
                    number=result.step.number,
                    seconds=round(result.seconds, 3),
                    request=in_order(result.exchanges or ()),
                )
                for result in self.results
            ],
            outputs=tuple(result.output for result in self.results),
            known=self.known,
        )

    def _environment(self) -> dict[str, str]:
        ca = self.account.ca
        return {
            **self.account.environment,
            **(toolchain.trusting(self.sdk, ca) if ca else {}),
            **{each.file.variable: each.url for each in self._services.values()},
        }

    def _take_output(self, stderr: str, *, stopped: bool) -> tuple[str, list[str]]:
        """What the step printed, and what is wrong with that or with standard error."""
        out = bytes(self._process.out)
        self._process.out.clear()
        self._process.err.clear()
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
        if name := secret_in(output, self.account.secrets, self._words):
            faults.append(f"it printed {name}; leave it out, for it would be published")
            output = without_secrets(output, self.account.secrets)
        if stderr:
            faults.append(_to_mend(stderr))
        return output, faults

    def _stderr(self) -> str:
        """What it printed to standard error, as if of the published file."""
        text = self._process.err.decode(errors="replace")[-MOST_OUTPUT:]
        text = without_secrets(text, self.account.secrets)
        return self.program.published(text, len(self.results) + 1)

    def _faults(
        self, step: Step, output: str, exchanges: list[Exchange] | None
    ) -> list[str]:
        """What is wrong with what the step did, gaps aside, which must be there."""
        gap = self._deviations and self._deviations.gap(self.sdk.id, step)
        rest = gap.rest_of(step) if gap else step
        if gap and not gap.server:
            return self._breaches(rest, output, exchanges)
        found = self._breaches(step, output, exchanges)
        if step.number in self.sdk.gaps(self.chapter.name):
            return [] if found else [self._closed(step)]
        if self._deviations and gap:
            if not found:
                return [self._deviations.closed(gap)]
            return self._breaches(rest, output, exchanges)
        return found

    def _breaches(
        self, step: Step, output: str, exchanges: list[Exchange] | None
    ) -> list[str]:
        seen = Seen(
            *(step, self.chapter, self.account, output, exchanges, self.work),
            self._services,
        )
        end = time.monotonic() + self.account.patience
        pause = 0.5
        while True:
            found = [
                line
                for key, kind in self.chapter.kinds.items()
                if key in step.contract
                for line in kind.check(step.contract[key], seen)
            ]
            # What checks ask of the server is none of the program's requests.
            self.account.exchanges()
            if not found or time.monotonic() + pause > end:
                return found
            # A real cloud's listings follow what was stored after a while.
            if self.program.halt.wait(pause):
                return found
            pause *= 2

    def _closed(self, step: Step) -> str:
        """A gap that is none any more."""
        gap = self.sdk.gaps(self.chapter.name)[step.number]
        line = self.sdk.line_of("gap", self.sdk.gap.index(gap))
        return (
            f"step {step.number} is declared a gap, and does what its contract says;"
            f" take the gap out of {shown(self.sdk.toml)}:{line}"
        )

    def _end(self) -> list[str]:
        """Let the program end after its last step; what went wrong then."""
        begun = time.monotonic()
        self._process.write(b"\n")
        try:
            ending = self._watch.until_end(begun)
        except Stopped as stopped:
            return [f"after its last step {stopped}"]
        reasons = []
        if ending.exit:
            reasons.append(f"after its last step it {ending}; let it end with 0")
        if ending.left:
            left = ", ".join(f"`{command}`" for command in ending.left)
            reasons.append(
                f"it left processes behind, {left}; wait for them, or end them"
            )
        if self._process.out:
            reasons.append("it printed after its closing marker; print before it")
        if self._process.err:
            reasons.append(_to_mend(self._stderr()))
        return reasons

    def _differences(self, step: Step, output: str, recording: Recording) -> list[str]:
        """How the output differs from the recorded one, as a diff."""
        recorded = normalise(
            recording.outputs[step.number - 1], recording.known, self._words
        )
        printed = self.account.plain(normalise(output, self.known, self._words))
        if self._deviations:
            recorded = self._deviations.levelled(recorded)
            printed = self._deviations.levelled(printed)
        diff = diff_to_recorded(
            recorded,
            printed,
            output_path(self.sdk.recorded(self.chapter.name), step.number),
            "printed",
        )
        if not diff:
            return []
        return ["the output is not the recorded one:\n" + indented(diff)]


def _to_mend(stderr: str) -> str:
    return "it printed to standard error; mend what this says:\n" + indented(stderr)
