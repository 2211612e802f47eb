"""How far the leader is ahead of each of the others, and what these seeds leave open."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from nnreg import numerals
from nnreg.comparison.answer import MORE_SEEDS
from nnreg.comparison.certainty import is_certain
from nnreg.comparison.chance import FEWEST, seeds_needed, seeds_words
from nnreg.comparison.contenders import ARM, ground_of
from nnreg.comparison.differences import grounds, is_ground, several
from nnreg.comparison.fairness import is_untuned
from nnreg.comparison.judging import judged_words
from nnreg.comparison.naming import enumerated, lead, setting_words, settings_name, value_word
from nnreg.comparison.pairs import FORBIDDEN, Difference, Matrix
from nnreg.records.metrics import called
from nnreg.settings import DESCEND, task_of

if TYPE_CHECKING:
    from nnreg.comparison.findings import Findings


@dataclass(frozen=True)
class Distance:
    """How one of the others is apart from the leader.

    Attributes:
        name: of the other.
        short: the same without the dataset that all of its group are on.
        arms: places of its arms in the standings.
        center: times the leader's loss, or the leader's lead in the metric's units; NaN where there is none.
        low: lower end of its 95 % interval; NaN where there is none.
        high: upper end.
        number: ``center`` in words.
        interval: the interval in words, "" for none.
        verdict: ``better`` or ``worse`` than the leader by Holm, or why it is open.
        is_open: whether that cannot be told.
        seeds: how many seeds would tell, in words; "" where that is not known.
    """

    name: str
    short: str
    arms: Sequence[int]
    center: float
    low: float
    high: float
    number: str
    interval: str
    verdict: str
    is_open: bool
    seeds: str


@dataclass(frozen=True)
class Forest:
    """The distances of one leader.

    Attributes:
        heading: on which dataset, or "" where there is one.
        leader: who leads.
        short: the same without the dataset.
        arms: places of its arms in the standings.
        distances: of the others, best first.
        is_ratio: whether they are ratios.
        may_be: whether the leader is one of several that may be the best.
    """

    heading: str
    leader: str
    short: str
    arms: Sequence[int]
    distances: Sequence[Distance]
    is_ratio: bool
    may_be: bool


def forests(comparison: Findings, matrix: Matrix) -> list[Forest]:
    """Return the leader's distances, for each dataset that arms are on; none where nothing has an interval or a winner."""
    members, names = members_of(comparison, matrix), _grounded(comparison, matrix)
    found: dict[str, list[str]] = {}
    for name in matrix.names:
        found.setdefault(names[name][0], []).append(name)
    made = [_forest(matrix, heading, own, members, names) for heading, own in found.items() if len(own) > 1]
    kept = [each for each in made if each is not None]
    if comparison.gathered.race is None:
        return kept
    # a race stops by rules of its own: how many more seeds it would have taken is not known
    return [
        dataclasses.replace(each, distances=[dataclasses.replace(one, seeds="") for one in each.distances]) for each in kept
    ]


def members_of(comparison: Findings, matrix: Matrix) -> Mapping[str, Sequence[int]]:
    """Return the places in the standings of the arms that each name of a matrix stands for."""
    found: dict[str, list[int]] = {name: [] for name in matrix.names}
    for place, each in enumerate(comparison.standings):
        settings, name = each.arm.settings, each.arm.name
        if matrix.of != ARM:
            name = setting_words(matrix.of, settings[matrix.of]) if matrix.of in settings else ""
        if name in found:
            found[name].append(place)
    return found


def _grounded(comparison: Findings, matrix: Matrix) -> Mapping[str, tuple[str, str]]:
    """Return for each name of a matrix the dataset that it is on, "" where there is one, and its name without that."""
    found = {name: ("", name) for name in matrix.names}
    for arm in (each.arm for each in comparison.standings if matrix.of == ARM and ground_of(each.arm)):
        rest = settings_name({key: value for key, value in arm.settings.items() if not is_ground(key)})
        found[arm.name] = (settings_name(dict(ground_of(arm))), rest or arm.name)
    return found


