"""What a search says of its settings: which trials there were, and which settings mattered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nnreg.comparison.tables import settings_of
from nnreg.records.card import is_number
from nnreg.records.manifest import GRID, TUNE_THEN_SEEDS
from nnreg.records.metrics import is_higher_better
from nnreg.records.statistics import Values

if TYPE_CHECKING:
    from nnreg.comparison.gathering import Gathered
    from nnreg.comparison.standings import Standing


FEWEST_VALUES = 4  # of a setting that was drawn, not listed
FEWEST_TRIALS = 12  # from which an importance is more than a guess
TREES = 300
STEEP = 20.0  # highest over lowest from which on a setting is meant on a logarithmic scale


@dataclass(frozen=True)
class Drawn:
    """A number that a search drew, or chose, anew for each trial.

    Attributes:
        key: of the setting.
        values: of each trial, (trials,) float64, NaN where a trial has none.
        is_log: whether it was drawn on a logarithmic scale, as far as can be seen.
    """

    key: str
    values: Values
    is_log: bool

    @property
    def places(self) -> Values:
        """The values where they are evenly spread."""
        return np.log(self.values) if self.is_log else self.values


def drawn_settings(gathered: Gathered, found: Sequence[Standing]) -> list[Drawn]:
    """Return the numbers that a search drew, in the order of its settings; none of a sweep that searched nothing."""
    if gathered.tuning.protocol in (GRID, TUNE_THEN_SEEDS):
        return []
    made = []
    for key in settings_of(found):  # of several that were drawn at once the first alone tells trials apart: it is the one axis
        tried = [each.arm.settings[key] for each in found if key in each.arm.settings]
        if len(set(tried)) < FEWEST_VALUES or not all(map(is_number, tried)):
            continue
        values = np.array([float(each.arm.settings.get(key, math.nan)) for each in found])
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        made.append(Drawn(key, values, low > 0 and high / low >= STEEP))
    return made


@dataclass(frozen=True)
class Importance:
    """How much each setting of a search mattered.

    Attributes:
        weights: of each setting, at least 0, 1 in all; none of them where nothing is explained.
        explained: share of the variance of the trials' ranks that settings explain in trials not learned from.
        trials: that this is learned from.
    """

    weights: Sequence[float]
    explained: float
    trials: int


def importance(settings: Sequence[Drawn], values: npt.ArrayLike, metric: str) -> Importance | None:
    """Return the importance of each setting, or None of too few trials or of a single setting.

    A forest of decision trees learns the rank of a trial from its settings; a setting is as important as the forest gets worse,
    on the trials that each tree has not seen, when the setting's values are shuffled. Ranks leave nothing to single outliers,
    and give a lost trial its place: the last.

    Args:
        settings: drawn, of each trial.
        values: of the metric, (trials,), NaN for a lost trial.
        metric: that trials are judged by.
    """
    scores = np.asarray(values, dtype=np.float64)
    if len(settings) < 2 or scores.size < FEWEST_TRIALS:
        return None
    ranks = _ranks(scores if not is_higher_better(metric) else -scores)
    table = np.column_stack([np.nan_to_num(each.places, nan=np.nanmin(each.places) - 1.0) for each in settings])
    errors, shuffled = _out_of_bag(table, ranks)
    variance = float(ranks.var())
    if variance == 0.0:
        return None
    explained = 1 - errors / variance
    rises = np.maximum(shuffled - errors, 0.0)
    total = float(rises.sum())
    weights = (rises / total).tolist() if total > 0 else [0.0] * len(settings)
    return Importance(weights, float(explained), scores.size)


def _ranks(scores: Values) -> Values:
    from scipy.stats import rankdata

    return np.asarray(rankdata(np.nan_to_num(scores, nan=np.inf)))


def _out_of_bag(table: Values, ranks: Values) -> tuple[float, Values]:
    """Return the mean squared error on trials that a tree has not seen, and that with each setting shuffled among them."""
    from sklearn.tree import DecisionTreeRegressor

    rng = np.random.default_rng(0)
    count, width = table.shape
    errors, shuffled = [], []
    for _ in range(TREES):
        chosen = rng.integers(0, count, count)
        unseen = np.setdiff1d(np.arange(count), chosen)
        if unseen.size < 2:
            continue
        tree = DecisionTreeRegressor(min_samples_leaf=2, random_state=0).fit(table[chosen], ranks[chosen])
        rows = table[unseen]
        errors.append(_error(tree.predict(rows), ranks[unseen]))
        found = []
        for column in range(width):
            other = rows.copy()
            other[:, column] = rng.permutation(other[:, column])
            found.append(_error(tree.predict(other), ranks[unseen]))
        shuffled.append(found)
    return float(np.mean(errors)), np.mean(shuffled, axis=0)


def _error(guessed: Values, ranks: Values) -> float:
    return float(np.mean((guessed - ranks) ** 2))
