"""The tables of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnreg.comparison import tables
from nnreg.comparison.contenders import at_best_rates, ground_of
from nnreg.comparison.pairs import TIED, Difference, Matrix
from nnreg.comparison.report.captions import asked, lost_interval, lost_words, quantity, target_words, to_target
from nnreg.comparison.report.plots import MOST_WRITTEN, symbol, why_undecided
from nnreg.comparison.report.views import HeatView, WinsView, strokes
from nnreg.comparison.standings import WAYS, Measured, Standing
from nnreg.figures.heatmap import best_of, shade
from nnreg.figures.page import is_steep
from nnreg.numerals import chosen
from nnreg.records.metrics import called, heading_of, metrics_for_people, with_half

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings


Panel = dict[str, Any]


def matrices(views: Sequence[WinsView]) -> list[Panel]:
    """Return the win matrices; the chosen one is open at first."""
    return [_matrix(view) for view in views]


def _matrix(view: WinsView) -> Panel:
    matrix = view.matrix
    small = len(matrix.names) > MOST_WRITTEN
    known = {(each.a, each.b): (each, 1) for each in matrix.differences} | {
        (each.b, each.a): (each, -1) for each in matrix.differences
    }
    rows = [
        {
            "name": name,
            "cells": [_win(known.get((name, other)), name, other, matrix, small=small) for other in matrix.names],
            "tally": matrix.tally(name),
        }
        for name in matrix.names
    ]
    return {
        "label": view.label,
        "against": view.against,
        "undecided": why_undecided(matrix.differences),
        "names": matrix.names,
        "rows": rows,
        "about": view.about,
        "small": small,
        "chosen": view.chosen,
    }


def _win(found: tuple[Difference, int] | None, row: str, column: str, matrix: Matrix, *, small: bool) -> Panel:
    if found is None:
        return {"kind": "self", "text": ""}
    each, sign = found
    kind = "open" if not each.winner else "win" if each.winner == row else "loss"
    number, interval = each.words(matrix.metric, sign) if math.isfinite(each.center) else ("", "")
    text = symbol(each, row) if small else number or ("lost" if each.lost else "–")
    word = "divided by" if each.ruler.scale == "ratio" else "minus"
    span = f", {interval}" if interval else ""
    apart = f"{row} {word} {column} is {number}{span}" if number else f"{row} and {column} have no seed in common"
    apart += (
        f", p {chosen(each.typical.p, 2)} alone and {chosen(each.p, 2)} with all others" if each.typical is not None else ""
    )
    verdict = f"{each.winner} is better" if each.winner else f"they {TIED}" if each.undecided == TIED else each.undecided
    seeds = f"{each.seeds} seed{'s' if each.seeds != 1 else ''}, {'paired' if each.paired else 'unpaired'}"
    return {
        "kind": kind,
        "text": text,
        "half": "" if small else interval,
        "said": f"{apart} ({seeds}): {verdict}. {each.lost} {each.remark}".strip(),
    }


def heat(views: Sequence[HeatView]) -> list[Panel]:
    """Return the coloured tables; the first is open at first."""
    return [_heat(view, is_chosen=place == 0) for place, view in enumerate(views)]


def _heat(view: HeatView, *, is_chosen: bool) -> Panel:
    means = np.array([[cell.mean for cell in row] for row in view.cells])
    best = best_of(means, lowest=view.lowest, by_row=view.by_row)
    colours = shade(means, lowest=view.lowest, by_row=view.by_row)
    rows = [
        {
            "name": name,
            "cells": [
                {"text": cell.text, "note": cell.lost, "colour": colour, "ink": ink, "best": (place, column) in best}
                for column, (cell, (colour, ink)) in enumerate(zip(row, hues, strict=True))
            ],
        }
        for place, (name, row, hues) in enumerate(zip(view.rows, view.cells, colours, strict=True))
    ]
    return {
        "label": " × ".join(view.axes),
        "row_axis": view.axes[0],
        "column_axis": view.axes[1],
        "columns": view.columns,
        "rows": rows,
        "about": view.about,
        "chosen": is_chosen,
    }


STRIP, EDGE = 150.0, 7.0  # width of a strip and of its margins, in pixels


def standings(comparison: Findings) -> Panel:
    """Return the table of the arms, best first."""
    metrics = shown_metrics(comparison)
    others = [metric for metric in metrics if metric != comparison.metric]
    columns: list[Panel] = [{"label": "", "title": "place"}, {"label": "arm"}]
    if comparison.metric:
        title = "mean over seeds, its 95 % interval, a small dot for each seed; all rows share one scale"
        columns += [
            {"label": heading_of(comparison.metric), "number": True, "title": quantity(comparison)},
            {"label": "", "title": title, "kind": "strips"},
            {"label": "against the best", "title": "ratio to the first row, or difference, at equal seed"},
        ]
        columns = columns[: 5 if len(comparison.standings) > 1 else 4]
    columns += [{"label": heading_of(metric), "number": True, "title": called(metric)} for metric in others]
    if comparison.target is not None:
        goal = f"target: {target_words(comparison)}"
        ways = comparison.standings[0].ways_to_target
        columns += [{"label": f"{WAYS[way]} to target", "number": True, "title": goal} for way in ways]
    columns.append({"label": "runs", "number": True})
    width = _width(comparison)
    rows = [
        _row(comparison, each, place, others, stroke, width)
        for place, (each, stroke) in enumerate(zip(comparison.standings, strokes(comparison), strict=True), 1)
    ]
    about = "Mean over seeds, of losses the geometric one, ± half its 95 % interval, which takes three seeds."
    if comparison.target is not None:
        about += f" Target: {target_words(comparison)}; steps and seconds are medians and ranges over seeds."
    if len(at_best_rates(comparison.standings, comparison.metric)) < len(comparison.standings):
        about += f" Compared with the best: each technique at its best learning rate by {called(comparison.metric)}."
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
) -> list[Panel]:
    row: list[Panel] = [
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
        row += [_to_target(metric, measured) for metric, measured in each.ways_to_target.items()]
    total = len(each.arm.runs)
    lost = "; ".join(filter(None, (lost_words(each).replace(f" of {total}", ""), lost_interval(each))))
    row.append({"text": str(total), "sort": total, "kind": "number", "note": f"({lost})" if lost else ""})
    return row


def _number(metric: str, measured: Measured | None) -> Panel:
    if measured is None or not math.isfinite(measured.mean):
        return {"text": "–", "sort": "", "kind": "number quiet"}
    number, _, half = with_half(metric, measured.mean, measured.half).partition(" ± ")
    return {"text": number, "sort": measured.mean, "kind": "number", "note": f"± {half}" if half else ""}


def _to_target(metric: str, measured: Measured) -> Panel:
    text, _, note = to_target(metric, measured).partition(" (")
    sort = measured.mean if math.isfinite(measured.mean) else ""
    return {
        "text": text,
        "sort": sort,
        "kind": "number" if measured.by_seed else "number quiet",
        "note": f"({note}" if note else "",
    }


def _against_best(comparison: Findings, each: Standing) -> Panel:
    """Return how the difference of an arm to the best on its dataset reads."""
    matrix, name = comparison.matrices[0], each.arm.name
    rivals = [other.arm.name for other in comparison.standings if ground_of(other.arm) == ground_of(each.arm)]
    best = next((rival for rival in rivals if rival in matrix.names), "")
    if name == best and matrix.differences:
        return {"text": _ahead(name, [rival for rival in rivals if rival in matrix.best], comparison), "sort": 0}
    pair = matrix.between(name, best)
    if pair is None:
        return {"text": "", "sort": "", "kind": "quiet"}
    found, sign = pair
    is_known = math.isfinite(found.center)
    number, interval = found.words(matrix.metric, sign) if is_known else ("", "")
    times = "×" if found.ruler.scale == "ratio" and number else ""
    kind = "" if found.winner else "quiet"
    sort = sign * found.center if is_known else ""
    if not found.winner:
        text = "cannot tell" if found.undecided == TIED else found.undecided if number else "–"
        return {"text": text, "sort": sort, "kind": kind}
    return {"text": f"{number}{times}" if number else "lost", "sort": sort, "note": interval, "kind": kind}


def _ahead(name: str, best: Sequence[str], comparison: Findings) -> str:
    """Return what the first arm is said to be: it leads, which does not make it the best."""
    if name in best:
        return "the best" if len(best) == 1 else "may be the best"
    is_known = any(each.arm.name == name and math.isfinite(each.mean(comparison.metric)) for each in comparison.standings)
    return "ahead" if is_known else "–"


def _width(comparison: Findings) -> tuple[float, float, bool]:
    """Return the range that all strips share, and whether it is logarithmic."""
    found = [each.metrics[comparison.metric] for each in comparison.standings if comparison.metric in each.metrics]
    values = [value for measured in found for value in (measured.mean, *measured.by_seed.values()) if math.isfinite(value)]
    if not values:
        return 0.0, 1.0, False
    log = is_steep(min(values), max(values))
    return (math.log(min(values)), math.log(max(values)), True) if log else (min(values), max(values), False)


def _strip(measured: Measured | None, colour: str, width: tuple[float, float, bool]) -> Panel | None:
    if measured is None or not math.isfinite(measured.mean):
        return None
    low, high, log = width

    def at(value: float) -> float:
        place = (math.log(value) if value > 0 else low) if log else value
        share = (place - low) / (high - low) if high > low else 0.5
        return round(EDGE + min(max(share, -0.04), 1.04) * (STRIP - 2 * EDGE), 1)

    ends = (at(measured.low), at(measured.high)) if measured.half is not None else None
    dots = [at(value) for value in measured.by_seed.values()] if len(measured.by_seed) > 1 else []
    return {"mean": at(measured.mean), "ends": ends, "dots": dots, "colour": colour}
