"""A race: arms that cannot be the best leave it at looks that were settled before, so that few runs are spent on them."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nnreg.comparison.chance import ALPHA, outdone_arms, typical
from nnreg.comparison.contenders import ARM, contenders, how_lost
from nnreg.comparison.judging import Ruler, ruler_of
from nnreg.comparison.pairs import Matrix, measure_pair
from nnreg.comparison.standings import Standing
from nnreg.numerals import chosen
from nnreg.records.manifest import Raced
from nnreg.records.statistics import Values


class Stage(NamedTuple):
    """One look of a race: the seeds that each live arm has by then, and what it may spend of the 5 %."""

    seeds: int
    share: float


STAGES = (Stage(3, 0.15), Stage(5, 0.10), Stage(8, 0.15), Stage(12, 0.20), Stage(20, 0.40))
Flags = npt.NDArray[np.bool_]


def race_look(better: Values, live: Flags, share: float) -> tuple[Flags, Flags]:
    """Return which arms leave a race at a look, (..., arms), and which beat which for certain, (..., arms, arms).

    An arm leaves when a live one beats it one-sided at the look's share of .05 over the arms: it cannot be the sole best. That
    it is beaten takes more: the same over all ordered pairs.

    Args:
        better: one-sided p values of the first being better, (..., arms, arms); NaN where it may not be said to be.
        live: which arms have not left, (..., arms).
        share: of the look.
    """
    arms = better.shape[-1]
    certain = better <= share * ALPHA / (arms * max(1, arms - 1))
    return outdone_arms(better, share * ALPHA, live=live) & live, certain & live[..., :, None] & live[..., None, :]


class Exit(NamedTuple):
    """An arm that left a race: after so many seeds, outdone by another; "" where all of its own runs failed."""

    seeds: int
    by: str


@dataclass
class Race:
    """How a race stands.

    Attributes:
        live: arms that may be the best, best first: the winner alone, or those that are left.
        following: seeds that every live arm needs for the next look; None where the race is over.
        left: the other arms.
        beats: (winner, loser) where that is certain for all pairs and looks together: more than that the loser left.
        seeds: by how many each arm was judged.
        intervals: of each arm but the first live one: its distance above that, as both were at the arm's last look, for all
            arms and looks together; none of arms that cannot be compared.
    """

    live: list[str]
    following: int | None = None
    left: dict[str, Exit] = field(default_factory=dict)
    beats: set[tuple[str, str]] = field(default_factory=set)
    seeds: dict[str, int] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def judge_race(
    values: Mapping[str, Mapping[int, float]], seeds: Sequence[int], ruler: Ruler, stages: Sequence[Stage] = STAGES
) -> Race:
    """Replay a race from what its runs came to, as far as they go: arms are compared at the seeds where both trained.

    Args:
        values: of each arm at each seed that it has; NaN or infinite where the run failed.
        seeds: in the order in which they are run, as many as the last stage has, or more.
        ruler: by which values are set against each other.
        stages: the looks.
    """
    race, names = Race(list(values)), list(values)
    places = [ruler.placed(values[name]) for name in names]
    table = np.array([[own.get(seed, math.nan) for seed in seeds] for own in places], dtype=np.float64)
    looked: dict[str, Stage] = {}
    for stage in stages:
        if len(race.live) < 2:
            break
        if any(not values[name].keys() >= {*seeds[: stage.seeds]} for name in race.live):
            race.following = stage.seeds
            break
        looked |= dict.fromkeys(race.live, stage)
        _look(race, names, (-1 if ruler.higher else 1) * table[:, : stage.seeds], stage, ruler.least)
    race.seeds = {name: looked[name].seeds if name in looked else 0 for name in names}
    leader = table[names.index(race.live[0])]
    for name, stage in looked.items():
        apart = _shared(table[names.index(name), : stage.seeds] - leader[: stage.seeds])
        if name != race.live[0] and (found := typical(apart, ruler.least)) is not None:
            race.intervals[name] = found.interval(stage.share * ALPHA / len(names))
    return race


def _look(race: Race, names: Sequence[str], seen: Values, stage: Stage, least: float) -> None:
    """Let arms leave; ``seen`` has a row for each name, less is better."""
    failures, live = np.isnan(seen).sum(axis=1), np.isin(names, race.live)
    better = np.array([[_better_chance(a, b, least) for b in seen] for a in seen])
    better[failures[:, None] > failures[None, :]] = math.nan
    out, certain = race_look(better, live, stage.share)
    out |= live & (failures == stage.seeds) & (failures[live] < stage.seeds).any()
    if not (live & ~out).any():  # compared at different seeds, where some failed, arms could outdo each other in a circle
        out[:] = False
    for arm in np.flatnonzero(out).tolist():
        rivals = np.where(live & np.isfinite(better[:, arm]), better[:, arm], math.inf)
        race.left[names[arm]] = Exit(stage.seeds, names[int(rivals.argmin())] if np.isfinite(rivals).any() else "")
    race.beats |= {(names[a], names[b]) for a, b in np.argwhere(certain).tolist()}
    rank = {
        name: (lost, _shared(row).mean() if lost < row.size else math.inf)
        for name, lost, row in zip(names, failures, seen, strict=True)
    }
    race.live = sorted((name for name in race.live if name not in race.left), key=rank.__getitem__)


def _better_chance(a: Values, b: Values, least: float) -> float:
    found = typical(_shared(a - b), least)
    return found.p_below if found is not None else math.nan


def _shared(apart: Values) -> Values:
    """Return what is there at seeds where both trained."""
    return apart[np.isfinite(apart)]


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
    race = judge_race(values, raced.seeds, ruler, [Stage(*look) for look in raced.looks])
    names = [*race.live, *sorted(race.left, key=lambda name: (-race.left[name].seeds, list(rivals).index(name)))]
    judged = []
    for first, second in itertools.combinations(names, 2):
        each = measure_pair(rivals[first], rivals[second], ruler, paired=True)
        winner = next((a for a, b in ((first, second), (second, first)) if (a, b) in race.beats), "")
        lost = "; ".join(how_lost(rivals[name]) for name in (first, second) if rivals[name].lost)
        judged.append(dataclasses.replace(each, winner=winner, lost=lost))
    said = (
        "95 % interval each, at the seeds that both had; the wins hold for all pairs and looks of the race together with an "
        f"error of at most {chosen(ALPHA * 100)} %"
    )
    return Matrix(metric, ARM, names, judged, said, race.live)
