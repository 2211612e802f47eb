"""Several figures on one page: what they say below themselves is said once, below all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnreg.figures.page import DPI, Page, Pixels, pixels_of

GAP = 16  # pixels between two pictures
TRIED = 24  # widths of the page, of which the best is taken
SHAPE = 1.5  # width over height that a page best has
WHITE = 0xFFFFFF


class Place(NamedTuple):
    """Where a picture lies: its upper left corner, in pixels."""

    left: int
    top: int


def overview(pictures: Sequence[Pixels], headline: str, subtitle: str, line: str) -> Pixels:
    """Return a page with pictures below a headline, (height, width), packed.

    Args:
        pictures: (height, width) each, packed, the most important first; ``cut`` takes the line below them away.
        headline: over all of them.
        subtitle: below the headline.
        line: below all of them: how they came about.
    """
    sizes = [(picture.shape[1], picture.shape[0]) for picture in pictures]
    places, width, height = packed_tightly(sizes)
    frame = Page((width + 2 * GAP) / DPI, height / DPI, headline, subtitle, line)
    canvas = pixels_of(frame.figure).copy()
    for picture, (left, top) in zip(pictures, places, strict=True):
        room = canvas[top + frame.above_in_pixels :, left:]  # a pixel less than needed, where inches were rounded
        high, wide = min(picture.shape[0], room.shape[0]), min(picture.shape[1], room.shape[1])
        room[:high, :wide] = picture[:high, :wide]
    return canvas


def cut(page: Page, pixels: Pixels) -> Pixels:
    """Return what is seen of a figure, without the line below it and without blank at its right."""
    kept = pixels[: pixels.shape[0] - page.below_in_pixels]
    inked = np.flatnonzero((kept != WHITE).any(axis=0))
    return kept[:, : int(inked[-1]) + 1] if inked.size else kept


def packed_tightly(sizes: Sequence[tuple[int, int]]) -> tuple[list[Place], int, int]:
    """Return where rectangles go, and the width and height of the page that holds them best: little blank, of good shape.

    Args:
        sizes: (width, height) of each, in the order in which they look for a place.
    """
    widest, total = max(width for width, _ in sizes), sum(width + GAP for width, _ in sizes)
    found = []
    for limit in np.linspace(widest, min(total, 3 * widest), TRIED).astype(int):
        places = arranged(sizes, int(limit))
        width = max(place.left + size[0] for place, size in zip(places, sizes, strict=True))
        height = max(place.top + size[1] for place, size in zip(places, sizes, strict=True))
        found.append((width * height * (1 + 0.25 * abs(np.log(width / height / SHAPE))), places, width, height))
    _, places, width, height = min(found, key=lambda each: each[0])
    return places, width, height


def arranged(sizes: Sequence[tuple[int, int]], limit: int) -> list[Place]:
    """Return where rectangles go, each as high as it can, then as far left, within a width."""
    placed: list[tuple[int, int, int, int]] = []
    for width, height in sizes:
        lefts = sorted({0, *(right + GAP for _, right, _, _ in placed)})
        spots = [(_floor(placed, left, left + width), left) for left in lefts if left + width <= limit]
        top, left = min(spots)
        placed.append((left, left + width, top, top + height))
    return [Place(left, top) for left, _, top, _ in placed]


def _floor(placed: Sequence[tuple[int, int, int, int]], left: int, right: int) -> int:
    """Return the height below everything that lies between two verticals."""
    return max((bottom + GAP for start, end, _, bottom in placed if start < right + GAP and end > left - GAP), default=0)
