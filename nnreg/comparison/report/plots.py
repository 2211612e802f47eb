"""Pictures of a comparison in matplotlib: wins, rows, rates, profile."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from nnreg.comparison.report.captions import to_target
from nnreg.comparison.report.forest import reach, ticks
from nnreg.figures.page import (
    INK,
    NAME,
    QUIET,
    Name,
    Page,
    PlainLogFormatter,
    finish,
    is_steep,
    legible,
    marks,
    name_ends,
    shaped,
    width_of,
)
from nnreg.records.metrics import is_share, with_half

if TYPE_CHECKING:
    from nnreg.comparison.pairs import Difference, Matrix
    from nnreg.comparison.profiles import Sensitivity
    from nnreg.comparison.report.forest import Distance, Forest
    from nnreg.comparison.report.views import ProfileView, RatesView, WinsView
    from nnreg.comparison.standings import Measured


BETTER, WORSE, OPEN = "#a6cbe3", "#f3d19b", "#f0f0f0"
"""Of a row that wins, that loses, that does neither: blue and orange, which colour-blind readers tell apart too."""
MOST_WRITTEN = 8  # names up to which a cell holds the numbers
WIDTH, HEIGHT = 0.98, 0.46  # of a cell with numbers, in inches
SMALL = 0.27  # of one with a sign only


def wins(view: WinsView, line: str) -> Page:
    """Draw a win matrix of at least two names; ``line`` says below it how it came about."""
    matrix = view.matrix
    names, written = matrix.names, len(matrix.names) <= MOST_WRITTEN
    wide, high = (WIDTH, HEIGHT) if written else (SMALL, SMALL)
    left = max(width_of(name, NAME) for name in names) + 0.6
    wide = max(wide, max(width_of(name, NAME) for name in names) + 0.15) if written else wide
    above = 0.3 if written else max(width_of(name, NAME) for name in names) + 0.25
    tally = 1.75
    page = Page(max(left + wide * len(names) + tally, 6.2), above + high * len(names) + 0.42, view.question,
                view.about, line)  # fmt: skip
    axes = page.axes(left, above, wide * len(names), high * len(names))
    _paint(axes, matrix, written=written)
    axes.set_xticks(range(len(names)), list(names), fontsize=NAME, color=INK, rotation=0 if written else 90)
    axes.set_yticks(range(len(names)), list(names), fontsize=NAME, color=INK)
    axes.xaxis.set_ticks_position("top")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _tally(page, matrix, left + wide * len(names) + 0.15, above, high)
    _key(page, left, above + high * len(names) + 0.22, why_undecided(matrix.differences))
    return page


def _paint(axes: Axes, matrix: Matrix, *, written: bool) -> None:
    count = len(matrix.names)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    place = {name: index for index, name in enumerate(matrix.names)}
    for each in matrix.differences:
        for row, column in ((each.a, each.b), (each.b, each.a)):
            colour = OPEN if not each.winner else BETTER if each.winner == row else WORSE
            x, y = place[column], place[row]
            axes.add_patch(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, facecolor=colour, edgecolor="none"))
            text = cell(each, row, matrix.metric) if written else symbol(each, row)
            style = {"fontsize": 7.5 if written else 8, "color": INK if each.winner else QUIET}
            axes.text(x, y, text, ha="center", va="center", linespacing=1.2, **style)  # type: ignore[arg-type]


def cell(difference: Difference, row: str, metric: str) -> str:
    """Return what a cell says: ratio or difference and its interval, or which runs are missing."""
    number, interval = difference.advantage(metric, row)
    if not math.isfinite(difference.center):
        return "runs lost" if difference.lost else "–"
    return f"{number}\n{interval or 'no interval'}"


def symbol(difference: Difference, row: str) -> str:
    """Return the sign of a small cell: what the row is."""
    return "·" if not difference.winner else "+" if difference.winner == row else "−"


def _tally(page: Page, matrix: Matrix, left: float, above: float, high: float) -> None:
    """Write how often each row wins, stays open, loses."""
    page.text(left, above - 0.14, "won · open · lost", fontsize=7.5, color=QUIET)
    for index, name in enumerate(matrix.names):
        page.text(left, above + high * (index + 0.5), matrix.tally(name), color=INK)


def why_undecided(differences: Iterable[Difference]) -> str:
    """Return what a cell without a winner means: all reasons that there are."""
    reasons = dict.fromkeys(sorted(each.undecided for each in differences if each.undecided))
    return ", or ".join(reasons) or "cannot be told apart"


def _key(page: Page, left: float, top: float, undecided: str) -> None:
    for colour, words in ((BETTER, "row is better"), (WORSE, "row is worse"), (OPEN, undecided)):
        x, y, width, height = page.box(left, top - 0.07, 0.2, 0.14)
        page.figure.add_artist(Rectangle((x, y), width, height, facecolor=colour, transform=page.figure.transFigure))
        page.text(left + 0.27, top, words, fontsize=8)
        left += width_of(words, 8) + 0.5


def ahead(found: Forest, view: WinsView, colours: Sequence[str], title: str, line: str) -> Page:
    """Draw how far a leader is ahead of each of the others, with intervals; filled where that is decided, hollow where not.

    Args:
        found: the distances; those beyond the first sixty are left out.
        view: of the matrix that they are of.
        colours: of every arm, by its place in the standings.
        title: the question.
        line: below the figure: how it came about.
    """
    shown = found.distances[:MOST]
    what = "times the loss of the leader" if found.is_ratio else "better or worse than the leader"
    texts = [" ".join(filter(None, (each.number + ("×" if found.is_ratio and each.number else ""), each.interval)))
             for each in shown]  # fmt: skip
    left = max(width_of(name, NAME) for name in (found.short, *(each.short for each in shown))) + 0.6
    right = max(width_of(text, 8) for text in (*texts, "leads")) + 0.3
    subtitle = (
        f"Mean and 95 % interval of {view.quantity}{view.averaged}. Filled: decided (Holm), hollow: these seeds cannot tell."
    )
    page = Page(max(left + PLOT + right, 6.2), ROW_HEIGHT * (len(shown) + 1) + 0.62, title, subtitle, line)
    axes = page.axes(left, 0.05, PLOT, ROW_HEIGHT * (len(shown) + 1))
    none = 1.0 if found.is_ratio else 0.0
    finish(axes, f"{what}: {'more is worse' if found.is_ratio else 'more is better'}", "")
    axes.axvline(none, color=QUIET, linewidth=1, linestyle=(0, (3, 3)))
    axes.plot([none], [0], "D", markersize=6, color=colours[found.arms[0]], clip_on=False)
    _distances(axes, shown, colours)
    low, high = reach(found)
    if found.is_ratio:
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks([], minor=True)
    marks = ticks(low, high, 5, log=found.is_ratio)
    axes.set_xticks([value for value, _ in marks], [text for _, text in marks])
    axes.set_ylim(len(shown) + 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    rows = [(found.short, colours[found.arms[0]], "leads")]
    rows += [(each.short, colours[each.arms[0]] if each.arms else INK, text) for each, text in zip(shown, texts, strict=True)]
    for place, (name, colour, text) in enumerate(rows):
        page.text(left - 0.14, 0.05 + ROW_HEIGHT * (place + 0.5), name, color=legible(colour), ha="right")
        page.text(left + PLOT + 0.1, 0.05 + ROW_HEIGHT * (place + 0.5), text, fontsize=8, color=INK)
    return page


def _distances(axes: Axes, shown: Sequence[Distance], colours: Sequence[str]) -> None:
    for place, each in enumerate(shown, 1):
        colour = colours[each.arms[0]] if each.arms else INK
        if math.isfinite(each.low) and math.isfinite(each.high):
            axes.plot((each.low, each.high), (place, place), color=colour, linewidth=2.2, solid_capstyle="butt")
        if math.isfinite(each.center):
            face = "white" if each.is_open else colour
            axes.plot([each.center], [place], "o", markersize=6, markerfacecolor=face, markeredgecolor=colour, zorder=4)


ROW_HEIGHT = 0.25  # of a row, in inches
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
    """A quantity: its metric, which decides how numbers look, its name with the unit, and whether it leads to the target."""

    metric: str
    label: str
    is_to_target: bool = False


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
    page = Page(max(width, 6.2), ROW_HEIGHT * len(shown) + 0.62, title, subtitle, line)
    for index, row in enumerate(shown):
        page.text(left - 0.14, 0.05 + ROW_HEIGHT * (index + 0.5), row.name, color=legible(row.colour), ha="right")
        page.text(width - remarks, 0.05 + ROW_HEIGHT * (index + 0.5), row.remark, fontsize=8, color=QUIET)
    at = left
    for index, (column, column_texts, space) in enumerate(zip(columns, texts, spaces, strict=True)):
        axes = page.axes(at, 0.05, plot, ROW_HEIGHT * len(shown))
        _plot(axes, shown, index, column)
        for place, text in enumerate(column_texts):
            page.text(at + plot + 0.1, 0.05 + ROW_HEIGHT * (place + 0.5), text, fontsize=8, color=INK)
        at += plot + space
    return page


def _text(row: Row, index: int, column: Column) -> str:
    measured = row.measured[index]
    if column.is_to_target:
        return to_target(column.metric, measured)
    return with_half(column.metric, measured.mean, measured.half) if math.isfinite(measured.mean) else ""


def _plot(axes: Axes, shown: Sequence[Row], index: int, column: Column) -> None:
    for place, row in enumerate(shown):
        measured = row.measured[index]
        values = np.array([value for value in measured.by_seed.values() if math.isfinite(value)])
        if len(values) > 1:
            axes.plot(values, np.full(len(values), place), "o", markersize=3, color=row.colour, alpha=0.4, markeredgewidth=0)
        if not math.isfinite(measured.mean):
            continue
        if math.isfinite(measured.low) and math.isfinite(measured.high):
            ends = measured.low, measured.high
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
    if values.size and is_steep(values.min(), values.max()):
        axes.set_xscale("log")
        axes.set_xlim(values.min() / 1.25, values.max() * 1.25)
        axes.xaxis.set_major_formatter(PlainLogFormatter())
        axes.xaxis.set_minor_formatter(PlainLogFormatter(minor_thresholds=(1, 0.4)))
    elif values.size and values.min() == values.max() != 0:
        axes.set_xlim(min(0.0, 2 * float(values[0])), max(0.0, 2 * float(values[0])))
    elif values.size:
        left, right = _row_limits(values, axes.get_xlim())
        axes.set_xlim(max(left, 0.0) if column.is_to_target else left, right)
    if is_share(column.metric):
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=""))
    if not values.size:
        axes.set_xticks([])
    for place, row in enumerate(shown if column.is_to_target else ()):
        measured = row.measured[index]
        if math.isfinite(measured.low) and measured.high == math.inf:  # some did not reach it: the range has no end
            ends = measured.low, axes.get_xlim()[1]
            axes.plot(ends, (place, place), color=row.colour, linewidth=2.2, alpha=0.45, linestyle=(0, (1, 1)))


def _row_limits(values: npt.NDArray[np.float64], wanted: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of an axis: intervals of two seeds reach so far that they would hide everything else."""
    low, high = float(values.min()), float(values.max())
    room = FARTHEST * (high - low) or 0.5
    return max(wanted[0], low - room), min(wanted[1], high + room)


