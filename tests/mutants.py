"""Mistakes that fit a program in any language, and whether the gate sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from real import CHAPTER

from livesteps.errors import Problem
from livesteps.read.lines import lines
from livesteps.read.sample import Sample, read_sample
from livesteps.read.sdk import SDK
from livesteps.run import toolchain
from livesteps.run.backend import Backend
from livesteps.run.program import Program

COMPILED = {"dotnet", "gophercloud", "jclouds"}
"""Those whose every mutant is compiled, which takes as long as to run it."""

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


class Mutant(SDK):
    """An SDK with another program.

    All else is the SDK's own, so that its libraries, and what its compiler keeps
    of them, are there already.
    """

    mutated: Sample

    def sample_of(self, chapter: str) -> Sample:
        """The other program."""
        return self.mutated


def mutant(sdk: SDK, text: str, folder: Path) -> Mutant:
    """The SDK with this program, which is read in a folder of the test's."""
    path = folder / sdk.path(CHAPTER.name).name
    path.write_text(text)
    read = read_sample(
        path,
        comment=sdk.comment,
        lexer=sdk.lexer,
        lexer_options=sdk.lexer_options,
        opening=sdk.opening,
    )
    return Mutant(**dict(sdk), mutated=read)


def blocks_swapped(sample: Sample, first: int) -> str:
    """The program with two steps in each other's place: what a step should do
    is left out, and done too late."""
    one, other = (sample.block(step) for step in (first, first + 1))
    written = lines(sample.text)
    markers = [sample.line_of(step) for step in (first, first + 1, first + 2)]
    return "".join(
        [
            *written[: markers[0]],
            other,
            *written[markers[1] - 1 : markers[1]],
            one,
            *written[markers[2] - 1 :],
        ]
    )


def mutants(sdk: SDK, step: int) -> list[str]:
    """Programs that should fail at a step, the likeliest first."""
    sample = sdk.sample_of(CHAPTER.name)
    if step == 8:
        return [blocks_swapped(sample, 8)]
    block = sample.block(step)
    head, _, tail = sample.text.partition(block)
    found = [
        head + mutated + tail
        for pattern, instead in MISTAKES[step]
        if (mutated := re.sub(pattern, instead, block)) != block
    ]
    assert found, f"no mistake fits step {step} of {sample.path}; add one that does"
    return found


def check_seen(sdk: SDK, step: int, backend: Backend, folder: Path) -> None:
    """The gate sees at least one of the mistakes, and sees it at that step."""
    try:
        toolchain.check_machine(sdk)
    except Problem as problem:
        pytest.skip(f"not run: {problem.what}")
    for text in mutants(sdk, step):
        made = mutant(sdk, text, folder)
        with Program(made, CHAPTER) as program, backend.run(program) as run:
            results = list(run)
        if failure := results[-1].failure:
            assert results[-1].step.number == step, str(failure)
            return
    pytest.fail(f"the gate sees no mistake in step {step} of {sdk.path(CHAPTER.name)}")


def each_of(sdks: Iterable[SDK]) -> pytest.MarkDecorator:
    """A test of each mistake in each of these SDKs' programs."""
    return pytest.mark.parametrize(
        ("sdk", "step"),
        [
            pytest.param(sdk, step, id=f"{sdk.id}-{step}")
            for sdk in sdks
            for step in (8, *MISTAKES)
        ],
    )
