"""Mistakes in programs that are run as they are written: the gate sees each, at
its step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mutants import COMPILED, check_seen, each_of
from real import SDKS

from livesteps.read.guide import Guide
from livesteps.read.sdk import SDK
from livesteps.run.backend import Backend
from livesteps_openstack.servers.moto import MotoS3


@each_of(sdk for sdk in SDKS if sdk.id not in COMPILED)
def test_a_mistake_fails_its_step(
    sdk: SDK, step: int, backend: Backend, tmp_path: Path
) -> None:
    check_seen(sdk, step, backend, tmp_path)


@pytest.fixture
def moto(guide: Guide, borrowed: Backend) -> Iterator[Backend]:
    """The servers, with moto's S3 in the place of Swift's."""
    with Backend(guide, MotoS3(guide)) as running:
        yield running


@each_of(sdk for sdk in SDKS if "moto" in sdk.servers)
def test_a_mistake_fails_its_step_on_moto(
    sdk: SDK, step: int, moto: Backend, tmp_path: Path
) -> None:
    check_seen(sdk, step, moto, tmp_path)
