"""A metric over two swept settings: a cell for every two values, the other settings averaged at each seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from nnreg.comparison.axes import is_ground, several
from nnreg.comparison.standings import Measured, Standing
from nnreg.records.statistics import half_width
from nnreg.registry import entries


@dataclass(frozen=True)
class Cell:
    """Two values of two settings.

    Attributes:
        measured: over the seeds; NaN mean where no run has a value.
        arms: that are averaged.
        lost: runs that diverged, failed or were killed: they are in no mean.
        runs: all of them.
    """

    measured: Measured
    arms: int
    lost: int
    runs: int


@dataclass(frozen=True)
class Cells:
    """A table over two settings.

    Attributes:
        rows: setting of the rows.
        columns: setting of the columns.
        row_values: in order.
        column_values: in order.
        cells: row by row; None where nothing was run.
    """

    rows: str
    columns: str
    row_values: Sequence[Any]
    column_values: Sequence[Any]
    cells: Sequence[Sequence[Cell | None]]


def leading(axes: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the settings that have at least two values, in the order in which they may give curves their colours.

    Techniques come before parameters, and what they were let loose on, a dataset or a surface, comes last.
    """
    return sorted(several(axes), key=lambda axis: (is_ground(axis), axis not in entries.slots()))


def tables(standings: Sequence[Standing], axes: Mapping[str, Sequence[Any]], metric: str) -> list[Cells]:
    """Return a table for every two settings that make one."""
    return [table(standings, axes, pair, metric) for pair in pairs(axes)]


def pairs(axes: Mapping[str, Sequence[Any]]) -> list[tuple[str, str]]:
    """Return every two settings that have at least two values, oriented; two of datasets have no numbers to compare."""
    found = combinations(several(axes), 2)
    return [oriented(pair) for pair in found if not all(map(is_ground, pair))]


def main_pair(axes: Mapping[str, Sequence[Any]], wanted: tuple[str, str] | None) -> tuple[str, str] | None:
    """Return the two settings that are asked for, or else the first two, oriented; None where there are no two."""
    return oriented(wanted) if wanted else next(iter(pairs(axes)), None)


def oriented(pair: tuple[str, str]) -> tuple[str, str]:
    """Return two settings with that of a dataset, or a surface, first: only numbers of one row are comparable then."""
    rows, columns = pair
    return (columns, rows) if is_ground(columns) and not is_ground(rows) else pair


def table(standings: Sequence[Standing], axes: Mapping[str, Sequence[Any]], pair: tuple[str, str], metric: str) -> Cells:
    """Return the table of two settings."""
    rows, columns = pair
    cells = [[_cell(standings, {rows: row, columns: column}, metric) for column in axes[columns]] for row in axes[rows]]
    return Cells(rows, columns, axes[rows], axes[columns], cells)


def _cell(standings: Sequence[Standing], wanted: Mapping[str, Any], metric: str) -> Cell | None:
    chosen = [each for each in standings if all(each.arm.settings.get(axis) == value for axis, value in wanted.items())]
    if not chosen:
        return None
    lost, runs = sum(each.diverged + each.failed for each in chosen), sum(len(each.arm.runs) for each in chosen)
    measured = [each.metrics[metric] for each in chosen if metric in each.metrics and each.metrics[metric].by_seed]
    return Cell(measured[0] if len(measured) == 1 else pooled(measured), len(chosen), lost, runs)


def pooled(measured: Sequence[Measured]) -> Measured:
    """Return the mean of some arms at each seed that all of them have, else the mean of their means, without an interval."""
    seeds = sorted(set.intersection(*(set(each.by_seed) for each in measured))) if measured else []
    by_seed = {seed: float(np.mean([each.by_seed[seed] for each in measured])) for seed in seeds}
    if by_seed:
        values = np.array(list(by_seed.values()))
        return Measured(by_seed, float(values.mean()), half_width(values))
    means = [each.mean for each in measured if math.isfinite(each.mean)]
    return Measured({}, float(np.mean(means)) if means else math.nan, None)
