"""Who beats whom: the sides, their differences, the intervals."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnreg.comparison import rates
from nnreg.comparison.differences import is_ground
from nnreg.comparison.gathering import Arm
from nnreg.comparison.naming import lost_in, setting_words
from nnreg.comparison.standings import Standing
from nnreg.records.metrics import is_higher_better, is_share
from nnreg.records.statistics import Values, half_width, simultaneous, welch_half_width
from nnreg.settings import DESCEND, task_of

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
    kept = [tried[rates.best_rate({value: each.arm.runs for value, each in tried.items()})] for tried in groups.values()]
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
        _average(setting_words(of, value), [arm for cell in cells if cell in common for arm in cells[cell]], metric)
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


TIED = "cannot be told apart"


@dataclass(frozen=True)
class Difference:
    """Two arms, or two values of an axis averaged over the other axes.

    Attributes:
        a: name of the first.
        b: name of the second.
        mean: of a minus b, in the metric's units; NaN where they have no seeds in common.
        half: half the width of the corrected interval; None where one seed refuses any.
        seeds: pairs, or of the smaller group where unpaired.
        paired: whether differences were taken at equal seed.
        winner: ``a`` or ``b``'s name, or "" where there is none: see ``undecided``.
        lost: a sentence where diverged runs decide or forbid the comparison, else "".
    """

    a: str
    b: str
    mean: float
    half: float | None
    seeds: int
    paired: bool
    winner: str
    lost: str = ""

    @property
    def undecided(self) -> str:
        """Why there is no winner, in words; "" where there is one."""
        if self.winner:
            return ""
        if self.half is None:
            return "runs were lost" if self.lost else "no interval"
        return TIED if abs(self.mean) <= self.half else "runs were lost"


@dataclass(frozen=True)
class Matrix:
    """All differences of a set of names.

    Attributes:
        metric: compared.
        of: what is compared: ``arm``, or an axis such as ``optimizer`` (averaged over the other axes at each seed).
        names: best first.
        differences: one for each unordered pair, the better first; none for arms on different datasets or surfaces.
        correction: in words: ``intervals hold together with 95 % (Bonferroni, 6 comparisons)``.
    """

    metric: str
    of: str
    names: Sequence[str]
    differences: Sequence[Difference]
    correction: str

    def tally(self, name: str) -> str:
        """Return how often a name wins, stays open, loses: ``2 · 1 · 0``."""
        own = [each for each in self.differences if name in (each.a, each.b)]
        won, still = sum(each.winner == name for each in own), sum(not each.winner for each in own)
        return f"{won} · {still} · {len(own) - won - still}"


def matrix(found: Sequence[Standing], metric: str, of: str = ARM, *, paired: bool = True) -> Matrix:
    """Compare every two arms, or every two values of an axis.

    Where learning rates were swept beside something else, each technique takes part at its best one (``at_best_rates``). A
    winner has an interval that leaves out zero, and lost no run: what is known of the others is about those that survived.
    One whose runs all diverged loses to one whose runs all finished, if there are at least two.

    Args:
        found: how the arms did.
        metric: compared.
        of: ``arm``, or an axis; datasets and surfaces are no rivals, so their matrix has no differences.
        paired: whether all arms have the same seeds; differences are then taken at equal seed. Else two arms that share most
            of theirs are compared at those (``shared_seeds``), others by Welch's interval.
    """
    rivals = contenders(found, metric, of)
    pairs = [pair for pair in itertools.combinations(rivals, 2) if pair[0].ground == pair[1].ground]
    level, least = simultaneous(len(pairs)), resolution(found, metric)
    differences = [_difference(a, b, metric, level, least, paired=paired) for a, b in pairs]
    correction = _correction(differences)
    if found and task_of(found[0].arm.runs[0].summary) == DESCEND:  # the same at every seed
        differences = [dataclasses.replace(each, half=None, winner=each.winner if each.lost else "") for each in differences]
        correction = "no chance in a descent, so no interval"
    return Matrix(metric, of, [rival.name for rival in rivals], differences, correction)


def _difference(a: Contender, b: Contender, metric: str, level: float, least: float, *, paired: bool) -> Difference:
    seeds = sorted(a.by_seed.keys() & b.by_seed.keys()) if paired else shared_seeds(a.by_seed, b.by_seed)
    paired = paired or bool(seeds)
    if paired:
        apart = np.array([a.by_seed[seed] - b.by_seed[seed] for seed in seeds])
        mean, half, count = _mean(apart), half_width(apart, level, math.sqrt(2) * least), apart.size
    else:
        ones, others = (np.array(list(side.by_seed.values())) for side in (a, b))
        mean, half, count = a.mean - b.mean, welch_half_width(ones, others, level, least), min(ones.size, others.size)
    better = None
    if half is not None and abs(mean) > half:
        better = a if (mean > 0) == is_higher_better(metric) else b
    winner, lost = _judge(a, b, better, count)
    return Difference(a.name, b.name, mean, half, int(count), paired, winner, lost)


def _mean(values: Values) -> float:
    return float(values.mean()) if values.size else math.nan


def _judge(a: Contender, b: Contender, better: Contender | None, seeds: int) -> tuple[str, str]:
    """Return the winner's name, or "", and what lost runs mean for it in words."""
    if not a.lost and not b.lost:
        return (better.name if better else ""), ""
    for dead, alive in ((a, b), (b, a)):
        if dead.diverged == dead.runs and not alive.lost:
            said = f"{how_lost(dead)}; {alive.name} finished {'all ' + str(alive.runs) if alive.runs > 1 else 'its one'}"
            return (alive.name if min(dead.runs, alive.runs) > 1 else ""), said
    facts = "; ".join(how_lost(side) for side in (a, b) if side.lost)
    if better is not None and better.lost:
        other = b if better is a else a
        return "", f"{facts}: {better.name} may not be said to beat {other.name}, though it is ahead in those that finished"
    left = f"; compared at the other {seeds} seed{'s' if seeds > 1 else ''}" if seeds else "; there is nothing to compare"
    return (better.name if better else ""), facts + left


def how_lost(side: Contender) -> str:
    """Return ``sgd diverged in 2 of 5 runs``, or ``every run``."""
    return f"{side.name} {lost_in({'diverged': side.diverged, 'failed': side.failed}, side.runs)}"


def _correction(differences: Sequence[Difference]) -> str:
    """Return in words what the intervals promise."""
    if not any(difference.half is not None for difference in differences):
        return "one seed carries no interval" if differences else "nothing to compare"
    count = len(differences)
    return "95 % interval" if count == 1 else f"intervals hold together with 95 % (Bonferroni, {count} comparisons)"
