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
from nnreg.comparison.judging import Ruler, ruler_of
from nnreg.comparison.pairs import Matrix
from nnreg.comparison.standings import WAYS, Measured, Standing, measured
from nnreg.records.metrics import metrics_in_order
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
    lost, runs = sum(each.lost for each in chosen), sum(len(each.arm.runs) for each in chosen)
    found = [each.metrics[metric] for each in chosen if metric in each.metrics and each.metrics[metric].by_seed]
    ruler = ruler_of(metric, [run for each in chosen for run in each.arm.runs])
    return TableCell(found[0] if len(found) == 1 else pooled(found, ruler), len(chosen), lost, runs)


def pooled(measures: Sequence[Measured], ruler: Ruler) -> Measured:
    """Return the mean of some arms at each seed that all of them have, else the mean of their means, without an interval.

    Losses are averaged as everywhere, by their logarithms.
    """
    places = [ruler.placed(each.by_seed) for each in measures]
    seeds = sorted(set.intersection(*(set(each) for each in places))) if places else []
    by_seed = {seed: ruler.value(float(np.mean([each[seed] for each in places]))) for seed in seeds}
    if by_seed:
        return measured(by_seed, ruler)
    means = list(ruler.placed(dict(enumerate(each.mean for each in measures))).values())
    return Measured({}, ruler.value(float(np.mean(means))) if means else math.nan, None)


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
        row |= {"finished": standing.finished, "diverged": standing.endings.get("diverged", 0)}
        row |= {"failed_to_train": standing.endings.get("failed_to_train", 0), "failed": standing.failed}
        for name in names:
            row |= _pair(name, standing.metrics.get(name))
        for way, found in standing.ways_to_target.items():
            name = f"{WAYS[way]}_to_target"
            row |= {
                f"{name}_median": _number(found.mean),
                f"{name}_low": _number(found.low),
                f"{name}_high": _number(found.high),
            }
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
            "compared_as": each.ruler.scale,
            "a_to_b": _number(each.ends()[0]),
            "low": _number(each.ends()[1]),
            "high": _number(each.ends()[2]),
            "p": _number(each.typical.p if each.typical is not None else None),
            "p_holm": _number(each.p),
            "seeds": each.seeds,
            "paired": each.paired,
            "winner": each.winner,
            "why_none": each.undecided,
            "lost": each.lost,
            "remark": each.remark,
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
