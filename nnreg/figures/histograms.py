"""What the layers of a network put out: a histogram a layer, a row for each run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nnreg.errors import UserError
from nnreg.figures.groups import ARM, Group, ended, groups
from nnreg.figures.spec import Common, read_words
from nnreg.figures.style import INK, NAME, QUIET, Page, finish, legible, wrapped
from nnreg.records.outputs import LayerOutputs, read_outputs
from nnreg.records.results import Results

BINS = 41
WIDE = 20.0  # largest over smallest spread of a row's layers from which each layer has a range of its own
SPIKE = 3.0  # times the second highest bar, from which the highest of a layer is cut off and its share written
GUIDE = (
    "Bars: share of a layer's outputs. Below: their mean ± standard deviation; saturated: outputs where the derivative is at "
    "most 5 % of its steepest; dead: units where it is 0 on every row."
)
WIDTH, HEIGHT, ACROSS, DOWN, LEFT = 1.62, 0.85, 1.86, 1.62, 1.72

Values = npt.NDArray[np.float64]


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
    page = Page(LEFT + ACROSS * columns + 0.1, 0.28 + DOWN * len(rows), title, subtitle, f"{note} {GUIDE}".strip())
    for column in range(columns):
        page.text(LEFT + ACROSS * column, 0.1, f"layer {column + 1}", fontsize=NAME, color=QUIET)
    for place, row in enumerate(rows):
        top = 0.3 + DOWN * place
        lines = wrapped(row.label, NAME, LEFT - 0.6, "bold")
        page.text(0.4, top + HEIGHT / 2, "\n".join(lines), weight="bold", color=legible(row.colour), linespacing=1.2)
        shared, ranges = _ranges(row)
        edges = [np.linspace(low, high, BINS + 1) for low, high in ranges]
        shares = [layer.shares(bins) for layer, bins in zip(row.layers, edges, strict=True)]
        top_share = _top(shares)
        for column, layer in enumerate(row.layers):
            axes = page.axes(LEFT + ACROSS * column, top, WIDTH, HEIGHT)
            _bars(axes, edges[column], shares[column], top_share, row.colour)
            axes.tick_params(labelbottom=not shared or column == 0)
            _write(page, LEFT + ACROSS * column, top + HEIGHT + 0.29, layer)
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


def _ranges(row: Row) -> tuple[bool, list[tuple[float, float]]]:
    """Return whether the layers share a range, and the range of each: the activation's own, else that of the data."""
    low, high = row.bounds
    if np.isfinite([low, high]).all():
        return True, [(low, high)] * len(row.layers)
    ends = [_ends(layer) for layer in row.layers]
    spans = [right - left for left, right in ends]
    if max(spans) > WIDE * min(spans):
        return False, ends
    return True, [(min(left for left, _ in ends), max(right for _, right in ends))] * len(ends)


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
        words, place = (f" {share[spike]:.0%} ↑", edges[spike + 1]) if is_left else (f"↑ {share[spike]:.0%} ", edges[spike])
        style: dict[str, Any] = {"fontsize": 7.5, "color": legible(colour), "va": "center"}
        axes.text(place, 0.92 * top, words, ha="left" if is_left else "right", **style)
    finish(axes, "", "")
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.margins(x=0.0)
    axes.tick_params(labelsize=7.5)
    axes.xaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:g}"))


def _write(page: Page, left: float, top: float, layer: LayerOutputs) -> None:
    page.text(left, top, with_spread(layer.mean, layer.std), fontsize=7.5, color=INK)
    shares = (("saturated", layer.saturated), ("dead", layer.dead))
    troubles = [f"{share:.0%} {name}" for name, share in shares if share > 0.005]
    page.text(left, top + 0.13, ", ".join(troubles) or "none saturated", fontsize=7, color=QUIET)


def with_spread(mean: float, std: float) -> str:
    """Return ``0.50 ± 0.46``: a mean to the digits that its spread gives a meaning."""
    if std == 0 or not 1e-4 <= std < 1e6:
        return f"{mean:.2g} ± {std:.2g}"
    digits = max(0, 1 - math.floor(math.log10(std)))
    return f"{round(mean, digits) + 0.0:,.{digits}f} ± {std:,.{digits}f}"
