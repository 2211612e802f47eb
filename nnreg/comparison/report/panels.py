"""The tables of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnreg.comparison import tables
from nnreg.comparison.contenders import at_best_rates, ground_of
from nnreg.comparison.pairs import TIED, Difference, Matrix
from nnreg.comparison.report import forest, views
from nnreg.comparison.report.captions import asked, lost_interval, lost_words, quantity, target_words, to_target
from nnreg.comparison.report.forest import Distance, Forest
from nnreg.comparison.report.inks import ink, letters_on
from nnreg.comparison.report.plots import MOST_WRITTEN, symbol, why_undecided
from nnreg.comparison.report.views import HeatView, Stroke, WinsView, strokes
from nnreg.comparison.standings import WAYS, Measured, Standing
from nnreg.figures.heatmap import best_of, shade
from nnreg.figures.page import is_steep
from nnreg.numerals import chosen
from nnreg.records.metrics import SECONDS, called, heading_of, is_higher_better, metrics_for_people, with_half

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings


Panel = dict[str, Any]


def matrix_panel(view: WinsView, members: Mapping[str, Sequence[int]]) -> Panel | None:
    """Return a win matrix; None where it tells no more than the leader's distances do, or nobody wins.

    Args:
        view: what is shown.
        members: the places in the standings of the arms that each name stands for.
    """
    matrix = view.matrix
    if len(matrix.names) < 3 or not any(each.winner for each in matrix.differences):
        return None
    small = len(matrix.names) > MOST_WRITTEN
    known = {pair: each for each in matrix.differences for pair in ((each.a, each.b), (each.b, each.a))}
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
        "members": members,
    }


def _win(each: Difference | None, row: str, column: str, matrix: Matrix, *, small: bool) -> Panel:
    if each is None:
        return {"kind": "self", "text": ""}
    kind = "open" if not each.winner else "win" if each.winner == row else "loss"
    number, interval = each.advantage(matrix.metric, row) if math.isfinite(each.center) else ("", "")
    text = symbol(each, row) if small else number or ("lost" if each.lost else "–")
    is_turned = each.ruler.scale != "ratio" and not each.ruler.higher
    word, (one, other) = "divided by" if each.ruler.scale == "ratio" else "minus", (column, row) if is_turned else (row, column)
    span = f", {interval}" if interval else ""
    apart = f"{one} {word} {other} is {number}{span}" if number else f"{row} and {column} have no seed in common"
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
                {
                    "text": cell.text,
                    "note": cell.lost,
                    "colour": colour,
                    "ink": letters_on(colour),
                    "best": (place, column) in best,
                }
                | {"arms": cell.arms}
                for column, (cell, (colour, _)) in enumerate(zip(row, hues, strict=True))
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


def forest_panels(comparison: Findings) -> list[Panel]:
    """Return the leader's distances to the others: of the arms, then of each setting; with every pair as a matrix."""
    panels = []
    for view in views.wins_views(comparison):
        shown = forest.forests(comparison, view.matrix)
        if shown:
            members = forest.members_of(comparison, view.matrix)
            panels.append({
                "label": view.label,
                "about": _forest_about(view, shown),
                "forests": [_forest(comparison, each, view) for each in shown],
                "matrix": matrix_panel(view, members),
                "chosen": view.chosen,
            })  # fmt: skip
    if panels and not any(panel["chosen"] for panel in panels):
        panels[0]["chosen"] = True
    return panels


def _forest_about(view: WinsView, shown: Sequence[Forest]) -> str:
    """Return what the rows show and what a filled dot means."""
    what = "times the loss of the leader" if any(each.is_ratio for each in shown) else "how far from the leader, + is better"
    lead = f"Each row: {what}, in {view.quantity}{view.averaged}."
    return f"{lead} Filled: decided; hollow: these seeds cannot tell. {view.correction}"


MOST_ROWS, MOST_TICKS = 60, 5


