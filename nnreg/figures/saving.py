"""Figures as small files: PNG in at most 256 colours, chosen so that no thin line loses its hue, or SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

from nnreg.figures.style import DPI

ALIKE = 14  # distance of two colours in units of a channel that hardly anybody sees

Pixels = npt.NDArray[np.int64]


def save(figure: Figure, path: Path) -> None:
    """Write a figure as ``.svg`` or, at most 256 colours and compressed, as ``.png``; the same figure gives the same bytes."""
    if path.suffix == ".svg":
        with mpl.rc_context({"svg.hashsalt": "nnreg"}):
            figure.savefig(path, metadata={"Date": None, "Creator": None})
        return
    write(pixels_of(figure), path)


def write(pixels: Pixels, path: Path) -> None:
    """Write a picture, (height, width), packed, as ``.png`` in at most 256 colours, compressed."""
    palette = palette_of(pixels, 256)
    picture = Image.fromarray(nearest(pixels, palette))
    picture.putpalette(palette.astype(np.uint8).tobytes())
    picture.save(path, optimize=True, dpi=(DPI, DPI))


def pixels_of(figure: Figure) -> Pixels:
    """Return what is seen of a figure, (height, width), each pixel as 0xRRGGBB."""
    canvas: Any = figure.canvas
    canvas.draw()
    return packed(np.asarray(canvas.buffer_rgba())[..., :3])


def packed(channels: npt.NDArray[np.integer[Any]]) -> Pixels:
    """Return red, green and blue, (..., 3), as one number each, (...)."""
    red, green, blue = np.moveaxis(np.asarray(channels, dtype=np.int64), -1, 0)
    together: Pixels = red << 16 | green << 8 | blue
    return together


def channels_of(colours: Pixels) -> Pixels:
    """Return red, green and blue, (..., 3), of colours packed into numbers, (...)."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1)


def palette_of(pixels: Pixels, count: int) -> Pixels:
    """Return the colours that stand for all of a picture, (at most count, 3): no thin line loses its hue.

    First come the most frequent colours, the areas; then, up to three quarters, the next ones that are not alike; then those
    farthest from all chosen before.

    Args:
        pixels: packed, of any shape.
        count: of colours, at least 2.
    """
    shades, often = np.unique(pixels, return_counts=True)
    shades = channels_of(shades[np.argsort(-often, kind="stable")])
    chosen: list[Pixels] = []
    far = np.full(len(shades), np.iinfo(np.int64).max)
    for place, shade in enumerate(shades):
        if (place < count // 5 or far[place] >= ALIKE**2) and len(chosen) < max(3 * count // 4, 1):
            chosen.append(shade)
            far = np.minimum(far, np.square(shades - shade).sum(axis=1))
    while len(chosen) < count and far.max() > 0:
        chosen.append(shades[int(far.argmax())])
        far = np.minimum(far, np.square(shades - chosen[-1]).sum(axis=1))
    return np.array(chosen)


def nearest(pixels: Pixels, palette: Pixels) -> npt.NDArray[np.uint8]:
    """Return the number of the nearest colour of a palette for each pixel."""
    shades, places = np.unique(pixels, return_inverse=True)
    colours = channels_of(shades)
    best, distance = np.zeros(len(shades), dtype=np.uint8), np.full(len(shades), np.iinfo(np.int64).max)
    for number, colour in enumerate(palette):
        away = np.square(colours - colour).sum(axis=1)
        closer = away < distance
        best[closer], distance[closer] = number, away[closer]
    return best[places].reshape(pixels.shape)
