"""A recording of a run, `samples/<sdk>/recorded/<chapter>/`: what the page shows.

`step-04.txt` is what the step printed, byte for byte; `run.toml` says of
which program it is, on which day it ran, with which versions, how long each
step took and which requests it made.
"""

from __future__ import annotations

import datetime
import difflib
from contextlib import suppress
from pathlib import Path

import tomlkit
from pydantic import ConfigDict, StrictInt

from livesteps.errors import Problem, shown
from livesteps.plugin import Vocabulary
from livesteps.read.exchange import Exchange
from livesteps.read.normalise import normalise
from livesteps.read.sdk import SDK
from livesteps.read.tomlfile import Table, line_of, load


class RecordedStep(Table):
    """What is known of a step but its output."""

    # A dataclass, as exchanges are, would have to be one already.
    model_config = ConfigDict(strict=False)

    number: StrictInt
    """Its place, from 1."""
    seconds: float
    """How long it took."""
    request: list[Exchange] = []
    """Its HTTP requests, in the order in which they began."""


class RecordingFile(Table):
    """What a run.toml says of a whole run."""

    date: datetime.date
    """The day of the run."""
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
    known: dict[str, str]
    """Values that differ from run to run, as they were, and what they are."""
    step: list[RecordedStep]


class Recording(RecordingFile):
    """A whole run, to be shown and to be compared with."""

    outputs: tuple[str, ...]
    """What each step printed."""

    def same_but_for_time(self, other: Recording, words: Vocabulary) -> bool:
        """Whether both differ in nothing but what differs at every run."""

        def lasting(recording: Recording) -> object:
            return (
                recording.date,
                recording.digest,
                recording.sdk,
                recording.language,
                recording.libraries,
                recording.servers,
                [
                    normalise(output, recording.known, words)
                    for output in recording.outputs
                ],
                # Threads of an SDK send their requests in any order.
                sorted(
                    (
                        step.number,
                        exchange.method,
                        normalise(exchange.path, recording.known, words),
                        exchange.status,
                    )
                    for step in recording.step
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
    run = load(path, RecordingFile)
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
    own = {name: getattr(run, name) for name in RecordingFile.model_fields}
    return Recording(**own, outputs=tuple(outputs))


def check_recording(recording: Recording, folder: Path, sdk: SDK, chapter: str) -> None:
    """`Problem` if the recording is not of the SDK's sample as it is now."""
    if recording.digest != sdk.sample_of(chapter).digest:
        path = folder / "run.toml"
        raise Problem(
            f"it is of another version of {sdk.path(chapter).name}",
            f"run `livesteps record {sdk.id}` and look at what changed",
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


def write_recording(recording: Recording, folder: Path, words: Vocabulary) -> None:
    """Write a recording, each file whole or not at all.

    Raises `OSError`; nothing is replaced before all is on the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `livesteps record`; not by hand."))
    for name in RecordingFile.model_fields:
        if name != "step":
            document[name] = getattr(recording, name)
    steps = tomlkit.aot()
    for step in recording.step:
        table = tomlkit.table()
        table["number"] = step.number
        table["seconds"] = step.seconds
        if step.request:
            array = tomlkit.array().multiline(True)
            for exchange in step.request:
                inline = tomlkit.inline_table()
                inline.update(exchange.recorded(words.telling))
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
