"""The data that both the page and the pictures draw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnreg.comparison.contenders import Ground, at_best_rates, ground_of
from nnreg.comparison.differences import is_ground, several
from nnreg.comparison.gathering import Arm
from nnreg.comparison.naming import axis_word, setting_words, settings_name, value_word
from nnreg.comparison.profiles import Profile, Sensitivity
from nnreg.comparison.rates import is_rate
from nnreg.comparison.report.views import looks_of, profile_view, rates_view, strokes, technique_names
from nnreg.comparison.standings import Standing
from nnreg.comparison.tables import leading
from nnreg.engine.history import TRAIN_LOSS
from nnreg.figures.curves import MOST_BANDS, Facet, aligned, window_for
from nnreg.figures.groups import Group
from nnreg.figures.page import is_steep
from nnreg.figures.spec import FEW_SEEDS
from nnreg.records.card import UNTRAINED
from nnreg.records.metrics import TRAIN_FINAL, across, axis_label, called, drawn_metrics, is_higher_better, is_loss, is_share
from nnreg.records.results import Result, Results
from nnreg.records.statistics import band, decimated, smooth

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings


MOST = 240  # points of a curve
MOST_LOST = 60  # of a diverged one
MOST_SHOWN = 12  # arms at first

Values = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """One arm.

    Attributes:
        steps: (n,) int64, some of those recorded: see ``records.statistics.decimated``.
        mean: over the seeds whose run did not diverge, smoothed where the metric is noisy, of losses geometric, (n,) float64.
        low: lower end of the 95 % band, of losses that of their logarithm; the mean itself below four seeds.
        high: its upper end.
        raw: steps and mean as they were recorded, where the metric is smoothed; else empty.
        singles: below four seeds, of two and three, the curve of each at the same steps.
        seeds: averaged.
        lost: diverged runs, each as steps and finite values, unsmoothed.
    """

    steps: Steps
    mean: Values
    low: Values
    high: Values
    raw: tuple[Steps, Values]
    singles: Sequence[Values]
    seeds: int
    lost: Sequence[tuple[Steps, Values]]


def metrics_of(arms: Sequence[Arm]) -> list[str]:
    """Return the metrics of which curves are shown."""
    seen = {name for arm in arms for run in arm.runs for name in run.history.metrics}
    return [metric for metric in drawn_metrics() if metric in seen]


def curve(arm: Arm, metric: str) -> Curve:
    """Return the curve of an arm."""
    kept = [_finite(run, metric) for run in arm.runs if run.summary["status"] == "finished"]
    lost = [_finite(run, metric) for run in arm.runs if run.is_untrained]
    kept = [(steps, values) for steps, values in kept if steps.size]
    steps, table = aligned(kept) if kept else (np.zeros(0, dtype=np.int64), np.zeros((0, 0)))
    window, log = window_for(metric), is_loss(metric)
    smoothed = np.array([smooth(row, window, log=log) for row in table]).reshape(table.shape)
    mean, low, high = band(smoothed, log=log) if len(table) else (np.zeros(0),) * 3
    if len(table) < FEW_SEEDS:
        low = high = mean
    if is_share(metric):
        low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
    where = decimated(_placed(mean, log=log), MOST)
    raw = (np.zeros(0, dtype=np.int64), np.zeros(0))
    if window > 1 and len(table):
        recorded = band(table, log=log)[0]
        peaks = decimated(_placed(recorded, log=log), MOST)
        raw = steps[peaks], recorded[peaks]
    singles = [row[where] for row in smoothed] if 1 < len(table) < FEW_SEEDS else []
    ends = [(at[some], values[some]) for at, values in lost for some in (decimated(values, MOST_LOST),)]
    return Curve(steps[where], mean[where], low[where], high[where], raw, singles, len(table), ends)


def _placed(values: Values, *, log: bool) -> Values:
    """Return where values stand on the axis that they are seen on first."""
    return np.asarray(np.log(values)) if log and values.size and values.min() > 0 else values


def _finite(run: Result, metric: str) -> tuple[Steps, Values]:
    steps, values = run.history.series(metric)
    return steps[np.isfinite(values)], values[np.isfinite(values)]


MOST_TOGETHER = 4  # curves in one overlay of several settings
MOST_FACETS, MOST_CURVES = 12, 14


def facets(comparison: Findings) -> tuple[list[Facet], str]:
    """Return the panels of curves, and what a subtitle says where not all are shown."""
    gathered = comparison.gathered
    shown = at_best_rates(comparison.standings, comparison.metric)
    names, tuned = {each.arm.name for each in shown}, len(shown) < len(comparison.standings)
    arms = [arm for arm in gathered.arms if has_result(arm) and arm.name in names]
    axes = [axis for axis in leading(gathered.axes) if not (tuned and is_rate(axis))]
    across = [axis for axis in axes if not is_ground(axis)]
    said = "each at its best learning rate" if tuned else ""
    is_crowd = len(arms) > MOST_TOGETHER and len(axes) > 1
    if across and (is_crowd or len(across) < len(axes)):
        rest = [axis for axis in axes if axis != across[0]]
        found = _faceted(arms, across[0], rest, gathered.axes)
        if found and len(found) <= MOST_FACETS and max(len(facet.groups) for facet in found) <= MOST_CURVES:
            return found, said
    found, left_out = _best([each.arm for each in shown if has_result(each.arm)], called(comparison.metric))
    return found, ", ".join(filter(None, (left_out, said)))


def _best(arms: Sequence[Arm], metric: str) -> tuple[list[Facet], str]:
    """Return a panel of the best of some arms, best first, or one for each dataset that they are on, and what is left out."""
    on: dict[Ground, list[Arm]] = {}
    for arm in arms:
        on.setdefault(ground_of(arm), []).append(arm)
    most = max(map(len, on.values()), default=0)
    found = [
        Facet(
            settings_name(dict(ground)),
            [_drawn(arm) for arm in own[:MOST_CURVES]],
        )
        for ground, own in list(on.items())[:MOST_FACETS]
    ]
    parts = [f"the {MOST_CURVES} best of {most} by {metric}{' on each' if len(on) > 1 else ''}"] if most > MOST_CURVES else []
    parts += [f"the first {MOST_FACETS} of {len(on)} panels"] if len(on) > MOST_FACETS else []
    return found, ", ".join(parts)


def _drawn(arm: Arm) -> Group:
    return Group(_apart(arm), arm.name, arm.colour, ended(arm), arm.marker)


def _apart(arm: Arm) -> str:
    """Return what an arm is called among those on the same dataset."""
    return (
        settings_name({key: value for key, value in arm.settings.items() if not is_ground(key)} if ground_of(arm) else {})
        or arm.name
    )


def _faceted(arms: Sequence[Arm], by: str, rest: Sequence[str], axes: Mapping[str, Sequence[Any]]) -> list[Facet]:
    """Return a panel for every combination of the other settings; a value of ``by`` has one colour in all of them."""
    looks = looks_of(arms, by)
    found = []
    for values in product(*(axes[axis] for axis in rest)):
        own = [arm for arm in arms if all(arm.settings.get(axis) == value for axis, value in zip(rest, values, strict=True))]
        curves = [
            Group(value_word(arm.settings.get(by)), arm.settings.get(by), colour, ended(arm), marker)
            for arm in own
            for colour, marker in (looks[arm.settings.get(by)],)
        ]
        heading = ", ".join(setting_words(axis, value) for axis, value in zip(rest, values, strict=True))
        found += [Facet(heading, curves)] if curves else []
    return found


def has_result(arm: Arm) -> bool:
    """Tell whether a run of an arm ended as a result."""
    return any(run.summary["status"] in (*UNTRAINED, "finished") for run in arm.runs)


def ended(arm: Arm) -> Results:
    """Return the runs of an arm that ended as a result, finished, diverged or failed to train."""
    return Results(run for run in arm.runs if run.summary["status"] in (*UNTRAINED, "finished"))


DIGITS = 5  # that matter, of a number in the page

Chart = dict[str, Any]


def charts(comparison: Findings) -> dict[str, Chart]:
    """Return the charts that these runs have, by name."""
    makers = {"curves": curves, "sensitivity": _sensitivity, "profile": _profile}
    made = {name: make(comparison) for name, make in makers.items()}
    return {name: chart for name, chart in made.items() if chart is not None}


def curves(comparison: Findings) -> Chart | None:
    """Return the chart of the arms' curves, best arm first, every metric a view of it."""
    standings = comparison.standings
    arms = [each.arm for each in standings]
    steps: dict[tuple[int, ...], int] = {}
    views = []
    for metric in metrics_of(arms):
        found = [curve(arm, metric) for arm in arms]
        lines = [_line(curve, steps) for curve in found]
        if not any(curve.steps.size or any(at.size for at, _ in curve.lost) for curve in found):
            continue
        for line, each, drawn in zip(lines, standings, found, strict=True):
            line |= _final(each, metric, int(drawn.steps[-1]) if drawn.steps.size else 0)
        means = [float(value) for curve in found for value in curve.mean if math.isfinite(value)]
        log = bool(means) and is_steep(min(means), max(means))
        views.append(_view(axis_label(metric, arms[0].runs[0].summary["choices"]), metric, lines, log=log))
    if not views:
        return None
    series = [
        {"name": arm.name, "arms": [place], **stroke._asdict()}
        for place, (arm, stroke) in enumerate(zip(arms, strokes(comparison), strict=True))
    ]
    hidden = hidden_arms(comparison)
    return {
        "series": series,
        "hidden": hidden,
        "bands": len(arms) - len(hidden) <= MOST_BANDS,
        "right": max(int(run.summary["steps"]) for arm in arms for run in arm.runs),
        "steps": [list(each) for each in steps],
        "views": views,
        "groups": _groups(comparison),
        "across": across(views[0]["metric"]),
        "cross": "step",
        "xlog": False,
    }


