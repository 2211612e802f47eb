"""A table of colours: a metric over two settings, the mean over seeds written in each cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nnreg.engine.history import LAST
from nnreg.figures.groups import check_metric, ended, groups
from nnreg.figures.page import INK, NAME, QUIET, Page, is_steep, width_of
from nnreg.figures.spec import CELL_MARKS, Common, footer, needed, read_words
from nnreg.records.metrics import TRAIN_FINAL, axis_label, format_value, is_before, is_higher_better, is_noisy
from nnreg.records.results import Result, Results, untrained_words

WIDTH, HEIGHT = 1.0, 0.46  # of a cell, in inches
EMPTY = "#eeeeee"
CALM = "#e3eef6"  # of a cell that is as good as can be told
CORNER = 7.5  # size of the words in the corner, in points


@dataclass
class Heatmap(Common):
    """What a table of colours may be told.

    Args:
        metric: its last value counts; of the training loss, the final one.
        rows: the setting that makes a row.
        columns: the setting that makes a column.
        log: whether colours follow the logarithm.
        lowest: whether the lowest value is the best; left out: of accuracies and R² the highest, of anything else the lowest.
        enough: what is as good as can be told from perfect, such as 1e-6 of a gradient check: up to there, or from there on,
            all cells are pale, and none is framed.
    """

    metric: str = needed("test/accuracy")
    rows: str = needed("optimizer")
    columns: str = needed("init")
    log: bool = False
    lowest: bool | None = None
    enough: float | None = None


class Cell(NamedTuple):
    """What a cell holds: the value that gives its colour, NaN for none, and its words."""

    mean: float
    text: str


class Table(NamedTuple):
    """A table of colours.

    Attributes:
        settings: that of the rows, that of the columns.
        rows: their names.
        columns: their names.
        cells: row by row.
    """

    settings: tuple[str, str]
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Cell]]


def heatmap(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw a table of colours, as ``Heatmap`` says; the best cell is framed."""
    words, shown = read_words(Heatmap, spec), ended(results)
    across, down = groups(shown, words.columns), groups(shown, words.rows)
    check_metric(shown, words.metric)
    lowest = not is_higher_better(words.metric) if words.lowest is None else words.lowest
    cells = [[_within(row.runs, words.columns, column.value) for column in across] for row in down]
    marks = CELL_MARKS._replace(lost="") if is_before(words.metric) else CELL_MARKS
    line = footer(results, [runs for row in cells for runs in row if len(runs)], [], 1, _note(cells, words), marks=marks)
    table = Table(
        (words.rows, words.columns),
        [group.label for group in down],
        [group.label for group in across],
        [[_cell(runs, words.metric) for runs in row] for row in cells],
    )
    return coloured(table, title, words.subtitle, line, lowest=lowest, log=words.log, enough=words.enough).figure


def _note(cells: Sequence[Sequence[Results]], words: Heatmap) -> str:
    """Return what a cell holds, and over what it is a mean."""
    found = [runs for row in cells for runs in row if len(runs)]
    what = axis_label(words.metric, found[0][0].summary["choices"])
    over = "seeds" if any(len(runs.seeds) > 1 for runs in found) else "runs" if any(len(runs) > 1 for runs in found) else ""
    if is_noisy(words.metric) and all(TRAIN_FINAL in run.summary["metrics"] for runs in found for run in runs):
        said = f"final {what}{f', mean over {over}' if over else ''}"
    elif is_noisy(words.metric):
        said = f"mean of the last {LAST} steps' {what}{f' and over {over}' if over else ''}"
    else:
        said = f"last value of {what}{f', mean over {over}' if over else ''}"
    end = "framed: the best" if words.enough is None else f"pale: {format_value(words.metric, words.enough)} or better"
    return f"Each cell: {said}; {end}. {words.note}"


def coloured(
    table: Table,
    title: str,
    subtitle: str,
    line: str,
    *,
    lowest: bool,
    log: bool | None,
    by_row: bool = False,
    enough: float | None = None,
) -> Page:
    """Draw a table whose cells are coloured by their value; the best is framed.

    Args:
        table: what is in the cells.
        title: the question.
        subtitle: what is shown.
        line: below the figure: how it came about.
        lowest: whether the lowest value is the best.
        log: whether colours follow the logarithm; None: where the highest is many times the lowest.
        by_row: whether each row has a scale of its own, and a best.
        enough: see ``Heatmap``.
    """
    corner = "{} ↓  {} →".format(*table.settings)
    left = max([width_of(label, NAME) for label in table.rows] + [width_of(corner, CORNER)]) + 0.55
    wide = max(WIDTH, *(width_of(label, NAME) + 0.2 for label in table.columns))
    wide = max([wide, *(width_of(line, NAME) + 0.2 for row in table.cells for cell in row for line in cell.text.splitlines())])
    across, down = len(table.columns), len(table.rows)
    page = Page(max(left + wide * across + 0.3, 5.2), 0.35 + HEIGHT * down, title, subtitle, line)
    axes = page.axes(left, 0.3, wide * across, HEIGHT * down)
    _paint(axes, table.cells, lowest=lowest, log=log, by_row=by_row, enough=enough)
    axes.set_xticks(range(across), list(table.columns), fontsize=NAME, color=INK)
    axes.set_yticks(range(down), list(table.rows), fontsize=NAME, color=INK)
    axes.xaxis.set_ticks_position("top")
    axes.tick_params(length=0)
    page.text(left - 0.1, 0.18, corner, fontsize=CORNER, color=QUIET, ha="right")
    axes.spines[:].set_visible(False)
    return page