def _forest(comparison: Findings, found: Forest, view: WinsView) -> Panel:
    low, high = forest.reach(found)
    colours = [stroke.colour for stroke in strokes(comparison)]
    none = 1.0 if found.is_ratio else 0.0

    def at(value: float) -> float:
        place = (math.log(value / low) / math.log(high / low)) if found.is_ratio else (value - low) / (high - low)
        return round(100 * min(max(place, 0.0), 1.0), 2)

    leader = {"name": found.short, "arms": found.arms, "colour": ink(colours[found.arms[0]]), "x": at(none), "kind": "leader"}
    leader |= {"number": "leads", "verdict": "may be the best" if found.may_be else "the best"}
    rows = [leader]
    for each in found.distances[:MOST_ROWS]:
        is_known, has_span = math.isfinite(each.center), math.isfinite(each.low) and math.isfinite(each.high)
        span = (at(each.low), round(at(each.high) - at(each.low), 2)) if has_span else None
        rows.append({
            "name": each.short,
            "arms": each.arms,
            "colour": ink(colours[each.arms[0]]) if each.arms else "var(--quiet)",
            "x": at(each.center) if is_known else None,
            "span": span,
            "cut_left": has_span and each.low < low,
            "cut_right": has_span and each.high > high,
            "kind": "open" if each.is_open else "told",
            "number": f"{each.number}×" if each.number and found.is_ratio else each.number or "–",
            "interval": each.interval,
            "verdict": _verdict(each),
        })  # fmt: skip
    more, less = ("loss is higher: worse →", "← better") if found.is_ratio else ("better →", "← worse")
    ticks = [{"at": at(tick), "text": text} for tick, text in forest.ticks(low, high, MOST_TICKS, log=found.is_ratio)]
    caption = f"{view.quantity}: each against {found.leader}"
    return {"heading": found.heading, "caption": caption, "rows": rows, "none": at(none), "ticks": ticks, "ways": (less, more)}


def _verdict(each: Distance) -> str:
    if not each.is_open:
        return each.verdict
    said = "cannot tell" if each.verdict == TIED else each.verdict
    return f"{said}: {each.seeds} seeds would" if each.seeds and said == "cannot tell" else said


STRIP, EDGE = 150.0, 7.0  # width of a strip and of its margins, in pixels


def standings(comparison: Findings) -> Panel:
    """Return the table of the arms, best first."""
    metrics = shown_metrics(comparison)
    others = [metric for metric in metrics if metric != comparison.metric]
    columns: list[Panel] = [{"label": ""}, {"label": "arm", "best": "low"}]
    by = comparison.metric
    if by:
        title = "mean over seeds, its 95 % interval, a small dot for each seed; all rows share one scale"
        columns += [
            {"label": heading_of(comparison.metric), "number": True, "title": quantity(comparison)} | _best(comparison.metric),
            {"label": "", "title": title, "kind": "strips"},
            {"label": "against the best", "title": "ratio to the first row, or difference, at equal seed"} | _best(by),
        ]
        columns = columns[: 5 if len(comparison.standings) > 1 else 4]
    columns += [{"label": heading_of(metric), "number": True, "title": called(metric)} | _best(metric) for metric in others]
    if comparison.target is not None:
        goal = f"target: {target_words(comparison)}"
        ways = [way for way in comparison.standings[0].ways_to_target if way != SECONDS]  # table.csv has them
        columns += [{"label": f"{WAYS[way]} to target", "number": True, "title": goal, "best": "low"} for way in ways]
    columns.append({"label": "runs", "number": True, "best": "high"})
    width = _width(comparison)
    rows = [
        _row(comparison, each, place, others, stroke, width)
        for place, (each, stroke) in enumerate(zip(comparison.standings, strokes(comparison), strict=True), 1)
    ]
    about = "Mean over seeds, of losses the geometric one, ± half its 95 % interval, which takes three seeds."
    if max(len(arm.runs) for arm in comparison.gathered.arms) < 2:
        about = "One run for each."
    if comparison.target is not None:
        about += f" Target: {target_words(comparison)}; the updates until then are a median and a range over seeds,"
        about += " or how many of them reached it, and the first."
    if len(at_best_rates(comparison.standings, comparison.metric)) < len(comparison.standings):
        about += f" Compared with the best: each technique at its best learning rate by {called(comparison.metric)}."
    return {"question": f"How did each {asked(comparison)} do?", "columns": columns, "rows": rows, "about": about}


def _best(metric: str) -> Panel:
    """Return which end of a column is the best, for who sorts by it."""
    return {"best": "high" if is_higher_better(metric) else "low"}


EMPTY = ("", "–", "not reached", "no interval", "cannot tell")


