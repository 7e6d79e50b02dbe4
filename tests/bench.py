"""`tox -e bench`: what the cloud and the runner cost, each beside its floor.

Ratios are of figures that were measured one after the other in this run.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from bench_page import measure_page

from livesteps.errors import Problem
from livesteps.read.chapter import Chapter, load_chapter
from livesteps.read.sdk import SDK, load_sdks, search_path
from livesteps.run import install as toolchain
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps_openstack.cloud import Cloud

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"
PROCESSORS = os.cpu_count() or 1
LIVESTEPS = (sys.executable, "-c", "from livesteps.cli import main; main()")
ROUNDS = 5
LEAST = 5.0
"""Seconds: in each round a sample is run in pairs for as long as this."""


def row(what: str, measured: str, beside: str = "", target: str = "") -> None:
    """Print what was found; the whole takes a quarter of an hour."""
    print(f"{what:<30} {measured:<10} {beside:<34} {target}".rstrip(), flush=True)


@dataclass
class Cost:
    """What something took."""

    seconds: float
    processor: float
    """Seconds of all processes that it started, and that have ended."""


def cost(act: Callable[[], object]) -> Cost:
    """What a call takes."""

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    begun, before = time.perf_counter(), used()
    act()
    return Cost(time.perf_counter() - begun, used() - before)


def run_command(*words: str) -> Cost:
    """What a command takes, whose output nobody reads."""
    return cost(
        lambda: subprocess.run(
            words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    )


def start(state: Path | None) -> tuple[float, int]:
    """Seconds until a cloud is ready, and its memory (bytes) then."""
    begun = time.perf_counter()
    with Cloud(state) as cloud:
        _ = cloud.auth_url
        ready = time.perf_counter() - begun
        return ready, psutil.Process(cloud.pid).memory_info().rss


def bare(sdk: SDK, steps: Chapter, backend: Backend) -> Cost:
    """What the published program takes as it is; built first if it must be."""
    account = backend.account(sdk.id)
    halt = threading.Event()
    with tempfile.TemporaryDirectory(prefix="livesteps-bench-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        for data in steps.files.values():
            (work / data.name).write_bytes(data.content)
        program = Path(folder) / "program" / sdk.path.name
        toolchain.lay_out(program, sdk.sample.text, toolchain.install(sdk, halt))
        environment = {
            **{"PATH": search_path(), "HOME": folder, "LANG": "C.UTF-8", "TZ": "UTC"},
            **{"FRACTALS_ENDPOINT": backend.fractals.url},
            **sdk.variables(),
            **account.environment,
        }

        def act() -> None:
            for command, where in (
                (sdk.build, program.parent),
                (sdk.command, work),
            ):
                if command:
                    subprocess.run(
                        sdk.words(command, program),
                        cwd=where,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        check=True,
                    )

        return cost(act)


def in_runner(sdk: SDK, backend: Backend) -> Cost:
    """What the same program takes, stopped and checked after every step."""
    account = backend.account(sdk.id)

    def act() -> None:
        with (
            Program(sdk, backend.steps) as program,
            backend.run(program, account=account) as run,
        ):
            for result in run:
                if result.failure:
                    sys.exit(str(result.failure))

    return cost(act)


def measure_cloud() -> None:
    """Rows on the cloud."""
    modules = "keystone.server.flask.application, keystone.cmd.bootstrap"
    imports = (sys.executable, "-W", "ignore", "-c", f"import {modules}")
    floor = median(run_command(*imports).seconds for _ in range(3))
    first = sorted(start(None) for _ in range(3))[1]
    state = Path(tempfile.mkdtemp(prefix="livesteps-bench-"))
    try:
        start(state)
        warm = sorted(start(state) for _ in range(3))[1]
    finally:
        shutil.rmtree(state)
    beside = f"{floor:.2f} s: import of Keystone"
    row("cloud, first start", f"{first[0]:.2f} s", beside, "at most 4 s")
    row("cloud, warm start", f"{warm[0]:.2f} s", beside, "at most 2 s")
    row("cloud, memory", f"{first[1] / 1e6:.0f} MB", "", "at most 200 MB")


@dataclass
class Round:
    """Every sample in pairs, bare and in the runner; then the whole gate."""

    pairs: dict[str, list[tuple[float, float]]]
    """By SDK: seconds in the runner and bare, one after the other."""
    gate: Cost
    programs: float
    """Processor seconds of all programs, run bare."""
    serving: float
    """Processor seconds of the cloud while it served those."""
    start: float
    """Seconds of a cloud's first start."""

    @property
    def floor(self) -> float:
        return (self.programs + self.serving) / PROCESSORS + self.start

    @property
    def ratio(self) -> float:
        """Of figures that met the machine as it was just then."""
        return self.gate.seconds / self.floor


