"""Mistakes that fit a program in any language: the gate sees each, at its step."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from livesteps.errors import Problem
from livesteps.read.sdk import SDK, load_sdk, load_sdks
from livesteps.run.backend import Backend
from livesteps.run.program import Program

SAMPLES = Path(__file__).parents[1] / "samples"
SDKS = [sdk for sdk in load_sdks(SAMPLES).values() if not sdk.recorded_only]

MISTAKES = {
    # step: what to look for in its block, and what to write in its place; not
    # all of it is in every program, and the first that is seen counts
    4: [(r"amazing( |%20)goat", r"amazing\1gnat")],
    11: [
        (r"image/png", "image/gif"),
        (r"(results_per_page\W+)-1", r"\g<1>1"),
    ],
    13: [(r"funny", "sad")],
    14: [(r"big\.bin", "goat.jpg")],
    17: [
        (r"\bfractals\b(?!_|\+)", "fractal"),
        (r"\bgoat\b", "gnat"),
        # Or a line that deletes something is left out.
        (r"(?m)^ *\w+\.delete\w*\(\w*\);?\n(?! )", ""),
    ],
}


def blocks_swapped(sdk: SDK, first: int) -> str:
    """The program with two steps in each other's place: what a step should do
    is left out, and done too late."""
    one, other = (sdk.sample.block(step) for step in (first, first + 1))
    lines = sdk.sample.text.splitlines(keepends=True)
    markers = [sdk.sample.line_of(step) for step in (first, first + 1, first + 2)]
    return "".join(
        [
            *lines[: markers[0]],
            other,
            *lines[markers[1] - 1 : markers[1]],
            one,
            *lines[markers[2] - 1 :],
        ]
    )


def mutants(sdk: SDK, step: int) -> list[str]:
    """Programs that should fail at a step, the likeliest first."""
    if step == 8:
        return [blocks_swapped(sdk, 8)]
    block = sdk.sample.block(step)
    head, _, tail = sdk.sample.text.partition(block)
    found = [
        head + mutated + tail
        for pattern, instead in MISTAKES[step]
        if (mutated := re.sub(pattern, instead, block)) != block
    ]
    assert found, f"no mistake fits step {step} of {sdk.path}; add one that does"
    return found


def check_seen(sdk: SDK, step: int, backend: Backend, folder: Path) -> None:
    """The gate sees at least one of the mistakes, and sees it at that step."""
    try:
        sdk.check_machine()
    except Problem as problem:
        pytest.skip(f"not run: {problem.what}")
    for text in mutants(sdk, step):
        copy = folder / sdk.id
        shutil.copytree(sdk.folder, copy, dirs_exist_ok=True)
        (copy / sdk.path.name).write_text(text)
        mutant = load_sdk(copy / "sdk.toml")
        with Program(mutant, backend.steps) as program, backend.run(program) as run:
            results = list(run)
        if failure := results[-1].failure:
            assert results[-1].step.number == step, str(failure)
            return
    pytest.fail(f"the gate sees no mistake in step {step} of {sdk.path}")


@pytest.mark.parametrize("step", [8, *MISTAKES])
@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.id)
def test_a_mistake_fails_its_step(
    sdk: SDK, step: int, backend: Backend, tmp_path: Path
) -> None:
    check_seen(sdk, step, backend, tmp_path)


@pytest.fixture(scope="module")
def moto(backend: Backend) -> Iterator[Backend]:
    """The servers, with moto's S3 in the place of Swift's."""
    with Backend(backend.steps, server="moto") as running:
        yield running


@pytest.mark.parametrize("step", [8, *MISTAKES])
@pytest.mark.parametrize(
    "sdk", [sdk for sdk in SDKS if "moto" in sdk.servers], ids=lambda sdk: sdk.id
)
def test_a_mistake_fails_its_step_on_moto(
    sdk: SDK, step: int, moto: Backend, tmp_path: Path
) -> None:
    check_seen(sdk, step, moto, tmp_path)
