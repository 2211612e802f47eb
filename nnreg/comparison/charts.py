"""The data of the report's interactive charts, in plain containers: what the page's script draws."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from nnreg.comparison import overlay
from nnreg.comparison.axes import is_ground, name, several
from nnreg.comparison.cells import leading
from nnreg.comparison.contenders import at_best_rates, ground_of
from nnreg.comparison.facets import colours_of
from nnreg.comparison.phrases import axis_word, quantity, value_word
from nnreg.comparison.profiles import Profile
from nnreg.comparison.rates import is_rate
from nnreg.comparison.sensitivity import Sensitivity
from nnreg.figures.page import STEEP
from nnreg.records.metrics import across, is_higher_better, is_share, unit

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings

DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2")
DIGITS = 5  # that matter, of a number in the page

Chart = dict[str, Any]
Coloured = TypeVar("Coloured", Sensitivity, Profile)


def charts(comparison: Findings) -> dict[str, Chart]:
    """Return the charts that these runs have, by name."""
    makers = {"curves": curves, "sensitivity": _sensitivity, "profile": _profile}
    made = {name: make(comparison) for name, make in makers.items()}
    return {name: chart for name, chart in made.items() if chart is not None}


def strokes(comparison: Findings) -> list[tuple[str, str]]:
    """Return colour and dashes of each arm, best first.

    The colour tells the first swept setting, dashes the second, where there are enough of both; else each arm has its own
    colour.
    """
    axes, arms = leading(comparison.gathered.axes), [each.arm for each in comparison.standings]
    values = list(comparison.gathered.axes[axes[1]]) if len(axes) == 2 else []
    if not 1 < len(values) <= len(DASHES):
        return [(arm.colour, "") for arm in arms]
    colours = colours_of(comparison.gathered.arms, axes[0])
    if len(set(colours.values())) < len(colours):
        return [(arm.colour, "") for arm in arms]
    places = [(arm, values.index(arm.settings[axes[1]]) if arm.settings.get(axes[1]) in values else 0) for arm in arms]
    return [(colours.get(arm.settings.get(axes[0]), arm.colour), DASHES[place]) for arm, place in places]


def technique_coloured(comparison: Findings, found: Sequence[Coloured]) -> list[Coloured]:
    """Return curves of techniques, whatever their rate or dataset, in the colour that their arms have in the other charts."""
    colours: dict[str, str] = {}
    for each, (colour, _) in zip(comparison.standings, strokes(comparison), strict=True):
        for left_out in (is_rate, is_ground, lambda key: is_rate(key) or is_ground(key)):
            colours.setdefault(name({key: value for key, value in each.arm.settings.items() if not left_out(key)}), colour)
    return [dataclasses.replace(each, colour=colours.get(each.name, each.colour)) for each in found]


def sensitivities(comparison: Findings) -> list[Sensitivity]:
    """Return the curves over learning rates that can be drawn on a logarithmic axis: a rate below 0 failed anyway."""
    made = []
    for each in technique_coloured(comparison, comparison.sensitivities):
        kept = [place for place, rate in enumerate(each.rates) if rate > 0]
        if len(kept) > 1 and each.best in kept:
            parts: dict[str, Any] = {
                name: [getattr(each, name)[place] for place in kept] for name in ("rates", "values", "diverged")
            }
            made.append(dataclasses.replace(each, **parts, best=kept.index(each.best)))
    return made


def curves(comparison: Findings) -> Chart | None:
    """Return the chart of the arms' curves, best arm first, every metric a view of it."""
    arms = [each.arm for each in comparison.standings]
    metrics = overlay.metrics_of(arms)
    if not metrics:
        return None
    steps: dict[tuple[int, ...], int] = {}
    views = []
    for metric in metrics:
        found = [overlay.curve(arm, metric) for arm in arms]
        lines = [_line(curve, steps) for curve in found]
        means = [value for curve in found for value in curve.mean]
        views.append(_view(unit(metric, arms[0].runs[0]), metric, lines, means))
    series = [
        {"name": arm.name, "colour": colour, "dash": dash}
        for arm, (colour, dash) in zip(arms, strokes(comparison), strict=True)
    ]
    return {
        "series": series,
        "hidden": _hidden(comparison),
        "right": max(int(run.summary["steps"]) for arm in arms for run in arm.runs),
        "steps": [list(each) for each in steps],
        "views": views,
        "groups": _groups(comparison),
        "across": across(metrics[0]),
        "cross": "step",
        "xlog": False,
    }


