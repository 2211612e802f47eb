"""Who beats whom: the difference of every two arms at equal seed, with intervals that hold together."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnreg.comparison.contenders import ARM, Contender, contenders, resolution, shared_seeds
from nnreg.comparison.contenders import at_best_rates as at_best_rates
from nnreg.comparison.phrasing import lost_in
from nnreg.comparison.standings import Standing
from nnreg.records.metrics import is_higher_better
from nnreg.records.statistics import Values, half_width, simultaneous, welch_half_width
from nnreg.settings import DESCEND, task_of

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
