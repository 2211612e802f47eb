"""What chance leaves to be said of arms that ran at the same seeds: typical ratios, claims, the set that holds the best.

Numbers go in and numbers come out: nothing here knows runs, names of metrics or sentences. ``docs/answers.md`` says the method,
``benchmarks/answers.py`` measures how often it is wrong.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nnreg.numerals import whole
from nnreg.records.statistics import Values

Scale = Literal["ratio", "difference"]
"""How two values at one seed are set against each other: losses as the logarithm of their ratio, all else as a difference."""

ALPHA = 0.05
FEWEST = 3  # seeds that an interval takes
TRIMMED_FROM = 11  # seeds from which the lowest and highest eighth are left out; below, an eighth is nobody
SMALLEST = float(np.finfo(np.float32).tiny)


def loss_floor(untrained: float, dtype: npt.DTypeLike = np.float32) -> float:
    """Return the loss below which nothing can be told apart: the resolution of a run's numbers times its loss untrained."""
    return max(float(np.finfo(dtype).eps) * untrained, SMALLEST)


def loss_resolution(dtype: npt.DTypeLike = np.float32) -> float:
    """Return the standard deviation of a log ratio of two losses by rounding alone: ``least`` of losses."""
    return float(np.finfo(dtype).eps) / math.sqrt(6)


def distances(scale: Scale, a: npt.ArrayLike, b: npt.ArrayLike, floor: float = SMALLEST) -> Values:
    """Return how far ``a`` is above ``b``, value by value.

    Args:
        scale: ``ratio`` for log(a / b) of positive quantities, ``difference`` for a - b.
        a: values, of any shape, read.
        b: values at the same seeds, read.
        floor: of a ratio: what is less counts as this, so two that are both below it are tied, at 0.
    """
    ones, others = (placed(scale, values, floor) for values in (a, b))
    with np.errstate(invalid="ignore", over="ignore"):  # infinite losses, and differences beyond 1e308
        return np.asarray(ones - others)


def placed(scale: Scale, values: npt.ArrayLike, floor: float = SMALLEST) -> Values:
    """Return values where their differences are the distances: losses as logarithms, all else as it is."""
    array = np.asarray(values, dtype=np.float64)
    return np.asarray(np.log(np.maximum(array, max(floor, SMALLEST)))) if scale == "ratio" else array


@dataclass(frozen=True)
class Typical:
    """The typical distance of two arms over the seeds that there might have been, as some of them show it.

    Attributes:
        center: mean of up to ten distances; of more, without the lowest and highest eighth.
        error: its standard error.
        df: degrees of freedom of ``center / error``.
        n: seeds; of the smaller group where the arms share none.
    """

    center: float
    error: float
    df: float
    n: int

    def half(self, alpha: float = ALPHA) -> float:
        """Return half the width of the interval that misses with probability ``alpha``."""
        return float(_quantile(self.df, 1 - alpha / 2)) * self.error

    def interval(self, alpha: float = ALPHA) -> tuple[float, float]:
        """Return the interval's ends, as distances: ``math.exp`` makes ratios of them."""
        half = self.half(alpha)
        return self.center - half, self.center + half

    @property
    def p(self) -> float:
        """The two-sided p value of no difference."""
        return min(1.0, 2 * min(self.p_above, self.p_below))

    @property
    def p_above(self) -> float:
        """The one-sided p value for being above 0: small where the first is larger."""
        return float(_tails(self.center, self.error, self.df))

    @property
    def p_below(self) -> float:
        """The one-sided p value for being below 0: small where the first is less."""
        return float(_tails(-self.center, self.error, self.df))


def typical(values: npt.ArrayLike, least: float = 0.0) -> Typical | None:
    """Return what distances at shared seeds say, or None of fewer than three, or of infinite ones.

    Three to ten: their mean, and Student's error. Eleven and more: the mean without the n // 8 lowest and highest, and Yuen's
    error. Which of them is a matter of n alone, never of how the values look.

    Args:
        values: distances, (n,), read.
        least: standard deviation that is at least assumed, such as that of rounding.
    """
    apart = np.asarray(values, dtype=np.float64)
    if apart.size < FEWEST or not np.isfinite(apart).all():
        return None
    center, error, df = centers(apart, least)
    return Typical(float(center), float(error), df, apart.size)