def _final(each: Standing, metric: str, last: int) -> Chart:
    """Return the point that is scored, after the last step of a training curve: the loss of the network that a run keeps."""
    measured = each.metrics.get(TRAIN_FINAL) if metric == TRAIN_LOSS else None
    if measured is None or not math.isfinite(measured.mean):
        return {}
    steps = [int(run.summary["steps"]) for run in each.arm.runs if run.summary["status"] == "finished"]
    ends = [measured.low, measured.high] if measured.half is not None else []
    return {"final": {"x": max(last, *steps), "y": rounded([measured.mean])[0], "ends": rounded(ends)}}


def hidden_arms(comparison: Findings) -> list[int]:
    """Return the arms that a chart does not show at first.

    Those at other than their best learning rate, those on another dataset than the first, and of many all but the best.
    """
    best = {each.arm.name for each in at_best_rates(comparison.standings, comparison.metric)}
    arms = [each.arm for each in comparison.standings]
    shown = [place for place, arm in enumerate(arms) if arm.name in best and ground_of(arm) == ground_of(arms[0])]
    kept = {*shown[:MOST_SHOWN]} if len(shown) > MOST_SHOWN + 2 else {*shown}
    return [place for place in range(len(arms)) if place not in kept]


def _line(curve: Curve, steps: dict[tuple[int, ...], int]) -> Chart:
    """Return a curve; its steps, alike in most, stand once in a list that it names by number."""

    def numbered(at: Steps) -> int:
        return steps.setdefault(tuple(map(int, at)), len(steps))

    line: Chart = {"x": numbered(curve.steps), "y": rounded(curve.mean)}
    if curve.seeds >= FEW_SEEDS:
        line |= {"low": rounded(curve.low), "high": rounded(curve.high)}
    if len(curve.singles):
        line["singles"] = [rounded(each) for each in curve.singles]
    if curve.raw[0].size:
        line["raw"] = {"x": numbered(curve.raw[0]), "y": rounded(curve.raw[1])}
    if len(curve.lost):
        line["lost"] = [{"x": [int(step) for step in at], "y": rounded(values)} for at, values in curve.lost]
    return line


