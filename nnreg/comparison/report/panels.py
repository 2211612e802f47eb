"""The tables of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnreg.comparison import tables
from nnreg.comparison.differences import is_ground, several
from nnreg.comparison.naming import axis_word, value_word
from nnreg.comparison.pairs import ARM, TIED, Difference, Matrix, at_best_rates, ground_of
from nnreg.comparison.report.captions import asked, averaged, framed, lost_words, quantity, target_words
from nnreg.comparison.report.charts import strokes
from nnreg.comparison.report.plots import MOST_WRITTEN, symbol, why_undecided
from nnreg.comparison.standings import Measured, Standing
from nnreg.comparison.tables import Cells, TableCell, cell_table, cell_tables, oriented
from nnreg.figures.heatmap import best_of, shade
from nnreg.figures.page import STEEP
from nnreg.records.metrics import SECONDS, STEPS, called, heading_of, is_higher_better, metrics_for_people, signed, with_half

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
    found = cell_tables(comparison.standings, axes, comparison.metric)
    wanted = comparison.axes
    if wanted is not None:
        rest = [table for table in found if {table.rows, table.columns} != set(wanted)]
        found = [cell_table(comparison.standings, axes, oriented(wanted), comparison.metric), *rest]
    return [_heat(comparison, table, is_chosen=place == 0) for place, table in enumerate(found)]


def _heat(comparison: Findings, table: Cells, *, is_chosen: bool) -> View:
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


def _hot(cell: TableCell | None, metric: str, colour: tuple[str, str], *, is_best: bool) -> Mapping[str, Any]:
    text = with_half(metric, cell.measured.mean, cell.measured.half) if cell else ""
    lost = f"{cell.lost} of {cell.runs} lost" if cell and cell.lost else ""
    return {"text": text, "note": lost, "colour": colour[0], "ink": colour[1], "best": is_best}


STRIP, EDGE = 150.0, 7.0  # width of a strip and of its margins, in pixels


def standings(comparison: Findings) -> View:
    """Return the table of the arms, best first."""
    metrics = shown_metrics(comparison)
    others = [metric for metric in metrics if metric != comparison.metric]
    columns: list[View] = [{"label": "", "title": "place"}, {"label": "arm"}]
    if comparison.metric:
        title = "mean over seeds, its 95 % interval, a small dot for each seed; all rows share one scale"
        columns += [
            {"label": heading_of(comparison.metric), "number": True, "title": quantity(comparison)},
            {"label": "", "title": title, "kind": "strips"},
            {"label": "minus the best", "title": "difference to the first row, at equal seed"},
        ]
        columns = columns[: 5 if len(comparison.standings) > 1 else 4]
    columns += [{"label": heading_of(metric), "number": True, "title": called(metric)} for metric in others]
    if comparison.target is not None:
        goal = f"target: {target_words(comparison)}"
        columns += [{"label": label, "number": True, "title": goal} for label in ("steps to target", "seconds to target")]
    columns.append({"label": "runs", "number": True})
    width = _width(comparison)
    rows = [
        _row(comparison, each, place, others, stroke, width)
        for place, (each, stroke) in enumerate(zip(comparison.standings, strokes(comparison), strict=True), 1)
    ]
    about = "Mean over seeds ± half its 95 % interval; one seed carries no interval."
    if comparison.target is not None:
        about += f" Target: {target_words(comparison)}; steps and seconds are means of the runs that reached it."
    if len(at_best_rates(comparison.standings)) < len(comparison.standings):
        about += " Compared with the best: each technique at its best learning rate by validation loss."
    return {"question": f"How did each {asked(comparison)} do?", "columns": columns, "rows": rows, "about": about}


def shown_metrics(comparison: Findings) -> list[str]:
    """Return the metrics that a table for people holds."""
    return metrics_for_people(tables.metrics_of(comparison.standings, comparison.metric), comparison.metric)


def _row(
    comparison: Findings,
    each: Standing,
    place: int,
    others: Sequence[str],
    stroke: tuple[str, str],
    width: tuple[float, float, bool],
) -> list[View]:
    row: list[View] = [
        {"text": str(place), "sort": place, "kind": "quiet number"},
        {"text": each.arm.name, "sort": each.arm.name, "kind": "name", "colour": stroke[0], "dash": stroke[1]},
    ]
    if comparison.metric:
        measured = each.metrics.get(comparison.metric)
        row.append(_number(comparison.metric, measured))
        row.append({"text": row[-1]["text"], "sort": row[-1]["sort"], "strip": _strip(measured, stroke[0], width)})
        row += [_against_best(comparison, each)] if len(comparison.standings) > 1 else []
    row += [_number(metric, each.metrics.get(metric)) for metric in others]
    if comparison.target is not None:
        row += [
            _to_target(metric, measured, each)
            for metric, measured in ((STEPS, each.steps_to_target), (SECONDS, each.seconds_to_target))
        ]
    total = len(each.arm.runs)
    lost = lost_words(each).replace(f" of {total}", "")
    row.append({"text": str(total), "sort": total, "kind": "number", "note": f"({lost})" if lost else ""})
    return row


def _number(metric: str, measured: Measured | None) -> View:
    if measured is None or not math.isfinite(measured.mean):
        return {"text": "–", "sort": "", "kind": "number quiet"}
    number, _, half = with_half(metric, measured.mean, measured.half).partition(" ± ")
    return {"text": number, "sort": measured.mean, "kind": "number", "note": f"± {half}" if half else ""}


def _to_target(metric: str, measured: Measured, each: Standing) -> View:
    if not each.reached:
        return {"text": "not reached", "sort": "", "kind": "number quiet"}
    total = len(each.arm.runs)
    return _number(metric, measured) | ({"note": f"({each.reached} of {total})"} if each.reached < total else {})


def _against_best(comparison: Findings, each: Standing) -> View:
    """Return how the difference of an arm to the best on its dataset reads."""
    matrix, name = comparison.matrices[0], each.arm.name
    rivals = [other.arm.name for other in comparison.standings if ground_of(other.arm) == ground_of(each.arm)]
    best = next((rival for rival in rivals if rival in matrix.names), "")
    if name == best and matrix.differences:
        return {"text": "the best", "sort": 0}
    found = next((difference for difference in matrix.differences if {difference.a, difference.b} == {name, best}), None)
    if found is None:
        return {"text": "", "sort": "", "kind": "quiet"}
    sign = 1 if found.a == each.arm.name else -1
    number, half = signed(matrix.metric, sign * found.mean, found.half)
    kind = "" if found.winner else "quiet"
    sort = sign * found.mean if math.isfinite(found.mean) else ""
    if not found.winner:
        text = "cannot tell" if found.undecided == TIED else found.undecided if number else "–"
        return {"text": text, "sort": sort, "kind": kind}
    return {"text": number or "lost", "sort": sort, "note": half, "kind": kind}


def _width(comparison: Findings) -> tuple[float, float, bool]:
    """Return the range that all strips share, and whether it is logarithmic."""
    found = [each.metrics[comparison.metric] for each in comparison.standings if comparison.metric in each.metrics]
    values = [value for measured in found for value in (measured.mean, *measured.by_seed.values()) if math.isfinite(value)]
    if not values:
        return 0.0, 1.0, False
    log = min(values) > 0 and max(values) > STEEP * min(values)
    return (math.log(min(values)), math.log(max(values)), True) if log else (min(values), max(values), False)


def _strip(measured: Measured | None, colour: str, width: tuple[float, float, bool]) -> View | None:
    if measured is None or not math.isfinite(measured.mean):
        return None
    low, high, log = width

    def at(value: float) -> float:
        place = (math.log(value) if value > 0 else low) if log else value
        share = (place - low) / (high - low) if high > low else 0.5
        return round(EDGE + min(max(share, -0.04), 1.04) * (STRIP - 2 * EDGE), 1)

    half = measured.half
    ends = (at(measured.mean - half), at(measured.mean + half)) if half is not None else None
    dots = [at(value) for value in measured.by_seed.values()] if len(measured.by_seed) > 1 else []
    return {"mean": at(measured.mean), "ends": ends, "dots": dots, "colour": colour}
