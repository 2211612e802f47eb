"""The sides of a comparison: arms at their best rates, or the values of a setting averaged over all others."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnreg.comparison import rates
from nnreg.comparison.chance import FEWEST, typical
from nnreg.comparison.differences import is_ground
from nnreg.comparison.gathering import Arm
from nnreg.comparison.judging import Ruler, ruler_of
from nnreg.comparison.naming import lost_in, setting_words, settings_name, status_words
from nnreg.comparison.standings import Standing
from nnreg.numerals import percent
from nnreg.records.card import UNTRAINED

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
        parts: of the value of an axis: its typical place beside each combination of other settings, by its name.
    """

    name: str
    places: Mapping[int, float]
    endings: Mapping[str, int]
    ground: Ground = ()
    budget: int | None = None
    parts: Mapping[str, float] = field(default_factory=dict)

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
        _average(setting_words(of, value), [arm for arms in cells.values() for arm in arms], metric, ruler, of)
        for value, cells in cells_of(found, of).items()
    ]


def _others(standing: Standing, of: str) -> tuple[Any, ...]:
    """Return the settings that a value of an axis was combined with; what is tuned or set for that value is part of it."""
    own = (f"{of}.",)
    kept = {key: value for key, value in standing.arm.settings.items() if key != of and not key.startswith(own)}
    return tuple((key, value) for key, value in kept.items() if rates.is_rate(of) or not rates.is_rate(key))


def _average(name: str, arms: Sequence[Standing], metric: str, ruler: Ruler, of: str) -> Contender:
    places = [places_of(standing, metric, ruler) for standing in arms]
    others = [settings_name(dict(_others(standing, of))) for standing in arms]
    seeds = sorted(set.intersection(*(set(each) for each in places)))
    means = {seed: float(np.mean([each[seed] for each in places])) for seed in seeds}
    statuses = dict.fromkeys(status for arm in arms for status in arm.endings)
    endings = {status: sum(arm.endings.get(status, 0) for arm in arms) for status in statuses}
    parts = {part: float(np.mean([each[seed] for seed in seeds])) for part, each in zip(others, places, strict=True) if seeds}
    return Contender(name, means, endings, parts=parts)


def _rank(contender: Contender, ruler: Ruler) -> tuple[bool, float]:
    if math.isnan(contender.center):
        return True, math.inf
    return contender.lost > 0, -contender.center if ruler.higher else contender.center


def loses_more(one: Contender, other: Contender) -> bool:
    """Tell whether a larger share of the runs of one was lost."""
    return one.lost * other.runs > other.lost * one.runs


def how_lost(side: Contender) -> str:
    """Return ``sgd diverged in 2 of 5 runs``, or ``every run``."""
    return f"{side.name} {lost_in(status_words(side.endings), side.runs)}"


MOSTLY = 2 / 3


def one_doing(a: Contender, b: Contender) -> str:
    """Say of two values of a setting whose doing their difference is, where most of it comes with one of the others; else "".

    An average over optimizers that is nearly all SGD's says nothing of the rest.
    """
    apart = {part: abs(a.parts[part] - b.parts[part]) for part in a.parts if part in b.parts}
    total = math.fsum(apart.values())
    if len(apart) < 2 or not 0 < total < math.inf:
        return ""
    part = max(apart, key=apart.__getitem__)
    share = apart[part] / total
    return f"{percent(share, 0)} of the difference comes with {part}" if share > MOSTLY else ""
