"""Who beats whom: the sides, their distances, what chance leaves to be said."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnreg.comparison import rates
from nnreg.comparison.chance import ALPHA, FEWEST, Stage, Typical, holm, judge_race, set_of_best, typical, typical_unpaired
from nnreg.comparison.differences import is_ground
from nnreg.comparison.gathering import Arm
from nnreg.comparison.judging import Ruler, ruler_of
from nnreg.comparison.naming import factor, factors, lost_in, setting_words, status_words
from nnreg.comparison.standings import Standing
from nnreg.records.card import UNTRAINED
from nnreg.records.manifest import Raced
from nnreg.records.metrics import is_share, signed
from nnreg.settings import DESCEND, task_of

Ground = tuple[tuple[str, Any], ...]

ARM = "arm"
"""Stands for all arms, as they are, where else an axis is named."""


@dataclass(frozen=True)
class Contender:
    """One side of a comparison.

    Attributes:
        name: of the arm, or of the value of an axis.
        places: its value at each seed at which all of its runs trained, where differences are distances: losses as logarithms.
        endings: how many of its runs ended in which way.
        ground: dataset or surface, with its parameters, that it has values on; only contenders of one ground are compared.
        budget: settings tried before it was chosen, or None where nothing was chosen.
    """

    name: str
    places: Mapping[int, float]
    endings: Mapping[str, int]
    ground: Ground = ()
    budget: int | None = None

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(self.endings.values())

    @property
    def lost(self) -> int:
        """Number of runs that did not finish, or did not train."""
        return self.runs - self.endings.get("finished", 0)

    @property
    def untrained(self) -> int:
        """Number of runs that diverged or failed to train."""
        return sum(self.endings.get(status, 0) for status in UNTRAINED)

    @property
    def center(self) -> float:
        """Its typical place; NaN where there is none."""
        values = np.array(list(self.places.values()))
        found = typical(values)
        return found.center if found is not None else float(values.mean()) if values.size else math.nan


def contenders(
    found: Sequence[Standing], metric: str, of: str = ARM, budgets: Mapping[str, int] | None = None
) -> list[Contender]:
    """Return what is compared, best first, those with lost runs after those without.

    Args:
        found: how the arms did.
        metric: compared.
        of: ``arm``, or an axis: its values are then averaged at each seed over what all of them were combined with.
        budgets: settings tried for an arm, or for a value of the axis, by its name.
    """
    if is_ground(of):
        return []
    chosen = found if rates.is_rate(of) else at_best_rates(found, metric)
    ruler = ruler_of(metric, [run for standing in found for run in standing.arm.runs])
    made = [_arm(each, metric, ruler) for each in chosen] if of == ARM else _values(chosen, metric, of, ruler)
    made = [dataclasses.replace(each, budget=(budgets or {}).get(each.name)) for each in made]
    return sorted(made, key=lambda contender: _rank(contender, ruler))


def at_best_rates(found: Sequence[Standing], metric: str) -> Sequence[Standing]:
    """Return each technique at its best learning rate by a metric alone, where ``rates.take_part`` says so."""
    taken = rates.take_part([(standing.arm.settings, standing.arm.runs) for standing in found], metric)
    return [standing for standing, takes_part in zip(found, taken, strict=True) if takes_part]


def shared_seeds(a: Collection[int], b: Collection[int]) -> list[int]:
    """Return the seeds to compare two arms at, ascending: those that both have, if these are three or more and most of each's.

    Else none: three pairs of ten runs would say less than the ten.
    """
    both = sorted({*a} & {*b})
    return both if len(both) >= FEWEST and 2 * len(both) > max(len(a), len(b)) else []


def ground_of(arm: Arm) -> Ground:
    """Return what an arm was let loose on: dataset or surface, and their parameters, as far as they tell arms apart."""
    return tuple(sorted((key, value) for key, value in arm.settings.items() if is_ground(key)))


def _arm(standing: Standing, metric: str, ruler: Ruler) -> Contender:
    return Contender(standing.arm.name, places_of(standing, metric, ruler), standing.endings, ground_of(standing.arm))


def places_of(standing: Standing, metric: str, ruler: Ruler) -> Mapping[int, float]:
    """Return the values of an arm by seed, where differences are distances."""
    return ruler.placed(standing.metrics[metric].by_seed) if metric in standing.metrics else {}


def cells_of(found: Sequence[Standing], of: str) -> dict[Any, dict[tuple[Any, ...], list[Standing]]]:
    """Return the arms of each value of an axis, by the other settings, of those that every value was combined with."""
    groups: dict[Any, dict[tuple[Any, ...], list[Standing]]] = {}
    for standing in found:
        if of in standing.arm.settings:
            cells = groups.setdefault(standing.arm.settings[of], {})
            cells.setdefault(_others(standing, of), []).append(standing)
    common = set.intersection(*(set(cells) for cells in groups.values())) if groups else set()
    return {value: {cell: cells[cell] for cell in cells if cell in common} for value, cells in groups.items()} if common else {}


def _values(found: Sequence[Standing], metric: str, of: str, ruler: Ruler) -> list[Contender]:
    """Return the values of an axis, of arms whose other settings every value was combined with."""
    return [
        _average(setting_words(of, value), [arm for arms in cells.values() for arm in arms], metric, ruler)
        for value, cells in cells_of(found, of).items()
    ]


def _others(standing: Standing, of: str) -> tuple[Any, ...]:
    """Return the settings that a value of an axis was combined with; what is tuned or set for that value is part of it."""
    own = (f"{of}.",)
    kept = {key: value for key, value in standing.arm.settings.items() if key != of and not key.startswith(own)}
    return tuple((key, value) for key, value in kept.items() if rates.is_rate(of) or not rates.is_rate(key))


def _average(name: str, arms: Sequence[Standing], metric: str, ruler: Ruler) -> Contender:
    places = [places_of(standing, metric, ruler) for standing in arms]
    seeds = sorted(set.intersection(*(set(each) for each in places)))
    means = {seed: float(np.mean([each[seed] for each in places])) for seed in seeds}
    statuses = dict.fromkeys(status for arm in arms for status in arm.endings)
    return Contender(name, means, {status: sum(arm.endings.get(status, 0) for arm in arms) for status in statuses})


def _rank(contender: Contender, ruler: Ruler) -> tuple[bool, float]:
    if math.isnan(contender.center):
        return True, math.inf
    return contender.lost > 0, -contender.center if ruler.higher else contender.center


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
    """

    metric: str
    of: str
    names: Sequence[str]
    differences: Sequence[Difference]
    correction: str
    best: Sequence[str] = ()
    alpha: float = ALPHA
    problems: int = 0

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
    measured = [_measured(a, b, ruler, paired=paired) for a, b in pairs]
    is_sure = bool(found) and task_of(found[0].arm.runs[0].summary) == DESCEND  # the same at every seed
    if is_sure:
        measured = [dataclasses.replace(each, typical=None) for each in measured]
    ps = _adjusted(measured)
    judged = [
        dataclasses.replace(judge, winner="", barred=barred) if barred else judge
        for judge in (_judge(each, a, b, p, alpha) for each, (a, b), p in zip(measured, pairs, ps, strict=True))
    ]
    best = [name for ground in dict.fromkeys(rival.ground for rival in rivals) for name in _best(rivals, judged, ground, alpha)]
    said = "no chance in a descent, so no interval" if is_sure else _correction(judged, alpha)
    return Matrix(metric, of, [rival.name for rival in rivals], judged, said, best, alpha)


