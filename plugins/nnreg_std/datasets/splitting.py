"""Held-out parts that depend on the dataset's own parameters only, never on the seed of a run."""

from __future__ import annotations

import numpy as np

from nnreg.contracts import Array, Labels, Split


def hold_out(rows: Split, size: int) -> tuple[Split, Split | None]:
    """Return all but the last rows to train on, and the last ones to validate with, or None for none: views, no copies.

    Args:
        rows: what to divide, read.
        size: how many rows to hold out, fewer than there are.

    Raises:
        ValueError: nothing would be left to train on.
    """
    if size >= len(rows.y):
        raise ValueError(f"valid_size must be less than the {len(rows.y):,} training rows, got {size:,}")
    if size == 0:
        return rows, None
    return Split(rows.x[:-size], rows.y[:-size]), Split(rows.x[-size:], rows.y[-size:])


def stratified(
    x: Array, y: Labels, valid_fraction: float, test_fraction: float, rng: np.random.Generator
) -> tuple[Split, Split | None, Split | None]:
    """Return train, valid and test rows, shuffled, with every class in the same proportions in each.

    Args:
        x: features, float array (rows, features), read.
        y: class numbers, integer array (rows,), read.
        valid_fraction: share of each class held out for validation, in [0, 1); 0 gives None.
        test_fraction: share of each class held out for the test, in [0, 1); 0 gives None.
        rng: the shuffle's source of randomness, read.

    Raises:
        ValueError: the two shares leave nothing to train on.
    """
    if valid_fraction + test_fraction >= 1:
        raise ValueError(f"valid_fraction + test_fraction must be below 1, got {valid_fraction} + {test_fraction}")
    order = rng.permutation(len(y))
    part = np.zeros(len(y), dtype=int)  # 0 train, 1 valid, 2 test
    for label in np.unique(y):
        rows = order[y[order] == label]
        valid, test = round(valid_fraction * len(rows)), round(test_fraction * len(rows))
        part[rows[:valid]], part[rows[valid : valid + test]] = 1, 2
    train, valid_rows, test_rows = (order[part[order] == number] for number in range(3))
    return (
        Split(x[train], y[train]),
        Split(x[valid_rows], y[valid_rows]) if valid_fraction else None,
        Split(x[test_rows], y[test_rows]) if test_fraction else None,
    )
