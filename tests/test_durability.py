"""The guide's claims: with one of three devices emptied, no object is lost, and
what the page shows of it is what happens."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from livesteps_openstack.cloud import Cloud, supported

pytestmark = pytest.mark.skipif(supported() is not None, reason=str(supported()))

SAMPLES = Path(__file__).parents[1] / "samples"
NAMES = [f"object-{number}" for number in range(8)]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        yield running


def copies(device: Path, kind: str) -> int:
    """How many objects, or databases, a device holds."""
    return len(
        list(device.glob(f"{kind}/**/*.{'data' if kind == 'objects' else 'db'}"))
    )


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_losing_a_device_loses_no_object(cloud: Cloud, lost: int) -> None:
    project = cloud.project(f"loses-{lost}")
    token, contents = project.token()
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Auth-Token"] = token

        def put(name: str) -> None:
            url = f"{contents}/c/{name}"
            session.put(url, name.encode(), timeout=60).raise_for_status()

        def everything_is_there(names: list[str]) -> None:
            # Often enough that each copy is the first to be asked.
            for _ in range(4):
                answer = session.get(f"{contents}/c", timeout=60)
                assert answer.text.split() == sorted(names)
                for name in names:
                    answer = session.get(f"{contents}/c/{name}", timeout=60)
                    assert (answer.status_code, answer.text) == (200, name)

        session.put(f"{contents}/c", timeout=60).raise_for_status()
        for name in NAMES:
            put(name)
        before = [copies(device, "objects") for device in cloud.devices]
        assert len(set(before)) == 1

        for kind in ("objects", "containers", "accounts"):
            shutil.rmtree(cloud.devices[lost] / kind)
        everything_is_there(NAMES)
        put("written-meanwhile")
        everything_is_there([*NAMES, "written-meanwhile"])

        cloud.replicate()
        everything_is_there([*NAMES, "written-meanwhile"])
        after = [copies(device, "objects") for device in cloud.devices]
        assert after == [before[0] + 1] * 3
        for kind in ("containers", "accounts"):
            assert len({copies(device, kind) for device in cloud.devices}) == 1

        # The copies that came back hold on their own.
        for device in cloud.devices:
            if device != cloud.devices[lost]:
                shutil.rmtree(device / "objects")
        everything_is_there([*NAMES, "written-meanwhile"])
        cloud.replicate()


@pytest.mark.parametrize("name", ["replicas", "mismatch"])
def test_a_page_shows_what_the_program_prints(
    environment: dict[str, str], name: str
) -> None:
    ran = subprocess.run(
        [sys.executable, str(SAMPLES / name / f"{name}.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.stderr == ""
    assert ran.stdout == (SAMPLES / name / f"{name}.txt").read_text()
