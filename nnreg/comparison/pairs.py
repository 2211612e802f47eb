"""Who beats whom: the sides, their distances, what chance leaves to be said."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nnreg.comparison.certainty import is_certain, is_same
from nnreg.comparison.chance import ALPHA, FEWEST, Typical, holm, set_of_best, typical, typical_unpaired
from nnreg.comparison.contenders import ARM, Contender, Ground, contenders, how_lost, loses_more, one_doing, shared_seeds
from nnreg.comparison.judging import Ruler, ruler_of
from nnreg.comparison.naming import factor, factors
from nnreg.comparison.standings import Standing
from nnreg.numerals import chosen
from nnreg.records.metrics import is_share, signed
from nnreg.settings import DESCEND, task_of

TIED, ALIKE = "cannot be told apart", "the same at every seed"


@dataclass(frozen=True)
class Difference:
    """Two arms, or two values of an axis averaged over the other axes.

    Attributes:
        a: name of the first.
        b: name of the second.
        center: distance of a above b: of losses the logarithm of their typical ratio, else a difference in the metric's units;
            NaN where there is none.
        typical: the same with its chance; None for fewer than three seeds.
        ruler: that made the distance.
        seeds: pairs, or of the smaller group where unpaired; problems where the comparison is over several.
        paired: whether distances were taken at equal seed.
        p: of all comparisons together (Holm); NaN where there is no interval.
        winner: ``a`` or ``b``'s name, or "" where there is none: see ``undecided``.
        lost: a sentence where lost runs decide or forbid the comparison, else "".
        barred: why neither may be said to beat the other, whatever the numbers are: ``unequal budgets``; else "".
        same: whether they had one value at every seed.
        remark: whose doing an average over other settings is, where it is mostly one's: see ``one_doing``.
    """

    a: str
    b: str
    center: float
    typical: Typical | None
    ruler: Ruler
    seeds: int
    paired: bool
    p: float = math.nan
    winner: str = ""
    lost: str = ""
    barred: str = ""
    same: bool = False
    remark: str = ""

    @property
    def undecided(self) -> str:
        """Why there is no winner, in words; "" where there is one."""
        if self.winner or self.barred:
            return self.barred
        if self.typical is None:
            return "runs were lost" if self.lost else "no interval"
        return "runs were lost" if FORBIDDEN in self.lost else ALIKE if self.same else TIED

    def ends(self, sign: int = 1) -> tuple[float, float, float]:
        """Return value, lower and upper end of the 95 % interval of a over b, of b over a for -1: ratios, or differences.

        The ends are NaN where there is no interval.
        """
        low, high = self.typical.interval() if self.typical is not None else (math.nan, math.nan)
        ordered = (low, high) if sign > 0 else (-high, -low)
        return (self.ruler.value(sign * self.center), *map(self.ruler.value, ordered))  # type: ignore[return-value]

    def words(self, metric: str, sign: int = 1, center: float | None = None) -> tuple[str, str]:
        """Return how far a is from b, and the interval: ``0.31``, ``0.25 to 0.39``; or ``+1.6``, ``± 0.3 points``.

        Args:
            metric: compared.
            sign: -1 for b from a.
            center: another distance, which has no interval.
        """
        value, low, high = self.ends(sign)
        has_interval = math.isfinite(low) and center is None
        value = self.ruler.value(center) if center is not None else value
        if self.ruler.scale == "ratio":
            return factors(value, low, high) if has_interval else (factor(value), "")
        number, half = signed(metric, value, (high - low) / 2 if has_interval else None)
        points = " points" if is_share(metric) else ""
        number, half = number.removesuffix("%").rstrip(), half.removesuffix("%").rstrip()
        return (number, f"{half}{points}") if half else (f"{number}{points}" if number else "", "")

    def advantage(self, metric: str, name: str) -> tuple[str, str]:
        """Return how far a name is from the other, and the interval, such that of differences + is better.

        Ratios of losses stay as they are: times the other's loss.
        """
        sign = 1 if self.a == name else -1
        return self.words(metric, sign if self.ruler.scale == "ratio" or self.ruler.higher else -sign)


UNEQUAL = "unequal budgets"
FORBIDDEN = "may not be said to beat"


@dataclass(frozen=True)
class Matrix:
    """All differences of a set of names.

    Attributes:
        metric: compared.
        of: what is compared: ``arm``, or an axis such as ``optimizer`` (averaged over the other axes at each seed).
        names: best first.
        differences: one for each unordered pair, the better first; none for arms on different datasets or surfaces.
        correction: in words, what the intervals and the wins promise.
        best: names that may be the best, of those that are compared with each other; none where nothing has an interval.
        alpha: that a win takes, of all comparisons together.
        problems: over how many datasets the values of an axis are compared; 0 where over seeds.
        ranks: of three values and more over datasets: the mean rank of each, 1 the best; else nothing.
        critical: mean ranks that are less apart cannot be told apart (Nemenyi, 5 %).
    """

    metric: str
    of: str
    names: Sequence[str]
    differences: Sequence[Difference]
    correction: str
    best: Sequence[str] = ()
    alpha: float = ALPHA
    problems: int = 0
    ranks: Mapping[str, float] = field(default_factory=dict)
    critical: float = math.nan

    def tally(self, name: str) -> str:
        """Return how often a name wins, stays open, loses: ``2 · 1 · 0``."""
        own = [each for each in self.differences if name in (each.a, each.b)]
        won, still = sum(each.winner == name for each in own), sum(not each.winner for each in own)
        return f"{won} · {still} · {len(own) - won - still}"

    def between(self, a: str, b: str) -> tuple[Difference, int] | None:
        """Return the difference of two names and the sign with which it is that of the first over the second, or None."""
        found = next((each for each in self.differences if {each.a, each.b} == {a, b}), None)
        return None if found is None else (found, 1 if found.a == a else -1)


def matrix(
    found: Sequence[Standing],
    metric: str,
    of: str = ARM,
    *,
    paired: bool = True,
    alpha: float = ALPHA,
    budgets: Mapping[str, int] | None = None,
    barred: str = "",
) -> Matrix:
    """Compare every two arms, or every two values of an axis.

    Where learning rates were swept beside something else, each technique takes part at its best one (``at_best_rates``). A
    winner is better by chance with a probability below ``alpha`` for all comparisons together (Holm), and lost no more runs
    than the other. One none of whose runs trained loses to one whose runs all did, if there are at least two.

    Args:
        found: how the arms did.
        metric: compared.
        of: ``arm``, or an axis; datasets and surfaces are no rivals, so their matrix has no differences.
        paired: whether all arms have the same seeds; distances are then taken at equal seed. Else two arms that share most
            of theirs are compared at those (``shared_seeds``), others by Welch's interval.
        alpha: see above.
        budgets: settings tried for each arm, or each value of the axis, by its name; of two with different ones none beats the
            other.
        barred: why none may be said to beat another, or "".
    """
    ruler = ruler_of(metric, [run for standing in found for run in standing.arm.runs])
    rivals = contenders(found, metric, of, budgets)
    pairs = [pair for pair in itertools.combinations(rivals, 2) if pair[0].ground == pair[1].ground]
    measured = [measure_pair(a, b, ruler, paired=paired) for a, b in pairs]
    is_sure = bool(found) and is_certain(standing.arm for standing in found)
    if found and task_of(found[0].arm.runs[0].summary) == DESCEND:  # the same at every seed, unless something draws
        known = [all(map(_is_constant, pair)) for pair in pairs]
        measured = [
            dataclasses.replace(each, typical=None) if sure else each for each, sure in zip(measured, known, strict=True)
        ]
    ps = _adjusted(measured)
    judged = [
        dataclasses.replace(judge, winner="", barred=barred) if barred else judge
        for judge in (_judge(each, a, b, p, alpha) for each, (a, b), p in zip(measured, pairs, ps, strict=True))
    ]
    best = [name for ground in dict.fromkeys(rival.ground for rival in rivals) for name in _best(rivals, judged, ground, alpha)]
    said = "no chance in a descent, so no interval" if is_sure else _correction(judged, alpha)
    return Matrix(metric, of, [rival.name for rival in rivals], judged, said, best, alpha)


def _is_constant(side: Contender) -> bool:
    values = list(side.places.values())
    return all(is_same(values[0], value) for value in values)


def measure_pair(a: Contender, b: Contender, ruler: Ruler, *, paired: bool) -> Difference:
    """Return how far two sides are apart, at shared seeds where they have them, without saying yet who wins."""
    seeds = sorted(a.places.keys() & b.places.keys()) if paired else shared_seeds(a.places, b.places)
    if paired or seeds:
        apart = np.array([a.places[seed] - b.places[seed] for seed in seeds])
        found = typical(apart, ruler.least)
        center = found.center if found is not None else float(apart.mean()) if apart.size else math.nan
        same = bool(apart.size) and not apart.any()
        return Difference(a.name, b.name, center, found, ruler, apart.size, paired=True, same=same)
    ones, others = list(a.places.values()), list(b.places.values())
    found = typical_unpaired(ones, others, "difference", least=ruler.least)
    center = found.center if found is not None else a.center - b.center
    return Difference(a.name, b.name, center, found, ruler, min(len(ones), len(others)), paired=False)


def _adjusted(measured: Sequence[Difference]) -> list[float]:
    """Return the p value of each comparison for all of them together."""
    own = [each.typical.p for each in measured if each.typical is not None]
    adjusted = iter(holm(own).tolist() if own else ())
    return [next(adjusted) if each.typical is not None else math.nan for each in measured]


def _judge(found: Difference, a: Contender, b: Contender, p: float, alpha: float) -> Difference:
    """Say who wins, and what lost runs or unequal budgets mean for it."""
    better = None
    if found.typical is not None and p <= alpha:
        better = a if (found.center > 0) == found.ruler.higher else b
    winner, lost = _winner(a, b, better, found.seeds)
    barred = UNEQUAL if a.budget != b.budget else ""
    return dataclasses.replace(found, p=p, winner="" if barred else winner, lost=lost, barred=barred, remark=one_doing(a, b))


def _winner(a: Contender, b: Contender, better: Contender | None, seeds: int) -> tuple[str, str]:
    """Return the winner's name, or "", and what lost runs mean for it in words."""
    if not a.lost and not b.lost:
        return (better.name if better else ""), ""
    for dead, alive in ((a, b), (b, a)):
        if dead.untrained == dead.runs and not alive.lost:
            said = f"{how_lost(dead)}; {alive.name} finished {'all ' + str(alive.runs) if alive.runs > 1 else 'its one'}"
            return (alive.name if min(dead.runs, alive.runs) > 1 else ""), said
    facts = "; ".join(how_lost(side) for side in (a, b) if side.lost)
    other = b if better is a else a
    if better is not None and loses_more(better, other):
        return "", f"{facts}: {better.name} {FORBIDDEN} {other.name}, though it is ahead in those that finished"
    left = f"; compared at the other {seeds} seed{'s' if seeds > 1 else ''}" if seeds else "; there is nothing to compare"
    return (better.name if better else ""), facts + left