def informative(table: Panel) -> Panel:
    """Return a table of arms without the columns that say the same, or nothing, of every one of several."""
    if len(table["rows"]) < 2:
        return table
    cells = list(zip(*table["rows"], strict=True))

    def tells(place: int) -> bool:
        texts = {cell["text"] for cell in cells[place]}
        if table["columns"][place].get("kind") == "strips":
            return any(cell.get("strip") for cell in cells[place])
        if table["columns"][place]["label"] == "runs" and len(texts) == 1:  # the head of the page says how many
            return any(cell["note"] for cell in cells[place])
        return place < 2 or not texts <= {*EMPTY, "ahead"}

    kept = [place for place in range(len(table["columns"])) if tells(place)]
    rows = [[row[place] for place in kept] for row in table["rows"]]
    return table | {"columns": [table["columns"][place] for place in kept], "rows": rows}


def shown_metrics(comparison: Findings) -> list[str]:
    """Return the metrics that a table for people holds."""
    return metrics_for_people(tables.metrics_of(comparison.standings, comparison.metric), comparison.metric)


def _row(
    comparison: Findings,
    each: Standing,
    place: int,
    others: Sequence[str],
    stroke: Stroke,
    width: tuple[float, float, bool],
) -> list[Panel]:
    row: list[Panel] = [
        {"text": str(place), "sort": place, "kind": "quiet number"},
        {"text": each.arm.name, "sort": each.arm.name, "kind": "name", **stroke._asdict()},
    ]
    if comparison.metric:
        measured = each.metrics.get(comparison.metric)
        row.append(_number(comparison.metric, measured))
        row.append({"text": row[-1]["text"], "sort": row[-1]["sort"], "strip": _strip(measured, stroke.colour, width)})
        row += [_against_best(comparison, each)] if len(comparison.standings) > 1 else []
    row += [_number(metric, each.metrics.get(metric)) for metric in others]
    if comparison.target is not None:
        row += [_to_target(each, way, measured) for way, measured in each.ways_to_target.items() if way != SECONDS]
    total = len(each.arm.runs)
    lost = "; ".join(filter(None, (lost_words(each).replace(f" of {total}", ""), lost_interval(each))))
    row.append({"text": str(total), "sort": total, "kind": "number", "note": f"({lost})" if lost else ""})
    return row


def _number(metric: str, measured: Measured | None) -> Panel:
    if measured is None or not math.isfinite(measured.mean):
        return {"text": "–", "sort": "", "kind": "number quiet"}
    number, _, half = with_half(metric, measured.mean, measured.half).partition(" ± ")
    return {"text": number, "sort": measured.mean, "kind": "number", "note": f"± {half}" if half else ""}


def _to_target(each: Standing, way: str, measured: Measured) -> Panel:
    """Return median and range of what it took to reach the target; where some did not reach it, how many did and the first."""
    text, _, note = to_target(way, measured).partition(" (")
    if measured.by_seed and not math.isfinite(measured.high):
        reached = f"{each.reached} of {len(each.arm.runs)}"
        first = to_target(way, replace(measured, mean=measured.low, high=measured.low))
        is_known = math.isfinite(measured.mean)
        text, note = (text, f"from {first}, {reached})") if is_known else (f"{reached}", f"from {first})")
    sort = measured.mean if math.isfinite(measured.mean) else ""
    kind = "number" if measured.by_seed else "number quiet"
    return {"text": text, "sort": sort, "kind": kind, "note": f"({note}" if note else ""}


def _against_best(comparison: Findings, each: Standing) -> Panel:
    """Return how the difference of an arm to the best on its dataset reads."""
    matrix, name = comparison.matrices[0], each.arm.name
    rivals = [other.arm.name for other in comparison.standings if ground_of(other.arm) == ground_of(each.arm)]
    best = next((rival for rival in rivals if rival in matrix.names), "")
    if name == best and matrix.differences:
        return {
            "text": _ahead(name, [rival for rival in rivals if rival in matrix.best], comparison),
            "sort": 0,
            "kind": "against",
        }
    pair = matrix.between(name, best)
    if pair is None:
        return {"text": "", "sort": "", "kind": "against quiet"}
    found, sign = pair
    is_known = math.isfinite(found.center)
    number, interval = found.words(matrix.metric, sign) if is_known else ("", "")
    times = "×" if found.ruler.scale == "ratio" and number else ""
    kind = "against" if found.winner else "against quiet"
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