def typical_unpaired(
    a: npt.ArrayLike, b: npt.ArrayLike, scale: Scale, floor: float = SMALLEST, least: float = 0.0
) -> Typical | None:
    """Return the typical distance of two arms that share too few seeds: Welch's, on the same scale, each trimmed by its own n.

    Args:
        a: values of the first, (n,), read.
        b: of the second, (m,), read.
        scale: see ``distances``.
        floor: see ``distances``.
        least: standard deviation of a distance that is at least assumed.
    """
    sides = [placed(scale, values, floor) for values in (a, b)]
    if min(side.size for side in sides) < FEWEST or not all(np.isfinite(side).all() for side in sides):
        return None
    (one, first, df), (other, second, more) = (centers(side, least / math.sqrt(2)) for side in sides)
    error = math.hypot(first, second)
    shares = [float(first) / error, float(second) / error] if error else [1.0, 0.0]
    freedom = 1 / (shares[0] ** 4 / df + shares[1] ** 4 / more)
    return Typical(float(one) - float(other), error, freedom, min(side.size for side in sides))


def centers(values: Values, least: float = 0.0) -> tuple[Values, Values, int]:
    """Return center, standard error and degrees of freedom of each row: what ``Typical`` has, of many at once.

    Args:
        values: distances, (..., n) float64, finite, read.
        least: standard deviation that is at least assumed.
    """
    n = values.shape[-1]
    cut = trimmed(n)
    left = n - 2 * cut
    ordered = np.sort(values, axis=-1)
    size = np.maximum(np.abs(ordered[..., :1]), np.abs(ordered[..., -1:]))
    size = np.where(size > 0, size, 1.0)  # so that no square overflows
    ordered = ordered / size
    kept = ordered[..., cut : n - cut]
    low, high = kept[..., :1], kept[..., -1:]
    center = np.where(low == high, low, kept.mean(axis=-1, keepdims=True))  # equal values may have another mean, by rounding
    spread = np.where(low == high, 0.0, np.clip(ordered, low, high).std(axis=-1, ddof=1, keepdims=True))
    error = np.maximum(spread * size, least) * math.sqrt((n - 1) / (left * (left - 1)))
    return np.asarray((center * size)[..., 0]), np.asarray(error[..., 0]), left - 1


def trimmed(n: int) -> int:
    """Return how many of n values are left out at each end."""
    return n // 8 if n >= TRIMMED_FROM else 0


def _tails(center: npt.ArrayLike, error: npt.ArrayLike, df: npt.ArrayLike) -> Values:
    """Return Student's probability of a center at least so high where the truth is 0."""
    from scipy.special import stdtr  # half a second at start-up that most commands do not pay

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.divide(center, error)
    return np.asarray(stdtr(df, -np.where(np.isnan(ratio), 0.0, ratio)))  # no distance and no spread: a tie


def _quantile(df: float, level: float) -> Values:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(df, level))


def holm(ps: npt.ArrayLike) -> Values:
    """Return p values that hold for a whole family, by Holm's steps down.

    Args:
        ps: of each comparison, (..., comparisons), without NaN, read.
    """
    values = np.asarray(ps, dtype=np.float64)
    order = np.argsort(values, axis=-1)
    steps = np.take_along_axis(values, order, -1) * np.arange(values.shape[-1], 0, -1)
    raised = np.minimum(np.maximum.accumulate(steps, axis=-1), 1.0)
    found = np.empty_like(raised)
    np.put_along_axis(found, order, raised, -1)
    return found


def better_chances(values: Values, least: float = 0.0) -> Values:
    """Return for every two arms the one-sided p value for the first being lower than the second: small where it is.

    Args:
        values: of each arm at each seed, such that their differences are distances (see ``placed``), (..., arms, seeds)
            float64, finite, less is better, read.
        least: standard deviation of a distance that is at least assumed.

    Returns:
        (..., arms, arms); 1 where an arm meets itself.
    """
    first, second = np.triu_indices(values.shape[-2], 1)
    center, error, df = centers(values[..., second, :] - values[..., first, :], least)
    found = np.ones((*values.shape[:-1], values.shape[-2]))
    found[..., first, second], found[..., second, first] = _tails(center, error, df), _tails(-center, error, df)
    return found


def outdone_arms(
    better: Values, alpha: float, failures: Sequence[float] | None = None, live: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.bool_]:
    """Return which arms are not the best: some arm that is in question beats them one-sided at ``alpha`` over the arms.

    Args:
        better: one-sided p values of the first being better, (..., arms, arms); NaN where two cannot be compared.
        alpha: probability with which the best may be among them.
        failures: of each arm, or their share of its runs; one with more of them beats nobody who has fewer.
        live: which arms are in question, (..., arms); all where None.
    """
    arms = better.shape[-1]
    beaten = better <= alpha / arms  # NaN is not
    if failures is not None:
        beaten &= np.asarray(failures)[:, None] <= np.asarray(failures)[None, :]
    if live is not None:
        beaten &= live[..., :, None]
    return np.asarray(beaten.any(axis=-2))


