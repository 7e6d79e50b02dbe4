"""Draw Mandelbrot and Julia sets.

The same parameters give the same bytes on every machine: all arithmetic is
such that IEEE 754 leaves no choice in how a result is rounded.
"""

from __future__ import annotations

import io
import zlib
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

Coordinate = Annotated[float, Field(ge=-4, le=4, allow_inf_nan=False)]
Pixels = Annotated[int, Field(ge=1, le=4096)]

BAND = 1 << 16
"""Pixels that are computed at once: as many as stay in a processor's cache."""


class Parameters(BaseModel):
    """What to draw: a piece of the complex plane, and how finely."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["mandelbrot", "julia"] = "mandelbrot"
    x: Coordinate = 0.0
    y: Coordinate = 0.0
    """The centre of the picture, in the plane."""
    span: Annotated[float, Field(ge=1e-12, le=8, allow_inf_nan=False)] = 4.0
    """How much of the plane the picture is wide."""
    cx: Coordinate = 0.0
    cy: Coordinate = 0.0
    """The constant of a Julia set."""
    iterations: Annotated[int, Field(ge=1, le=1000)] = 200
    width: Pixels = 640
    height: Pixels = 480


def draw(parameters: Parameters) -> bytes:
    """The picture, as a PNG."""
    times = escape_times(parameters)
    # The square root spreads the colours: most points escape early.
    shades = np.sqrt(times / parameters.iterations) * 255
    picture = Image.fromarray(np.ceil(shades).astype(np.uint8))
    picture.putpalette(PALETTE)
    file = io.BytesIO()
    # How zlib looks for longer matches than runs depends on its build.
    picture.save(file, "PNG", compress_type=zlib.Z_RLE)
    return file.getvalue()


def escape_times(parameters: Parameters) -> NDArray[np.int64]:
    """After how many iterations each pixel escapes; 0 where it does not."""
    p = parameters
    pixel = p.span / p.width
    across = p.x + (np.arange(p.width) - (p.width - 1) / 2) * pixel
    down = p.y - (np.arange(p.height) - (p.height - 1) / 2) * pixel
    times = np.empty((p.height, p.width), np.int64)
    rows = max(1, BAND // p.width)
    for top in range(0, p.height, rows):
        x, y = np.meshgrid(across, down[top : top + rows])
        if p.kind == "julia":
            cx, cy = np.full_like(x, p.cx), np.full_like(y, p.cy)
        else:
            cx, cy = x, y
        escaped = _escape(
            x.ravel(), y.ravel(), cx.ravel(), cy.ravel(), p.iterations
        )
        times[top : top + rows] = escaped.reshape(x.shape)
    return times


def _escape(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    cx: NDArray[np.float64],
    cy: NDArray[np.float64],
    iterations: int,
) -> NDArray[np.int64]:
    """The escape times of points, which follow z -> z * z + c."""
    times = np.zeros(x.size, np.int64)
    left = np.arange(x.size)
    for time in range(1, iterations + 1):
        x, y = x * x - y * y + cx, 2 * x * y + cy
        inside = x * x + y * y <= 4
        if not inside.all():
            times[left[~inside]] = time
            left = left[inside]
            x, y, cx, cy = x[inside], y[inside], cx[inside], cy[inside]
    return times


def _palette() -> list[int]:
    """Black for what never escapes, then from night blue to gold and back."""
    colours = [0, 0, 0]
    for index in range(1, 256):
        t = index / 255
        red = 9 * (1 - t) * t * t * t
        green = 15 * (1 - t) * (1 - t) * t * t
        blue = 8.5 * (1 - t) * (1 - t) * (1 - t) * t
        colours += [int(255 * part) for part in (red, green, blue)]
    return colours


PALETTE = _palette()
