"""A grid of small panels with common axes: one for each value of a setting, or for each of the best runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnreg.errors import UserError, instead
from nnreg.figures.curves import MOST_BANDS, Drawn, Style, cross, draw_curve, scale, thin_dots, window_for
from nnreg.figures.groups import ARM, Group, ended, groups, known
from nnreg.figures.page import BESIDE, INK, NAME, QUIET, Name, Page, finish, legible, name_ends, width_of, wrapped
from nnreg.figures.spec import Common, check_limits, footer, needed, read_words
from nnreg.numerals import chosen
from nnreg.records.metrics import across, axis_label, called, format_value, is_higher_better, is_noisy
from nnreg.records.results import Result, Results
from nnreg.registry import entries
from nnreg.registry.palette import SHAPES

OF_SPLITS = {"train": "#0072B2", "valid": "#009E73", "test": "#D55E00"}
GAP = "#dcdcdc"
OTHERS = ("#CC79A7", "#56B4E9", "#E69F00")
WIDTH, HEIGHT, BETWEEN, LINE = 1.75, 1.15, 0.55, 0.16
TALL = 2.0  # height of panels that stand in one row, where a gap of two points of accuracy shall be seen
HEADING = 8.5  # size of a panel's heading, in points
ENDS = 7.5  # size of the numbers beside the ends, in points


@dataclass
class Panels(Common):
    """What a grid of panels may be told.

    Args:
        metrics: one or several; several are told apart by colour, each split by its own.
        per: the setting that makes a panel; ``arm`` for a study's arms.
        by: the setting that makes a curve in a panel, for one metric.
        top: instead of ``per``: a panel for each of so many runs with the best last value of the last metric, the highest of
            accuracies and R², the lowest of anything else; diverged runs come after all others.
        searched: settings that head such a panel.
        columns: panels side by side.
        smooth: records under the smoothing window, odd, 1 for none; left out: 11 for the training loss, else none. Of several
            metrics, the training loss alone is smoothed.
        ylim: lower and upper end of the vertical axis.
        xlim: of the horizontal one.
        log: whether the vertical axis is logarithmic.
        ends: whether the last values stand beside the curves.

    Raises:
        UserError: the metrics are none, too many or of different units, the window cannot be centred, or limits are not two
            ends.
    """

    metrics: list[str] = needed("[train/accuracy, test/accuracy]")  # noqa: RUF009 - returns a dataclass field
    per: str = ARM
    by: str | None = None
    top: int | None = None
    searched: list[str] = field(default_factory=list)
    columns: int | None = None
    smooth: int | None = None
    ylim: list[float] | None = None
    xlim: list[float] | None = None
    log: bool = False
    ends: bool = True

    def __post_init__(self) -> None:
        quantities = {metric.rpartition("/")[2] for metric in self.metrics}
        if len(quantities) > 1:
            raise UserError(f"{' and '.join(sorted(quantities))} have different units: draw a figure for each")
        if not self.metrics or (self.by is not None and len(self.metrics) > 1):
            raise UserError("panels need one metric or several, and only one where `by` makes several curves of it")
        window_for(self.metrics[0], self.smooth)
        check_limits(ylim=self.ylim, xlim=self.xlim)


class Panel(NamedTuple):
    """One panel: its heading and its curves, each with the metric it shows."""

    heading: str
    curves: Sequence[tuple[Group, str]]


def panels(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw a grid of panels, as ``Panels`` says."""
    words, shown = read_words(Panels, spec), ended(results)
    found = _best(shown, words) if words.top is not None else _per(shown, words)
    columns = min(words.columns or _columns(len(found)), len(found))
    rows = math.ceil(len(found) / columns)
    lines = max(len(_heading(panel)) for panel in found)
    high = TALL if rows == 1 else HEIGHT
    down = high + 0.16 + LINE * lines
    width, height = 0.75 + columns * (WIDTH + BETWEEN), 0.2 + rows * down + 0.42
    page = Page(max(width, 5.2), height, title, words.subtitle, _footer(results, shown, found, words))
    _key(page, found[0], words.metrics, shown[0])
    _draw_all(page, found, words, columns, (high, down), shown)
    page.text(0.72, height - 0.12, across(words.metrics[0]), fontsize=9)
    return page.figure


def _footer(results: Results, shown: Results, found: Sequence[Panel], words: Panels) -> str:
    windows = [_window(metric, words) for metric in words.metrics]
    if words.top is None:
        curves = [group.runs for panel in found for group, metric in panel.curves if metric == words.metrics[0]]
        return footer(results, curves, words.metrics, max(windows), words.note)
    drawn = [group.runs for panel in found for group, _ in panel.curves[:1]]
    which = "highest" if is_higher_better(words.metrics[-1]) else "lowest"
    note = f"the {len(found)} of {len(shown)} runs with the {which} last {called(words.metrics[-1])}, best first. {words.note}"
    return footer(Results(run for runs in drawn for run in runs), drawn, words.metrics, max(windows), note, is_mean=False)


def _window(metric: str, words: Panels) -> int:
    return window_for(metric, words.smooth if len(words.metrics) == 1 or is_noisy(metric) else None)


def _heading(panel: Panel) -> list[str]:
    return wrapped(panel.heading, HEADING, WIDTH + BETWEEN - 0.1)


