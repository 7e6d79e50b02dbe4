"""Reports of a run, for whoever did not see it: `livesteps run --report FILE`.

`model` says what is in one, `collect` makes it from the outcomes, and each
format has a module.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from livesteps import __version__
from livesteps.errors import Problem, shown
from livesteps.plugin import Info
from livesteps.read.deviations import Deviations
from livesteps.read.guide import Guide
from livesteps.read.redact import Redaction
from livesteps.report import asjson, junit, markdown, page
from livesteps.report.collect import INTERRUPTED, collect, versions
from livesteps.report.model import FORMAT, Report, Target
from livesteps.run.backend import Backend
from livesteps.run.outcome import Outcome

FORMATS: dict[str, Callable[[Report], str]] = {
    ".xml": junit.write,
    ".json": asjson.write,
    ".md": markdown.write,
    ".html": page.write,
}


NOT_ASKED = Info(None, "the run was stopped before it was asked for")


@dataclass
class Reports:
    """Writes reports of what happens in its context, however that ends.

    What cannot be written is a `Problem` when it is made, or at the end.
    """

    paths: Sequence[Path]
    guide: Guide
    kind: str
    name: str
    """Of the server or the cloud; see `Target`."""
    last: int | None = None
    required: Sequence[str] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    _way: str = ""
    _deviations: Deviations | None = None
    _info: Info = field(default=NOT_ASKED)

    def __post_init__(self) -> None:
        for path in self.paths:
            _check(path)

    @contextmanager
    def of(self, backend: Backend) -> Iterator[None]:
        """What runs while the context lasts runs on this backend."""
        self._way = backend.server.way
        self._deviations = backend.server.deviations()
        try:
            yield
        finally:
            if self.paths:
                self._info = backend.server.info()

    def __enter__(self) -> Reports:
        self._date = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        self._begun = time.monotonic()
        return self

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        if not self.paths:
            return
        stopped = ""
        if isinstance(error, Problem):
            stopped = str(error)
        elif error is not None and not isinstance(error, SystemExit):
            # If it was interrupted twice, it says what is left.
            stopped = "; ".join([INTERRUPTED, *str(error).splitlines()])
        report = self._made(stopped)
        for path in self.paths:
            _write(path, FORMATS[path.suffix.lower()](report))

    def _ways(self) -> bool:
        """Whether there is more than one way to connect."""
        return any(chapter.ways for chapter in self.guide.chapters.values())

    def _made(self, stopped: str) -> Report:
        redact = Redaction(words=self.guide.plugins.vocabulary)
        for outcome in self.outcomes:
            redact = outcome.redact
        stopped = redact(stopped)
        sdks = tuple(
            collect(
                outcome,
                deviations=self._deviations,
                last=self.last,
                required=outcome.sdk.id in self.required,
                stopped=stopped,
            )
            for outcome in self.outcomes
        )
        return Report(
            format=FORMAT,
            livesteps=__version__,
            date=self._date.isoformat(),
            seconds=round(time.monotonic() - self._begun, 3),
            passed=not stopped and all(sdk.good for sdk in sdks),
            stopped=stopped,
            target=Target(
                kind=self.kind,
                name=self.name,
                way=self._way or ("password" if self._ways() else ""),
                versions=versions(self.outcomes, self._info),
                info=self._info.content,
                info_missing=self._info.why,
            ),
            sdks=sdks,
        )


def _check(path: Path) -> None:
    """`Problem` if a report could not be written there; nothing is left there."""
    if path.suffix.lower() not in FORMATS:
        *some, last = FORMATS
        raise Problem(
            f"--report {shown(path)}: its ending is none of a report's",
            f"choose {', '.join(some)} or {last}",
        )
    if not path.parent.is_dir():
        raise Problem(f"--report {shown(path)}: there is no such folder", "make it")
    if path.is_dir():
        raise Problem(f"--report {shown(path)}: it is a folder", "name a file")
    try:
        with _part(path).open("x"):
            _part(path).unlink()
    except OSError as error:
        raise _unwritten(path, error) from None


def _write(path: Path, text: str) -> None:
    """The whole file, or none."""
    part = _part(path)
    try:
        with part.open("x", encoding="utf-8") as file:
            try:
                file.write(text)
                file.close()
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritten(path, error) from None


def _part(path: Path) -> Path:
    """A file of ours alone, beside it."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _unwritten(path: Path, error: OSError) -> Problem:
    return Problem(
        f"--report {shown(path)}: it cannot be written: {error.strerror}",
        "choose another place, mend its permissions, or make room",
    )
