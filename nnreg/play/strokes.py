"""A drawing becomes a row: scaled, centred and counted out as the handwritten digits were that networks are trained on.

    lines  →  scaled to the full height, or to 6 of 8 columns, in the middle  →  inked points of each block of 4 × 4, over 16

Source: Alpaydin, E. & Kaynak, C. (1998), "Optical recognition of handwritten digits", UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49: bitmaps of 32 by 32 of NIST's forms, divided into blocks of 4 by 4 whose inked points are
counted, which makes 8 by 8 pixels of 0 to 16.

Conventions: NIST's bitmaps were scaled to fill the square, lines with them, so that a slim 1 became a thick one: each of the
ten digits leaves ink on .30 of its points on average. A line here is so wide that the drawing does too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from nnreg.contracts import Array
from nnreg.errors import UserError

BLOCK = 4
"""Points of the bitmap to a side of a pixel."""
INK = 0.305
"""Share of the points that the digits' ink covers, on average over all of them."""
COLUMNS = 6 / 8
"""Of the width, which the widest digits have."""
WIDTHS = (1 / 16, 3 / 8)
"""Narrowest and widest line, as a share of the picture's side."""
MOST_POINTS = 5000
FINER = 4
"""Points of the canvas to a point of the bitmap, which makes edges smooth before they are counted."""


def row_of(strokes: Any, shape: tuple[int, int]) -> Array:
    """Return a drawing as a row, float64 array (pixels,) from 0 to 1, C order.

    Args:
        strokes: lines, each a list of points [x, y] in a field from 0 to 1, y downwards; a single point is a dot.
        shape: rows and columns of the picture.

    Raises:
        UserError: nothing is drawn, or something else was sent.
    """
    lines = [points for points in checked(strokes) if len(points)]
    if not lines:
        raise UserError("nothing is drawn yet")
    size = (BLOCK * FINER * shape[0], BLOCK * FINER * shape[1])
    thin, thick = (share * min(size) for share in WIDTHS)
    for _ in range(7):  # to a hundredth of the side
        width = (thin + thick) / 2
        ink = _inked(lines, size, width)
        thin, thick = (thin, width) if ink.mean() > INK else (width, thick)
    bitmap = ink.reshape(size[0] // FINER, FINER, size[1] // FINER, FINER).mean(axis=(1, 3)) >= 0.5
    counted: Array = bitmap.reshape(shape[0], BLOCK, shape[1], BLOCK).sum(axis=(1, 3)) / BLOCK**2
    return counted.ravel()


def _inked(lines: Sequence[Array], size: tuple[int, int], width: float) -> Array:
    """Return the picture of lines of a width, scaled and centred, float64 array (rows, columns) of 0 and 1."""
    rows, columns = size
    every = np.concatenate(lines)
    low, high = every.min(axis=0), every.max(axis=0)
    room = np.maximum([COLUMNS * columns - width, rows - width], 1)
    scale = float((room / np.maximum(high - low, 0.02)).min())  # a dot stays a dot
    middle, centre = (low + high) / 2, (np.array([columns, rows]) - 1) / 2
    canvas = Image.new("1", (columns, rows))
    pen = ImageDraw.Draw(canvas)
    for points in lines:
        placed = [(float(x), float(y)) for x, y in (points - middle) * scale + centre]
        for x, y in placed:
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=1)
        if len(placed) > 1:
            pen.line(placed, fill=1, width=round(width))
    return np.asarray(canvas, dtype=np.float64)


def checked(strokes: Any) -> list[Array]:
    """Return lines as arrays (n, 2), what a page has sent being so many numbers.

    Raises:
        UserError: it is something else.
    """
    wrong = UserError(f"strokes must be lists of points [x, y] from 0 to 1, at most {MOST_POINTS} of them")
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) for stroke in strokes):
        raise wrong
    if sum(map(len, strokes)) > MOST_POINTS:
        raise wrong
    points = [point for stroke in strokes for point in stroke]
    if not all(isinstance(point, list) and len(point) == 2 and all(map(_is_share, point)) for point in points):
        raise wrong
    return [np.array(stroke, dtype=np.float64).reshape(-1, 2) for stroke in strokes]


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and -1 <= value <= 2
