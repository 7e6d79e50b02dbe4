"""`tox -e bench`: what the cloud, the runner and the tests cost, each beside its floor.

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
from livesteps.read.chapter import Chapter
from livesteps.read.guide import load_guide
from livesteps.read.sdk import SDK
from livesteps.run import toolchain
from livesteps.run.backend import Backend
from livesteps.run.install import install, lay_out
from livesteps.run.program import Program
from livesteps_openstack.cloud import Cloud
from livesteps_openstack.servers.swift import Swift

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


def bare(sdk: SDK, chapter: Chapter, backend: Backend) -> Cost:
    """What the published program takes as it is, once it is built if it must be."""
    account = backend.account(sdk, chapter)
    halt = threading.Event()
    with tempfile.TemporaryDirectory(prefix="livesteps-bench-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        for data in chapter.files.values():
            (work / data.name).write_bytes(data.content)
        program = Path(folder) / "program" / sdk.path(chapter.name).name
        lay_out(program, sdk.sample_of(chapter.name).text, install(sdk, halt))
        environment = {
            **{"PATH": toolchain.search_path(), "HOME": folder},
            **{"LANG": "C.UTF-8", "TZ": "UTC"},
            **{each.file.variable: each.url for each in backend.services.values()},
            **toolchain.variables(sdk),
            **account.environment,
        }

        def complete(command: list[str], where: Path) -> None:
            subprocess.run(
                toolchain.words(sdk, command, program),
                cwd=where,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                check=True,
            )

        # The runner builds it once, too, and not for each run.
        if sdk.build:
            complete(sdk.build, program.parent)
        return cost(lambda: complete(sdk.command, work))


def in_runner(sdk: SDK, chapter: Chapter, backend: Backend) -> Cost:
    """What the same program takes, stopped and checked after every step."""
    account = backend.account(sdk, chapter)

    def act() -> None:
        with (
            Program(sdk, chapter) as program,
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
    guide = load_guide(SAMPLES / "guide.toml")
    [chapter] = guide.chapters.values()
    programs = serving = 0.0
    pairs = {}
    server = Swift(guide)
    with Backend(guide, server) as backend:
        cloud = psutil.Process(server.cloud.pid)
        for sdk in sdks:
            alone, served, taken = [], [], []
            begun = time.perf_counter()
            while not taken or time.perf_counter() - begun < LEAST:
                before = sum(cloud.cpu_times()[:2])
                alone.append(bare(sdk, chapter, backend))
                served.append(sum(cloud.cpu_times()[:2]) - before)
                taken.append(
                    (in_runner(sdk, chapter, backend).seconds, alone[-1].seconds)
                )
            programs += median(each.processor for each in alone)
            serving += median(served)
            pairs[sdk.id] = taken
    gate = run_command(*LIVESTEPS, "run", "--all")
    return Round(pairs, gate, programs, serving, start(None)[0])


def measure_runner_and_gate() -> None:
    """A row for each SDK; then rows on the gate, and on where its time goes."""
    sdks = []
    for sdk in load_guide(SAMPLES / "guide.toml").sdks.values():
        if sdk.recorded_only:
            continue
        try:
            toolchain.check_machine(sdk)
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


def measure_start_of_sphinx() -> None:
    """Rows on what Sphinx loads, with our extension and without: in pairs."""
    ours, alone = [], []
    for _ in range(5):
        ours.append(imported("livesteps.guide"))
        alone.append(imported("sphinx.application"))
    for index, (what, form) in enumerate(
        (("Sphinx's start", "{:.2f} s"), ("its modules", "{:.0f}"))
    ):
        guide, bare = (median(each[index] for each in both) for both in (ours, alone))
        beside = f"{form.format(bare)}: Sphinx alone"
        row(what, form.format(guide), beside, f"{guide / bare:.2f}")


def imported(module: str) -> tuple[float, int]:
    """Seconds of a process that imports a module, and how many others come with it."""
    code = f"import sys, {module}; print(len(sys.modules))"
    begun = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - begun, int(ran.stdout)


def measure_suite() -> None:
    """A table of its own: the whole test suite beside one run of all samples."""
    run_command(*LIVESTEPS, "run", "--all")  # once, to warm the caches
    gate = run_command(*LIVESTEPS, "run", "--all")
    words = [sys.executable, "-m", "pytest", "-q", "-n", "2"]
    status: list[int] = []
    suite = cost(
        # What it prints tells how far it is.
        lambda: status.append(
            subprocess.run(words, cwd=ROOT, stdout=sys.stderr).returncode
        )
    )
    if status != [0]:
        print("\nthe test suite failed: its figures are of what ran", flush=True)
    print(
        "\nthe test suite, by two processes\n"
        f"  processor, all samples once   {gate.processor:.0f} s\n"
        f"  processor, whole suite        {suite.processor:.0f} s\n"
        f"  the second by the first       {suite.processor / gate.processor:.1f}\n"
        f"  wall, whole suite             {suite.seconds:.0f} s\n"
        f"  wall by processor             {suite.seconds / suite.processor:.2f}"
        " (at most 0.65 on two processors)",
        flush=True,
    )


def main() -> None:
    """Measure, and print what was found."""
    row("what", "measured", "beside", "ratio or target")
    measure_start_of_sphinx()
    measure_cloud()
    measure_runner_and_gate()
    measure_page(row)
    measure_suite()


if __name__ == "__main__":
    main()
