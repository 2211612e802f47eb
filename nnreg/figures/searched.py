"""What a metric makes of settings that are numbers: against one of them, over two, or over many side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from nnreg.errors import UserError, instead
from nnreg.figures.groups import ARM, check_metric, ended, groups, known
from nnreg.figures.heatmap import last_value
from nnreg.figures.page import INK, NAME, QUIET, Name, Page, PlainLogFormatter, finish, is_steep, name_ends, shaped, width_of
from nnreg.figures.spec import CELL_MARKS, Common, footer, needed, read_words
from nnreg.numerals import chosen, measured
from nnreg.records.card import is_number
from nnreg.records.metrics import axis_label, format_value, is_higher_better, is_share
from nnreg.records.results import Result, Results
from nnreg.records.statistics import Values

SCALE = colormaps["viridis"]
POINT_MARKS = CELL_MARKS._replace(one="point", of_one="")
BEST = 10  # trials that are drawn above the others


@dataclass
class Against(Common):
    """What a metric against a setting may be told.

    Args:
        metric: its last value counts; of the training loss, the final one.
        setting: a number, on the horizontal axis.
        by: the setting that makes a curve; ``arm`` for a study's arms.
        log: whether the vertical axis is logarithmic.
    """

    metric: str = needed("test/accuracy")
    setting: str = needed("init.std")
    by: str = ARM
    log: bool = False


@dataclass
class Search(Common):
    """What a picture of a search may be told.

    Args:
        metric: its last value gives a trial its colour.
        searched: the settings that were drawn: two are the axes of one plot, more stand side by side, a line a trial.
    """

    metric: str = needed("valid/accuracy")
    searched: list[str] = needed("[optimizer.lr, regularizer.weight_decay]")  # noqa: RUF009 - returns a dataclass field


def against(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw a metric against a setting: a curve a group through the means, single runs as dots, as ``Against`` says."""
    words, shown = read_words(Against, spec), ended(results)
    check_metric(shown, words.metric)
    found = groups(shown, words.by)
    names = max(width_of(group.label, NAME) for group in found) + 0.45
    line = footer(results, [group.runs for group in found], [], 1, _note(words), marks=POINT_MARKS)
    page = Page(5.9 + names, 3.75, title, words.subtitle, line)
    axes = page.axes(0.8, 0.05, page.width - 0.8 - names, 3.15)
    ends = []
    for group in found:
        places = sorted({_number(run, words.setting) for run in group.runs})
        at = [[last_value(run, words.metric) for run in group.runs if _number(run, words.setting) == place] for place in places]
        means = np.array([_mean(values, log=words.log) for values in at])
        axes.plot(places, means, color=group.colour, linewidth=1.7, **shaped(group.marker, 5))
        for place, values in zip(places, at, strict=True):
            axes.plot([place] * len(values), values, "o", color=group.colour, alpha=0.35, markersize=2.8, markeredgewidth=0)
        ends.append(Name(group.label, float(means[-1]), group.colour, group.marker))
    finish(axes, _words(words.setting), axis_label(words.metric, shown[0].summary["choices"]))
    _scaled(axes, "x", np.array([_number(run, words.setting) for run in shown]))
    if words.log:
        axes.set_yscale("log", nonpositive="clip")
        axes.yaxis.set_major_formatter(PlainLogFormatter())
        axes.yaxis.set_minor_formatter(PlainLogFormatter())
    if is_share(words.metric):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=""))
    name_ends(axes, ends)
    return page.figure


