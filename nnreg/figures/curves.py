"""Curves of runs: in one picture, or in pictures side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nnreg.engine.history import TRAIN_LOSS
from nnreg.errors import UserError, instead
from nnreg.figures.groups import ARM, Group, ended, groups
from nnreg.figures.page import (
    BESIDE,
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
from nnreg.figures.spec import FEW_SEEDS, Common, check_limits, footer, needed, read_words
from nnreg.records.metrics import TRAIN_FINAL, across, axis_label, is_loss, is_noisy, is_share
from nnreg.records.results import Result, Results, untrained_words
from nnreg.records.statistics import WINDOW, Values, band, smooth

MANY = 500  # points of a curve from which what is behind it is pixels in an SVG too
HUGE = 1e100  # matplotlib computes with the limits of axes
EARLY = 0.75  # of the longest curve: one that is shorter is named where it ends
CLOSEST = 0.08  # inches between two dots
FEW = 30  # points of a curve up to which each has a dot
DOT, SIGN = 3.2, 4.6  # points, of what each of them has: of a curve alone, and of one among others
MOST_BANDS = 5  # curves whose bands can be told apart in one picture


@dataclass
class Curves(Common):
    """What an overlay may be told.

    Args:
        metric: drawn against the step.
        by: the setting that makes a curve; ``arm`` for a study's arms.
        smooth: records under the smoothing window, odd, 1 for none; left out: 11 for the training loss, else none.
        ylim: lower and upper end of the vertical axis.
        xlim: of the horizontal one.
        log: whether the vertical axis is logarithmic; mean and interval are those of the logarithm then.
        bands: whether each curve has its interval; left out: where five or fewer curves are not too many for it.

    Raises:
        UserError: the window cannot be centred, or limits are not two ends.
    """

    metric: str = needed("train/loss")
    by: str = ARM
    smooth: int | None = None
    ylim: list[float] | None = None
    xlim: list[float] | None = None
    log: bool = False
    bands: bool | None = None

    def __post_init__(self) -> None:
        window_for(self.metric, self.smooth)
        check_limits(ylim=self.ylim, xlim=self.xlim)


class Style(NamedTuple):
    """How curves are drawn.

    Attributes:
        window: of the smoothing, in records; 1 for none.
        log: whether the axis is logarithmic.
        bands: whether a curve of enough seeds has its interval.
    """

    window: int = 1
    log: bool = False
    bands: bool = True


class Drawn(NamedTuple):
    """What was drawn of a group.

    Attributes:
        end: where its mean ends.
        lowest: of what the axes shall show.
        highest: likewise.
        crosses: where diverged runs ended, as (step, value), in the group's colour.
        colour: of the group.
        last: step at which its mean ends; infinite where it has none.
        mean: its steps and values, or None where it has none.
    """

    end: float
    lowest: float
    highest: float
    crosses: tuple[tuple[int, float], ...] = ()
    colour: str = ""
    last: float = math.inf
    mean: tuple[npt.NDArray[np.int64], Values] | None = None


def curves(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw an overlay, as ``Curves`` says."""
    words, shown = read_words(Curves, spec), ended(results)
    window = window_for(words.metric, words.smooth)
    found = groups(shown, words.by)
    labels = [labelled(group) for group in found]
    names = max(width_of(label + " ↑", NAME) for label in labels) + 0.35
    style = Style(window, words.log, len(found) <= MOST_BANDS if words.bands is None else words.bands)
    line = footer(results, [group.runs for group in found], [words.metric], window, words.note, bands=style.bands)
    high = max(3.15, LINE * len(found))
    page = Page(5.9 + names, high + 0.6, title, words.subtitle, line)
    axes = page.axes(0.8, 0.05, page.width - 0.8 - names, high)
    drawn = [draw_curve(axes, group, words.metric, style) for group in found]
    scale(axes, drawn, words.metric, words, shown)
    thin_dots(axes)
    cross(axes, drawn)
    finish(axes, across(words.metric), axis_label(words.metric, shown[0].summary["choices"]))
    named = [
        (each, Name(label, each.end, each.colour or group.colour, group.marker))
        for label, each, group in zip(labels, drawn, found, strict=True)
    ]
    longest = max((each.last for each in drawn if math.isfinite(each.last)), default=0.0)
    early = [(each, name) for each, name in named if each.last < EARLY * longest]
    name_ends(axes, [name for each, name in named if (each, name) not in early])
    for place, (each, name) in enumerate(early):
        _name_inside(axes, each, name, place)
    return page.figure


