"""Curves of many arms: one overlay, or panels side by side where one would be a thicket."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from nnreg.figures.curves import Curves, Drawn, cross, draw, labelled, scale, thin_dots
from nnreg.figures.groups import Group
from nnreg.figures.style import INK, NAME, QUIET, STEEP, Name, Page, finish, name_ends, width_of
from nnreg.records.metrics import across, unit
from nnreg.records.results import Results

MOST_ACROSS = 3  # panels side by side
HEADING, LINE = 10.0, 0.19  # points; inches between two names


class Facet(NamedTuple):
    """One panel.

    Attributes:
        heading: what its curves have in common, or "" for a single panel.
        groups: a curve each.
    """

    heading: str
    groups: Sequence[Group]


def overlays(
    facets: Sequence[Facet], metric: str, title: str, subtitle: str, line: str, *, window: int, alike: bool = True
) -> Page:
    """Draw the mean of each group with its 95 % band, diverged runs one by one up to their cross.

    Args:
        facets: the panels, row by row.
        metric: drawn against the step.
        title: the question.
        subtitle: what is shown.
        line: below the figure: how it came about.
        window: of the smoothing, in records; 1 for none.
        alike: whether all panels share one scale.
    """
    columns = min(len(facets), MOST_ACROSS if len(facets) != 4 else 2)
    rows = math.ceil(len(facets) / columns)
    most = max(len(facet.groups) for facet in facets)
    names = max(width_of(labelled(group) + " ↑", NAME) for facet in facets for group in facet.groups) + 0.35
    wide = {1: 5.6, 2: 3.4}.get(columns, 2.5)
    high = max({1: 3.3, 2: 2.4}.get(columns, 2.1), LINE * most)
    above = 0.22 if not facets[0].heading else 0.45
    across_page, down = wide + names + (0.45 if not alike else 0.1), high + 0.68
    page = Page(0.85 + across_page * columns, down * (rows - 1) + high + above + 0.45, title, subtitle, line)
    drawn: list[tuple[Axes, Facet, list[Drawn]]] = []
    for index, facet in enumerate(facets):
        row, column = divmod(index, columns)
        axes = page.axes(0.85 + across_page * column, above + down * row, wide, high)
        drawn.append((axes, facet, [draw(axes, group, metric, window) for group in facet.groups]))
        finish(axes, across(metric) if index + columns >= len(facets) else "", "")
        axes.set_title(facet.heading, fontsize=HEADING, weight="bold", color=INK, pad=4, loc="left")
    page.text(0.4, 0.08, unit(metric, facets[0].groups[0].runs[0]), color=QUIET)
    _scale(drawn, metric, alike=alike)
    for axes, facet, ends in drawn:
        thin_dots(axes)
        cross(axes, ends)
        pairs = zip(facet.groups, ends, strict=True)
        name_ends(axes, [Name(labelled(group), end.end, group.colour) for group, end in pairs])
    return page


def _scale(drawn: Sequence[tuple[Axes, Facet, list[Drawn]]], metric: str, *, alike: bool) -> None:
    together = [end for _, _, ends in drawn for end in ends]
    for axes, facet, ends in drawn:
        runs = Results(run for group in facet.groups for run in group.runs)
        shown = together if alike else ends
        scale(axes, shown, metric, Curves(metric=metric, log=_is_steep(shown)), runs)


def _is_steep(drawn: Sequence[Drawn]) -> bool:
    lows = [each.lowest for each in drawn if math.isfinite(each.lowest)]
    highs = [each.highest for each in drawn if math.isfinite(each.highest)]
    return bool(lows) and min(lows) > 0 and max(highs) > STEEP * min(lows)