def _view(label: str, metric: str, lines: Sequence[Chart], *, log: bool) -> Chart:
    return {
        "name": label.partition(" (")[0],
        "metric": metric,
        "label": label,
        "share": is_share(metric),
        "higher": is_higher_better(metric),
        "log": log,
        "curves": lines,
    }


def _groups(comparison: Findings) -> list[Chart]:
    """Return, where several settings were swept, the arms of each of their values, to be shown and hidden together."""
    axes = several(comparison.gathered.axes)
    arms = [each.arm for each in comparison.standings]
    found = []
    for axis in axes if len(axes) > 1 else ():
        values = [value for value in comparison.gathered.axes[axis] if any(arm.settings.get(axis) == value for arm in arms)]
        members = [[place for place, arm in enumerate(arms) if arm.settings.get(axis) == value] for value in values]
        if len(values) <= MOST_SHOWN:
            found.append({"name": axis_word(axis), "values": [value_word(value) for value in values], "members": members})
    return found


def _sensitivity(comparison: Findings) -> Chart | None:
    view = rates_view(comparison)
    if view is None or not any(math.isfinite(value.mean) for each in view.curves for value in each.values):
        return None
    found, lines = view.curves, []
    top = max((value.mean for each in found for value in each.values if math.isfinite(value.mean)), default=1.0)
    for each in found:
        kept = [(rate, value) for rate, value in zip(each.rates, each.values, strict=True) if math.isfinite(value.mean)]
        best = each.values[each.best].mean
        lost = [rate for rate, count in zip(each.rates, each.diverged, strict=True) if count]
        line = {
            "x": [float(rate) for rate, _ in kept],
            "y": rounded(value.mean for _, value in kept),
            "lost": [{"x": [float(rate)], "y": [top]} for rate in lost],
            "rings": [{"x": float(each.rates[each.best]), "y": best, "edge": each.at_edge}] if math.isfinite(best) else [],
        }
        if any(value.half is not None for _, value in kept):
            line["low"] = rounded(value.low if value.half is not None else value.mean for _, value in kept)
            line["high"] = rounded(value.high if value.half is not None else value.mean for _, value in kept)
        lines.append(line)
    shown = _view(view.label, view.metric, lines, log=view.log)
    return {
        "series": _techniques(comparison, found),
        "bands": len(found) <= MOST_BANDS,
        "steps": [],
        "views": [shown],
        "across": "learning rate",
        "cross": "learning rate",
        "xlog": True,
    }


