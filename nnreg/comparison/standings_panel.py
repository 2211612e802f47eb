"""The report's table of arms, best first: numbers as a person reads them, a strip for each arm, all on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nnreg.comparison import tables
from nnreg.comparison.charts import strokes
from nnreg.comparison.contenders import at_best_rates, ground_of
from nnreg.comparison.pairs import TIED
from nnreg.comparison.phrases import asked, lost_words, quantity, target_words
from nnreg.comparison.standings import Measured, Standing
from nnreg.figures.page import STEEP
from nnreg.records.metrics import called, signed, with_half

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings

STRIP, EDGE = 150.0, 7.0  # width of a strip and of its margins, in pixels
LABELS = {
    "train/loss_final": "train loss",
    "valid/loss_final": "valid loss",
    "valid/accuracy_final": "valid acc.",
    "valid/accuracy_best": "best valid acc.",
    "valid/r2_final": "valid R²",
    "valid/r2_best": "best valid R²",
    "test/accuracy": "test acc.",
    "test/r2": "test R²",
    "descent/distance": "distance",
    "seconds": "seconds",
}
HIDDEN = frozenset({
    "train/loss_best", "train/accuracy_best", "train/r2_best", "valid/loss_best", "valid/accuracy_best", "valid/r2_best",
    "test/loss", "steps_per_second", "descent/x", "descent/y", "descent/stable_below",
})  # fmt: skip
"""Metrics that a table for people leaves out, unless one of them is compared by."""

View = dict[str, Any]


def standings(comparison: Findings) -> View:
    """Return the table of the arms, best first."""
    metrics = shown_metrics(comparison)
    others = [metric for metric in metrics if metric != comparison.metric]
    columns: list[View] = [{"label": "", "title": "place"}, {"label": "arm"}]
    if comparison.metric:
        title = "mean over seeds, its 95 % interval, a small dot for each seed; all rows share one scale"
        columns += [
            {"label": LABELS.get(comparison.metric, called(comparison.metric)), "number": True, "title": quantity(comparison)},
            {"label": "", "title": title, "kind": "strips"},
            {"label": "minus the best", "title": "difference to the first row, at equal seed"},
        ]
        columns = columns[: 5 if len(comparison.standings) > 1 else 4]
    columns += [{"label": LABELS.get(metric, called(metric)), "number": True, "title": called(metric)} for metric in others]
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
    metrics = tables.metrics_of(comparison.standings, comparison.metric)
    hidden = {*HIDDEN, *(("valid/loss_final",) if {"valid/accuracy_final", "valid/r2_final"} & set(metrics) else ())}
    return [metric for metric in metrics if metric not in hidden or metric == comparison.metric]


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
            for metric, measured in (("steps", each.steps_to_target), ("seconds", each.seconds_to_target))
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
