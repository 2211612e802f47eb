"""Two settings against each other, and rows for CSV, JSON and data frames."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from nnreg.comparison.differences import is_ground, several
from nnreg.comparison.pairs import Matrix
from nnreg.comparison.standings import Measured, Standing
from nnreg.records.metrics import metrics_in_order
from nnreg.records.statistics import half_width
from nnreg.registry import entries


@dataclass(frozen=True)
class TableCell:
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
    cells: Sequence[Sequence[TableCell | None]]


def leading(axes: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the settings that have at least two values, in the order in which they may give curves their colours.

    Techniques come before parameters, and what they were let loose on, a dataset or a surface, comes last.
    """
    return sorted(several(axes), key=lambda axis: (is_ground(axis), axis not in entries.slots()))


def cell_tables(standings: Sequence[Standing], axes: Mapping[str, Sequence[Any]], metric: str) -> list[Cells]:
    """Return a table for every two settings that make one."""
    return [cell_table(standings, axes, pair, metric) for pair in pairs(axes)]


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


def cell_table(standings: Sequence[Standing], axes: Mapping[str, Sequence[Any]], pair: tuple[str, str], metric: str) -> Cells:
    """Return the table of two settings."""
    rows, columns = pair
    cells = [[_cell(standings, {rows: row, columns: column}, metric) for column in axes[columns]] for row in axes[rows]]
    return Cells(rows, columns, axes[rows], axes[columns], cells)


def _cell(standings: Sequence[Standing], wanted: Mapping[str, Any], metric: str) -> TableCell | None:
    chosen = [each for each in standings if all(each.arm.settings.get(axis) == value for axis, value in wanted.items())]
    if not chosen:
        return None
    lost, runs = sum(each.diverged + each.failed for each in chosen), sum(len(each.arm.runs) for each in chosen)
    measured = [each.metrics[metric] for each in chosen if metric in each.metrics and each.metrics[metric].by_seed]
    return TableCell(measured[0] if len(measured) == 1 else pooled(measured), len(chosen), lost, runs)


def pooled(measured: Sequence[Measured]) -> Measured:
    """Return the mean of some arms at each seed that all of them have, else the mean of their means, without an interval."""
    seeds = sorted(set.intersection(*(set(each.by_seed) for each in measured))) if measured else []
    by_seed = {seed: float(np.mean([each.by_seed[seed] for each in measured])) for seed in seeds}
    if by_seed:
        values = np.array(list(by_seed.values()))
        return Measured(by_seed, float(values.mean()), half_width(values))
    means = [each.mean for each in measured if math.isfinite(each.mean)]
    return Measured({}, float(np.mean(means)) if means else math.nan, None)


HALF = "_half"
"""Ends the name of the column that holds half a mean's 95 % interval."""

Row = Mapping[str, Any]


def metrics_of(standings: Sequence[Standing], metric: str = "") -> list[str]:
    """Return the metrics that arms have, the one compared by first, seconds last."""
    return metrics_in_order((name for standing in standings for name in standing.metrics), first=metric)


def settings_of(standings: Sequence[Standing]) -> list[str]:
    """Return the settings that tell arms apart, those that were tuned for each technique among them."""
    return list(dict.fromkeys(key for standing in standings for key in standing.arm.settings))


def arm_rows(standings: Sequence[Standing], metric: str) -> list[Row]:
    """Return one row an arm, best first: its settings, runs, means with half their intervals; None where there is no value."""
    names, settings = metrics_of(standings, metric), settings_of(standings)
    rows: list[Row] = []
    for standing in standings:
        row: dict[str, Any] = {"arm": standing.arm.name}
        row |= {setting: _plain(standing.arm.settings.get(setting)) for setting in settings}
        row |= {"runs": len(standing.arm.runs)}
        row |= {name: getattr(standing, name) for name in ("finished", "diverged", "failed")}
        for name in names:
            row |= _pair(name, standing.metrics.get(name))
        row |= _pair("steps_to_target", standing.steps_to_target) | _pair("seconds_to_target", standing.seconds_to_target)
        rows.append(row | {"reached": standing.reached})
    return rows


def pair_rows(matrices: Sequence[Matrix]) -> list[Row]:
    """Return one row for every two arms, then for every two values of each axis."""
    return [
        {
            "of": matrix.of,
            "metric": matrix.metric,
            "a": each.a,
            "b": each.b,
            "difference": _number(each.mean),
            f"difference{HALF}": _number(each.half),
            "seeds": each.seeds,
            "paired": each.paired,
            "winner": each.winner,
            "lost": each.lost,
            "correction": matrix.correction,
        }
        for matrix in matrices
        for each in matrix.differences
    ]


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write rows; numbers lose nothing, a missing one is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def _pair(name: str, measured: Measured | None) -> dict[str, float | None]:
    mean, half = (measured.mean, measured.half) if measured is not None else (None, None)
    return {name: _number(mean), f"{name}{HALF}": _number(half)}


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _plain(value: Any) -> Any:
    """Return a setting as a table holds it: a list as its words."""
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
