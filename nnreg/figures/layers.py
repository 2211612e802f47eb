"""Pictures of layers: what was measured of them over time, and histograms of what they give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from nnreg.engine.history import History, layer_metrics
from nnreg.errors import UserError
from nnreg.figures.groups import ARM, Group, ended, groups
from nnreg.figures.page import (
    INK,
    NAME,
    QUIET,
    STEEP,
    Page,
    PlainLogFormatter,
    ShownFigure,
    finish,
    is_steep,
    legible,
    spread,
    wrapped,
)
from nnreg.figures.spec import Common, read_words
from nnreg.numerals import beside, chosen, measured, percent
from nnreg.records.card import RunCard
from nnreg.records.metrics import METRICS, Metric
from nnreg.records.outputs import LayerOutputs, read_outputs
from nnreg.records.results import Results
from nnreg.records.statistics import Values

HEALTHY_UPDATE = 1e-3
NARROWEST = 0.1  # span of a plain scale, of means above 1 a share: smaller differences are noise
ROUND = [1, 2, 2.5, 5, 10]  # distances of ticks, times a power of ten
MOST_NAMES = 8
NAME_HEIGHT = 0.085  # of a panel
LEFT, RIGHT, BOTTOM, TOP = 0.05, 0.985, 0.055, 0.915
ROWS, COLUMNS = 2, 4


OF_LAYERS = "/layer{}"
OF_SLOPES, NO_SLOPE = ("saturated", "dead"), "the activation mixes units:\nit has no slope"
GUIDE = """Layer 1 reads the input; layer {last} gives
the logits and has no activation.

saturated: the activation's slope there is
at most 5 % of its steepest, so hardly any
gradient passes.

dead: slope 0 on every row of the batch,
so no gradient passes the unit at all.

Curves one upon the other: all layers alike.
Curves fanned out by depth: the signal or the
gradient shrinks or grows on its way.

