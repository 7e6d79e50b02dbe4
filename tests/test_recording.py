"""Recordings: read, written, compared; and what is said of a spoilt one."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from livesteps.errors import Problem
from livesteps.read.exchange import Exchange, in_order
from livesteps.read.guide import load_guide
from livesteps.read.plugins import load_plugins
from livesteps.read.recording import (
    RecordedStep,
    Recording,
    check_recording,
    read_recording,
    write_recording,
)

if TYPE_CHECKING:
    from small import SmallGuide as Guide

Command = Callable[..., subprocess.CompletedProcess[str]]

PUT = Exchange(
    method="PUT",
    path="/v1/AUTH_1/c/an%20object?format=json",
    status=201,
    sent=7,
    received=0,
    headers={"X-Object-Meta-Note": 'say "é"'},
)
RECORDING = Recording(
    date=datetime.date(2026, 11, 25),
    digest="sha256:00",
    sdk="1.0",
    language="3.11.7",
    libraries=12,
    memory=41_000_000,
    servers={"swift": "2.38.3"},
    step=[
        RecordedStep(number=1, seconds=0.25),
        RecordedStep(number=2, seconds=1.5, request=[PUT]),
    ],
    outputs=("one\n", '127.0.0.1:80 \\ é """ 0.1 s\n\n  two'),
    known={"127.0.0.1:80": "object storage address"},
)
WORDS = load_plugins(["openstack"], Path()).vocabulary


def another(**values: Any) -> Recording:
    """The recording, but for these values."""
    return RECORDING.model_copy(update=values)


def files(folder: Path) -> dict[str, bytes]:
    """The files in a folder, and what is in them."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def complaint(folder: Path, steps: int = 2) -> str:
    """What is said of the recording in a folder."""
    with pytest.raises(Problem) as raised:
        read_recording(folder, steps)
    return str(raised.value).removeprefix(f"{folder}/")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "recorded"
    write_recording(RECORDING, folder, WORDS)
    assert read_recording(folder, 2) == RECORDING
    assert sorted(files(folder)) == ["run.toml", "step-01.txt", "step-02.txt"]


def test_writing_the_same_again_gives_the_same_bytes(tmp_path: Path) -> None:
    write_recording(RECORDING, tmp_path, WORDS)
    before = files(tmp_path)
    write_recording(read_recording(tmp_path, 2), tmp_path, WORDS)
    assert files(tmp_path) == before


def test_a_step_that_is_no_more_loses_its_output(tmp_path: Path) -> None:
    write_recording(RECORDING, tmp_path, WORDS)
    write_recording(
        another(step=RECORDING.step[:1], outputs=RECORDING.outputs[:1]),
        tmp_path,
        WORDS,
    )
    assert sorted(files(tmp_path)) == ["run.toml", "step-01.txt"]


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_recording(RECORDING, tmp_path, WORDS)
    before = files(tmp_path)
    write_bytes = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write_bytes(path, data[: len(data) // 2])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_recording(another(outputs=("new\n", "new\n")), tmp_path, WORDS)
    monkeypatch.undo()
    assert read_recording(tmp_path, 2) == RECORDING
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            lambda folder: (folder / "run.toml").unlink(),
            "run.toml:1: there is no recording; make one by `livesteps record SDK`",
            id="no run.toml",
        ),
        pytest.param(
            lambda folder: (folder / "step-02.txt").unlink(),
            "step-02.txt:1: it is missing; record it again",
            id="no output",
        ),
        pytest.param(
            lambda folder: (folder / "step-02.txt").write_bytes(b"\xff\xfe"),
            "step-02.txt:1: not UTF-8; record it again",
            id="not UTF-8",
        ),
        pytest.param(
            lambda folder: (folder / "run.toml").write_text(
                (folder / "run.toml").read_text().replace("number = 2", "number = 3")
            ),
            "run.toml:1: step 2 is missing in it; record it again",
            id="no step 2",
        ),
        pytest.param(
            lambda folder: (folder / "run.toml").write_text(
                (folder / "run.toml").read_text().replace("\nsdk =", "\nskd =")
            ),
            "run.toml:4: unknown key 'skd'; did you mean 'sdk'?",
            id="unknown key",
        ),
    ],
)
def test_a_spoilt_recording_is_named_with_its_line(
    tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    write_recording(RECORDING, tmp_path, WORDS)
    spoil(tmp_path)
    assert complaint(tmp_path).startswith(said)


@pytest.mark.parametrize(
    ("steps", "said"),
    [(3, "run.toml:1: step 3 is missing"), (1, "run.toml:1: its steps are [1, 2]")],
)
def test_a_recording_of_more_or_fewer_steps_is_refused(
    tmp_path: Path, steps: int, said: str
) -> None:
    write_recording(RECORDING, tmp_path, WORDS)
    assert complaint(tmp_path, steps).startswith(said)


def test_a_recording_of_another_sample_is_refused(guide_folder: Path) -> None:
    sdk = load_guide(guide_folder / "samples" / "guide.toml").sdks["libcloud"]
    folder = sdk.recorded("durability")
    recording = read_recording(folder, 17)
    check_recording(recording, folder, sdk, "durability")

    program = sdk.path("durability")
    program.write_text(program.read_text().replace("Uploaded", "Stored"))
    again = load_guide(guide_folder / "samples" / "guide.toml").sdks["libcloud"]
    written = f'digest = "{recording.digest}"'
    line = (folder / "run.toml").read_text().splitlines().index(written) + 1
    with pytest.raises(Problem) as raised:
        check_recording(recording, folder, again, "durability")
    assert str(raised.value) == (
        f"{folder}/run.toml:{line}:"
        " it is of another version of durability.py;"
        " run `livesteps record libcloud` and look at what changed"
    )


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param(RECORDING, True, id="itself"),
        pytest.param(
            another(
                known={"127.0.0.1:81": "object storage address"},
                outputs=("one\n", '127.0.0.1:81 \\ é """ 9.9 s\n\n  two'),
            ),
            True,
            id="another port and duration",
        ),
        pytest.param(
            another(
                step=[
                    RecordedStep(number=1, seconds=9.0),
                    RecordedStep(
                        number=2,
                        seconds=9.0,
                        request=[replace(PUT, received=1)],
                    ),
                ],
            ),
            True,
            id="other seconds and bytes received",
        ),
        pytest.param(another(outputs=("1\n", "2\n")), False, id="output"),
        pytest.param(another(digest="sha256:01"), False, id="sample"),
        pytest.param(another(sdk="1.1"), False, id="SDK"),
        pytest.param(another(language="3.13"), False, id="language"),
        pytest.param(another(servers={"swift": "3"}), False, id="server"),
        pytest.param(another(date=datetime.date(2026, 11, 26)), False, id="day"),
        pytest.param(
            another(
                step=[
                    RECORDING.step[0],
                    RecordedStep(
                        number=2,
                        seconds=1.5,
                        request=[replace(PUT, status=202)],
                    ),
                ],
            ),
            False,
            id="status of a request",
        ),
        pytest.param(
            another(
                step=[
                    RecordedStep(number=1, seconds=0.25, request=[PUT]),
                    RecordedStep(number=2, seconds=1.5),
                ],
            ),
            False,
            id="step of a request",
        ),
    ],
)
def test_two_recordings_are_the_same_but_for_time(other: Recording, same: bool) -> None:
    assert RECORDING.same_but_for_time(other, WORDS) is same