def _draw_all(
    page: Page, found: Sequence[Panel], words: Panels, columns: int, heights: tuple[float, float], shown: Results
) -> None:
    """Draw every panel, so high and so far below the one above it; their axes are one, so the limits fit all."""
    high, down = heights
    first: Axes | None = None
    everything: list[Drawn] = []
    each: list[tuple[Axes, Panel, list[Drawn]]] = []
    for index, panel in enumerate(found):
        row, column = divmod(index, columns)
        top = 0.2 + row * down + down - high - 0.04
        axes = page.axes(0.72 + column * (WIDTH + BETWEEN), top, WIDTH, high, sharex=first, sharey=first)
        first = first or axes
        bands = len(panel.curves) <= MOST_BANDS
        drawn = [
            draw_curve(axes, group, metric, Style(_window(metric, words), words.log, bands)) for group, metric in panel.curves
        ]
        everything += drawn
        if len(words.metrics) == 2 and {metric.partition("/")[0] for metric in words.metrics} != {"train"}:
            _shade_gap(axes, drawn)
        each.append((axes, panel, drawn))
        finish(axes, "", "")
        axes.set_title("\n".join(_heading(panel)), fontsize=HEADING, color=INK, pad=3, loc="left", linespacing=1.15)
    scale(each[0][0], everything, words.metrics[0], words, shown)
    for index, (axes, panel, drawn) in enumerate(each):
        axes.tick_params(labelleft=index % columns == 0, labelbottom=index + columns >= len(found), labelsize=7.5)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True, steps=[1, 2, 5, 10]))
        thin_dots(axes)
        cross(axes, drawn)
        if words.ends:
            _write_ends(axes, panel, drawn)


def _shade_gap(axes: Axes, drawn: Sequence[Drawn]) -> None:
    """Shade what lies between training and validation, or test: overfitting is this gap."""
    means = [each.mean for each in drawn if each.mean is not None]
    if len(means) == 2:
        (steps, one), (others, other) = means
        common = np.intersect1d(steps, others)
        ends = one[np.isin(steps, common)], other[np.isin(others, common)]
        axes.fill_between(common, *ends, color=GAP, linewidth=0, zorder=0.5)


def _write_ends(axes: Axes, panel: Panel, drawn: Sequence[Drawn]) -> None:
    names = [
        Name(format_value(metric, end.end, digits=2).rstrip(" %") if math.isfinite(end.end) else "×", end.end, group.colour)
        for (group, metric), end in zip(panel.curves, drawn, strict=True)
    ]
    name_ends(axes, names, ENDS)


def _columns(count: int) -> int:
    """Return how many panels stand side by side: few rows for few, a square grid for many."""
    return count if count <= 4 else next((n for n in (4, 3, 5) if count % n == 0), 4)


def _key(page: Page, panel: Panel, metrics: Sequence[str], run: Result) -> None:
    """Name the curves once, in their colours, above the panels."""
    place = 0.72
    lead = axis_label(metrics[0], run.summary["choices"]) if len(metrics) == 1 else ""
    if lead:
        page.text(place, 0.08, lead, color=QUIET)
        place += width_of(lead, NAME) + 0.25
    several = len(panel.curves) > 1
    for group, metric in panel.curves if several else ():
        word = axis_label(metric, run.summary["choices"]) if len(metrics) > 1 else group.label
        page.sign(place, 0.08, group.marker, group.colour)
        place += BESIDE if group.marker else 0.0
        page.text(place, 0.08, word, weight="bold", color=legible(group.colour))
        place += width_of(word, NAME, "bold") + 0.25


def _of(metric: str, place: int) -> str:
    return OF_SPLITS.get(metric.partition("/")[0], OTHERS[place % len(OTHERS)])


def _colours(metrics: Sequence[str]) -> list[str]:
    splits = [metric.partition("/")[0] for metric in metrics]
    if len(set(splits)) < len(splits):
        return [(*OF_SPLITS.values(), *OTHERS)[place % 6] for place in range(len(metrics))]
    return [_of(metric, place) for place, metric in enumerate(metrics)]


def _per(results: Results, words: Panels) -> list[Panel]:
    found = []
    for group in groups(results, words.per, alone=True):
        if len(words.metrics) > 1:
            pairs = zip(words.metrics, _colours(words.metrics), strict=True)
            inner = [
                (group._replace(colour=colour, marker=_marker(place)), metric) for place, (metric, colour) in enumerate(pairs)
            ]
        elif words.by is not None:
            inner = [(each, words.metrics[0]) for each in groups(group.runs, words.by)]
        else:
            inner = [(group, words.metrics[0])]
        found.append(Panel(group.label, inner))
    return found


def _marker(place: int) -> str:
    """Return the marker of a panel's metric: the first has none, which tells it from the others too."""
    return "" if place == 0 else SHAPES[(place - 1) % len(SHAPES)]


def _best(results: Results, words: Panels) -> list[Panel]:
    """Return a panel for each of the best runs, headed by its place and by the settings that were searched."""
    deciding = words.metrics[-1]
    sign = -1 if is_higher_better(deciding) else 1

    def quality(run: Result) -> float:
        values = run.history.finite(deciding)
        is_result = values.size and not run.is_untrained
        return sign * float(values[-1]) if is_result else math.inf

    found = []
    colours = _colours(words.metrics)
    for place, run in enumerate(sorted(results, key=quality)[: words.top], 1):
        heading = f"{place}.  " + ", ".join(_setting(run, key) for key in words.searched)
        pairs = zip(words.metrics, colours, strict=True)
        found.append(
            Panel(
                heading,
                [
                    (Group("", place, colour, Results([run]), _marker(which)), metric)
                    for which, (metric, colour) in enumerate(pairs)
                ],
            )
        )
    return found


def _setting(run: Result, key: str) -> str:
    try:
        setting = run.value(key)
    except (KeyError, TypeError) as error:
        raise UserError(f"the runs have no setting '{key}'{instead(key, known(run))}") from error
    if key in entries.slots():
        return f"no {key}" if setting == "none" else str(setting).replace("_", " ")
    last = key.rpartition(".")[2].replace("_", " ")
    return f"{last} " + (chosen(setting, 2) if isinstance(setting, float) else str(setting))
