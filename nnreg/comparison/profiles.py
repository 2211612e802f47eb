"""Performance profiles over several datasets (Dolan and Moré 2002): how often a technique is within a factor of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.comparison import axes, rates
from nnreg.comparison.axes import grounds, is_ground
from nnreg.comparison.contenders import at_best_rates, ground_of
from nnreg.comparison.gathering import Gathered
from nnreg.comparison.standings import Standing, standings
from nnreg.records.metrics import is_higher_better, is_share

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
    """

    name: str
    colour: str
    ratios: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]
    problems: int


def profiles(gathered: Gathered, metric: str) -> Sequence[Profile]:
    """Return the profiles, all at the same ratios; none where fewer than two datasets, or surfaces, were swept.

    A technique's cost on a problem is the metric itself for losses and 1 minus it for accuracies and R², at least half a row of
    the split in which accuracy was measured; infinite for a lost run. Each technique is taken at its best learning rate.
    """
    if not grounds(gathered.axes):
        return ()
    groups: dict[tuple[tuple[str, Any], ...], list[Standing]] = {}
    for standing in at_best_rates(standings(gathered, None, metric)):
        groups.setdefault(_technique(standing), []).append(standing)
    costs = {key: _costs(found, metric) for key, found in groups.items()}
    problems = sorted({problem for found in costs.values() for problem in found}, key=str)
    table = np.array([[found.get(problem, np.inf) for problem in problems] for found in costs.values()])
    factors = _ratios(table)
    points = np.unique(np.concatenate([[1.0], factors[np.isfinite(factors)]]))
    colours = {key: found[0].arm.colour for key, found in groups.items()}
    shares = [(row[None, :] <= points[:, None]).mean(axis=1) for row in factors]
    made = [
        Profile(axes.name(dict(key)), colours[key], points, share, len(problems))
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