def _forest(
    matrix: Matrix,
    heading: str,
    names: Sequence[str],
    members: Mapping[str, Sequence[int]],
    short: Mapping[str, tuple[str, str]],
) -> Forest | None:
    best = [name for name in names if name in matrix.best]
    leader = names[0] if not best or names[0] in best else best[0]
    found = [(name, pair) for name in names if name != leader and (pair := matrix.between(name, leader)) is not None]
    if not any(each.typical is not None or each.winner for _, (each, _) in found):
        return None
    alpha = matrix.alpha / max(1, len(matrix.differences))
    return Forest(
        heading,
        leader,
        short[leader][1],
        members[leader],
        [_distance(matrix, name, short[name][1], each, sign, members[name], alpha) for name, (each, sign) in found],
        any(each.ruler.scale == "ratio" for _, (each, _) in found),
        len(best) > 1,
    )


def _distance(
    matrix: Matrix, name: str, short: str, each: Difference, sign: int, arms: Sequence[int], alpha: float
) -> Distance:
    is_ratio = each.ruler.scale == "ratio"
    better = 1 if is_ratio or each.ruler.higher else -1  # of differences more than 0 is better than the leader
    center, low, high = each.ends(sign * better)
    number, interval = each.words(matrix.metric, sign * better) if math.isfinite(each.center) else ("", "")
    verdict = "better" if each.winner == name else "worse" if each.winner else each.undecided
    seeds = "" if each.winner or matrix.problems else _seeds_to_tell(each, alpha)
    return Distance(name, short, arms, center, low, high, number, interval, verdict, not each.winner, seeds)


def _seeds_to_tell(each: Difference, alpha: float) -> str:
    """Return how many seeds would tell a pair, in words; "" where seeds are not what is missing."""
    is_short_of_seeds = each.paired and each.center and not each.barred and FORBIDDEN not in each.lost
    return seeds_words(*seeds_needed(each.typical, alpha)) if each.typical is not None and is_short_of_seeds else ""


@dataclass(frozen=True)
class Unknown:
    """What cannot be told.

    Attributes:
        side: of the network that it is about, or "".
        said: the sentence.
        pairs: those that are open, each as who and how many seeds would tell.
    """

    side: str
    said: str
    pairs: Sequence[tuple[str, str]] = ()


def unknowns(comparison: Findings) -> list[Unknown]:
    """Return what cannot be told, of each line of the answer, then of the design as a whole."""
    matrices = [comparison.matrices[0], *([comparison.companion] if comparison.companion is not None else [])]
    found: list[Unknown] = []
    for matrix in matrices:
        side = judged_words(matrix.metric) if len(matrices) > 1 else ""
        said = _open(comparison, matrix, side)
        found += [said] if said is not None and said.said not in [each.said for each in found] else []
    return [*found, *_never(comparison)]


def _open(comparison: Findings, matrix: Matrix, side: str) -> Unknown | None:
    """Return what a matrix leaves open between its leaders and the others."""
    if not matrix.differences or is_certain(comparison.gathered.arms):
        return None
    barred = next((each.barred for each in matrix.differences if each.barred), "")
    if barred:
        return Unknown(side, f"Who beats whom: {barred}, so nobody may be said to win where that holds.")
    shown = forests(comparison, matrix)
    if not any(each.typical is not None for each in matrix.differences):
        return Unknown("", _too_few(comparison))
    pairs = [(forest, each) for forest in shown for each in forest.distances if each.is_open]
    still = sum(not each.winner for each in matrix.differences)
    if not still:
        return Unknown(side, f"Nothing between any two of them: all {len(matrix.differences)} differences are decided."
                       if len(matrix.differences) > 1 else "Nothing between the two: their difference is decided.")  # fmt: skip
    if not pairs:
        others = "One difference" if still == 1 else f"{still} differences"
        return Unknown(side, f"The leader is beyond doubt; {others.lower()} among the others cannot be told from luck.")
    listed = [(_versus(forest, each), _seeds(each)) for forest, each in pairs]
    return Unknown(side, f"Whether {_leaders(pairs)} by more than luck in {called(matrix.metric)}.", listed)


def _leaders(pairs: Sequence[tuple[Forest, Distance]]) -> str:
    heads = list(dict.fromkeys(_spoken(forest.leader) for forest, _ in pairs))
    if len(heads) > 1:
        return "the leaders are ahead of these"
    others = [_spoken(each.name) for _, each in pairs]
    shown = enumerated(others) if len(others) < 4 else f"{len(others)} others"
    return f"{heads[0]} is ahead of {shown}"