Dashed: 10⁻³, a rule of thumb for updates."""


def layer_figure(card: RunCard, history: History) -> Figure:
    """Return the picture of the layers of a run whose history holds the diagnostics of at least one step."""
    figure = ShownFigure(figsize=(13, 6.4), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    measured = layer_metrics(history, "weight_norm")
    depth, steps = max(measured), history.series(next(iter(measured.values())))[0]
    first, last = int(steps[0]), max(int(steps[-1]), int(steps[0]) + 1)
    panels = [row for row in METRICS.values() if row.name.endswith(OF_LAYERS) and row.scale]
    for place, panel in enumerate(panels):
        axes = figure.add_axes(_cell(place))
        axes.set_xlim(first - 0.02 * (last - first), last + 0.02 * (last - first))
        _dress(axes, panel, is_lowest=place + COLUMNS >= len(panels))
        _draw(axes, panel, history, depth)
    x, y, _, height = _cell(len(panels))
    figure.text(x, y + height, GUIDE.format(last=depth), fontsize=8.5, color=INK, va="top", linespacing=1.25)
    figure.text(LEFT, 0.94, "Do signal and gradient pass through every layer?", fontsize=15, weight="bold", color=INK)
    figure.text(LEFT, 0.9, _subtitle(card), fontsize=9.5, color=QUIET)
    return figure


def _subtitle(card: RunCard) -> str:
    config, choices = card.config, card.choices
    extra = [choices[kind] for kind in ("norm", "dropout") if choices.get(kind, "none") != "none"]
    parts = [
        f"{card.label} on {choices['dataset']}",
        f"{'-'.join(map(str, config['hidden']))} hidden",
        " + ".join([choices["activation"], *extra]),
        f"batch {config['batch']}",
        f"seed {card.seed}",
    ]
    return f"{', '.join(parts)}. Each point: the batch of one step, before its update."


def _cell(place: int) -> tuple[float, float, float, float]:
    """Return left, bottom, width and height of one cell of the grid, with room for names at its right."""
    row, column = divmod(place, COLUMNS)
    width, height = (RIGHT - LEFT) / COLUMNS, (TOP - BOTTOM) / ROWS
    return LEFT + column * width, TOP - (row + 1) * height + 0.03, 0.76 * width, 0.74 * height


def _draw(axes: Axes, panel: Metric, history: History, depth: int) -> None:
    quantity = panel.name.removesuffix(OF_LAYERS)
    if quantity in OF_SLOPES and depth > 1 and not layer_metrics(history, quantity):
        axes.text(0.5, 0.5, NO_SLOPE, fontsize=8.5, color=QUIET, ha="center", va="center", transform=axes.transAxes)
    curves = {number: history.series(metric) for number, metric in layer_metrics(history, quantity).items()}
    factor = 100 if panel.scale == "percent" else 1
    for number, (steps, values) in curves.items():
        axes.plot(steps, factor * values, color=_colour(number, depth), linewidth=1.5, marker="o", markersize=2.2)
    shown = [values for _, values in curves.values()] or [np.zeros(1)]
    if quantity == "update_ratio":
        shown.append(np.array([0.9, 1.1]) * HEALTHY_UPDATE)  # never on the edge
        axes.axhline(HEALTHY_UPDATE, color=QUIET, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1.5)
    _set_scale(axes, panel, np.concatenate(shown))
    _name_ends(axes, {number: float(factor * values[-1]) for number, (_, values) in curves.items()}, depth)


def _dress(axes: Axes, panel: Metric, *, is_lowest: bool) -> None:
    axes.set_title(panel.heading, fontsize=10, color=INK, loc="left", y=1.03)  # a height of one's own saves half the time
    axes.set_xlabel("step (updates made)" if is_lowest else "", fontsize=9, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK, labelbottom=is_lowest)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=ROUND, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=ROUND))


def _set_scale(axes: Axes, panel: Metric, values: np.ndarray) -> None:
    positive = values[values > 0]
    is_wide = positive.size > 0 and positive.max() > STEEP * positive.min()
    if positive.size and (panel.scale == "log" or (panel.scale == "positive" and is_wide)):
        low, high = np.log10([positive.min(), positive.max()])
        axes.set_yscale("log")
        axes.set_ylim(10 ** np.floor(low), 10 ** np.ceil(high + 1e-9))  # whole decades, so that some are written
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        axes.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
        axes.yaxis.set_minor_locator(NullLocator())
    elif panel.scale == "percent":
        axes.set_ylim(-4, 104)
    elif panel.scale == "positive":
        axes.set_ylim(0, 1.08 * float(values.max()) or 1.0)
    else:
        middle = (float(values.max()) + float(values.min())) / 2
        half = NARROWEST / 2 * max(1.0, abs(middle))
        if np.ptp(values) < 2 * half:
            axes.set_ylim(middle - half, middle + half)


def _power_of_ten(value: float, _: object) -> str:
    """Return the words of a tick; mathematical typesetting takes as long as the rest of the figure."""
    return chosen(value)


def _colour(number: int, depth: int) -> str:
    """Return the colour of a layer: the deeper the darker."""
    return to_hex(colormaps["viridis_r"](0.16 + 0.84 * (number - 1) / max(depth - 1, 1)))


def _name_ends(axes: Axes, ends: dict[int, float], depth: int) -> None:
    """Write each layer's number beside the end of its curve, with a line to it; of many layers only some."""
    axes.autoscale_view()
    transform = axes.transData + axes.transAxes.inverted()
    chosen = {list(ends)[round(place)] for place in np.linspace(0, len(ends) - 1, min(len(ends), MOST_NAMES))}
    heights = {number: float(np.clip(transform.transform((0, ends[number]))[1], 0, 1)) for number in chosen}
    order = sorted(chosen, key=lambda number: (heights[number], -number))
    for number, place in zip(order, spread([heights[number] for number in order], NAME_HEIGHT), strict=True):
        colour, where = _colour(number, depth), axes.transAxes
        axes.plot((1.0, 1.035), (heights[number], place), color=colour, linewidth=0.7, clip_on=False, transform=where)
        ink = legible(colour)
        axes.text(1.05, place, str(number), color=ink, fontsize=9, weight="bold", va="center", transform=where)


