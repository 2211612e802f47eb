"""Held-out parts that depend on the dataset's own parameters only, never on the seed of a run."""

from __future__ import annotations

import numpy as np

from nnreg.contracts import Array, Labels, Split, Targets

Parts = tuple[Split, Split | None, Split | None]
"""Rows to train on, to validate and to test with; None for no such part."""


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
    return rows.taken(slice(-size)), rows.taken(slice(-size, None))


def is_classes(y: Targets) -> bool:
    """Return whether targets are class numbers, not values."""
    return bool(np.issubdtype(y.dtype, np.integer))


def stratified(x: Array, y: Labels, valid_fraction: float, test_fraction: float, rng: np.random.Generator) -> Parts:
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
    return _divided(Split(x, y), y, valid_fraction, test_fraction, rng)


def shuffled(x: Array, y: Array, valid_fraction: float, test_fraction: float, rng: np.random.Generator) -> Parts:
    """Return train, valid and test rows in random order, for values: float array (rows, outputs); the rest as above."""
    return _divided(Split(x, y), np.zeros(len(y), dtype=int), valid_fraction, test_fraction, rng)


def divided(
    x: Array,
    y: Targets,
    valid_fraction: float,
    test_fraction: float,
    rng: np.random.Generator,
    weight: Array | None = None,
) -> Parts:
    """Return a person's own rows in parts, by class where there are classes, and refuse parts that nothing can be done with.

    Raises:
        ValueError: the shares leave nothing to train on, a part without rows, or a class only where it is not trained on.
    """
    strata = y if is_classes(y) else np.zeros(len(y), dtype=int)
    parts = _divided(Split(x, y, weight), strata, valid_fraction, test_fraction, rng)
    for part, split in zip(("train on", "validate with", "test with"), parts, strict=True):
        lacks_class = part == "train on" and is_classes(y) and len(np.unique(parts[0].y)) < len(np.unique(y))
        if split is not None and (len(split.y) == 0 or lacks_class):
            lack = "leave none" if len(split.y) == 0 else "leave a class without any"
            shares = f"valid_fraction={valid_fraction:g} and test_fraction={test_fraction:g}"
            raise ValueError(f"{len(y)} rows are too few: {shares} {lack} to {part}; add rows or change the shares")
    return parts


def _divided(whole: Split, strata: Labels, valid_fraction: float, test_fraction: float, rng: np.random.Generator) -> Parts:
    """Return the parts, each with its share of every stratum, integer array (rows,)."""
    if valid_fraction + test_fraction >= 1:
        raise ValueError(f"valid_fraction + test_fraction must be below 1, got {valid_fraction} + {test_fraction}")
    order = rng.permutation(len(strata))
    part = np.zeros(len(strata), dtype=int)  # 0 train, 1 valid, 2 test
    for label in np.unique(strata):
        rows = order[strata[order] == label]
        valid, test = round(valid_fraction * len(rows)), round(test_fraction * len(rows))
        part[rows[:valid]], part[rows[valid : valid + test]] = 1, 2
    # Shuffled once more: in ``order`` the first training rows are of the class whose held-out rows came first.
    train, valid_rows, test_rows = (rng.permutation(np.flatnonzero(part == number)) for number in range(3))
    return (
        whole.taken(train),
        whole.taken(valid_rows) if valid_fraction else None,
        whole.taken(test_rows) if test_fraction else None,
    )
