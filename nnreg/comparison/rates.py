"""Learning rates: which was best for a technique, by the metric that all is judged by, and whether it lies at an edge."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from nnreg.comparison.chance import SMALLEST, loss_floor, placed
from nnreg.comparison.differences import is_ground
from nnreg.engine.history import START_LOSS
from nnreg.records.metrics import VALID, is_higher_better, is_loss, leading_results
from nnreg.records.results import Results
from nnreg.records.statistics import LEVEL

Summary = Mapping[str, Any]
T = TypeVar("T")


def is_rate(key: str) -> bool:
    """Tell whether a setting is a learning rate."""
    return key.rpartition(".")[2] == "lr"


def rate_key(keys: Iterable[str]) -> str | None:
    """Return the first learning rate among some settings, or None."""
    return next((key for key in keys if is_rate(key)), None)


def by_technique(
    members: Sequence[tuple[Mapping[str, Any], T]], rate: str
) -> dict[tuple[tuple[str, Any], ...], dict[float, T]]:
    """Return what belongs to each learning rate, ascending, for each combination of all other settings."""
    groups: dict[tuple[tuple[str, Any], ...], dict[float, T]] = {}
    for settings, member in members:
        others = tuple((key, value) for key, value in settings.items() if key != rate)
        if rate in settings:
            groups.setdefault(others, {})[settings[rate]] = member
    return {others: dict(sorted(found.items())) for others, found in groups.items()}


def deciding(runs: Iterable[Summary], metrics: Sequence[str]) -> str:
    """Return the first of some metrics that a finished run has, by the summaries of all; the first where none has any."""
    known = {name for run in runs if _is_finished(run) for name in run["metrics"]}
    return next((metric for metric in metrics if metric in known), metrics[0])


def best_of(tried: Mapping[float, Sequence[Summary]], by: str) -> float:
    """Return the best of several values, from the summaries of the runs at each.

    It is that with the best mean of the metric that decides, of losses the geometric one; of equals that with the highest
    validation accuracy, then the lowest. A value that lost runs is taken only where every one did; that with the smallest share
    of them is, then, by the mean over its others.
    """
    return min(tried, key=lambda value: (*_rank(tried[value], by), value))


def best_rate(rates: Mapping[float, Results], by: str) -> float:
    """Return the best of several rates, as ``best_of`` does, from the runs at each."""
    return best_of({rate: [run.summary for run in runs] for rate, runs in rates.items()}, by)


def take_part(members: Sequence[tuple[Mapping[str, Any], Results]], by: str) -> list[bool]:
    """Tell of some arms, each given by its settings and runs, whether it takes part in a comparison of techniques.

    Where learning rates were swept and there are several techniques, each takes part at its best rate alone. With one technique
    its rates are the rivals, and all take part.
    """
    rate = rate_key(key for settings, _ in members for key in settings)
    numbered = [(settings, number) for number, (settings, _) in enumerate(members)]
    groups = by_technique(numbered, rate) if rate is not None else {}
    if len({tuple(pair for pair in others if not is_ground(pair[0])) for others in groups}) < 2:
        return [True] * len(members)
    kept = {tried[best_rate({value: members[number][1] for value, number in tried.items()}, by)] for tried in groups.values()}
    return [rate not in settings or number in kept for settings, number in numbered]


def is_at_edge(rate: float, rates: Iterable[float]) -> bool:
    """Tell whether a rate is the lowest or the highest of several."""
    tried = list(rates)
    return len(tried) > 1 and rate in (min(tried), max(tried))


def _rank(runs: Sequence[Summary], by: str) -> tuple[float, float, float]:
    """Return share of lost runs, mean over the others of the metric that decides, and their mean accuracy or R², negative."""
    ended = [run["metrics"] for run in runs if _is_finished(run) and math.isfinite(run["metrics"].get(by, math.nan))]
    if not ended:
        return 1.0, math.inf, 0.0
    values = [metrics[by] for metrics in ended]
    starts = [metrics[START_LOSS] for metrics in ended if START_LOSS in metrics]
    floor = loss_floor(statistics.median(starts)) if starts else SMALLEST  # a single loss of 0 is no infinitely good one
    places = placed("ratio" if is_loss(by) and min(values) >= 0 else "difference", values, floor)
    mean = math.fsum(places.tolist()) / len(ended) * (-1 if is_higher_better(by) else 1)
    ties = leading_results(VALID)
    quality = math.fsum(metrics[name] for metrics in ended for name in ties if name in metrics) / len(ended)
    return (len(runs) - len(ended)) / len(runs), mean, -quality


def _is_finished(summary: Summary) -> bool:
    return bool(summary.get("status") == "finished")


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
