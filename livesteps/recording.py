"""A recording of a run, `samples/<sdk>/recorded/`: what the page shows.

`step-04.txt` is what the step printed, byte for byte; `run.toml` says of
which program it is, on which day it ran, with which versions, how long each
step took and which requests it made.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from livesteps.errors import Problem, shown
from livesteps.kit import Kit
from livesteps.normalise import normalise
from livesteps.place import Request
from livesteps.tomlfile import Table, line_of, load

TELLING = ("content-type", "etag", "range", "x-container-", "x-object-")
"""How the request headers begin that tell what a step did."""


class Exchange(Table):
    """One HTTP request of a step, as the server saw it."""

    method: str
    path: str
    """With its query, secrets left out."""
    status: int
    sent: int
    """Bytes of the request's body."""
    received: int
    """Bytes of the answer's body."""
    headers: dict[str, str] = {}
    """What is telling in the request's headers."""


class RecordedStep(Table):
    """What is known of a step but its output."""

    number: int
    seconds: float
    request: list[Exchange] = []


class _Run(Table):
    date: datetime.date
    digest: str
    sdk: str
    language: str
    libraries: int
    memory: int
    servers: dict[str, str]
    known: dict[str, str]
    step: list[RecordedStep]


@dataclass(frozen=True)
class Recording:
    """A whole run, to be shown and to be compared with."""

    date: datetime.date
    digest: str
    """Of the program that ran, as `Sample.digest`."""
    sdk: str
    """Version of the SDK."""
    language: str
    """Version of the language."""
    libraries: int
    """How many libraries the program needs."""
    memory: int
    """Most bytes of memory that any of its processes held at once."""
    servers: dict[str, str]
    """Versions of the servers, by name."""
    steps: tuple[RecordedStep, ...]
    outputs: tuple[str, ...]
    """What each step printed."""
    known: dict[str, str]
    """Values that differ from run to run, as they were, and what they are."""

    def same_but_for_time(self, other: Recording) -> bool:
        """Whether both differ in nothing but what differs at every run."""

        def lasting(recording: Recording) -> object:
            return (
                recording.date,
                recording.digest,
                recording.sdk,
                recording.language,
                recording.libraries,
                recording.servers,
                [normalise(output, recording.known) for output in recording.outputs],
                # Threads of an SDK send their requests in any order.
                sorted(
                    (
                        step.number,
                        exchange.method,
                        normalise(exchange.path, recording.known),
                        exchange.status,
                    )
                    for step in recording.steps
                    for exchange in step.request
                ),
            )

        return lasting(self) == lasting(other)


def output_path(folder: Path, step: int) -> Path:
    """The file of a step's output."""
    return folder / f"step-{step:02}.txt"


def read_recording(folder: Path, steps: int) -> Recording:
    """Read the recording in `folder`; `Problem` if one of the steps is missing."""
    path = folder / "run.toml"
    again = "record it again, by `livesteps record SDK`"
    if not path.is_file():
        raise Problem(
            "there is no recording", "make one by `livesteps record SDK`", path=path
        )
    run = load(path, _Run)
    numbers = [step.number for step in run.step]
    for due in range(1, steps + 1):
        if due not in numbers:
            raise Problem(f"step {due} is missing in it", again, path=path)
        if not output_path(folder, due).is_file():
            raise Problem("it is missing", again, path=output_path(folder, due))
    if len(numbers) != steps:
        raise Problem(f"its steps are {numbers}", again, path=path)
    outputs = []
    for number in numbers:
        try:
            outputs.append(output_path(folder, number).read_bytes().decode())
        except UnicodeDecodeError:
            raise Problem(
                "not UTF-8", again, path=output_path(folder, number)
            ) from None
    return Recording(
        run.date,
        run.digest,
        run.sdk,
        run.language,
        run.libraries,
        run.memory,
        run.servers,
        tuple(run.step),
        tuple(outputs),
        run.known,
    )


def check_recording(recording: Recording, folder: Path, kit: Kit) -> None:
    """`Problem` if the recording is not of the kit's sample as it is now."""
    if recording.digest != kit.sample.digest:
        path = folder / "run.toml"
        raise Problem(
            f"it is of another version of {kit.path.name}",
            f"run `livesteps record {kit.id}` and look at what changed",
            path=path,
            line=line_of(path.read_text(encoding="utf-8"), ["digest"]),
        )


def diff_to_recorded(recorded: str, found: str, path: Path, how: str) -> str:
    """A diff of what is recorded in a file and what was found; best nothing."""
    diff = difflib.unified_diff(
        recorded.splitlines(),
        found.splitlines(),
        f"recorded in {shown(path)}",
        how,
        lineterm="",
    )
    return "\n".join(diff)


def write_recording(recording: Recording, folder: Path) -> None:
    """Write a recording, each file whole or not at all.

    Raises `OSError`; nothing is replaced before all is on the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `livesteps record`; not by hand."))
    document["date"] = recording.date
    document["digest"] = recording.digest
    document["sdk"] = recording.sdk
    document["language"] = recording.language
    document["libraries"] = recording.libraries
    document["memory"] = recording.memory
    document["servers"] = recording.servers
    document["known"] = recording.known
    steps = tomlkit.aot()
    for step in recording.steps:
        table = tomlkit.table()
        table["number"] = step.number
        table["seconds"] = step.seconds
        if step.request:
            array = tomlkit.array().multiline(True)
            for exchange in step.request:
                inline = tomlkit.inline_table()
                inline.update(exchange.model_dump(exclude_defaults=True))
                array.append(inline)
            table["request"] = array
        steps.append(table)
    document["step"] = steps
    texts = {
        output_path(folder, number): output
        for number, output in enumerate(recording.outputs, start=1)
    }
    texts[folder / "run.toml"] = tomlkit.dumps(document)
    parts = {path: path.with_name(path.name + ".part") for path in texts}
    try:
        for path, text in texts.items():
            parts[path].write_bytes(text.encode())
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)
    for path in folder.glob("step-*.txt"):
        if path not in texts:
            path.unlink()


def exchanges(requests: Sequence[Request]) -> list[Exchange]:
    """The requests of a step in an order that does not depend on chance.

    They stand as they began; those that overlapped, by method, path and query.
    """
    clusters: list[list[Request]] = []
    end = 0.0
    for request in sorted(requests, key=lambda request: request["start"]):
        if request["start"] >= end:
            clusters.append([])
        clusters[-1].append(request)
        end = max(end, request["start"] + request["seconds"])
    return [
        Exchange(
            method=request["method"],
            path=request["path"] + ("?" + request["query"] if request["query"] else ""),
            status=request["status"],
            sent=request["sent"],
            received=request["received"],
            headers={
                key: value
                for key, value in sorted(request["request_headers"].items())
                if key.lower().startswith(TELLING)
            },
        )
        for cluster in clusters
        for request in sorted(
            cluster, key=lambda one: (one["method"], one["path"], one["query"])
        )
    ]
