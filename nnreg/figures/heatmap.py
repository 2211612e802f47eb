"""A table of colours: a metric over two settings, the mean over seeds written in each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nnreg.errors import UserError
from nnreg.figures.groups import ended, groups
from nnreg.figures.spec import Common, needed, read
from nnreg.figures.style import INK, NAME, QUIET, Page, width_of
from nnreg.figures.words import footer, unit, value
from nnreg.registry import instead
from nnreg.results import Result, Results

WIDTH, HEIGHT = 1.0, 0.46  # of a cell, in inches
LAST = 100  # records of the training loss that its last value is the mean of: single batches are noisy


@dataclass
class Heatmap(Common):
    """What a table of colours may be told.

    Args:
        metric: its last value counts; of the training loss, the mean of the last 100.
        rows: the setting that makes a row.
        columns: the setting that makes a column.
        log: whether colours follow the logarithm.
        lowest: whether the lowest value is the best, as it is of every loss.
    """

    metric: str = needed("test/accuracy")
    rows: str = needed("optimizer")
    columns: str = needed("init")
    log: bool = False
    lowest: bool = False


def heatmap(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw a table of colours, as ``Heatmap`` says; the best cell is framed."""
    words, shown = read(Heatmap, spec), ended(results)
    across, down = groups(shown, words.columns), groups(shown, words.rows)
    known = {name for run in shown for name in run.history.metrics}
    if words.metric not in known:
        raise UserError(f"no run recorded '{words.metric}'{instead(words.metric, sorted(known))}")
    table = [[_cell(row.runs, words.columns, column.value, words.metric) for column in across] for row in down]
    left = max([width_of(group.label, NAME) for group in down] + [width_of(f"{words.rows} ↓  {words.columns} →", 7.5)]) + 0.55
    wide = max(WIDTH, *(width_of(group.label, NAME) + 0.2 for group in across))
    lowest = words.metric.endswith("loss") or words.lowest
    note = f"each cell: last value of {unit(words.metric, shown[0])}, mean over seeds; framed: the best"
    if words.metric == "train/loss":
        note = f"each cell: mean of the last {LAST} steps' {unit(words.metric, shown[0])} and over seeds; framed: the best"
    line = footer(results, shown, [], 1, f"{note[0].upper()}{note[1:]}. {words.note}")
    line = line.replace(": mean and 95 % interval", "").replace("every curve", "every cell")
    line = line.replace("each ends at its cross and is in no mean", "they are in no mean")
    page = Page(max(left + wide * len(across) + 0.3, 5.2), 0.35 + HEIGHT * len(down), title, words.subtitle, line)
    axes = page.axes(left, 0.3, wide * len(across), HEIGHT * len(down))
    _paint(axes, table, words.metric, lowest=lowest, log=words.log)
    axes.set_xticks(range(len(across)), [group.label for group in across], fontsize=NAME, color=INK)
    axes.set_yticks(range(len(down)), [group.label for group in down], fontsize=NAME, color=INK)
    axes.xaxis.set_ticks_position("top")
    axes.tick_params(length=0)
    page.text(left - 0.1, 0.18, f"{words.rows} ↓  {words.columns} →", fontsize=7.5, color=QUIET, ha="right")
    axes.spines[:].set_visible(False)
    return page.figure


def _paint(axes: Axes, table: Sequence[Sequence[tuple[float, str]]], metric: str, *, lowest: bool, log: bool) -> None:
    cells = np.array([[mean for mean, _ in row] for row in table])
    finite = cells[np.isfinite(cells)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    norm = LogNorm(low, high) if log and 0 < low < high else Normalize(low, high if high > low else low + 1)
    colours = colormaps["cividis_r" if lowest else "cividis"].with_extremes(bad="#eeeeee")
    axes.imshow(np.ma.masked_invalid(cells), cmap=colours, norm=norm, aspect="auto")
    best = (np.nanargmin if lowest else np.nanargmax)(cells) if finite.size else -1
    for place, ((row, column), mean) in enumerate(np.ndenumerate(cells)):
        note = table[row][column][1]
        text = (value(metric, mean) if np.isfinite(mean) else "–") + (f"\n{note}" if note else "")
        ink = _ink(colours(norm(mean))) if np.isfinite(mean) else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=7.5 if note else 9, color=ink, linespacing=1.1)
        if place == best:
            frame = Rectangle((column - 0.47, row - 0.45), 0.94, 0.9, fill=False, edgecolor="#D55E00", linewidth=2)
            axes.add_patch(frame)


def _cell(runs: Results, key: str, wanted: Any, metric: str) -> tuple[float, str]:
    """Return the mean over the finished runs of a cell, and how many diverged."""
    chosen = [run for run in runs if _value(run, key) == wanted]
    lost = sum(run.summary["status"] == "diverged" for run in chosen)
    series = [run.history.finite(metric) for run in chosen if run.summary["status"] != "diverged"]
    finals = [values[-(LAST if metric == "train/loss" else 1) :].mean() for values in series if values.size]
    return float(np.mean(finals)) if finals else float("nan"), f"{lost} of {len(chosen)} diverged" if lost else ""


def _value(run: Result, key: str) -> Any:
    found = run.value(key)
    return tuple(found) if isinstance(found, list) else found


def _ink(colour: npt.ArrayLike) -> str:
    """Return the ink that is read on a colour."""
    red, green, blue = np.asarray(colour)[:3]
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