def rates(view: RatesView, line: str) -> Page:
    """Draw a metric over learning rates; the best rate of each is ringed, in ink where it is the last one tried.

    Args:
        view: what is drawn.
        line: below the figure: how it came about.
    """
    found, labels = view.curves, [each.label for each in view.curves]
    names = max(width_of(text + " ↑", NAME) for text in labels) + 0.4
    high = max(3.2, 0.2 * len(found))
    page = Page(6.0 + names, high + 0.6, view.question, view.about, line)
    axes = page.axes(0.85, 0.12, 5.0, high)
    for each in found:
        _curve(axes, each)
    finish(axes, "learning rate", view.label)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10, numticks=12))
    axes.xaxis.set_major_formatter(PlainLogFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    _limits(axes, view)
    for each in found:
        _mark(axes, each)
    ends = [_end(each) for each in found]
    name_ends(axes, [Name(text, end, each.colour, each.marker) for text, end, each in zip(labels, ends, found, strict=True)])
    return page


def _curve(axes: Axes, each: Sensitivity) -> None:
    means = np.array([measured.mean for measured in each.values])
    ends = np.array([(value.low, value.high) if value.half is not None else (value.mean, value.mean) for value in each.values])
    axes.plot(each.rates, means, color=each.colour, linewidth=1.7, **shaped(each.marker, 5))
    axes.fill_between(each.rates, ends[:, 0], ends[:, 1], color=each.colour, alpha=0.2, linewidth=0)


def _limits(axes: Axes, view: RatesView) -> None:
    tried = [rate for each in view.curves for rate in each.rates]
    axes.set_xlim(min(tried) / 1.3, max(tried) * 1.3)
    means = [measured.mean for each in view.curves for measured in each.values if math.isfinite(measured.mean)]
    low, high = (min(means), max(means)) if means else (0.0, 1.0)
    if view.log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(PlainLogFormatter())
        axes.yaxis.set_minor_formatter(PlainLogFormatter())
        axes.set_ylim(low / 1.4, high * 1.4)
    else:
        room = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
        axes.set_ylim(low - room, high + room)
    if is_share(view.metric):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=""))