def _hidden(comparison: Findings) -> list[int]:
    """Return the arms that a chart does not show at first: at other than their best learning rate, or on another dataset."""
    best = {each.arm.name for each in at_best_rates(comparison.standings)}
    arms = [each.arm for each in comparison.standings]
    return [place for place, arm in enumerate(arms) if arm.name not in best or ground_of(arm) != ground_of(arms[0])]


def _line(curve: overlay.Curve, steps: dict[tuple[int, ...], int]) -> Chart:
    """Return a curve; its steps, alike in most, stand once in a list that it names by number."""
    key = tuple(int(step) for step in curve.steps)
    line: Chart = {"x": steps.setdefault(key, len(steps)), "y": rounded(curve.mean)}
    if curve.seeds > 1:
        line |= {"low": rounded(curve.low), "high": rounded(curve.high)}
    if len(curve.lost):
        line["lost"] = [{"x": [int(step) for step in at], "y": rounded(values)} for at, values in curve.lost]
    return line


def _view(label: str, metric: str, lines: Sequence[Chart], means: Sequence[float]) -> Chart:
    finite = [float(value) for value in means if math.isfinite(value)]
    log = bool(finite) and min(finite) > 0 and max(finite) > STEEP * min(finite)
    return {
        "name": label.partition(" (")[0],
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
        found.append({"name": axis_word(axis), "values": [value_word(value) for value in values], "members": members})
    return found


def _sensitivity(comparison: Findings) -> Chart | None:
    found = sensitivities(comparison)
    if not found:
        return None
    lines = []
    top = max((value.mean for each in found for value in each.values if math.isfinite(value.mean)), default=1.0)
    for each in found:
        kept = [(rate, value) for rate, value in zip(each.rates, each.values, strict=True) if math.isfinite(value.mean)]
        best = each.values[each.best].mean
        lost = [rate for rate, count in zip(each.rates, each.diverged, strict=True) if count]
        lines.append({
            "x": [float(rate) for rate, _ in kept],
            "y": rounded(value.mean for _, value in kept),
            "low": rounded(value.mean - (value.half or 0.0) for _, value in kept),
            "high": rounded(value.mean + (value.half or 0.0) for _, value in kept),
            "lost": [{"x": [float(rate)], "y": [top]} for rate in lost],
            "rings": [{"x": float(each.rates[each.best]), "y": best, "edge": each.at_edge}] if math.isfinite(best) else [],
        })  # fmt: skip
    means = [value.mean for each in found for value in each.values]
    view = _view(quantity(comparison), comparison.metric, lines, means)
    series = [{"name": f"{each.name}{' (best at the edge)' if each.at_edge else ''}", "colour": each.colour} for each in found]
    return {"series": series, "steps": [], "views": [view], "across": "learning rate", "cross": "learning rate", "xlog": True}


def _profile(comparison: Findings) -> Chart | None:
    found = technique_coloured(comparison, comparison.profiles)
    if not found:
        return None
    lines = [{"x": rounded(each.ratios), "y": rounded(each.shares)} for each in found]
    label = f"share of the {found[0].problems} problems (%)"
    view: Mapping[str, Any] = {"name": "share", "label": label, "share": True, "higher": True, "log": False, "curves": lines}
    series = [{"name": each.name, "colour": each.colour} for each in found]
    return {
        "series": series,
        "steps": [],
        "views": [view],
        "across": "factor from the best on a problem",
        "cross": "within a factor of",
        "xlog": True,
        "step": True,
    }


def rounded(values: Iterable[float]) -> list[float]:
    """Return numbers with the digits that a chart shows; infinities, which JSON has not, as the largest it is asked to draw."""
    return [float(f"{min(max(value, -1e300), 1e300):.{DIGITS}g}") for value in values]
