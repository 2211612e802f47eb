"""The panel of a search: trials as a scatter, as lines over all their settings, and which settings mattered."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnreg import numerals
from nnreg.comparison.naming import axis_word
from nnreg.comparison.report.captions import quantity
from nnreg.comparison.report.forest import ticks
from nnreg.comparison.report.inks import ink
from nnreg.comparison.report.views import strokes
from nnreg.comparison.searches import Drawn, Importance, drawn_settings, importance
from nnreg.figures.heatmap import best_of, shade
from nnreg.figures.page import is_steep
from nnreg.records.metrics import called, format_value, is_higher_better
from nnreg.records.statistics import Values

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings


Panel = dict[str, Any]
SPOKES = 3  # settings from which on all of them are drawn side by side
LEAST_EXPLAINED = 0.1  # share of variance below which nothing is said of single settings
TICKS = 5
MARGIN = 0.04  # of an axis, at each end


def search_panel(comparison: Findings) -> Panel | None:
    """Return the panel of a search; None of a sweep that searched nothing, or whose every trial was lost."""
    metric = comparison.metric
    settings = drawn_settings(comparison.gathered, comparison.standings)
    values = np.array([each.mean(metric) for each in comparison.standings])
    if not settings or not metric or not np.isfinite(values).any():
        return None
    weights = importance(settings, values, metric)
    if weights is not None and weights.explained >= LEAST_EXPLAINED:
        pairs = sorted(zip(weights.weights, settings, strict=True), key=lambda pair: -pair[0])
        settings = [each for _, each in pairs]
        weights = dataclasses.replace(weights, weights=[weight for weight, _ in pairs])
    names = [axis_word(each.key) for each in settings]
    lost = int(np.isnan(values).sum())
    said = f"Each dot is a trial: {len(values)} of them, by {called(metric)}."
    said += f" Crosses: {lost} that diverged or were lost." if lost else ""
    return {
        "question": f"Which {names[0] if len(names) == 1 else 'settings'} should one take?",
        "about": f"{said} Ring: the best one, which is one of many by luck too.",
        "cloud": _cloud(comparison, settings, values),
        "spokes": _spokes(comparison, settings, values) if len(settings) >= SPOKES else None,
        "weights": _weights(weights, names) if weights is not None else None,
    }


def _cloud(comparison: Findings, settings: Sequence[Drawn], values: Values) -> Panel:
    """Return the scatter: of one setting against the metric, of more the first two coloured by it."""
    metric, lowest = comparison.metric, not is_higher_better(comparison.metric)
    x = settings[0]
    finite = values[np.isfinite(values)]
    is_log = is_steep(float(finite.min()), float(finite.max()))
    hues = shade(values[None, :], lowest=lowest)[0]
    best = {column for _, column in best_of(values[None, :], lowest=lowest)}
    if len(settings) > 1:
        y, colours = settings[1], [hue for hue, _ in hues]
        yname, heights, is_up_log = axis_word(y.key), y.values, y.is_log
        caption = f"{axis_word(x.key)} and {yname}, coloured by {called(metric)}"
    else:
        colours = [ink(stroke.colour) for stroke in strokes(comparison)]
        worst = float(finite.max() if lowest else finite.min())
        yname, heights, is_up_log = quantity(comparison), np.where(np.isfinite(values), values, worst), is_log
        caption = f"{called(metric)} over {axis_word(x.key)}"
    across, up = _Scale(x.values, x.is_log), _Scale(heights, is_up_log)
    dots = [
        {"arm": place, "x": across.at(x.values[place]), "y": up.at(heights[place]), "colour": colours[place]}
        | {"kind": "best" if place in best else "" if math.isfinite(values[place]) else "lost"}
        | {"said": f"{each.arm.name}: {format_value(metric, values[place]) if math.isfinite(values[place]) else 'lost'}"}
        for place, each in enumerate(comparison.standings)
        if math.isfinite(x.values[place]) and math.isfinite(heights[place])
    ]
    return {
        "caption": caption[:1].upper() + caption[1:],
        "xname": axis_word(x.key),
        "yname": yname,
        "across": across.ticks(),
        "up": up.ticks(),
        "dots": sorted(dots, key=lambda dot: dot["kind"] == "best"),
        "scale": _colour_scale(metric, finite, lowest=lowest) if len(settings) > 1 else None,
    }


class _Scale:
    """An axis from 0 to 100."""

    def __init__(self, values: Values, is_log: bool) -> None:
        self._is_log = is_log
        places = self._placed(values[np.isfinite(values)])
        room = MARGIN * float(np.ptp(places)) or 0.5
        self._low, self._high = float(places.min()) - room, float(places.max()) + room

    def _placed(self, values: Values) -> Values:
        return np.log(np.maximum(values, 1e-300)) if self._is_log else values

    def at(self, value: float) -> float:
        place = float(self._placed(np.asarray([value]))[0])
        return round(100 * (place - self._low) / (self._high - self._low), 2)

    def ticks(self) -> list[Panel]:
        low, high = (math.exp(end) if self._is_log else end for end in (self._low, self._high))
        return [{"at": self.at(value), "text": text} for value, text in ticks(low, high, TICKS, log=self._is_log)]


def _colour_scale(metric: str, finite: Values, *, lowest: bool) -> Panel:
    steps = np.linspace(1.0, 0.0, 9) if lowest else np.linspace(0.0, 1.0, 9)
    colours = [colour for colour, _ in shade(steps[None, :], lowest=lowest)[0]]
    ends = (finite.max(), finite.min()) if lowest else (finite.min(), finite.max())
    worst, best = (format_value(metric, float(end)) for end in ends)
    return {"low": worst, "high": f"{best} (best)", "colours": colours}


def _spokes(comparison: Findings, settings: Sequence[Drawn], values: Values) -> Panel:
    """Return the trials as lines over all of their settings, the metric last; the best is drawn last, on top."""
    metric, lowest = comparison.metric, not is_higher_better(comparison.metric)
    finite = values[np.isfinite(values)]
    scales = [(each.key, each.values, _Scale(each.values, each.is_log)) for each in settings]
    names = [*_short_words([key for key, _, _ in scales]), called(metric)]
    result = _Scale(values, is_steep(float(finite.min()), float(finite.max())))
    columns = [(own, scale) for _, own, scale in scales] + [(values, result)]
    hues = shade(values[None, :], lowest=lowest)[0]
    order = np.argsort(-values if lowest else values)
    lines = []
    for place in (int(each) for each in order if math.isfinite(values[each])):
        points = [
            (100 * number / (len(columns) - 1), 100 - scale.at(own[place]))
            for number, (own, scale) in enumerate(columns)
            if math.isfinite(own[place])
        ]
        path = "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
        lines.append({"arm": place, "path": f"M{path}", "colour": hues[place][0]})
    axes = []
    for number, (name, (own, _)) in enumerate(zip(names, columns, strict=True)):
        known = own[np.isfinite(own)]
        low, high = (numerals.chosen(float(end), 3) for end in (known.min(), known.max()))
        if number == len(columns) - 1:
            low, high = (format_value(metric, float(end)) for end in (known.min(), known.max()))
        axes.append({"x": round(100 * number / (len(columns) - 1), 2), "name": name, "low": low, "high": high})
    return {"caption": "Every trial over all of its settings; yellow is good", "axes": axes, "lines": lines}


def _short_words(keys: Sequence[str]) -> list[str]:
    """Return what settings are called where room is short: without the technique that they belong to, unless two are alike."""
    last = [key.rpartition(".")[2] for key in keys]
    return [
        axis_word(key) if last.count(own) > 1 or own == "lr" else own.replace("_", " ")
        for key, own in zip(keys, last, strict=True)
    ]


def _weights(found: Importance, names: Sequence[str]) -> Panel:
    if found.explained < LEAST_EXPLAINED:
        said = f"Importance of the settings: {found.trials} trials are too few to tell it"
        return {"caption": f"{said}; a forest that learned from some guesses the others no better than their mean.", "rows": []}
    most = max(found.weights)
    rows = [
        {"name": name, "wide": round(100 * weight / most, 1), "text": numerals.percent(weight, 0)}
        for name, weight in zip(names, found.weights, strict=True)
    ]
    said = f"Importance of the settings: together they explain {numerals.percent(found.explained, 0)} of how trials rank"
    return {"caption": f"{said}, on trials not learned from.", "rows": rows}