def matrix_of_race(found: Sequence[Standing], metric: str, raced: Raced) -> Matrix:
    """Return what a race says: who is left, and who beats whom for all pairs and looks together.

    Args:
        found: how the arms did.
        metric: that the race was judged by.
        raced: the rules it was run by; what it came to is found again from the runs.
    """
    ruler = ruler_of(metric, [run for standing in found for run in standing.arm.runs])
    rivals = {rival.name: rival for rival in contenders(found, metric)}
    measured = {each.arm.name: each.metrics[metric].by_seed if metric in each.metrics else {} for each in found}
    values = {
        each.arm.name: {seed: measured[each.arm.name].get(seed, math.nan) for seed in each.arm.runs.seeds} for each in found
    }
    race = judge_race(
        values,
        raced.seeds,
        ruler.scale,
        higher=ruler.higher,
        floor=ruler.floor,
        least=ruler.least,
        stages=[Stage(*look) for look in raced.looks],
    )
    names = [*race.live, *sorted(race.left, key=lambda name: (-race.left[name].seeds, list(rivals).index(name)))]
    judged = []
    for first, second in itertools.combinations(names, 2):
        each = _measured(rivals[first], rivals[second], ruler, paired=True)
        winner = next((a for a, b in ((first, second), (second, first)) if (a, b) in race.beats), "")
        lost = "; ".join(how_lost(rivals[name]) for name in (first, second) if rivals[name].lost)
        judged.append(dataclasses.replace(each, winner=winner, lost=lost))
    said = (
        "95 % interval each, at the seeds that both had; the wins hold for all pairs and looks of the race together with an "
        f"error of at most {ALPHA * 100:g} %"
    )
    return Matrix(metric, ARM, names, judged, said, race.live)


def _measured(a: Contender, b: Contender, ruler: Ruler, *, paired: bool) -> Difference:
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
    return dataclasses.replace(found, p=p, winner="" if barred else winner, lost=lost, barred=barred)


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


def loses_more(one: Contender, other: Contender) -> bool:
    """Tell whether a larger share of the runs of one was lost."""
    return one.lost * other.runs > other.lost * one.runs


def how_lost(side: Contender) -> str:
    """Return ``sgd diverged in 2 of 5 runs``, or ``every run``."""
    return f"{side.name} {lost_in(status_words(side.endings), side.runs)}"


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
    whole = f"with an error of at most {alpha * 100:g} %"
    if count == 1:
        return f"95 % interval; a win holds {whole}"
    return f"95 % interval each; the wins hold for all {count} comparisons together {whole} (Holm)"