def _name_inside(axes: Axes, drawn: Drawn, name: Name, place: int) -> None:
    """Name a curve that ends long before the others, above its end."""
    axes.plot([drawn.last], [drawn.end], **shaped(name.marker, 6), color=name.colour, markeredgecolor="white", zorder=4)
    tie = {"arrowstyle": "-", "color": name.colour, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3}
    style: dict[str, Any] = {"color": legible(name.colour), "fontsize": NAME, "ha": "left", "va": "center", "arrowprops": tie}
    axes.annotate(name.text, (drawn.last, drawn.end), (14, 24 + 14 * place), textcoords="offset points", **style)


def labelled(group: Group) -> str:
    """Return a group's name and how many of its runs diverged or failed to train."""
    lost = untrained_words(group.runs)
    return f"{group.label} ({lost})" if lost else group.label


def window_for(metric: str, wanted: int | None = None) -> int:
    """Return the smoothing window.

    Raises:
        UserError: it cannot be centred.
    """
    window = wanted if wanted is not None else WINDOW if is_noisy(metric) else 1
    if window < 1 or window % 2 == 0:
        raise UserError(f"smooth must be odd and positive, so that the window has a middle, got {window}")
    return window


def draw_curve(axes: Axes, group: Group, metric: str, style: Style) -> Drawn:
    """Draw one group: the smoothed mean, its 95 % band or the single seeds, the mean as recorded; diverged runs one by one.

    What a training run is scored by, its final loss, is a dot at the end.

    Raises:
        UserError: no run of the group recorded the metric.
    """
    series = [(run, *_finite(run, metric)) for run in group.runs]
    if not any(metric in run.history.metrics or run.is_untrained for run in group.runs):  # perhaps before it could
        known = sorted({name for run in group.runs for name in run.history.metrics})
        raise UserError(f"the runs of '{group.label}' recorded no '{metric}'{instead(metric, known)}")
    lost = [_draw_lost(axes, group, steps, values) for run, steps, values in series if run.is_untrained]
    crosses = tuple(point for each in lost for point in each.crosses)
    kept = [(steps, values) for run, steps, values in series if not run.is_untrained and steps.size]
    if not kept:
        ends = sorted(each.end for each in lost)
        low, high = min(each.lowest for each in lost), max(each.highest for each in lost)
        return Drawn(ends[len(ends) // 2], low, high, crosses, group.colour)
    steps, table = aligned(kept)
    mean = _draw_mean(axes, group, steps, table, metric, style)
    if is_loss(metric):
        mean = _above_zero(mean, table)
    if (final := final_loss(group.runs, metric, log=style.log)) is not None and (final > 0 or not style.log):
        last = max(int(run.summary["steps"]) for run in group.runs if not run.is_untrained)
        dot = shaped(group.marker, 6.5) | {"markeredgecolor": "white", "clip_on": False, "zorder": 5}
        axes.plot([last], [final], color=group.colour, **dot)
        mean = mean._replace(end=final, lowest=min(mean.lowest, final), highest=max(mean.highest, final))
    return mean._replace(crosses=crosses, colour=group.colour)


def final_loss(runs: Results, metric: str, *, log: bool) -> float | None:
    """Return the mean final training loss of runs whose training loss is drawn; None where it was not measured."""
    if metric != TRAIN_LOSS:
        return None
    found = [run.summary["metrics"].get(TRAIN_FINAL) for run in runs if not run.is_untrained]
    values = np.array([value for value in found if value is not None and math.isfinite(value)])
    return float(band(values[:, None], log=log)[0][0]) if values.size and values.size == len(found) else None


def aligned(series: Sequence[tuple[npt.NDArray[np.int64], Values]]) -> tuple[npt.NDArray[np.int64], Values]:
    """Return the steps that all runs recorded, ascending, and their values, (runs, steps)."""
    common = series[0][0]
    for steps, _ in series[1:]:
        common = np.intersect1d(common, steps)
    return common, np.array([values[np.isin(steps, common)] for steps, values in series]).reshape(len(series), -1)


def scale(axes: Axes, drawn: Sequence[Drawn], metric: str, words: Any, runs: Results) -> None:
    """Set the limits as a study wants them, else so that what was drawn of finished runs is seen whole."""
    ends = [(each.lowest, each.highest) for each in drawn if each.lowest <= each.highest]  # some are never finite
    low, high = min((low for low, _ in ends), default=0.0), max((high for _, high in ends), default=1.0)
    if words.log and low > 0:
        axes.set_yscale("log", nonpositive="clip")
        axes.yaxis.set_major_formatter(PlainLogFormatter())
        axes.yaxis.set_minor_formatter(PlainLogFormatter())
        axes.set_ylim(low / 1.15, high * 1.15 if high > low else low * 10)
    else:
        room = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
        from_zero = is_loss(metric) and 0 <= low < high / 2
        axes.set_ylim(0.0 if from_zero else low - room, min(high + room, 1.02) if is_share(metric) else high + room)
    if words.ylim is not None:
        axes.set_ylim(*words.ylim)
    axes.margins(x=0.0)
    if across(metric) != "layer":
        axes.set_xlim(0, max(1, *(int(run.summary["steps"]) for run in runs)))
    if words.xlim is not None:
        axes.set_xlim(*words.xlim)
    if is_share(metric):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=""))
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def thin_dots(axes: Axes) -> None:
    """Take the dots off curves on which they would touch, and all but some of the markers; the limits are final."""
    left, right = axes.get_xlim()
    inch = (right - left) / (axes.get_window_extent().width / axes.figure.dpi)
    for line in axes.lines:
        at = np.asarray(line.get_xdata(), dtype=np.float64)
        is_each = line.get_marker() not in ("", "None") and line.get_markevery() is None and len(at) > 1
        if is_each and (at[-1] - at[0]) / (len(at) - 1) < CLOSEST * inch:
            line.set(**marks(str(line.get_marker())) if line.get_markersize() > DOT else {"marker": ""})