def shade(means: npt.NDArray[np.float64], *, lowest: bool, by_row: bool = False) -> list[list[tuple[str, str]]]:
    """Return for every cell its colour and that of letters on it, hexadecimal.

    Args:
        means: (rows, columns) float64, NaN for a cell without a value.
        lowest: whether the lowest value is the best.
        by_row: whether each row has a scale of its own.
    """
    colours = colormaps["cividis_r" if lowest else "cividis"].with_extremes(bad=EMPTY)
    levels = _levels(means, log=None, by_row=by_row)
    hues = [[colours(level) if np.isfinite(level) else to_rgb(EMPTY) for level in row] for row in levels]
    return [[(to_hex(hue), to_hex(_ink(hue))) for hue in row] for row in hues]


def best_of(means: npt.NDArray[np.float64], *, lowest: bool, by_row: bool = False) -> set[tuple[int, int]]:
    """Return the row and column of the best cell, or of the best in each row."""
    worst = np.where(np.isfinite(means), means if lowest else -means, np.inf)
    if by_row:
        return {(row, int(line.argmin())) for row, line in enumerate(worst) if np.isfinite(line).any()}
    row, column = np.unravel_index(int(worst.argmin()), worst.shape)
    return {(int(row), int(column))} if np.isfinite(worst).any() else set()


def _levels(means: npt.NDArray[np.float64], *, log: bool | None, by_row: bool) -> npt.NDArray[np.float64]:
    """Return how far up its scale each value is, in [0, 1]."""
    if by_row:
        return np.array([_levels(row, log=log, by_row=False) for row in means])
    finite = means[np.isfinite(means)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    is_log = is_steep(low, high) if log is None else log and 0 < low < high
    if not high > low:
        return np.where(np.isfinite(means), 0.0, np.nan)
    if is_log:
        return np.asarray(np.log(means / low) / np.log(high / low))
    return np.asarray((means - low) / (high - low))


def _paint(
    axes: Axes, table: Sequence[Sequence[Cell]], *, lowest: bool, log: bool | None, by_row: bool, enough: float | None
) -> None:
    cells = np.array([[cell.mean for cell in row] for row in table])
    levels = _levels(cells, log=log, by_row=by_row)
    is_calm = np.zeros(cells.shape, dtype=bool) if enough is None else cells <= enough if lowest else cells >= enough
    colours = colormaps["cividis_r" if lowest else "cividis"].with_extremes(bad=EMPTY)
    painted = colours(np.ma.masked_invalid(levels))
    painted[is_calm] = to_rgba(CALM)
    axes.imshow(painted, aspect="auto")
    for row, column in np.ndindex(cells.shape):
        text = table[row][column].text
        ink = _ink(painted[row, column])
        size = 7.5 if "\n" in text else 9
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=ink, linespacing=1.1)
    for row, column in best_of(cells, lowest=lowest, by_row=by_row) if enough is None else ():
        frame = Rectangle((column - 0.47, row - 0.45), 0.94, 0.9, fill=False, edgecolor="#D55E00", linewidth=2)
        axes.add_patch(frame)


def _within(runs: Results, key: str, wanted: Any) -> Results:
    return Results(run for run in runs if _value(run, key) == wanted)


def last_value(run: Result, metric: str) -> float:
    """Return what a run ended with: of the training loss the final one where it was measured; NaN of a run without a result.

    What tells of a network before it is trained is there, whatever became of the run.
    """
    if run.is_untrained and not is_before(metric):
        return math.nan
    if is_noisy(metric) and (final := run.summary["metrics"].get(TRAIN_FINAL)) is not None:
        return float(final)
    values = run.history.finite(metric)
    return float(values[-(LAST if is_noisy(metric) else 1) :].mean()) if values.size else math.nan


def _cell(runs: Results, metric: str) -> Cell:
    """Return the mean over the finished runs of a cell, and how many diverged or failed to train."""
    finals = [value for run in runs if math.isfinite(value := last_value(run, metric))]
    mean = float(np.mean(finals)) if finals else float("nan")
    note = f"\n{lost}" if not is_before(metric) and (lost := untrained_words(runs)) else ""
    return Cell(mean, (format_value(metric, mean) if finals else "–") + note)


def _value(run: Result, key: str) -> Any:
    found = run.value(key)
    return tuple(found) if isinstance(found, list) else found


def _ink(colour: npt.ArrayLike) -> str:
    """Return the ink that is read on a colour."""
    red, green, blue = np.asarray(colour)[:3]
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