def _best(rivals: Sequence[Contender], judged: Sequence[Difference], ground: Ground, alpha: float) -> list[str]:
    """Return the names that may be the best on a ground; none where nothing has an interval."""
    own = [rival for rival in rivals if rival.ground == ground]
    place = {rival.name: index for index, rival in enumerate(own)}
    better = np.full((len(own), len(own)), math.nan)
    for each in judged:
        if each.a in place and each.typical is not None and not each.barred:
            first, second = place[each.a], place[each.b]
            ps = (each.typical.p_above, each.typical.p_below)
            better[first, second], better[second, first] = ps if each.ruler.higher else ps[::-1]
    if np.isnan(better).all():
        return []
    np.fill_diagonal(better, 1.0)
    kept = set_of_best(better, alpha, failures=[rival.lost / rival.runs for rival in own], runs=[1] * len(own))
    beaten = {each.b if each.winner == each.a else each.a for each in judged if each.winner}  # what "beats" says, the set says
    return [rival.name for rival, may_be in zip(own, kept, strict=True) if may_be and rival.name not in beaten]


def _correction(judged: Sequence[Difference], alpha: float) -> str:
    """Return in words what the intervals and the wins promise."""
    count = sum(each.typical is not None for each in judged)
    if not count:
        return f"fewer than {FEWEST} seeds carry no interval" if judged else "nothing to compare"
    whole = f"with an error of at most {chosen(alpha * 100)} %"
    if count == 1:
        return f"95 % interval; a win holds {whole}"
    return f"95 % interval each; the wins hold for all {count} comparisons together {whole} (Holm)"
