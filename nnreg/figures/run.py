"""The picture of one training run: its loss, and how well the network does on the validation split."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from nnreg.engine.history import FINAL_LOSS, TRAIN_LOSS, VALID_LOSS, History
from nnreg.figures.page import INK, QUIET, PlainLogFormatter, ShownFigure, finish, legible
from nnreg.numerals import measured
from nnreg.records.card import RunCard
from nnreg.records.metrics import VALID, across, axis_label, format_value, is_share, leading_metrics
from nnreg.records.statistics import WINDOW, Values, smooth

TICKS = 5  # intervals between them; a tick costs a millisecond, and a sweep draws a figure for every run

MOST_POINTS, PARTS = 100_000, 3_000  # of a curve that is drawn as it is; of a longer one, four and more to a pixel


def loss_figure(card: RunCard, history: History) -> Figure:
    """Return the picture of one run: training loss raw and smoothed with validation loss above, validation accuracy below."""
    figure = ShownFigure(figsize=(8, 5.6), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)
    watched = next((metric for metric in leading_metrics(VALID) if history.finite(metric).size), None)
    upper = figure.add_axes((0.1, 0.42 if watched else 0.11, 0.76, 0.46 if watched else 0.77))
    _draw_loss(upper, card, history)
    if watched:
        _draw_quality(figure.add_axes((0.1, 0.1, 0.76, 0.25), sharex=upper), watched, card, history)
        upper.xaxis.set_visible(False)
    figure.text(0.1, 0.955, f"{card.label} on {card.choices['dataset']}", fontsize=14, weight="bold", color=INK)
    figure.text(0.1, 0.943, _subtitle(card), fontsize=9, color=QUIET, va="top", linespacing=1.2)
    return figure


def _subtitle(card: RunCard) -> str:
    config = card.config
    return (
        f"{'-'.join(map(str, config['hidden']))} hidden, {card.choices['activation']}, "
        f"batch {config['batch']}, seed {card.seed}.\n"
        f"Training loss: each step's batch, before its update, smoothed over {WINDOW}."
    )


def _draw_loss(axes: Axes, card: RunCard, history: History) -> None:
    steps, losses = history.series(TRAIN_LOSS)
    steps, losses = steps[np.isfinite(losses)], losses[np.isfinite(losses)]
    axes.plot(*_drawable(steps, losses), color=card.colour, alpha=0.25, linewidth=0.7)
    curve = smooth(losses, log=True)
    axes.plot(*_drawable(steps, curve), color=card.colour, linewidth=1.7)
    ends = [(f"training,\nsmoothed over {WINDOW}", curve, card.colour)]
    valid_steps, valid = history.series(VALID_LOSS)
    if np.isfinite(valid).any():
        axes.plot(valid_steps, valid, color=INK, linewidth=1.2, marker="o", markersize=2.5)
        ends.append(("validation", valid[np.isfinite(valid)], INK))
    if curve.size and curve.min() >= 0 < curve.max():
        axes.set_yscale("log", nonpositive="clip")  # a loss of exactly 0 lies at the lower edge
        low, high = axes.get_ylim()
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5) if high > 10 * low else range(2, 10)))
        axes.yaxis.set_major_formatter(PlainLogFormatter())
        axes.yaxis.set_minor_formatter(PlainLogFormatter())
    finals, final = history.series(FINAL_LOSS)
    if final.size and np.isfinite(final[-1]) and (final[-1] > 0 or axes.get_yscale() == "linear"):
        style: dict[str, Any] = {"markeredgecolor": "white", "clip_on": False, "zorder": 5}
        axes.plot(finals[-1:], final[-1:], color=card.colour, marker="o", markersize=6, **style)
        ends[0] = (f"training,\nfinal {measured(float(final[-1]))}", final[-1:], card.colour)
    _label_ends(axes, ends)
    axes.locator_params(axis="x", nbins=TICKS)
    _dress(axes, f"loss ({card.choices['loss']})")


def _drawable(steps: npt.NDArray[np.int64], values: Values) -> tuple[npt.NDArray[np.int64], Values]:
    """Return a curve of very many points as what is seen of it: first, lowest, highest and last of each of its parts.

    Matplotlib takes 300 bytes a point. (Jugel et al. (2014), "M4: a visualization-oriented time series data aggregation".)
    """
    if len(values) <= MOST_POINTS:
        return steps, values
    edges = np.linspace(0, len(values), PARTS + 1).astype(int).tolist()
    parts = ((start, end, values[start:end]) for start, end in pairwise(edges))
    kept = {i for start, end, part in parts for i in (start, start + part.argmin(), start + part.argmax(), end - 1)}
    seen = np.array(sorted(kept))
    return steps[seen], values[seen]


def _draw_quality(axes: Axes, metric: str, card: RunCard, history: History) -> None:
    """Draw validation accuracy in percent, or R² of a regression, from a little below its lowest value."""
    steps, quality = history.series(metric)
    percent = is_share(metric)
    values, room = (100 * quality, 5.0) if percent else (quality, 0.05)
    axes.plot(steps, values, color=INK, linewidth=1.2, marker="o", markersize=2.5)
    lowest = float(values[np.isfinite(values)].min())
    axes.locator_params(axis="y", nbins=TICKS)
    axes.set_ylim(max(lowest - room, 0.0 if percent else -1.0), 101 if percent else 1.01)
    _label_ends(axes, [(format_value(metric, float(quality[-1])), values, INK)])
    label = axis_label(metric, card.choices)
    _dress(axes, label.replace(" ", "\n", 1) if percent else label)  # with its unit it is longer than the axis


def _label_ends(axes: Axes, ends: list[tuple[str, np.ndarray, str]]) -> None:
    """Write each curve's name beside its end, kept apart where two end at the same height."""
    axes.get_ylim()  # matplotlib fits a linear axis to its curves when somebody asks
    transform = axes.transData + axes.transAxes.inverted()
    heights = [float(transform.transform((0, values[-1]))[1]) if values.size else 0.5 for _, values, _ in ends]
    if len(heights) == 2 and abs(heights[0] - heights[1]) < 0.16:
        middle, side = sum(heights) / 2, 1 if heights[0] >= heights[1] else -1
        heights = [middle + 0.08 * side, middle - 0.08 * side]
    for (name, _, ink), height in zip(ends, heights, strict=True):
        place = min(max(height, 0.04), 0.96)
        axes.text(1.015, place, name, transform=axes.transAxes, color=legible(ink), fontsize=9, va="center", linespacing=1.1)


def _dress(axes: Axes, ylabel: str) -> None:
    finish(axes, across(TRAIN_LOSS), ylabel)
    axes.margins(x=0.01)