BINS = 41
SPIKE = 3.0  # times the second highest bar, from which the highest of a layer is cut off and its share written
ROW_GUIDE = (
    "Bars: share of a layer's outputs. Below: their mean ± standard deviation (std); saturated: outputs where the derivative "
    "is at most 5 % of its steepest; dead: units where it is 0 on every row."
)
WIDTH, HEIGHT, ACROSS, DOWN, BESIDE = 1.62, 0.85, 1.86, 1.62, 1.72
SPREAD = 1.35  # width of the line of the layers' spread


@dataclass
class Histograms(Common):
    """What a picture of layers' outputs may be told.

    Args:
        by: the setting that makes a row; ``arm`` for a study's arms.
    """

    by: str = ARM


class Row(NamedTuple):
    """The layers of one run.

    Attributes:
        label: what the row is called.
        colour: of its bars.
        layers: first to last.
        bounds: of the activation, infinite where there is none.
    """

    label: str
    colour: str
    layers: Sequence[LayerOutputs]
    bounds: tuple[float, float]


def histograms(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw one row of histograms for each group of runs, one column for each layer, as ``Histograms`` says."""
    words, shown = read_words(Histograms, spec), ended(results)
    rows = [_row(group) for group in groups(shown, words.by, alone=True, first=("activation", "init", "norm", "dropout"))]
    return draw_rows(rows, title, words.subtitle, f"{_source(shown)}{words.note}".strip())


def draw_rows(rows: Sequence[Row], title: str, subtitle: str = "", note: str = "") -> Figure:
    """Return the picture of some runs' layers."""
    columns = max(len(row.layers) for row in rows)
    last = BESIDE + ACROSS * columns + 0.35
    page = Page(last + SPREAD + 0.25, 0.28 + DOWN * len(rows), title, subtitle, f"{note} {ROW_GUIDE}".strip())
    for column in range(columns):
        page.text(BESIDE + ACROSS * column, 0.1, f"layer {column + 1}", fontsize=NAME, color=QUIET)
    page.text(last, 0.1, "std by layer", fontsize=NAME, color=QUIET)
    for place, row in enumerate(rows):
        top = 0.3 + DOWN * place
        lines = wrapped(row.label, NAME, BESIDE - 0.6, "bold")
        page.text(0.4, top + HEIGHT / 2, "\n".join(lines), weight="bold", color=legible(row.colour), linespacing=1.2)
        edges = np.linspace(*_range(row), BINS + 1)
        shares = [layer.shares(edges) for layer in row.layers]
        top_share = _top(shares)
        for column, layer in enumerate(row.layers):
            axes = page.axes(BESIDE + ACROSS * column, top, WIDTH, HEIGHT)
            _bars(axes, edges, shares[column], top_share, row.colour)
            axes.tick_params(labelbottom=column == 0)
            _write(page, BESIDE + ACROSS * column, top + HEIGHT + 0.29, layer)
        _draw_spread(page.axes(last, top, SPREAD, HEIGHT), row)
    return page.figure


def _row(group: Group) -> Row:
    try:
        layers, bounds = read_outputs(group.runs[0].folder)
    except FileNotFoundError as error:
        task = group.runs[0].config.get("task", "train")
        raise UserError(f"histograms need runs with task=activations, '{group.label}' is task={task}") from error
    return Row(group.label, group.colour, layers, bounds)


def _source(results: Results) -> str:
    config = results[0].config
    return f"{config['batch']:,} rows of N(0, 1) through untrained layers, seed {results[0].seed}. "


def _range(row: Row) -> tuple[float, float]:
    """Return the range that a row's layers share, so that a signal that dies is seen to: its activation's or theirs."""
    low, high = row.bounds
    if np.isfinite([low, high]).all():
        return low, high
    ends = [_ends(layer) for layer in row.layers]
    return min(left for left, _ in ends), max(right for _, right in ends)


def _draw_spread(axes: Axes, row: Row) -> None:
    """Draw the standard deviation of the outputs by layer, over decades where it lives and dies by them."""
    spreads = np.array([layer.std for layer in row.layers])
    places, positive = np.arange(1, len(spreads) + 1), spreads[spreads > 0]
    axes.plot(places, spreads, color=row.colour, linewidth=1.5, marker="o", markersize=3.5)
    finish(axes, "", "")
    axes.tick_params(labelsize=7.5)
    if positive.size and is_steep(float(positive.min()), float(positive.max())):
        axes.set_yscale("log", nonpositive="clip")
        axes.yaxis.set_major_locator(LogLocator(numticks=4))
        axes.yaxis.set_major_formatter(PlainLogFormatter())
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(0.0, 1.15 * float(spreads.max()) or 1.0)
        axes.yaxis.set_major_locator(MaxNLocator(3, steps=ROUND))
    axes.set_xlim(0.7, max(len(spreads), 2) + 0.3)
    axes.xaxis.set_major_locator(MaxNLocator(min(5, max(len(spreads) - 1, 1)), integer=True))


def _ends(layer: LayerOutputs) -> tuple[float, float]:
    """Return between which values all but a thousandth of the outputs on either side lie."""
    low, high = (float(end) for end in np.quantile(layer.sample, [0.001, 0.999]))
    return (low, high) if high > low else (low - 0.5 * max(abs(low), 1e-12), high + 0.5 * max(abs(high), 1e-12))


def _top(shares: Sequence[Values]) -> float:
    """Return the height that a row's bars share: all of them, or where some tower alone, what is left without those."""
    orders = [np.sort(share) for share in shares]
    second = max(float(order[-2]) for order in orders)
    if second > 0 and any(order[-1] > SPIKE * order[-2] for order in orders):
        return 1.9 * second
    return 1.12 * max(float(order[-1]) for order in orders) or 1.0


def _bars(axes: Axes, edges: Values, share: Values, top: float, colour: str) -> None:
    axes.stairs(share, edges, fill=True, color=colour, alpha=0.9)
    axes.set_ylim(0, top)
    spike = int(share.argmax())
    if share[spike] > top:
        is_left = spike < BINS * 0.6
        high = percent(float(share[spike]), 0)
        words, place = (f" {high} ↑", edges[spike + 1]) if is_left else (f"↑ {high} ", edges[spike])
        style: dict[str, Any] = {"fontsize": 7.5, "color": legible(colour), "va": "center"}
        axes.text(place, 0.92 * top, words, ha="left" if is_left else "right", **style)
    finish(axes, "", "")
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.margins(x=0.0)
    axes.tick_params(labelsize=7.5)
    axes.xaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: chosen(place)))


def _write(page: Page, left: float, top: float, layer: LayerOutputs) -> None:
    page.text(left, top, with_spread(layer.mean, layer.std), fontsize=7.5, color=INK)
    shares = (("saturated", layer.saturated), ("dead", layer.dead))
    troubles = [f"{percent(share, 0)} {name}" for name, share in shares if share > 0.005]
    without = "mixes units: no slope" if math.isnan(layer.saturated) else "none saturated"
    page.text(left, top + 0.13, ", ".join(troubles) or without, fontsize=7, color=QUIET)


def with_spread(mean: float, std: float) -> str:
    """Return ``0.50 ± 0.46``: a mean to the digits that its spread gives a meaning."""
    return " ± ".join(beside(mean, std, digits=2)) if std else f"{measured(mean, 2)} ± 0"
