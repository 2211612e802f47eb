"""How much the result depends on the learning rate: one curve a technique, where learning rates were swept or tuned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnreg.comparison import axes, rates
from nnreg.comparison.gathering import Gathered
from nnreg.comparison.standings import Measured, measure
from nnreg.records.results import Results


@dataclass(frozen=True)
class Sensitivity:
    """One technique over its learning rates.

    Attributes:
        name: of the technique, all other swept settings included.
        colour: hexadecimal.
        rates: ascending.
        values: of the metric at each rate; NaN mean where every run diverged.
        diverged: runs lost at each rate: diverged, failed or killed.
        best: index of the best rate as everywhere: by validation loss, among those that lost no run where there are any.
        at_edge: whether that is the lowest or highest rate tried.
    """

    name: str
    colour: str
    rates: Sequence[float]
    values: Sequence[Measured]
    diverged: Sequence[int]
    best: int
    at_edge: bool


def sensitivities(gathered: Gathered, metric: str) -> Sequence[Sensitivity]:
    """Return the curves; none where no technique has two learning rates.

    They are of the tuning's own runs where a protocol chose the rates, else of the arms.
    """
    members = [(arm.settings, arm.runs) for arm in gathered.arms]
    if len(gathered.tuning.runs):
        members = _members(gathered.tuning.runs)
    rate = rates.rate_key(key for settings, _ in members for key in settings)
    if rate is None:
        return ()
    found = {others: tried for others, tried in rates.by_technique(members, rate).items() if len(tried) > 1}
    return [_curve(dict(others), tried, metric, _colour(gathered, dict(others))) for others, tried in found.items()]


def _members(runs: Results) -> list[tuple[Mapping[str, Any], Results]]:
    """Return runs by the settings in which they differ."""
    apart = axes.find(list(runs))
    groups: dict[tuple[tuple[str, Any], ...], Results] = {}
    for run, values in zip(runs, apart.values, strict=True):
        key = tuple((shown, values[shown]) for shown in apart.shown if shown in values)
        groups[key] = Results([*groups.get(key, ()), run])
    return [(dict(key), group.sorted_by_seed()) for key, group in groups.items()]


def _colour(gathered: Gathered, settings: Mapping[str, Any]) -> str:
    """Return the colour of a technique's arm: the middle one of its shades, where it has several."""
    alike = [
        arm.colour for arm in gathered.arms if all(arm.settings.get(key, value) == value for key, value in settings.items())
    ]
    return alike[len(alike) // 2] if alike else gathered.arms[0].colour


def _curve(settings: Mapping[str, Any], tried: Mapping[float, Results], metric: str, colour: str) -> Sensitivity:
    values = [measure(runs, metric) for runs in tried.values()]
    lost = [sum(run.summary["status"] != "finished" for run in runs) for runs in tried.values()]
    first = next(iter(tried.values()))[0]
    name = axes.name(settings) or str(first.summary["choices"].get("optimizer", first.summary.get("label", "")))
    known, best = list(tried), rates.best(tried)
    return Sensitivity(name, colour, known, values, lost, known.index(best), rates.is_at_edge(best, known))
