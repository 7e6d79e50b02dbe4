"""New fractals: as a request says, or by chance."""

from __future__ import annotations

import cmath
from random import Random
from uuid import UUID, uuid4

from fractals.draw import Parameters
from fractals.model import Fractal, now


def waiting(parameters: Parameters, uuid: UUID | None = None) -> Fractal:
    """A fractal that waits to be drawn."""
    return Fractal(
        uuid=uuid or uuid4(),
        created=now(),
        parameters=parameters.model_dump_json(),
    )


def by_chance(random: Random, width: int, height: int) -> Fractal:
    """A fractal that chance has chosen; its UUID as well.

    The border of the Mandelbrot set's heart is where pictures are rich: as a
    place to look at, and as the constant of a Julia set.
    """
    turn = cmath.exp(2j * cmath.pi * random.random())
    border = 1.02 * (turn / 2 - turn * turn / 4)
    # Digits that a mathematical library might round otherwise are left out.
    x, y = round(border.real, 6), round(border.imag, 6)
    if random.random() < 0.5:
        parameters = Parameters(
            x=x,
            y=y,
            span=round(10 ** random.uniform(-2, 0), 6),
            width=width,
            height=height,
        )
    else:
        parameters = Parameters(
            kind="julia", span=3.6, cx=x, cy=y, width=width, height=height
        )
    return waiting(parameters, UUID(int=random.getrandbits(128), version=4))
