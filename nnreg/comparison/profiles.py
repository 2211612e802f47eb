"""How arms do over learning rates, and over datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.comparison import rates
from nnreg.comparison.contenders import at_best_rates, ground_of
from nnreg.comparison.differences import find_axes, grounds, is_ground
from nnreg.comparison.gathering import Gathered
from nnreg.comparison.naming import settings_name
from nnreg.comparison.standings import Measured, Standing, measure, standings
from nnreg.records.metrics import is_higher_better, is_share
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
        best: index of the best rate, by the metric that it was chosen by, among those that lost no run where there are any.
        at_edge: whether that is the lowest or highest rate tried.
        marker: as matplotlib names it; "" for none.
    """

    name: str
    colour: str
    rates: Sequence[float]
    values: Sequence[Measured]
    diverged: Sequence[int]
    best: int
    at_edge: bool
    marker: str = ""

    @property
    def label(self) -> str:
        """What the curve is called."""
        return f"{self.name}{' (best at the edge)' if self.at_edge else ''}"


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
    by = gathered.tuning.by if len(gathered.tuning.runs) else metric
    return [_curve(dict(others), tried, metric, by, _look(gathered, dict(others))) for others, tried in found.items()]


def _members(runs: Results) -> list[tuple[Mapping[str, Any], Results]]:
    """Return runs by the settings in which they differ."""
    apart = find_axes(list(runs))
    groups: dict[tuple[tuple[str, Any], ...], Results] = {}
    for run, values in zip(runs, apart.values, strict=True):
        key = tuple((shown, values[shown]) for shown in apart.shown if shown in values)
        groups[key] = Results([*groups.get(key, ()), run])
    return [(dict(key), group.sorted_by_seed()) for key, group in groups.items()]


def _look(gathered: Gathered, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return colour and marker of a technique's arm: of the middle one of its shades, where it has several."""
    alike = [arm for arm in gathered.arms if all(arm.settings.get(key, value) == value for key, value in settings.items())]
    arm = alike[len(alike) // 2] if alike else gathered.arms[0]
    return arm.colour, arm.marker


def _curve(
    settings: Mapping[str, Any], tried: Mapping[float, Results], metric: str, by: str, look: tuple[str, str]
) -> Sensitivity:
    values = [measure(runs, metric) for runs in tried.values()]
    lost = [sum(run.summary["status"] != "finished" for run in runs) for runs in tried.values()]
    first = next(iter(tried.values()))[0]
    name = settings_name(settings) or str(first.summary["choices"].get("optimizer", first.summary.get("label", "")))
    known, best = list(tried), rates.best_rate(tried, by)
    colour, marker = look
    return Sensitivity(name, colour, known, values, lost, known.index(best), rates.is_at_edge(best, known), marker)


TINY = 1e-12  # below it losses are equally good; a ratio to 0 would say nothing

Problem = tuple[Any, int]


@dataclass(frozen=True)
class Profile:
    """One technique over all datasets.

    Attributes:
        name: all swept settings but the dataset.
        colour: hexadecimal.
        ratios: ascending factors from 1, (points,) float64.
        shares: of the (dataset, seed) problems on which it is within that factor of the best, (points,) in [0, 1].
        problems: how many there are.
        marker: as matplotlib names it; "" for none.
    """

    name: str
    colour: str
    ratios: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]
    problems: int
    marker: str = ""


def profiles(gathered: Gathered, metric: str) -> Sequence[Profile]:
    """Return the profiles, all at the same ratios; none where fewer than two datasets, or surfaces, were swept.

    A technique's cost on a problem is the metric itself for losses and 1 minus it for accuracies and R², at least half a row of
    the split in which accuracy was measured; infinite for a lost run. Each technique is taken at its best learning rate.
    """
    if not grounds(gathered.axes):
        return ()
    groups: dict[tuple[tuple[str, Any], ...], list[Standing]] = {}
    for standing in at_best_rates(standings(gathered, None, metric), metric):
        groups.setdefault(_technique(standing), []).append(standing)
    costs = {key: _costs(found, metric) for key, found in groups.items()}
    problems = sorted({problem for found in costs.values() for problem in found}, key=str)
    table = np.array([[found.get(problem, np.inf) for problem in problems] for found in costs.values()])
    factors = _ratios(table)
    points = np.unique(np.concatenate([[1.0], factors[np.isfinite(factors)]]))
    first = {key: found[0].arm for key, found in groups.items()}
    shares = [(row[None, :] <= points[:, None]).mean(axis=1) for row in factors]
    made = [
        Profile(settings_name(dict(key)), first[key].colour, points, share, len(problems), first[key].marker)
        for key, share in zip(groups, shares, strict=True)
    ]
    return sorted(made, key=lambda profile: -float(profile.shares.mean()))


def _technique(standing: Standing) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in standing.arm.settings.items() if not is_ground(key) and not rates.is_rate(key))


def _costs(found: Sequence[Standing], metric: str) -> Mapping[Problem, float]:
    """Return a technique's cost on each problem that it was run on: infinite for runs without a value."""
    costs: dict[Problem, float] = {}
    for standing in found:
        values = standing.metrics[metric].by_seed if metric in standing.metrics else {}
        where = ground_of(standing.arm)
        for run in standing.arm.runs:
            cost = _cost(values[run.seed], metric, run.summary) if run.seed in values else np.inf
            costs[where, run.seed] = min(cost, costs.get((where, run.seed), np.inf))
    return costs


def _cost(value: float, metric: str, summary: Mapping[str, Any]) -> float:
    if not is_higher_better(metric):
        return max(value, TINY)
    rows = ((summary.get("dataset") or {}).get("rows") or {}).get(metric.partition("/")[0])
    return max(1 - value, 0.5 / rows if rows and is_share(metric) else TINY)


def _ratios(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the factor of each cost to the lowest of its problem, (techniques, problems); infinite where none was solved."""
    best = table.min(axis=0)
    ratios = np.full_like(table, np.inf)
    np.divide(table, best, out=ratios, where=np.isfinite(table) & np.isfinite(best))
    return np.round(ratios, 9)  # 1 - 0.9 is not 0.1