def cross(axes: Axes, drawn: Sequence[Drawn]) -> None:
    """Put a cross where each diverged run ended, at the edge where that is beyond it; the limits are final."""
    low, high = axes.get_ylim()
    for each in drawn:
        for step, value in each.crosses:
            place = min(max(value, low), high)
            style = {"marker": "x", "markersize": 6, "markeredgewidth": 1.8, "clip_on": False, "zorder": 5}
            axes.plot([step], [place], color=each.colour, **style)  # type: ignore[arg-type]


def _finite(run: Result, metric: str) -> tuple[npt.NDArray[np.int64], Values]:
    steps, values = run.history.series(metric)
    return steps[np.isfinite(values)], values[np.isfinite(values)]


def _draw_mean(axes: Axes, group: Group, steps: npt.NDArray[np.int64], table: Values, metric: str, style: Style) -> Drawn:
    smoothed = np.array([smooth(row, style.window, log=is_loss(metric)) for row in table])
    if not steps.size:
        return Drawn(float("nan"), float("inf"), -float("inf"))
    (middle, low, high), colour, many = band(smoothed, log=style.log), group.colour, len(steps) > MANY
    if style.window > 1:
        axes.plot(steps, band(table, log=style.log)[0], color=colour, alpha=0.25, linewidth=0.6, rasterized=many)
    dots: dict[str, Any] = marks(group.marker)
    if len(steps) <= FEW:
        dots = shaped(group.marker, SIGN if group.marker else DOT) | {"markeredgewidth": 0}
    axes.plot(steps, middle, color=colour, linewidth=1.7, solid_joinstyle="round", **dots)
    if len(table) < FEW_SEEDS:
        for row in smoothed if len(table) > 1 and style.bands else ():
            axes.plot(steps, row, color=colour, alpha=0.45, linewidth=0.7, zorder=1.9, rasterized=many)
        low, high = smoothed.min(axis=0), smoothed.max(axis=0)
    elif style.bands:
        if is_share(metric):
            low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
        axes.fill_between(steps, low, high, color=colour, alpha=0.22, linewidth=0, rasterized=many)
    else:
        low = high = middle
    return Drawn(float(middle[-1]), float(middle.min()), float(high.max()), last=float(steps[-1]), mean=(steps, middle))


