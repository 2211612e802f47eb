"""One row an arm: its mean with the interval, a dot for each seed, and what was lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from nnreg.figures.page import INK, NAME, QUIET, STEEP, Page, PlainLogFormatter, finish, legible, width_of
from nnreg.records.metrics import is_share, with_half

if TYPE_CHECKING:
    from nnreg.comparison.standings import Measured

HEIGHT = 0.25  # of a row, in inches
MOST = 60
PLOT = 3.4  # inches
FARTHEST = 0.35  # that an interval may widen an axis, in widths of what the runs span


class Row(NamedTuple):
    """One arm.

    Attributes:
        name: of the arm.
        colour: of its technique.
        measured: a quantity for each column.
        remark: at the end: what was lost.
    """

    name: str
    colour: str
    measured: Sequence[Measured]
    remark: str = ""


class Column(NamedTuple):
    """A quantity: its metric, which decides how numbers look, and its name with the unit."""

    metric: str
    label: str
    empty: str = "–"


def rows(found: Sequence[Row], columns: Sequence[Column], title: str, subtitle: str, line: str) -> Page:
    """Draw one row an arm and one plot a column, best first.

    Args:
        found: the arms, best first; the first 60 are drawn.
        columns: what each row measures.
        title: the question.
        subtitle: what is shown.
        line: below the figure: how it came about.
    """
    shown = found[:MOST]
    if len(shown) < len(found):
        subtitle = f"{subtitle} The first {len(shown)} of {len(found)} are shown."
    left = max(width_of(row.name, NAME) for row in shown) + 0.6
    texts = [[_text(row, index, column) for row in shown] for index, column in enumerate(columns)]
    spaces = [max(width_of(text, 8) for text in column) + 0.3 for column in texts]
    remarks = max(width_of(row.remark, 8) for row in shown) + 0.2
    plot = PLOT if len(columns) == 1 else 2.5
    width = left + sum(plot + space for space in spaces) + remarks
    page = Page(max(width, 6.2), HEIGHT * len(shown) + 0.62, title, subtitle, line)
    for index, row in enumerate(shown):
        page.text(left - 0.14, 0.05 + HEIGHT * (index + 0.5), row.name, color=legible(row.colour), ha="right")
        page.text(width - remarks, 0.05 + HEIGHT * (index + 0.5), row.remark, fontsize=8, color=QUIET)
    at = left
    for index, (column, column_texts, space) in enumerate(zip(columns, texts, spaces, strict=True)):
        axes = page.axes(at, 0.05, plot, HEIGHT * len(shown))
        _plot(axes, shown, index, column)
        for place, text in enumerate(column_texts):
            page.text(at + plot + 0.1, 0.05 + HEIGHT * (place + 0.5), text, fontsize=8, color=INK)
        at += plot + space
    return page


def _text(row: Row, index: int, column: Column) -> str:
    measured = row.measured[index]
    return with_half(column.metric, measured.mean, measured.half) if math.isfinite(measured.mean) else column.empty


def _plot(axes: Axes, shown: Sequence[Row], index: int, column: Column) -> None:
    for place, row in enumerate(shown):
        measured = row.measured[index]
        values = np.array([value for value in measured.by_seed.values() if math.isfinite(value)])
        if len(values) > 1:
            axes.plot(values, np.full(len(values), place), "o", markersize=3, color=row.colour, alpha=0.4, markeredgewidth=0)
        if not math.isfinite(measured.mean):
            continue
        if measured.half is not None:
            ends = measured.mean - measured.half, measured.mean + measured.half
            axes.plot(ends, (place, place), color=row.colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot([measured.mean], [place], "o", markersize=6, color=row.colour, markeredgecolor="white")
    finish(axes, column.label, "")
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    for place in range(0, len(shown), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="#f7f7f7", zorder=-5, linewidth=0)
    values = np.array([value for row in shown for value in row.measured[index].by_seed.values() if math.isfinite(value)])
    if values.size and values.min() > 0 and values.max() > STEEP * values.min():
        axes.set_xscale("log")
        axes.set_xlim(values.min() / 1.25, values.max() * 1.25)
        axes.xaxis.set_major_formatter(PlainLogFormatter())
        axes.xaxis.set_minor_formatter(PlainLogFormatter(minor_thresholds=(1, 0.4)))
    elif values.size and values.min() == values.max() != 0:
        axes.set_xlim(min(0.0, 2 * float(values[0])), max(0.0, 2 * float(values[0])))
    elif values.size:
        axes.set_xlim(*_limits(values, axes.get_xlim()))
    if is_share(column.metric):
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=""))
    if not values.size:
        axes.set_xticks([])


def _limits(values: npt.NDArray[np.float64], wanted: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of an axis: intervals of two seeds reach so far that they would hide everything else."""
    low, high = float(values.min()), float(values.max())
    room = FARTHEST * (high - low) or 0.5
    return max(wanted[0], low - room), min(wanted[1], high + room)
