"""Features, and values to be met, on a scale that networks train well on; what is held out has no say in it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nnreg.contracts import Array, Features, Split
from nnreg_std.datasets._splitting import Parts, is_classes

LARGEST = float(np.finfo(np.float32).max)
AT_ONCE = 2**23  # numbers, 64 MB of float64
SMALLEST = float(np.finfo(np.float32).tiny)  # of a deviation that float32 can tell from none


def scaled(parts: Parts, *, standardise: bool) -> Parts:
    """Return the parts in float32, C-contiguous; class numbers stay as they are, and so do bytes that are not to be scaled."""
    return scaled_by(parts, standardise=standardise)[0]


def scaled_by(parts: Parts, *, standardise: bool) -> tuple[Parts, dict[str, Any]]:
    """Return the parts as ``scaled`` does, and what of a ``Preprocessing`` says how: what was shifted and scaled by what.

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
    are_bytes = all(split.x.dtype == np.uint8 for split in filter(None, parts))
    by = {}
    features, values = _kept if are_bytes else _rounded, _kept if is_classes(train.y) else _rounded
    if standardise:
        scale = _scale_of(train.x)
        features, by = scale.standardised, {"shift": scale.mean, "scale": scale.deviation}
        if not is_classes(train.y):
            scale = _scale_of(train.y)
            values, by = scale.standardised, by | {"target_shift": scale.mean, "target_scale": scale.deviation}
    moved = [split and Split(features(split.x), values(split.y), split.weight) for split in parts[1:]]
    return (Split(features(train.x), values(train.y), train.weight), moved[0], moved[1]), by


def check_varied(rows: Features) -> None:
    """Refuse features that tell no row from another.

    Raises:
        ValueError: every column is constant.
    """
    if len(rows) > 1 and (rows == rows[0]).all():
        raise ValueError("every feature is the same in all rows: there is nothing to learn from")


class _Scale(NamedTuple):
    """The rows' mean μ and standard deviation σ, computed in float64."""

    mean: Array
    deviation: Array

    def standardised(self, x: Features) -> Array:
        """Return (x - μ) / σ."""
        moved = np.empty(x.shape, np.float32)
        step = max(1, AT_ONCE // max(1, x.shape[1]))
        for first in range(0, len(x), step):
            part = slice(first, first + step)
            moved[part] = _rounded((x[part] - self.mean) / self.deviation)  # (x - μ) / σ
        return moved


def _scale_of(rows: Features) -> _Scale:
    mean, deviation = _moments(rows)
    deviation[(np.ptp(rows, axis=0) == 0) | (deviation < SMALLEST)] = 1  # of a constant column it may come as 1e-17
    return _Scale(mean, deviation)


def _moments(rows: Features) -> tuple[Array, Array]:
    """Return mean and standard deviation of each column, a few columns at once, as NumPy makes float64 of what it is given.

    Sums are those of the whole array, number by number: down the columns, unless a column is all there is.
    """
    blocks = rows.size // AT_ONCE if rows.flags.c_contiguous else 1
    columns = np.array_split(np.arange(rows.shape[1]), min(max(1, blocks), max(1, rows.shape[1] // 2)))
    parts = [rows[:, group[0] : group[-1] + 1] if len(group) else rows for group in columns]
    means, deviations = ([moment(part, axis=0, dtype=np.float64) for part in parts] for moment in (np.mean, np.std))
    return np.concatenate(means), np.concatenate(deviations)


def _rounded(x: Features) -> Array:
    with np.errstate(over="ignore"):  # what is held out may lie far off; Splits refuses what is not finite
        return np.ascontiguousarray(x, dtype=np.float32)


def _kept(y: Array) -> Array:
    return y


def _check(numbers: Array, what: str) -> None:
    if numbers.size and not (float(numbers.max()) <= LARGEST and float(numbers.min()) >= -LARGEST):  # written so that NaN fails
        raise ValueError(f"the {what} hold numbers that are not finite or too large for float32: remove or rescale them")