def measure_round(sdks: list[SDK]) -> Round:
    """Measure one round."""
    steps = load_chapter(SAMPLES / "steps.toml")
    programs = serving = 0.0
    pairs = {}
    with Backend(steps) as backend:
        assert backend.cloud
        cloud = psutil.Process(backend.cloud.pid)
        for sdk in sdks:
            alone, served, taken = [], [], []
            begun = time.perf_counter()
            while not taken or time.perf_counter() - begun < LEAST:
                before = sum(cloud.cpu_times()[:2])
                alone.append(bare(sdk, steps, backend))
                served.append(sum(cloud.cpu_times()[:2]) - before)
                taken.append((in_runner(sdk, backend).seconds, alone[-1].seconds))
            programs += median(each.processor for each in alone)
            serving += median(served)
            pairs[sdk.id] = taken
    gate = run_command(*LIVESTEPS, "run", "--all")
    return Round(pairs, gate, programs, serving, start(None)[0])


def measure_runner_and_gate() -> None:
    """A row for each SDK; then rows on the gate, and on where its time goes."""
    sdks = []
    for sdk in load_sdks(SAMPLES).values():
        if sdk.recorded_only:
            continue
        try:
            sdk.check_machine()
            sdks.append(sdk)
        except Problem as problem:
            row(f"{sdk.id} in the runner", f"not run: {problem.what}")
    rounds = []
    run_command(*LIVESTEPS, "run", "--all")  # once, to warm the caches
    for number in range(1, ROUNDS + 1):
        rounds.append(measure_round(sdks))
        print(
            f"round {number} of {ROUNDS}: the gate took {rounds[-1].ratio:.2f} times"
            " its floor",
            file=sys.stderr,
        )
    for sdk in sdks:
        pairs = [pair for each in rounds for pair in each.pairs[sdk.id]]
        ratio = median(runner / alone for runner, alone in pairs)
        row(
            f"{sdk.id} in the runner",
            f"{median(runner for runner, _ in pairs):.2f} s",
            f"{median(alone for _, alone in pairs):.2f} s: run bare",
            f"{ratio:.2f} (at most 1.15), of {len(pairs)} pairs",
        )
    middle = sorted(rounds, key=lambda each: each.ratio)[ROUNDS // 2]
    row(
        "the whole gate",
        f"{middle.gate.seconds:.1f} s",
        f"{middle.floor:.1f} s: its floor",
        f"{middle.ratio:.2f} (at most 1.25), middle of {ROUNDS}",
    )
    served = (middle.programs + middle.serving) / PROCESSORS
    busy = middle.gate.processor / PROCESSORS
    for what, took in (
        ("programs, run bare", middle.programs / PROCESSORS),
        ("the cloud, serving them", middle.serving / PROCESSORS),
        ("the cloud's start", middle.start),
        ("what else the processors did", busy - served - middle.start / PROCESSORS),
        ("waiting", middle.gate.seconds - busy - middle.start * (1 - 1 / PROCESSORS)),
    ):
        row(f"  {what}", f"{took:.1f} s")


def main() -> None:
    """Measure, and print what was found."""
    row("what", "measured", "beside", "ratio or target")
    measure_cloud()
    measure_runner_and_gate()
    measure_page(row)


if __name__ == "__main__":
    main()
