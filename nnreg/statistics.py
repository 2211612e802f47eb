"""Intervals of means over seeds."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

LEVEL = 0.95


def half_width(values: npt.NDArray[np.float64], level: float = LEVEL) -> float | None:
    """Return half the width of Student's confidence interval of a mean, or None where one value says nothing of its spread.

    Args:
        values: independent draws, (n,) float64, read.
        level: probability with which the interval covers the mean, for normal draws.
    """
    if values.size < 2 or not np.isfinite(values).all():
        return None
    return _factor(values.size, level) * float(values.std(ddof=1))


def half_widths(table: npt.NDArray[np.float64], level: float = LEVEL) -> npt.NDArray[np.float64]:
    """Return ``half_width`` of every column of a table, (n, columns) float64, finite, read; zeros for a single row."""
    if len(table) < 2:
        return np.zeros(table.shape[1])
    return _factor(len(table), level) * np.asarray(table.std(axis=0, ddof=1))


def _factor(count: int, level: float) -> float:
    """Return half an interval's width over the standard deviation."""
    from scipy.special import stdtrit  # half a second at start-up that most commands do not pay

    return float(stdtrit(count - 1, (1 + level) / 2)) / math.sqrt(count)