def _above_zero(drawn: Drawn, table: Values) -> Drawn:
    """Return what an axis shall show of losses that reach exactly 0, which has no place on a logarithmic one: the rest."""
    if drawn.lowest != 0 or not (table > 0).any():
        return drawn
    lowest = float(table[table > 0].min())
    return drawn._replace(lowest=min(lowest, drawn.highest), end=max(drawn.end, lowest))


def _draw_lost(axes: Axes, group: Group, steps: npt.NDArray[np.int64], values: Values) -> Drawn:
    """Draw a diverged run up to its last finite value."""
    if not steps.size:
        return Drawn(float("inf"), float("inf"), -float("inf"))
    axes.plot(steps, values, color=group.colour, linewidth=0.9, alpha=0.8)
    highest = min(float(values.max()), 3 * min(abs(float(values[0])), HUGE) + 1e-9)
    return Drawn(float(values[-1]), float(values.min()), highest, ((int(steps[-1]), float(values[-1])),))


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
    """Draw the mean of each group, diverged runs one by one up to their cross; see ``Curves`` for bands.

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
    names = max(width_of(labelled(group) + " ↑", NAME) for facet in facets for group in facet.groups) + 0.35 + BESIDE
    wide = {1: 5.6, 2: 3.4}.get(columns, 2.5)
    high = max({1: 3.3, 2: 2.4}.get(columns, 2.1), LINE * most)
    above = 0.22 if not facets[0].heading else 0.45
    across_page, down = wide + names + (0.45 if not alike else 0.1), high + 0.68
    page = Page(0.85 + across_page * columns, down * (rows - 1) + high + above + 0.45, title, subtitle, line)
    drawn: list[tuple[Axes, Facet, list[Drawn]]] = []
    logs = _steep_ones([facet.groups for facet in facets], metric, window, alike=alike)
    for index, facet in enumerate(facets):
        row, column = divmod(index, columns)
        axes = page.axes(0.85 + across_page * column, above + down * row, wide, high)
        style = Style(window, logs[index], len(facet.groups) <= MOST_BANDS)
        drawn.append((axes, facet, [draw_curve(axes, group, metric, style) for group in facet.groups]))
        finish(axes, across(metric) if index + columns >= len(facets) else "", "")
        axes.set_title(facet.heading, fontsize=HEADING, weight="bold", color=INK, pad=4, loc="left")
    page.text(0.4, 0.08, axis_label(metric, facets[0].groups[0].runs[0].summary["choices"]), color=QUIET)
    _scale(drawn, metric, logs, alike=alike)
    for axes, facet, ends in drawn:
        thin_dots(axes)
        cross(axes, ends)
        pairs = zip(facet.groups, ends, strict=True)
        name_ends(axes, [Name(labelled(group), end.end, group.colour, group.marker) for group, end in pairs])
    return page


def _scale(drawn: Sequence[tuple[Axes, Facet, list[Drawn]]], metric: str, logs: Sequence[bool], *, alike: bool) -> None:
    together = [end for _, _, ends in drawn for end in ends]
    for (axes, facet, ends), log in zip(drawn, logs, strict=True):
        runs = Results(run for group in facet.groups for run in group.runs)
        scale(axes, together if alike else ends, metric, Curves(metric=metric, log=log), runs)


def _steep_ones(panels: Sequence[Sequence[Group]], metric: str, window: int, *, alike: bool) -> list[bool]:
    """Return which panels are seen better on a logarithmic axis, by the curves of runs that have a result."""
    ends = [_ends([run for group in panel for run in group.runs if not run.is_untrained], metric, window) for panel in panels]
    if alike:
        known = [pair for pair in ends if pair[1] > 0]
        ends = [(min((low for low, _ in known), default=0.0), max((high for _, high in known), default=0.0))] * len(panels)
    return [is_steep(low, high) for low, high in ends]


def _ends(runs: Sequence[Result], metric: str, window: int) -> tuple[float, float]:
    """Return the lowest and the highest value of some curves; losses of 0 do not count: they have no logarithm."""
    found = [smooth(values, window, log=is_loss(metric)) for run in runs if (values := _finite(run, metric)[1]).size]
    values = np.concatenate([*found, np.zeros(0)])
    values = values[values > 0] if is_loss(metric) else values
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