def search(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw the trials of a search by their settings, each in the colour of its result, as ``Search`` says."""
    words, shown = read_words(Search, spec), ended(results)
    check_metric(shown, words.metric)
    if len(words.searched) < 2:
        raise UserError("a picture of a search needs two settings or more; of one, kind: against draws it")
    table = np.array([[_number(run, key) for key in words.searched] for run in shown])
    values = np.array([last_value(run, words.metric) for run in shown])
    if not np.isfinite(values).any():
        raise UserError(f"no trial has a result in {words.metric}")
    draw = _over_two if len(words.searched) == 2 else _side_by_side
    return draw(shown, table, values, words, title)


def _over_two(runs: Results, table: Values, values: Values, words: Search, title: str) -> Figure:
    page = Page(7.4, 4.6, title, words.subtitle, _said(runs, words))
    axes = page.axes(0.85, 0.05, 4.7, 4.0)
    order = _worst_first(values, words.metric)
    lost = ~np.isfinite(values)
    axes.plot(*table[lost].T, "x", color=QUIET, markersize=5, label="lost")
    colours = SCALE(_levels(values, words.metric)[order])
    axes.scatter(table[order, 0], table[order, 1], c=colours, s=46, edgecolors="white", linewidths=0.6, zorder=3)
    best = table[order[-1]]
    axes.plot(*best, "o", markersize=12, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.5, zorder=4)
    finish(axes, *map(_words, words.searched))
    for name, column in zip("xy", table.T, strict=True):
        _scaled(axes, name, column)
    _scale_beside(page.axes(5.95, 0.35, 0.2, 3.3), values, words.metric, runs[0])
    return page.figure


def _side_by_side(runs: Results, table: Values, values: Values, words: Search, title: str) -> Figure:
    count = len(words.searched)
    page = Page(max(7.4, 1.6 * count + 3.0), 4.7, title, words.subtitle, _said(runs, words))
    width = page.width - 2.9
    axes = page.axes(0.85, 0.45, width, 3.6)
    logs = [bool(column.min() > 0 and is_steep(float(column.min()), float(column.max()))) for column in table.T]
    places = np.array([_shares(np.log(column) if log else column) for column, log in zip(table.T, logs, strict=True)]).T
    order, levels = _worst_first(values, words.metric), _levels(values, words.metric)
    for rank, trial in enumerate(order):
        style = {"linewidth": 1.8, "alpha": 1.0} if rank >= len(order) - BEST else {"linewidth": 0.9, "alpha": 0.5}
        axes.plot(range(count), places[trial], color=SCALE(levels[trial]), **style)  # type: ignore[arg-type]
    axes.set_xlim(0, count - 1)
    axes.set_ylim(-0.03, 1.03)
    axes.axis("off")
    for place, (key, column) in enumerate(zip(words.searched, table.T, strict=True)):
        axes.axvline(place, color=INK, linewidth=0.8)
        left = 0.85 + width * place / (count - 1)
        page.text(left, 0.14, _words(key), fontsize=NAME, ha="center")
        page.text(
            left,
            0.32,
            f"rank correlation {measured(_rank_correlation(column, values), 2)}",
            fontsize=7,
            color=QUIET,
            ha="center",
        )
        page.text(left, 4.2, chosen(float(column.min()), 2), fontsize=7.5, color=QUIET, ha="center")
        page.text(left + 0.05, 0.5, chosen(float(column.max()), 2), fontsize=7.5, color=QUIET, ha="left")
    _scale_beside(page.axes(page.width - 1.4, 0.6, 0.2, 3.2), values, words.metric, runs[0])
    return page.figure


def _scale_beside(axes: Axes, values: Values, metric: str, run: Result) -> None:
    """Draw what the colours mean: a column from the worst to the best value."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    ends = (low, high) if is_higher_better(metric) else (high, low)
    axes.imshow(SCALE(np.linspace(0, 1, 64))[::-1, None], aspect="auto", extent=(0, 1, 0, 1))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([0, 1], [format_value(metric, end) for end in ends], fontsize=8)
    lowest, highest = axes.get_yticklabels()
    lowest.set_verticalalignment("bottom")
    highest.set_verticalalignment("top")  # beside the column, not beside its heading
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    label = axis_label(metric, run.summary["choices"]).replace(" ", "\n", 1)
    axes.set_title(label, fontsize=7.5, color=QUIET, loc="left", pad=5)


def _said(runs: Results, words: Search) -> str:
    lost = sum(not math.isfinite(last_value(run, words.metric)) for run in runs)
    told = f"{len(runs)} trials, one run each. Colour: last value. "
    thick = f"Thick: the {BEST} best. Rank correlation with the result: Spearman's. "
    best = "Ringed: the best. " if len(words.searched) == 2 else thick
    return f"{told}{best}{f'{lost} of them have no result. ' if lost else ''}{words.note}".strip()


def _note(words: Against) -> str:
    return f"Curve: mean, dots: single runs, last value of each. {words.note}"


def _mean(values: Sequence[float], *, log: bool) -> float:
    finite = np.array([value for value in values if math.isfinite(value)])
    if not finite.size:
        return math.nan
    return float(np.exp(np.log(finite).mean())) if log and finite.min() > 0 else float(finite.mean())


def _levels(values: Values, metric: str) -> Values:
    """Return how good each value is, from 0 for the worst to 1 for the best, by rank: one bad one leaves colours."""
    ranks = np.argsort(np.argsort(np.where(np.isfinite(values), values, -np.inf)))
    shares = _shares(ranks.astype(np.float64))
    return shares if is_higher_better(metric) else 1 - shares


def _worst_first(values: Values, metric: str) -> Sequence[int]:
    sign = 1 if is_higher_better(metric) else -1
    return [int(place) for place in np.argsort(sign * values) if math.isfinite(values[place])]


def _rank_correlation(settings: Values, values: Values) -> float:
    """Return Spearman's correlation over the trials that have a result; NaN where one of both never changes."""
    kept = np.isfinite(values)
    if kept.sum() < 2 or np.ptp(settings[kept]) == 0 or np.ptp(values[kept]) == 0:
        return math.nan
    from scipy.stats import spearmanr

    return float(spearmanr(settings[kept], values[kept]).statistic)


def _shares(values: Values) -> Values:
    """Return where values lie between the lowest and the highest."""
    span = np.ptp(values)
    return (values - values.min()) / span if span else np.full(len(values), 0.5)


def _scaled(axes: Axes, name: str, values: Values) -> None:
    """Give an axis of settings decades where they are spread over them."""
    if values.min() <= 0 or not is_steep(float(values.min()), float(values.max())):
        return
    axes.set(**{f"{name}scale": "log"})
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(LogLocator(10, numticks=9))
    axis.set_major_formatter(PlainLogFormatter())
    axis.set_minor_formatter(NullFormatter())


def _number(run: Result, key: str) -> float:
    try:
        value = run.value(key)
    except (KeyError, TypeError) as error:
        raise UserError(f"the runs have no setting '{key}'{instead(key, known(run))}") from error
    if not is_number(value):
        raise UserError(f"{key} must be a number to be an axis, got {value}")
    return float(value)


def _words(key: str) -> str:
    """Return a setting in words: ``learning rate``, ``weight decay``, ``init std``."""
    head, _, last = key.rpartition(".")
    usual = "learning rate" if last == "lr" else f"{head} {last}" if head == "init" else last
    return usual.replace("_", " ")
