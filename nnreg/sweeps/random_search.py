"""Trials drawn at random, reproducibly: from ranges evenly or on a log scale, from lists by lot."""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from hydra.core.override_parser.types import IntervalSweep

from nnreg.contracts import check_range
from nnreg.errors import UserError
from nnreg.records.manifest import RANDOM_SEARCH
from nnreg.sweeps.axes import Axis, Stage, Words, count_jobs
from nnreg.sweeps.sweeper import ProtocolSweeper

ATTEMPTS = 100  # draws of a trial in a row that were there before, after which it is taken from those left
DIGITS = 6  # of a number drawn, so that it can be typed again


@dataclass(frozen=True)
class SearchSettings:
    """The settings of ``protocol=random_search``.

    Args:
        name: of the protocol.
        trials: draws.
        seed: of the draws.

    Raises:
        ValueError: a setting is out of its range.
    """

    name: str = RANDOM_SEARCH
    trials: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, trials="[1, inf)", seed="[0, inf)")


class RandomSearch(ProtocolSweeper):
    """Runs so many draws; swept seeds are not drawn, every trial is run on each."""

    protocol = RANDOM_SEARCH

    def count(self, axes: Sequence[Axis]) -> int:
        """Return trials times seeds."""
        drawn, seeds = seeds_apart(axes)
        if not drawn:
            raise UserError(
                "protocol=random_search has nothing to draw from: add a range such as "
                "optimizer.lr=tag(log,interval(1e-4,1)) or a list such as optimizer=sgd,adam"
            )
        if any(axis.interval is None and axis.count == 0 for axis in drawn):
            return 0
        return self._settings().trials * count_jobs(seeds)

    def stages(self, axes: Sequence[Axis]) -> Iterator[Stage]:
        """Yield the one stage that there is."""
        yield Stage("", self._jobs(axes))

    def execute(self, axes: Sequence[Axis]) -> None:
        """Run them."""
        self.launch(list(self._jobs(axes)))

    def _settings(self) -> SearchSettings:
        return self.read(SearchSettings, "protocol")

    def _jobs(self, axes: Sequence[Axis]) -> Iterator[Words]:
        settings, (_, seeds) = self._settings(), seeds_apart(axes)
        others = [axis for axis in axes if axis not in seeds]
        for trial in draw_trials(others, settings.trials, settings.seed):
            yield from ((*trial, *seed) for seed in itertools.product(*(axis.words for axis in seeds)))


def draw_trials(axes: Sequence[Axis], trials: int, seed: int) -> Iterator[Words]:
    """Yield the words of each trial.

    Each value depends on the seed, the number of the trial and the setting alone, so that another axis leaves the draws of the
    others as they are; but a trial that was there before is drawn again, all its settings. More trials begin with fewer. Where
    all are drawn from lists, no trial is drawn twice while there are others; where some are drawn from ranges, one may be that
    ``ATTEMPTS`` draws in a row have found there before.
    """
    seen: set[Words] = set()
    for trial in range(trials):
        streams = {axis.key: np.random.default_rng([seed, trial, zlib.crc32(axis.key.encode())]) for axis in axes}
        for _ in range(ATTEMPTS):
            words = tuple(_value(axis, streams[axis.key]) for axis in axes)
            if words not in seen:
                break
        else:
            left = _left(axes, seen)
            words = left[int(np.random.default_rng([seed, trial]).integers(len(left)))] if left else words
        seen.add(words)
        yield words


def _left(axes: Sequence[Axis], seen: Collection[Words]) -> list[Words]:
    """Return the combinations that were not drawn; none where there are no others, or too many to list: of a range."""
    if any(axis.interval is not None for axis in axes):
        return []
    lists = [dict.fromkeys(axis.words) for axis in axes]
    if len(seen) == math.prod(map(len, lists)):
        return []
    return [words for words in itertools.product(*lists) if words not in seen]


def _value(axis: Axis, rng: np.random.Generator) -> str:
    if axis.interval is None:
        return axis.words[int(rng.integers(axis.count))]
    return f"{axis.key}={_number(axis, axis.interval, rng)!r}"


def _number(axis: Axis, interval: IntervalSweep, rng: np.random.Generator) -> float | int:
    """Draw from a range; whole numbers where it is given as ``int(interval(1,8))``, both ends included."""
    low, high = interval.start, interval.end
    typed = str(axis.override.input_line)
    if low is None or high is None or not low <= high:
        raise UserError(f"{typed}: a range goes from a number to one that is no smaller")
    is_log = "log" in interval.tags
    if is_log and low <= 0:
        raise UserError(f"{typed}: a log scale begins above 0")
    if isinstance(low, int) and isinstance(high, int):
        if is_log:
            return min(high, int(math.exp(rng.uniform(math.log(low), math.log(high + 1)))))
        return int(rng.integers(low, high, endpoint=True))
    value = math.exp(rng.uniform(math.log(low), math.log(high))) if is_log else rng.uniform(low, high)
    return min(max(float(f"{value:.{DIGITS}g}"), float(low)), float(high))


def seeds_apart(axes: Sequence[Axis]) -> tuple[list[Axis], list[Axis]]:
    """Return what is drawn, and the seeds on which every trial is run."""
    swept = [axis for axis in axes if axis.is_swept]
    seeds = [axis for axis in swept if axis.setting == "seed" and axis.interval is None]
    return [axis for axis in swept if axis not in seeds], seeds