def set_of_best(
    better: Values, alpha: float = ALPHA, failures: Sequence[float] | None = None, runs: Sequence[float] | None = None
) -> npt.NDArray[np.bool_]:
    """Return which arms may be the best: with probability 1 - ``alpha`` the best is one of them.

    Multiple comparisons with the best: the best is called beaten only where one of the others beats it by chance, each of them
    with probability ``alpha`` over the arms.

    Args:
        better: see ``outdone_arms``.
        alpha: of the whole set.
        failures: see ``outdone_arms``.
        runs: of each arm, 1 beside shares; one all of whose runs failed is not the best, unless all are so.
    """
    kept = ~outdone_arms(better, alpha, failures)
    if failures is not None and runs is not None:
        alive = np.asarray(failures) < np.asarray(runs)
        kept = kept & (alive | ~alive.any())
    return kept


def failure_interval(failures: int, runs: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Return the exact binomial interval (Clopper and Pearson) of the share of runs that fail."""
    from scipy.special import betaincinv

    low = float(betaincinv(failures, runs - failures + 1, alpha / 2)) if failures else 0.0
    high = float(betaincinv(failures + 1, runs - failures, 1 - alpha / 2)) if failures < runs else 1.0
    return low, high


def alpha_of_look(number: int) -> float:
    """Return what a look at the seeds so far may spend of the 5 %: .04 the first, then .005, .0025, ...: .05 in all."""
    return 0.04 if number == 1 else 0.01 / 2 ** (number - 1)


MOST_SEEDS = 1000


def detectable(found: Typical, alpha: float = ALPHA, power: float = 0.8) -> float:
    """Return the least distance that these seeds would have shown with a probability of ``power``, above 0.

    Args:
        found: of the pair.
        alpha: of the claim, two-sided: that of one comparison, such as .05 over the number of pairs.
        power: probability of the claim.
    """
    from scipy.special import nctdtrinc

    return float(nctdtrinc(found.df, 1 - power, _quantile(found.df, 1 - alpha / 2))) * found.error


def seeds_needed(found: Typical, alpha: float = ALPHA, power: float = 0.8) -> tuple[float, float]:
    """Return the range of seeds, with a confidence of 80 % at least, that would show the difference there is.

    A single number would be within a factor of two in a quarter of all cases. The range is that of the standardised difference,
    exact for normal distances; ``math.inf`` stands for more than 1,000.

    Args:
        found: of the pair, paired.
        alpha: of the claim, two-sided.
        power: probability of the claim.
    """
    from scipy.special import nctdtrinc

    if found.error == 0.0 or found.center == 0.0:
        return (FEWEST, FEWEST) if found.center else (math.inf, math.inf)
    ends = [float(nctdtrinc(found.df, tail, abs(found.center) / found.error)) for tail in (0.9, 0.1)]
    effects = [end / math.sqrt(found.n) for end in ends]
    return _seeds_for(max(abs(effect) for effect in effects), alpha, power), _seeds_for(max(effects[0], 0.0), alpha, power)


def _seeds_for(effect: float, alpha: float, power: float) -> float:
    """Return the seeds that show a difference of so many standard deviations."""
    few = next((n for n in range(FEWEST, TRIMMED_FROM) if _power(n, effect, alpha) >= power), None)
    if few is not None:
        return few
    if _power(MOST_SEEDS, effect, alpha) < power:
        return math.inf
    return TRIMMED_FROM + bisect_left(range(TRIMMED_FROM, MOST_SEEDS), power, key=lambda n: _power(n, effect, alpha))


def _power(n: int, effect: float, alpha: float) -> float:
    """Return the probability with which so many seeds show it."""
    from scipy.special import nctdtr

    df, center = n - 2 * trimmed(n) - 1, effect * math.sqrt(n)
    bar = float(_quantile(df, 1 - alpha / 2))
    return 1.0 if center > bar + 30 else 1 - float(nctdtr(df, center, bar))


def seeds_words(low: float, high: float) -> str:
    """Return a range of seeds in words: ``12 to 60``, ``40 to more than 1,000``, ``more than 1,000``."""
    if low == math.inf:
        return f"more than {MOST_SEEDS:,}"
    if low == high:
        return f"{whole(low)}"
    return f"{whole(low)} to " + (f"{whole(high)}" if high < math.inf else f"more than {MOST_SEEDS:,}")
