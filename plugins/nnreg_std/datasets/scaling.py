"""Features, and values to be met, on a scale that networks train well on; what is held out has no say in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnreg.contracts import Array, Split
from nnreg_std.datasets.splitting import Parts, is_classes

LARGEST = float(np.finfo(np.float32).max)
SMALLEST = float(np.finfo(np.float32).tiny)  # of a deviation that float32 can tell from none


def scaled(parts: Parts, *, standardise: bool) -> Parts:
    """Return the parts in float32, C-contiguous; class numbers stay as they are.

    Args:
        parts: train, valid and test rows, read.
        standardise: shift and scale each feature, and each column of values, to mean 0 and standard deviation 1 over the
            training rows. A column that is constant there is only shifted.

    Raises:
        ValueError: a number is not finite, or too large for float32.
    """
    train = parts[0]
    for split in filter(None, parts):
        _check(split.x, "features")
        _check(split.y, "targets")
    features = _standardiser(train.x) if standardise else _rounded
    values = _kept if is_classes(train.y) else _standardiser(train.y) if standardise else _rounded
    moved = [split and Split(features(split.x), values(split.y)) for split in parts[1:]]
    return Split(features(train.x), values(train.y)), moved[0], moved[1]


def _standardiser(rows: Array) -> Callable[[Array], Array]:
    """Return x ↦ (x - μ) / σ with the rows' mean μ and standard deviation σ, computed in float64."""
    mean, deviation = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    deviation[(np.ptp(rows, axis=0) == 0) | (deviation < SMALLEST)] = 1  # of a constant column it may come as 1e-17
    return lambda x: _rounded((x - mean) / deviation)  # (x - μ) / σ


def _rounded(x: Array) -> Array:
    with np.errstate(over="ignore"):  # what is held out may lie far off; Splits refuses what is not finite
        return np.ascontiguousarray(x, dtype=np.float32)


def _kept(y: Array) -> Array:
    return y


def _check(numbers: Array, what: str) -> None:
    if numbers.size and not (float(numbers.max()) <= LARGEST and float(numbers.min()) >= -LARGEST):  # written so that NaN fails
        raise ValueError(f"the {what} hold numbers that are not finite or too large for float32: remove or rescale them")
