"""Streaming is streaming: no sample holds a whole file, whatever its language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from livesteps_openstack.contract import PICTURE_TYPE
from webserver import listening

from livesteps.errors import Problem
from livesteps.read.chapter import Chapter, Object
from livesteps.read.sdk import SDK, load_sdks
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps.run.run import Run

SAMPLES = Path(__file__).parents[1] / "samples"
SDKS = [sdk for sdk in load_sdks(SAMPLES).values() if not sdk.recorded_only]

SMALL, LARGE = 6 << 20, 48 << 20
"""Bytes of what is backed up, uploaded and restored from step 11 on."""
MORE = 32 << 20
"""Bytes of memory that a sample may take more for large files than for small ones."""
PICTURE = "6c1f2f0e-2f0b-4c0e-9d43-8f6c0a1b2c3d"


def resized(steps: Chapter, size: int) -> Chapter:
    """The same steps, with one picture, and files of this size from step 11 on."""
    big = steps.files["big.bin"]
    files = {
        "goat.jpg": steps.files["goat.jpg"],
        "big.bin": replace(big, size=size),
        "later.jpg": replace(big, name="later.jpg", size=size),
        "picture.png": replace(big, name="picture.png", size=size),
    }
    # With no number of segments said, some SDKs cut by themselves what is large.
    goat = steps.objects["goat"].model_copy(update={"file": "later.jpg", "segments": 0})
    picture = Object(file="picture.png", content_type=PICTURE_TYPE, segments=0)
    changed = []
    for step in steps.steps:
        update: dict[str, object] = {
            "downloads": {
                path: "later.jpg" if path == "restored/goat" else name
                for path, name in step.downloads.items()
            }
        }
        if step.pictures:
            update |= {"pictures": None, "holds": {step.pictures: [PICTURE]}}
        changed.append(step.model_copy(update=update))
    objects = steps.objects | {"goat": goat, PICTURE: picture}
    return replace(steps, steps=tuple(changed), objects=objects, files=files)


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


def memory(sdk: SDK, backend: Backend, size: int) -> int:
    """Most bytes of memory that a whole run takes."""
    steps = resized(backend.steps, size)
    served = serving(steps.files["picture.png"].content)
    with served as url, Program(sdk, steps) as program:
        run = Run(program, backend.account(sdk.id), fractals=url, pictures={})
        for result in run:
            assert not result.failure, str(result.failure)
            if result.step.number == 10:
                (run.work / "later.jpg").replace(run.work / "goat.jpg")
    assert run.ending
    return run.ending.memory


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.id)
def test_large_files_take_no_more_memory_than_small_ones(
    sdk: SDK, backend: Backend
) -> None:
    try:
        sdk.check_machine()
    except Problem as problem:
        pytest.skip(f"not run: {problem.what}")
    small, large = memory(sdk, backend, SMALL), memory(sdk, backend, LARGE)
    said = f"{sdk.id}: {small >> 20} MiB, with large files {large >> 20} MiB"
    assert large < small + MORE, said
