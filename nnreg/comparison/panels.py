"""The tables of the report: win matrices and heatmaps; numbers as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnreg.comparison import cells
from nnreg.comparison.axes import is_ground, several
from nnreg.comparison.contenders import ARM
from nnreg.comparison.pairs import TIED, Difference, Matrix
from nnreg.comparison.phrases import averaged, axis_word, framed, quantity, value_word
from nnreg.figures.heatmap import best_of, shade
from nnreg.figures.wins import MOST_WRITTEN, symbol, why_undecided
from nnreg.records.metrics import is_higher_better, signed, with_half

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings

View = dict[str, Any]


def matrices(comparison: Findings, chosen: Matrix | None) -> list[View]:
    """Return the win matrices; ``chosen`` is open at first."""
    drawn = [matrix for matrix in comparison.matrices if len(matrix.names) > 1 and matrix.differences]
    return [_matrix(comparison, matrix, is_chosen=matrix is chosen) for matrix in drawn]


def _matrix(comparison: Findings, matrix: Matrix, *, is_chosen: bool) -> View:
    small = len(matrix.names) > MOST_WRITTEN
    known = {(each.a, each.b): (each, 1) for each in matrix.differences} | {
        (each.b, each.a): (each, -1) for each in matrix.differences
    }
    rows = [
        {
            "name": name,
            "cells": [_win(known.get((name, other)), name, other, matrix, small=small) for other in matrix.names],
            "tally": _tally(matrix, name),
        }
        for name in matrix.names
    ]
    over = averaged(comparison, matrix)
    about = f"{quantity(comparison)}: row minus column{over}. {matrix.correction[:1].upper()}{matrix.correction[1:]}."
    label = "every arm" if matrix.of == ARM else f"each {axis_word(matrix.of)}"
    return {
        "label": label,
        "undecided": why_undecided(matrix.differences),
        "names": matrix.names,
        "rows": rows,
        "about": about[:1].upper() + about[1:],
        "small": small,
        "chosen": is_chosen,
    }


def _win(found: tuple[Difference, int] | None, row: str, column: str, matrix: Matrix, *, small: bool) -> View:
    if found is None:
        return {"kind": "self", "text": ""}
    each, sign = found
    kind = "open" if not each.winner else "win" if each.winner == row else "loss"
    number, half = signed(matrix.metric, sign * each.mean, each.half)
    text = symbol(each, row) if small else number or ("lost" if each.lost else "–")
    apart = f"{row} minus {column} is {number} {half}".strip() if number else f"{row} and {column} have no seed in common"
    verdict = f"{each.winner} is better" if each.winner else f"they {TIED}" if each.undecided == TIED else "nothing is decided"
    seeds = f"{each.seeds} seed{'s' if each.seeds != 1 else ''}, {'paired' if each.paired else 'unpaired'}"
    return {
        "kind": kind,
        "text": text,
        "half": "" if small else half,
        "said": f"{apart} ({seeds}): {verdict}. {each.lost}".strip(),
    }


def _tally(matrix: Matrix, name: str) -> str:
    own = [each for each in matrix.differences if name in (each.a, each.b)]
    won, still = sum(each.winner == name for each in own), sum(not each.winner for each in own)
    return f"{won} · {still} · {len(own) - won - still}"


def heat(comparison: Findings) -> list[View]:
    """Return a coloured table for every two swept settings, the one asked for first."""
    if not comparison.metric:
        return []
    axes = comparison.gathered.axes
    found = cells.tables(comparison.standings, axes, comparison.metric)
    wanted = comparison.axes
    if wanted is not None:
        rest = [table for table in found if {table.rows, table.columns} != set(wanted)]
        found = [cells.table(comparison.standings, axes, cells.oriented(wanted), comparison.metric), *rest]
    return [_heat(comparison, table, is_chosen=place == 0) for place, table in enumerate(found)]


def _heat(comparison: Findings, table: cells.Cells, *, is_chosen: bool) -> View:
    higher = is_higher_better(comparison.metric)
    means = np.array([[cell.measured.mean if cell else math.nan for cell in row] for row in table.cells])
    by_row = is_ground(table.rows)
    best = best_of(means, lowest=not higher, by_row=by_row)
    colours = shade(means, lowest=not higher, by_row=by_row)
    rows = [
        {
            "name": value_word(value),
            "cells": [
                _hot(cell, comparison.metric, colour, is_best=(place, column) in best)
                for column, (cell, colour) in enumerate(zip(row, hues, strict=True))
            ],
        }
        for place, (value, row, hues) in enumerate(zip(table.row_values, table.cells, colours, strict=True))
    ]
    others = [axis_word(axis) for axis in several(comparison.gathered.axes) if axis not in (table.rows, table.columns)]
    averaged = f"; mean over every {' and '.join(others)}" if others else ""
    about = f"{quantity(comparison)}: mean over seeds ± half its 95 % interval{averaged}. {framed((table.rows, table.columns))}"
    return {
        "label": f"{axis_word(table.rows)} × {axis_word(table.columns)}",
        "row_axis": axis_word(table.rows),
        "column_axis": axis_word(table.columns),
        "columns": [value_word(value) for value in table.column_values],
        "rows": rows,
        "about": about[:1].upper() + about[1:],
        "chosen": is_chosen,
    }


def _hot(cell: cells.Cell | None, metric: str, colour: tuple[str, str], *, is_best: bool) -> Mapping[str, Any]:
    text = with_half(metric, cell.measured.mean, cell.measured.half) if cell else ""
    lost = f"{cell.lost} of {cell.runs} lost" if cell and cell.lost else ""
    return {"text": text, "note": lost, "colour": colour[0], "ink": colour[1], "best": is_best}
