"""What is compared in pairs: arms, or the values of an axis averaged over the other axes; each technique at its best rate."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnreg.comparison import axes, rates
from nnreg.comparison.axes import is_ground
from nnreg.comparison.gathering import Arm
from nnreg.comparison.standings import Standing
from nnreg.records.metrics import is_higher_better, is_share

Ground = tuple[tuple[str, Any], ...]

ARM = "arm"
"""Stands for all arms, as they are, where else an axis is named."""


@dataclass(frozen=True)
class Contender:
    """One side of a comparison.

    Attributes:
        name: of the arm, or of the value of an axis.
        by_seed: value at each seed at which all of its runs finished.
        runs: how many it has.
        diverged: how many of them diverged.
        failed: how many failed or were killed.
        ground: dataset or surface, with its parameters, that it has values on; only contenders of one ground are compared.
    """

    name: str
    by_seed: Mapping[int, float]
    runs: int
    diverged: int
    failed: int
    ground: Ground = ()

    @property
    def lost(self) -> int:
        """Number of runs that did not finish."""
        return self.diverged + self.failed

    @property
    def mean(self) -> float:
        """Mean over the seeds; NaN where there is none."""
        return float(np.mean(list(self.by_seed.values()))) if self.by_seed else math.nan


def contenders(found: Sequence[Standing], metric: str, of: str = ARM) -> list[Contender]:
    """Return what is compared, best first, those with lost runs after those without.

    Args:
        found: how the arms did.
        metric: compared.
        of: ``arm``, or an axis: its values are then averaged at each seed over what all of them were combined with.
    """
    if is_ground(of):
        return []
    chosen = found if rates.is_rate(of) else at_best_rates(found)
    made = [_arm(standing, metric) for standing in chosen] if of == ARM else _values(chosen, metric, of)
    return sorted(made, key=lambda contender: _rank(contender, metric))


def at_best_rates(found: Sequence[Standing]) -> Sequence[Standing]:
    """Return each technique at its best learning rate alone, where rates were swept and there are several techniques.

    The best is that with the lowest mean validation loss; rates that lost runs count only where every rate did. With one
    technique its rates are the rivals, and all are returned.
    """
    rate = rates.rate_key(key for standing in found for key in standing.arm.settings)
    if rate is None:
        return found
    groups = rates.by_technique([(standing.arm.settings, standing) for standing in found], rate)
    if len({tuple(pair for pair in others if not is_ground(pair[0])) for others in groups}) < 2:
        return found
    kept = [tried[rates.best({value: each.arm.runs for value, each in tried.items()})] for tried in groups.values()]
    names = {standing.arm.name for standing in kept}
    return [standing for standing in found if rate not in standing.arm.settings or standing.arm.name in names]


def shared_seeds(a: Collection[int], b: Collection[int]) -> list[int]:
    """Return the seeds to compare two arms at, ascending: those that both have, if these are two or more and most of each's.

    Else none: two pairs of ten runs would say less than the ten.
    """
    both = sorted({*a} & {*b})
    return both if len(both) > 1 and 2 * len(both) > max(len(a), len(b)) else []


def ground_of(arm: Arm) -> Ground:
    """Return what an arm was let loose on: dataset or surface, and their parameters, as far as they tell arms apart."""
    return tuple(sorted((key, value) for key, value in arm.settings.items() if is_ground(key)))


def resolution(found: Sequence[Standing], metric: str) -> float:
    """Return the standard deviation by which counting whole rows blurs a share; 0 for other metrics.

    Values are then multiples of 1 / rows, so a difference may be the same at a few seeds by chance.
    """
    rows = [(run.summary["dataset"] or {}).get("rows", {}) for standing in found for run in standing.arm.runs]
    counts = [row[metric.partition("/")[0]] for row in rows if metric.partition("/")[0] in row]
    return 1 / min(counts) / math.sqrt(12) if counts and is_share(metric) else 0.0


def _arm(standing: Standing, metric: str) -> Contender:
    values = standing.metrics[metric].by_seed if metric in standing.metrics else {}
    runs = len(standing.arm.runs)
    return Contender(standing.arm.name, values, runs, standing.diverged, standing.failed, ground_of(standing.arm))


def _values(found: Sequence[Standing], metric: str, of: str) -> list[Contender]:
    """Return the values of an axis, of arms whose other settings every value was combined with."""
    groups: dict[Any, dict[tuple[Any, ...], list[Standing]]] = {}
    for standing in found:
        if of in standing.arm.settings:
            cells = groups.setdefault(standing.arm.settings[of], {})
            cells.setdefault(_others(standing, of), []).append(standing)
    common = set.intersection(*(set(cells) for cells in groups.values())) if groups else set()
    return [
        _average(axes.words(of, value), [arm for cell in cells if cell in common for arm in cells[cell]], metric)
        for value, cells in groups.items()
        if common
    ]


def _others(standing: Standing, of: str) -> tuple[Any, ...]:
    """Return the settings that a value of an axis was combined with; what is tuned or set for that value is part of it."""
    own = (f"{of}.",)
    kept = {key: value for key, value in standing.arm.settings.items() if key != of and not key.startswith(own)}
    return tuple((key, value) for key, value in kept.items() if rates.is_rate(of) or not rates.is_rate(key))


def _average(name: str, arms: Sequence[Standing], metric: str) -> Contender:
    values = [standing.metrics[metric].by_seed if metric in standing.metrics else {} for standing in arms]
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in values)))
    means = {seed: float(np.mean([by_seed[seed] for by_seed in values])) for seed in seeds}
    runs = sum(len(standing.arm.runs) for standing in arms)
    return Contender(name, means, runs, sum(arm.diverged for arm in arms), sum(arm.failed for arm in arms))


def _rank(contender: Contender, metric: str) -> tuple[bool, float]:
    if math.isnan(contender.mean):
        return True, math.inf
    return contender.lost > 0, -contender.mean if is_higher_better(metric) else contender.mean