def test_requests_that_overlapped_stand_in_one_order() -> None:
    def request(path: str, start: float, seconds: float) -> Exchange:
        headers = {"ETag": "1", "User-Agent": "x", "X-Auth-Token": "y"}
        return Exchange(
            *("PUT", path, 201, 1),
            headers=headers,
            start=start,
            seconds=seconds,
        )

    found = in_order(
        [
            *(request("/b", 1.0, 1.0), request("/a", 1.5, 0.1)),
            *(request("/0", 3.0, 0.1), request("/z", 0.0, 0.5)),
        ]
    )
    assert [exchange.path for exchange in found] == ["/z", "/a", "/b", "/0"]
    kept = [exchange.recorded(WORDS.telling) for exchange in found]
    assert [exchange["headers"] for exchange in kept] == [{"ETag": "1"}] * 4


def test_recording_twice_writes_once(
    guide_folder: Path, livesteps_here: Command
) -> None:
    folder = guide_folder / "samples" / "libcloud" / "recorded" / "durability"
    first = livesteps_here(guide_folder, "record", "libcloud")
    assert first.returncode == 0, first.stderr
    before = files(folder)
    assert len(before) == 18

    second = livesteps_here(guide_folder, "record", "libcloud")
    assert second.returncode == 0, second.stderr
    assert "samples/libcloud/recorded/durability: nothing changed" in second.stdout
    assert files(folder) == before


def test_a_change_of_the_sample_is_recorded(
    make_guide: Callable[..., Guide], livesteps_here: Command
) -> None:
    guide = make_guide("print('one')", "print('two')")
    folder = guide.recorded
    first = livesteps_here(guide.folder, "record", "tiny")
    assert first.returncode == 0, first.stderr
    assert "samples/tiny/recorded/tiny: written" in first.stdout
    assert read_recording(folder, 2).outputs == ("one\n", "two\n")

    guide.program.write_text(guide.program.read_text().replace("two", "deux"))
    second = livesteps_here(guide.folder, "record", "tiny")
    assert "samples/tiny/recorded/tiny: written" in second.stdout
    assert read_recording(folder, 2).outputs == ("one\n", "deux\n")
    assert read_recording(folder, 2).digest == guide.sdk.sample_of("tiny").digest


def test_a_sample_that_fails_leaves_its_recording_alone(
    make_guide: Callable[..., Guide], livesteps_here: Command
) -> None:
    guide = make_guide("print('one')", "raise SystemExit(3)")
    write_recording(RECORDING, guide.recorded, WORDS)
    before = files(guide.recorded)
    ran = livesteps_here(guide.folder, "record", "tiny")
    assert ran.returncode == 2
    assert "ended with status 3" in ran.stderr
    assert files(guide.recorded) == before


@pytest.mark.parametrize("what", ["the folder", "a part"])
def test_where_nothing_can_be_written_nothing_is_half_written(
    make_guide: Callable[..., Guide], livesteps_here: Command, what: str
) -> None:
    guide = make_guide("print('one')", "print('two')")
    folder = guide.recorded
    if what == "the folder":
        folder.parent.mkdir()
        folder.write_text("not a folder")
    else:
        write_recording(RECORDING, folder, WORDS)
        (folder / "step-01.txt.part").mkdir()
    before = {
        str(path): path.read_bytes()
        for path in guide.sdk_folder.rglob("*")
        if path.is_file()
    }
    ran = livesteps_here(guide.folder, "record", "tiny")
    assert ran.returncode == 2, ran.stdout
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("samples/tiny/recorded/tiny")
    assert ":1: cannot be written: " in last
    assert last.endswith("; mend its permissions, or make room")
    assert before == {
        str(path): path.read_bytes()
        for path in guide.sdk_folder.rglob("*")
        if path.is_file()
    }