def _mark(axes: Axes, each: Sensitivity) -> None:
    """Ring the best rate, and put a cross at the top where every run was lost; the limits are final."""
    low, high = axes.get_ylim()
    best = each.values[each.best].mean
    if math.isfinite(best):
        ring = {"markersize": 10, "markerfacecolor": "none", "markeredgewidth": 1.6, "clip_on": False, "zorder": 6}
        edge = INK if each.at_edge else each.colour
        axes.plot([each.rates[each.best]], [best], "o", markeredgecolor=edge, **ring)  # type: ignore[arg-type]
    for rate, measured, lost in zip(each.rates, each.values, each.diverged, strict=True):
        if lost:
            place = min(max(measured.mean, low), high) if math.isfinite(measured.mean) else high
            axes.plot([rate], [place], "x", color=each.colour, markersize=7, markeredgewidth=1.8, clip_on=False, zorder=5)


def _end(each: Sensitivity) -> float:
    """Return at which height a curve ends: that of its highest rate with a value."""
    finite = [measured.mean for measured in each.values if math.isfinite(measured.mean)]
    return finite[-1] if finite else float("inf")


def profile(view: ProfileView, line: str) -> Page:
    """Draw performance profiles: higher and further left is better; ``line`` says below them how they came about."""
    found = view.curves
    names = max(width_of(each.name, NAME) for each in found) + 0.4
    high = max(3.2, 0.2 * len(found))
    page = Page(6.0 + names, high + 0.6, view.question, view.about, line)
    axes = page.axes(0.85, 0.12, 5.0, high)
    last = max(max(float(each.ratios[-1]) for each in found), 1.01)
    for each in found:
        steps = [*each.ratios, last], [*each.shares, each.shares[-1]]
        axes.step(*steps, where="post", color=each.colour, linewidth=1.7, **marks(each.marker))
    finish(axes, view.across, view.label)
    axes.set_xscale("log")
    axes.set_xlim(1.0, last)
    axes.set_ylim(-0.02, 1.03)
    axes.xaxis.set_major_formatter(PlainLogFormatter())
    axes.xaxis.set_minor_formatter(PlainLogFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=""))
    name_ends(axes, [Name(each.name, float(each.shares[-1]), each.colour, each.marker) for each in found])
    return page
