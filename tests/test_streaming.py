"""Streaming is streaming: no sample holds a whole file, whatever its language."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import psutil
import pytest
from real import CHAPTER, GUIDE, SDKS
from webserver import listening

from livesteps.errors import Problem
from livesteps.read.chapter import Chapter
from livesteps.read.sdk import SDK
from livesteps.run import toolchain
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps.run.run import Run
from livesteps.run.service import Service
from livesteps_openstack.contracts.holds import Object

SMALL, LARGE = 6 << 20, 48 << 20
"""Bytes of what is backed up, uploaded and restored from step 11 on."""
MORE = 32 << 20
"""Bytes of memory that a sample may take more for large files than for small ones."""
PICTURE = "6c1f2f0e-2f0b-4c0e-9d43-8f6c0a1b2c3d"


PICTURE_TYPE = "image/png"


@cache
def resized(size: int) -> Chapter:
    """The same steps, with one picture, and files of this size from step 11 on."""
    big = CHAPTER.files["big.bin"]
    files = {
        "goat.jpg": CHAPTER.files["goat.jpg"],
        "big.bin": replace(big, size=size),
        "later.jpg": replace(big, name="later.jpg", size=size),
        "picture.png": replace(big, name="picture.png", size=size),
    }
    # With no number of segments said, some SDKs cut by themselves what is large.
    objects = CHAPTER.tables["objects"]
    goat = objects["goat"].model_copy(update={"file": "later.jpg", "segments": 0})
    picture = Object(file="picture.png", content_type=PICTURE_TYPE, segments=0)
    changed = []
    for step in CHAPTER.steps:
        contract = dict(step.contract)
        if "downloads" in contract:
            contract["downloads"] = {
                path: "later.jpg" if path == "restored/goat" else name
                for path, name in contract["downloads"].items()
            }
        if "pictures" in contract:
            contract["holds"] = {contract.pop("pictures"): [PICTURE]}
        changed.append(replace(step, contract=contract))
    tables = {
        **CHAPTER.tables,
        "objects": {**objects, "goat": goat, PICTURE: picture},
    }
    return replace(CHAPTER, steps=tuple(changed), tables=tables, files=files)


class App(Service):
    """In the place of the Fractals app, whoever serves at an address."""

    def __init__(self, url: str) -> None:
        super().__init__(GUIDE.file.service["fractals"], GUIDE.samples)
        self._at = url

    @property
    def url(self) -> str:
        """The address."""
        return self._at


@contextmanager
def serving(picture: bytes) -> Iterator[str]:
    """An app that has one picture, however large; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            listed = self.path.startswith("/v1/")
            body = {"objects": [{"uuid": PICTURE}], "num_results": 1}
            content = json.dumps(body).encode() if listed else picture
            self.send_response(200)
            self.send_header(
                "Content-Type", "application/json" if listed else PICTURE_TYPE
            )
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with listening(Handler) as address:
        yield address


def peak(process: psutil.Process) -> int:
    """Most bytes of memory that any process now below this one has held."""
    found = [0]
    for each in process.children(recursive=True):
        with suppress(FileNotFoundError, ProcessLookupError):
            status = Path(f"/proc/{each.pid}/status").read_text()
            found += [int(kib) << 10 for kib in re.findall(r"VmHWM:\s+(\d+)", status)]
    return max(found)


@contextmanager
def watched(pid: int) -> Iterator[Callable[[], int]]:
    """What gives the most bytes that any process below one held until now, as far as
    was seen: of a shell, it is the commands that it calls."""
    seen = [0]
    over = threading.Event()

    def watch() -> None:
        process = psutil.Process(pid)
        while not over.wait(0.05):
            seen[0] = max(seen[0], peak(process))

    thread = threading.Thread(target=watch)
    thread.start()

    def stop() -> int:
        over.set()
        thread.join()
        return seen[0]

    try:
        yield stop
    finally:
        stop()


def memory(sdk: SDK, backend: Backend, size: int) -> tuple[int, int]:
    """Most bytes of memory that a run takes until step 10, and all of it."""
    chapter = resized(size)
    served = serving(chapter.files["picture.png"].content)
    with (
        served as url,
        Program(sdk, chapter) as program,
        watched(program.process.pid) as most,
    ):
        run = Run(
            program,
            backend.account(sdk, chapter),
            services={"fractals": App(url)},
            words=GUIDE.plugins.vocabulary,
        )
        before = 0
        for result in run:
            assert not result.failure, str(result.failure)
            if result.step.number == 10:
                before = most()
                (run.work / "later.jpg").replace(run.work / "goat.jpg")
        assert program.process.ending
        return before, program.process.ending.memory


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.id)
def test_large_files_take_no_more_memory_than_small_ones(
    sdk: SDK, backend: Backend
) -> None:
    try:
        toolchain.check_machine(sdk)
    except Problem as problem:
        pytest.skip(f"not run: {problem.what}")
    # Until step 10 there are small files alone: a run with no others takes as much,
    # at least. What is loaded later is not in that.
    small, large = memory(sdk, backend, LARGE)
    if large >= small + MORE:
        _, small = memory(sdk, backend, SMALL)
    said = f"{sdk.id}: {small >> 20} MiB, with large files {large >> 20} MiB"
    assert large < small + MORE, said
