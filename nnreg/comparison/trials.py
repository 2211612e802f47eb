"""What so many random trials come to: the best of them is better the more there are, by luck alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nnreg.comparison.gathering import Gathered
from nnreg.comparison.standings import Standing
from nnreg.records.manifest import RANDOM_SEARCH
from nnreg.records.metrics import called, format_value, is_higher_better
from nnreg.records.statistics import LEVEL

COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Trials of which the best is told, up to half of those there are: of more, subsets are too much alike to say."""


class BestOfTrials(NamedTuple):
    """The best of so many random trials: its expectation, and an interval of its median, ``inf`` where too few trials say."""

    mean: float
    low: float
    high: float


def best_of_trials(values: npt.ArrayLike, trials: int, level: float = LEVEL) -> BestOfTrials:
    """Return what the lowest of ``trials`` random trials comes to, from the values of as many or more.

    The expectation is the mean over all subsets of that size (the unbiased U-statistic). The median of the lowest of k is the
    quantile 1 - 2^(-1/k) of one trial, whose interval is that between two order statistics: exact, whatever the distribution.

    Raises:
        ValueError: there are fewer values than ``trials``.
    """
    from scipy.special import bdtr

    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = ordered.size
    if not 1 <= trials <= n:
        raise ValueError(f"trials must be in [1, {n}], the number of values, got {trials}")
    ways = [math.comb(n - 1 - rank, trials - 1) / math.comb(n, trials) for rank in range(n - trials + 1)]
    share = 1 - 2 ** (-1 / trials)
    below = bdtr(np.arange(n), n, share)  # P(at most so many lie below the quantile)
    low, high = int((below <= (1 - level) / 2).sum()), int((below < (1 + level) / 2).sum()) + 1
    ends = ordered[low - 1] if low else -math.inf, ordered[high - 1] if high <= n else math.inf
    return BestOfTrials(float(np.dot(ways, ordered[: len(ways)])), float(ends[0]), float(ends[1]))


def trial_lines(gathered: Gathered, found: Sequence[Standing], metric: str) -> list[str]:
    """Return a line for each technique that a random search has tried, on what the best of fewer trials would have been.

    A trial is an arm, its value the mean over its seeds; one that lost runs is worse than any other.

    Args:
        gathered: the runs; there are no lines for any other protocol.
        found: how each arm did.
        metric: that runs are judged by.
    """
    if gathered.tuning.protocol != RANDOM_SEARCH:
        return []
    sign, technique = -1 if is_higher_better(metric) else 1, gathered.tuning.technique
    values: dict[str, list[float]] = {}
    for each in found:
        measured = None if each.untrained else each.metrics.get(metric)
        name = str(each.arm.settings.get(technique, ""))
        values.setdefault(name, []).append(math.inf if measured is None else sign * measured.mean)
    return [line for name, tried in values.items() if (line := _line(name, tried, metric, sign))]


def _line(name: str, tried: Sequence[float], metric: str, sign: int) -> str:
    counts = [count for count in COUNTS if 2 * count <= len(tried)]
    lost = sum(map(math.isinf, tried))
    told = []
    for count in counts:
        if lost >= count:  # all of so many may be lost ones
            continue
        best = best_of_trials(tried, count)
        ends = sorted(sign * end for end in (best.low, best.high))
        low, high = (format_value(metric, end) for end in ends)
        spread = f" (95 % interval of its median {low} to {high})" if np.isfinite(ends).all() else ""
        told.append(f"of {count}: {format_value(metric, sign * best.mean)}{spread}")
    return (
        f"{f'{name}, ' if name else ''}{called(metric)} that the best random trial comes to, {', '.join(told)}" if told else ""
    )
