"""Figures as small files: PNG in at most 256 colours, chosen so that no thin line loses its hue, or SVG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

from nnreg.figures.style import DPI

SMALLEST, QUICK = 9, 6
"""Levels of compression: the second takes a seventh of the time and 3 to 12 % more room."""
ALIKE = 14  # distance of two colours in units of a channel that hardly anybody sees

Pixels = npt.NDArray[np.int64]


def save(figure: Figure, path: Path) -> None:
    """Write a figure as ``.svg`` or, at most 256 colours and compressed, as ``.png``; the same figure gives the same bytes."""
    if path.suffix == ".svg":
        with mpl.rc_context({"svg.hashsalt": "nnreg"}):
            figure.savefig(path, metadata={"Date": None, "Creator": None})
        return
    write(pixels_of(figure), path)


def write(pixels: Pixels, path: Path, level: int = SMALLEST) -> None:
    """Write a picture, (height, width), packed, as ``.png`` in at most 256 colours, compressed at a level of 1 to 9."""
    distinct = _distinct(pixels)
    palette = _palette(distinct, 256)
    picture = Image.fromarray(_nearest(distinct, palette).reshape(pixels.shape))
    picture.putpalette(palette.astype(np.uint8).tobytes())
    picture.save(path, compress_level=level, dpi=(DPI, DPI))


def pixels_of(figure: Figure) -> Pixels:
    """Return what is seen of a figure, (height, width), each pixel as 0xRRGGBB."""
    canvas: Any = figure.canvas
    canvas.draw()
    seen = np.ascontiguousarray(canvas.buffer_rgba()).view("<u4")[
        ..., 0
    ]  # 0xAABBGGRR, four times as fast as channel by channel
    pixels: Pixels = ((seen & 0xFF) << 16 | seen & 0xFF00 | seen >> 16 & 0xFF).astype(np.int64)
    return pixels


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
    return _palette(_distinct(pixels), count)


def nearest(pixels: Pixels, palette: Pixels) -> npt.NDArray[np.uint8]:
    """Return the number of the nearest colour of a palette for each pixel."""
    return _nearest(_distinct(pixels), palette).reshape(pixels.shape)


class _Distinct(NamedTuple):
    """The colours of a picture, ascending, how often each is there, and which one each pixel has."""

    shades: Pixels
    often: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]


def _distinct(pixels: Pixels) -> _Distinct:
    """Return the colours of a picture, from its runs of equal pixels: a tenth of all, and sorting takes its time."""
    flat = pixels.ravel()
    starts = np.flatnonzero(np.append(flat.size > 0, flat[1:] != flat[:-1]))
    lengths = np.diff(starts, append=flat.size)
    shades, places = np.unique(flat[starts], return_inverse=True)
    often = np.bincount(places, weights=lengths).astype(np.int64)
    return _Distinct(shades, often, np.repeat(places, lengths))


def _palette(distinct: _Distinct, count: int) -> Pixels:
    shades = channels_of(distinct.shades[np.argsort(-distinct.often, kind="stable")])
    away = _distances(shades)
    chosen: list[Pixels] = []
    far = np.full(len(shades), np.iinfo(np.int32).max, np.int32)
    for place, shade in enumerate(shades):
        if len(chosen) == max(3 * count // 4, 1):
            break
        if place < count // 5 or far[place] >= ALIKE**2:
            chosen.append(shade)
            np.minimum(far, away(shade), out=far)
    while len(chosen) < count and far.max() > 0:
        chosen.append(shades[int(far.argmax())])
        np.minimum(far, away(chosen[-1]), out=far)
    return np.array(chosen)


def _nearest(distinct: _Distinct, palette: Pixels) -> npt.NDArray[np.uint8]:
    away = _distances(channels_of(distinct.shades))
    best = np.zeros(len(distinct.shades), dtype=np.uint8)
    distance = np.full(len(best), np.iinfo(np.int32).max, np.int32)
    for number, colour in enumerate(palette):
        found = away(colour)
        closer = found < distance
        best[closer], distance[closer] = number, found[closer]
    return best[distinct.places]


def _distances(shades: Pixels) -> Callable[[Pixels], npt.NDArray[np.int32]]:
    """Return what gives the squared distance of each of some colours, (n, 3), to one, (3,): channel by channel, in 32 bits."""
    red, green, blue = np.ascontiguousarray(shades.T, np.int32)

    def away(colour: Pixels) -> npt.NDArray[np.int32]:
        r, g, b = red - np.int32(colour[0]), green - np.int32(colour[1]), blue - np.int32(colour[2])
        squared: npt.NDArray[np.int32] = r * r + g * g + b * b
        return squared

    return away