def _techniques(comparison: Findings, found: Sequence[Sensitivity] | Sequence[Profile]) -> list[Chart]:
    """Return the series of techniques, whatever their rate or dataset, each with the arms that are its own."""
    series = []
    for each in found:
        arms = [
            place
            for place, standing in enumerate(comparison.standings)
            if each.name in technique_names(standing.arm.settings) or each.name == standing.arm.name
        ]
        label = each.label if isinstance(each, Sensitivity) else each.name
        series.append({"name": label, "arms": arms, "colour": each.colour, "dash": "", "marker": each.marker})
    return series


def _profile(comparison: Findings) -> Chart | None:
    view = profile_view(comparison)
    if view is None or len({tuple(map(float, each.shares)) for each in view.curves}) < 2:  # all alike tell nothing
        return None
    lines = [{"x": rounded(each.ratios), "y": rounded(each.shares)} for each in view.curves]
    shown = {"name": "share", "label": view.label, "share": True, "higher": True, "log": False, "curves": lines}
    return {
        "series": _techniques(comparison, view.curves),
        "bands": False,
        "steps": [],
        "views": [shown],
        "across": view.across,
        "cross": "within a factor of",
        "xlog": True,
        "step": True,
    }


def rounded(values: Iterable[float]) -> list[float]:
    """Return numbers with the digits that a chart shows; infinities, which JSON has not, as the largest it is asked to draw."""
    return [float(f"{min(max(value, -1e300), 1e300):.{DIGITS}g}") for value in values]
