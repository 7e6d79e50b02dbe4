"""Mistakes in programs that are compiled: the gate sees each, at its step."""

from __future__ import annotations

from pathlib import Path

from mutants import COMPILED, check_seen, each_of
from real import SDKS

from livesteps.read.sdk import SDK
from livesteps.run.backend import Backend


@each_of(sdk for sdk in SDKS if sdk.id in COMPILED)
def test_a_mistake_fails_its_step(
    sdk: SDK, step: int, backend: Backend, tmp_path: Path
) -> None:
    check_seen(sdk, step, backend, tmp_path)
