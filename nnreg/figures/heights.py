"""Descents where no map can be drawn, on a surface of more or fewer dimensions than two: the height over the updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from nnreg.contracts import Surface
from nnreg.figures.page import NAME, Name, Page, PlainLogFormatter, finish, is_steep, marks, name_ends, shaped, width_of
from nnreg.numerals import chosen, measured
from nnreg.records.statistics import Values

TOP = 1e3  # times the height at the start, above which a curve is cut
DEEPEST = 1e-16  # of it, likewise below: rounding


class Fall(NamedTuple):
    """The heights of one descent.

    Attributes:
        label: what it is called.
        colour: of its line.
        heights: above the minimum where one is known, (n,), the start first.
        diverged_at: update from which on it was lost, or None.
        marker: which tells it from others, as matplotlib names it; "" for none.
    """

    label: str
    colour: str
    heights: Values
    diverged_at: int | None = None
    marker: str = ""


def lowest_of(surface: Surface) -> float:
    """Return the height of the minima; 0 where there is none."""
    return float(np.min(surface.value(np.array(surface.minima, dtype=np.float64)))) if surface.minima else 0.0


def draw_heights(falls: Sequence[Fall], title: str, subtitle: str = "", footer: str = "") -> Page:
    """Draw heights over updates, on a logarithmic scale where they are positive and differ much."""
    labels = [fall.label if fall.diverged_at is None else f"{fall.label} (diverged at {fall.diverged_at})" for fall in falls]
    names = 0.3 if len(falls) == 1 else max(width_of(f"{label} ↑", NAME, "bold") for label in labels) + 0.45
    page = Page(6.4 + names, 3.9, title, subtitle, footer)
    axes = page.axes(0.85, 0.16, page.width - 0.85 - names, 3.2)
    for fall in falls:
        axes.plot(
            np.arange(len(fall.heights)),
            fall.heights,
            color=fall.colour,
            linewidth=1.7,
            solid_joinstyle="round",
            **marks(fall.marker),
        )
        if fall.diverged_at is None:
            end = len(fall.heights) - 1, fall.heights[-1]
            axes.plot(
                *end,
                color=fall.colour,
                **shaped(fall.marker, 6.5),
                markeredgecolor="white",
                clip_on=False,
                zorder=5,
            )
    _scale(axes, falls)
    finish(axes, "updates made", "f above its minimum")
    if len(falls) == 1:
        ended = f"f = {measured(float(falls[0].heights[-1]))} above the minimum"
        lost = falls[0].diverged_at
        axes.set_title(ended if lost is None else f"diverged at update {lost}", fontsize=8, color="#777777", pad=3, loc="right")
    else:
        name_ends(
            axes,
            [Name(each, float(fall.heights[-1]), fall.colour, fall.marker) for each, fall in zip(labels, falls, strict=True)],
        )
    return page


def _scale(axes: Axes, falls: Sequence[Fall]) -> None:
    start = max(abs(float(fall.heights[0])) for fall in falls)
    seen = np.concatenate([fall.heights for fall in falls])
    seen = seen[np.isfinite(seen) & (np.abs(seen) <= TOP * start)] if start else seen
    low, high = float(seen.min()), float(seen.max())
    positive = seen[seen > DEEPEST * start]
    if low >= 0 and positive.size and (low == 0 or is_steep(float(positive.min()), high)):
        low = float(positive.min())
        axes.set_yscale("log", nonpositive="clip")
        if high < 1e3 * low:
            axes.yaxis.set_major_formatter(PlainLogFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
        room = max((high / low) ** 0.04, 1.1)
        axes.set_ylim(low / room, high * room)
    else:
        room = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
        axes.set_ylim(low - room, high + room)
    axes.set_xlim(0, max(1, *(len(fall.heights) - 1 for fall in falls)))
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def explained(surfaces: Sequence[Surface]) -> str:
    """Return the line below a picture: what cannot be seen on it."""
    counts = sorted({len(surface.start) for surface in surfaces})
    said = " and ".join(map(str, counts))
    line = f"A surface of {said} dimension{'s' if counts != [1] else ''}, so no map: height over updates."
    curvatures = {surface.largest_curvature for surface in surfaces}
    curvature = curvatures.pop() if len(curvatures) == 1 else None
    return f"{line} Plain gradient descent is stable for lr < 2/L = {chosen(2 / curvature)}." if curvature else line
