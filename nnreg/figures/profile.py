"""Performance profiles (Dolan and Moré 2002): on how many problems a technique comes within a factor of the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import PercentFormatter

from nnreg.figures.page import NAME, Name, Page, PlainLogFormatter, finish, name_ends, width_of

if TYPE_CHECKING:
    from nnreg.comparison.profiles import Profile


def profile(found: Sequence[Profile], title: str, subtitle: str, line: str) -> Page:
    """Draw the profiles: higher and further left is better.

    Args:
        found: a curve each.
        title: the question.
        subtitle: what is shown.
        line: below the figure: how it came about.
    """
    names = max(width_of(each.name, NAME) for each in found) + 0.4
    high = max(3.2, 0.2 * len(found))
    page = Page(6.0 + names, high + 0.6, title, subtitle, line)
    axes = page.axes(0.85, 0.12, 5.0, high)
    last = max(max(float(each.ratios[-1]) for each in found), 1.01)
    for each in found:
        steps = [*each.ratios, last], [*each.shares, each.shares[-1]]
        axes.step(*steps, where="post", color=each.colour, linewidth=1.7)
    finish(axes, "factor from the best on a problem", f"share of the {found[0].problems} problems (%)")
    axes.set_xscale("log")
    axes.set_xlim(1.0, last)
    axes.set_ylim(-0.02, 1.03)
    axes.xaxis.set_major_formatter(PlainLogFormatter())
    axes.xaxis.set_minor_formatter(PlainLogFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=""))
    name_ends(axes, [Name(each.name, float(each.shares[-1]), each.colour) for each in found])
    return page
