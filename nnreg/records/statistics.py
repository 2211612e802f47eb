"""Intervals of means, and curves: smoothed, and thinned."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

LEVEL = 0.95

Values = npt.NDArray[np.float64]
"""Measured numbers, or what was computed of them."""


def half_width(values: Values, level: float = LEVEL, least: float = 0.0) -> float | None:
    """Return half the width of Student's confidence interval of a mean, or None where one value says nothing of its spread.

    Of the differences of two sets of runs at equal seed it is the paired interval.

    Args:
        values: independent draws, (n,) float64, read.
        level: probability with which the interval covers the mean, for normal draws.
        least: standard deviation that is at least assumed, such as that of rounding.
    """
    if values.size < 2 or not np.isfinite(values).all():
        return None
    return _quantile(values.size - 1, level) / math.sqrt(values.size) * max(_spread(values), least)


def half_widths(table: Values, level: float = LEVEL) -> Values:
    """Return ``half_width`` of every column of a table, (n, columns) float64, finite, read; zeros for a single row."""
    if len(table) < 2:
        return np.zeros(table.shape[1])
    return _quantile(len(table) - 1, level) / math.sqrt(len(table)) * np.asarray(table.std(axis=0, ddof=1))


def welch_half_width(a: Values, b: Values, level: float = LEVEL, least: float = 0.0) -> float | None:
    """Return half the width of Welch's interval of the difference of two means; None where one group has a single value.

    The groups are independent and may have different spreads; degrees of freedom by Welch and Satterthwaite.

    Args:
        a: draws of the first, (n,) float64, read.
        b: of the second, (m,).
        level: probability with which the interval covers the difference, nearly, for normal draws.
        least: standard deviation that is at least assumed of each group.
    """
    if min(a.size, b.size) < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    parts = max(_spread(a), least) ** 2 / a.size, max(_spread(b), least) ** 2 / b.size
    total = sum(parts)
    if total == 0.0:
        return 0.0
    freedom = total**2 / (parts[0] ** 2 / (a.size - 1) + parts[1] ** 2 / (b.size - 1))
    return _quantile(freedom, level) * math.sqrt(total)


def simultaneous(comparisons: int, level: float = LEVEL) -> float:
    """Return the level that each of several intervals needs so that all cover at once with ``level`` (Bonferroni).

    Args:
        comparisons: how many intervals, at least 1.
        level: of all together, whatever they have to do with each other.
    """
    return 1 - (1 - level) / max(1, comparisons)


def _spread(values: Values) -> float:
    """Return the standard deviation; exactly 0 for equal values, whose computed mean may be off by a rounding."""
    return 0.0 if np.ptp(values) == 0.0 else float(values.std(ddof=1))


def _quantile(freedom: float, level: float) -> float:
    """Return Student's two-sided quantile."""
    from scipy.special import stdtrit  # half a second at start-up that most commands do not pay

    return float(stdtrit(freedom, (1 + level) / 2))


WINDOW = 11
BETA = 2.0


def smooth(values: Values, window: int = WINDOW, beta: float = BETA, *, log: bool = False) -> Values:
    """Return the smoothed curve, which begins where the curve begins.

    Near the start the window is as wide as there are neighbours on both sides: a steep fall is not shifted, and the first point
    is the first point. Near the end the weights that fall outside are left out and the rest is scaled to sum to one: the last
    point is no single batch.

    Args:
        values: curve, (n,) float64, finite, n >= 0, read.
        window: number of weights, odd.
        beta: shape of the Kaiser window; 0 is a plain mean, larger is narrower.
        log: whether the logarithm is smoothed, as suits a loss; not where a value has none.

    Raises:
        ValueError: ``window`` is even or not positive.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window must be odd and positive, got {window}")
    if len(values) == 0 or window == 1:
        return values
    if log and values.min() > 0:
        return np.asarray(np.exp(smooth(np.log(values), window, beta)))
    weights = np.kaiser(window, beta)
    half = window // 2
    total = np.convolve(values, weights)[half : half + len(values)]
    mass = np.convolve(np.ones(len(values)), weights)[half : half + len(values)]
    smoothed = np.asarray(total / mass)
    for place in range(min(half, (len(values) + 1) // 2)):
        near = np.kaiser(2 * place + 1, beta)
        smoothed[place] = near @ values[: 2 * place + 1] / near.sum()
    return smoothed


def band(table: Values, *, log: bool = False) -> tuple[Values, Values, Values]:
    """Return the mean of every column of a table and the ends of its interval; those of the logarithm where an axis has it.

    Args:
        table: one row a seed, (n, columns) float64, finite, read.
        log: whether the axis is logarithmic; not where a value has no logarithm.
    """
    if log and table.size and table.min() > 0:
        middle, low, high = band(np.log(table))
        return np.exp(middle), np.exp(low), np.exp(high)
    middle, half = table.mean(axis=0), half_widths(table)
    return middle, middle - half, middle + half


def decimated(values: Values, most: int) -> npt.NDArray[np.intp]:
    """Return which points of a curve are kept: both ends, and the lowest and the highest of each stretch.

    A spike keeps its height, which points that are evenly spread would cut.

    Args:
        values: (n,) float64, finite, read.
        most: points that are kept, at most, at least 4.
    """
    count = values.size
    if count <= most:
        return np.arange(count)
    edges = np.linspace(1, count - 1, (most - 2) // 2 + 1).round().astype(np.intp)
    stretches = [(low, high) for low, high in itertools.pairwise(edges) if high > low]
    extremes = [low + place(values[low:high]) for low, high in stretches for place in (np.argmin, np.argmax)]
    return np.unique(np.array([0, *extremes, count - 1], dtype=np.intp))
