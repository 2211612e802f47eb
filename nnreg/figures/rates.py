"""How much depends on the learning rate: one curve a technique over its rates, and what was lost at each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter, PercentFormatter

from nnreg.figures.page import INK, NAME, STEEP, Name, Page, PlainLogFormatter, finish, name_ends, width_of
from nnreg.records.metrics import is_share

if TYPE_CHECKING:
    from nnreg.comparison.sensitivity import Sensitivity


def rates(found: Sequence[Sensitivity], metric: str, label: str, title: str, subtitle: str, line: str) -> Page:
    """Draw a metric over learning rates; the best rate of each is ringed, in ink where it is the last one tried.

    Args:
        found: a curve each.
        metric: on the vertical axis.
        label: of that axis.
        title: the question.
        subtitle: what is shown.
        line: below the figure: how it came about.
    """
    labels = [f"{each.name}{' (best at the edge)' if each.at_edge else ''}" for each in found]
    names = max(width_of(text + " ↑", NAME) for text in labels) + 0.4
    high = max(3.2, 0.2 * len(found))
    page = Page(6.0 + names, high + 0.6, title, subtitle, line)
    axes = page.axes(0.85, 0.12, 5.0, high)
    for each in found:
        _curve(axes, each)
    finish(axes, "learning rate", label)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10, numticks=12))
    axes.xaxis.set_major_formatter(LogFormatterSciNotation())
    axes.xaxis.set_minor_formatter(NullFormatter())
    _limits(axes, found, metric)
    for each in found:
        _mark(axes, each)
    ends = [_end(each) for each in found]
    name_ends(axes, [Name(text, end, each.colour) for text, end, each in zip(labels, ends, found, strict=True)])
    return page


def _curve(axes: Axes, each: Sensitivity) -> None:
    means = np.array([measured.mean for measured in each.values])
    halves = np.array([measured.half or 0.0 for measured in each.values])
    axes.plot(each.rates, means, color=each.colour, linewidth=1.7, marker="o", markersize=4)
    axes.fill_between(each.rates, means - halves, means + halves, color=each.colour, alpha=0.2, linewidth=0)


def _limits(axes: Axes, found: Sequence[Sensitivity], metric: str) -> None:
    tried = [rate for each in found for rate in each.rates]
    axes.set_xlim(min(tried) / 1.3, max(tried) * 1.3)
    means = [measured.mean for each in found for measured in each.values if math.isfinite(measured.mean)]
    low, high = (min(means), max(means)) if means else (0.0, 1.0)
    if low > 0 and high > STEEP * low:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(PlainLogFormatter())
        axes.yaxis.set_minor_formatter(PlainLogFormatter())
        axes.set_ylim(low / 1.4, high * 1.4)
    else:
        room = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
        axes.set_ylim(low - room, high + room)
    if is_share(metric):
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