def _versus(forest: Forest, each: Distance) -> str:
    where = f" on {forest.heading}" if forest.heading else ""
    return f"{_spoken(forest.short)} and {_spoken(each.short)}{where}"


def _spoken(name: str) -> str:
    """Return a name as it stands in a sentence, as the answer has it: ``adam (he)``."""
    first, _, rest = name.partition(", ")
    return f"{first} ({rest})" if rest else first


def _seeds(each: Distance) -> str:
    if not each.seeds:
        return each.verdict
    return f"{each.seeds} seeds would tell"


def _too_few(comparison: Findings) -> str:
    counts = {len(arm.runs) for arm in comparison.gathered.arms}
    carry = f"{lead(max(counts))} {'carries' if max(counts) == 1 else 'carry'} no interval"
    if max(counts) >= FEWEST:
        carry = f"no two of them finished {FEWEST} seeds that can be set against each other"
    return (
        f"Whether any difference on this page is more than luck: {carry}. It takes {FEWEST} seeds, better five: {MORE_SEEDS}."
    )


def _never(comparison: Findings) -> list[Unknown]:
    """Return what no number of seeds would tell, as it was not tried."""
    gathered = comparison.gathered
    if all(map(is_ground, several(gathered.axes))):
        return []
    first, found = gathered.arms[0].runs[0].summary, []
    is_descent = task_of(first) == DESCEND
    ground = "surface" if is_descent else "dataset"
    if not grounds(gathered.axes):
        found.append(f"Whether it is so on another {ground}: all ran on {value_word(first['choices'].get(ground, 'one'))}.")
    if is_untuned(gathered):
        how = "" if is_descent else "; protocol=tune_then_seeds tunes each with the same budget"
        found.append(f"Whether it is so at other learning rates: each had one, none was tuned{how}.")
    if gathered.tuning.at_edge:
        names = enumerated(list(gathered.tuning.at_edge))
        found.append(f"How good {names} can be: the best value lies at an edge of those tried.")
    return [Unknown("", said) for said in found]


def ticks(low: float, high: float, most: int, *, log: bool) -> list[tuple[float, str]]:
    """Return the ticks of an axis, at most so many, with their words; of ratios those that are round.

    Args:
        low: lower end.
        high: upper end.
        most: ticks.
        log: whether the axis is logarithmic.
    """
    values = _round_ratios(low, high, most) if log else []
    if len(values) < 2:  # on a linear axis, or less than from 2 to 5
        found = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
        values = [float(value) for value in found if low <= value <= high]
        return list(zip(values, numerals.ticks(values), strict=True))
    return [(value, numerals.chosen(value)) for value in values]


def _round_ratios(low: float, high: float, most: int) -> list[float]:
    """Return powers of ten, with 2 and 5 or 3 between them where there is room; every second or third where there is none."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    choices = [(1, factors) for factors in ((1, 2, 5), (1, 3))] + [(every, (1,)) for every in range(1, last - first + 2)]
    for every, factors in choices:
        decades = [decade for decade in range(first, last + 1) if decade % every == 0]
        found = [factor * 10.0**decade for decade in decades for factor in factors]
        kept = [value for value in found if low <= value <= high]
        if len(kept) <= most:
            return kept
    return []


FARTHEST = 0.35  # that an interval may widen the axis, in widths of what the means span


def reach(found: Forest) -> tuple[float, float]:
    """Return the ends of the axis: all means are on it, and intervals as far as they do not hide everything else."""
    place, back = (math.log, math.exp) if found.is_ratio else (float, float)

    def placed(values: Iterable[float]) -> list[float]:
        return [place(value) for value in values if math.isfinite(value) and (value > 0 or not found.is_ratio)]

    centers = [0.0, *placed(each.center for each in found.distances)]
    ends = placed(end for each in found.distances for end in (each.low, each.high))
    least, most = min(centers), max(centers)
    wide = most - least or max(map(abs, ends), default=1.0) / FARTHEST or 1.0
    low, high = max(min([least, *ends]), least - FARTHEST * wide), min(max([most, *ends]), most + FARTHEST * wide)
    margin = 0.06 * (high - low) or 0.5
    return back(low - margin), back(high + margin)
