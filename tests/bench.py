"""`tox -e bench`: what the cloud and the runner cost, each beside its floor.

Ratios are of figures that were measured one after the other in this run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from livesteps.cloud import Cloud
from livesteps.kit import Kit, load_kits, search_path
from livesteps.stage import Stage
from livesteps.step import Steps, load_steps

SAMPLES = Path(__file__).parents[1] / "samples"
ROUNDS = 5


def seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def bare_import() -> None:
    """Import what serving Keystone takes, and nothing more."""
    modules = "keystone.server.flask.application, keystone.cmd.bootstrap"
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import {modules}"], check=True
    )


def start(state: Path | None) -> tuple[float, int]:
    """Seconds until a cloud is ready, and its memory (bytes) then."""
    begun = time.perf_counter()
    with Cloud(state) as cloud:
        ready = time.perf_counter() - begun
        return ready, psutil.Process(cloud.pid).memory_info().rss


def bare(kit: Kit, steps: Steps, stage: Stage) -> float:
    """Seconds of the published program, run as it is."""
    place = stage.place(kit.id)
    with tempfile.TemporaryDirectory() as folder:
        for data in steps.files.values():
            (Path(folder) / data.name).write_bytes(data.content)
        environment = {
            **{"PATH": search_path(), "HOME": folder, "LANG": "C.UTF-8"},
            **{"TZ": "UTC", "FRACTALS_ENDPOINT": stage.fractals_url},
            **place.environment,
        }
        return seconds(
            lambda: subprocess.run(
                kit.words(kit.command, kit.path),
                cwd=folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                check=True,
            )
        )


def in_runner(kit: Kit, stage: Stage) -> float:
    """Seconds of the same program, stopped and checked after every step."""
    run = stage.run(kit)

    def act() -> None:
        with run:
            for result in run:
                if result.failure:
                    sys.exit(str(result.failure))

    return seconds(act)


def main() -> None:
    """Measure, and print a table."""
    table = Table("what", "measured", "beside", "ratio or target", box=None)
    floor = min(seconds(bare_import) for _ in range(3))
    first = min(start(None) for _ in range(3))
    state = Path(tempfile.mkdtemp(prefix="livesteps-bench-"))
    try:
        start(state)
        warm = min(start(state) for _ in range(3))
    finally:
        shutil.rmtree(state)
    beside = f"{floor:.2f} s: import of Keystone"
    table.add_row("cloud, first start", f"{first[0]:.2f} s", beside, "at most 4 s")
    table.add_row("cloud, warm start", f"{warm[0]:.2f} s", beside, "at most 2 s")
    table.add_row("cloud, memory", f"{first[1] / 1e6:.0f} MB", "", "at most 200 MB")

    steps = load_steps(SAMPLES / "steps.toml")
    with Stage(steps) as stage:
        for kit in load_kits(SAMPLES).values():
            if kit.build or kit.install:
                table.add_row(f"{kit.id} in the runner", "not measured: it is built")
                continue
            if kit.recorded_only:
                table.add_row(f"{kit.id} in the runner", "not measured: it is recorded")
                continue
            bare(kit, steps, stage)  # once, to warm the caches
            pairs = [
                (in_runner(kit, stage), bare(kit, steps, stage)) for _ in range(ROUNDS)
            ]
            # The least of each: whatever else the machine did only adds.
            runner, alone = (min(column) for column in zip(*pairs, strict=True))
            table.add_row(
                f"{kit.id} in the runner",
                f"{runner:.2f} s",
                f"{alone:.2f} s: run bare",
                f"{runner / alone:.2f} (at most 1.15)",
            )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
