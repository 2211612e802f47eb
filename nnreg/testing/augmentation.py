"""What every augmentation must do, whatever it does to a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnreg.contracts import Array, Targets
from nnreg.contracts.batches import targets_taken
from nnreg.testing.arrays import DTYPES
from nnreg.testing.report import Subject, expect, expect_equal, skip
from nnreg.testing.usage import CLASSES, SORTS, augmented, pictures


def it_says_which_targets_it_is_made_for(subject: Subject) -> None:
    """``takes`` names class numbers, values, or both."""
    takes = targets_taken(subject.make())
    known = isinstance(takes, tuple) and takes and set(takes) <= set(SORTS)
    expect(known, f"takes must be a tuple of some of {sorted(SORTS)}, got {takes!r}")


def rows_keep_their_shape_and_precision(subject: Subject) -> None:
    """A network takes as many rows as were drawn, of as many features, in the run's dtype; values stay values."""
    for sort, shape, dtype in _cases(subject):
        (x, y), (changed, targets) = pictures(sort, shape, dtype), augmented(subject.make(), sort, shape, dtype)
        expect(changed.shape == x.shape, f"rows {x.shape} came back as {changed.shape}")
        expect(changed.dtype == dtype, f"rows of {np.dtype(dtype)} came back as {changed.dtype}")
        expect(len(targets) == len(y), f"{len(y)} targets came back as {len(targets)}")
        expect(sort == "classes" or targets.shape == y.shape, f"values {y.shape} came back as {targets.shape}")


def targets_stay_classes_or_become_shares(subject: Subject) -> None:
    """Class numbers stay numbers of classes, or, where ``softens`` says so, become shares that sum to 1 in each row."""
    if "classes" not in targets_taken(subject.make()):
        skip("it does not take classes")
    softens = bool(getattr(subject.make(), "softens", False))
    for dtype in DTYPES:
        _, y = augmented(subject.make(), "classes", (6, 5), dtype)
        if softens:
            fits = y.shape == (len(y), CLASSES) and y.min() >= 0 and np.allclose(y.sum(axis=1), 1, atol=1e-6)
            expect(fits, f"softens is True, and targets are {y.dtype} {y.shape}, must be shares ({len(y)}, {CLASSES})")
        else:
            fits = y.ndim == 1 and np.issubdtype(y.dtype, np.integer) and y.min() >= 0 and y.max() < CLASSES
            expect(fits, f"targets are {y.dtype} {y.shape}; must be class numbers from 0 to {CLASSES - 1}")


def numbers_stay_finite(subject: Subject) -> None:
    """Nothing is divided by what may be zero: batches of one row, of blank rows, of one class."""
    for sort, shape, _ in _cases(subject):
        for rows in (1, 2):
            x, y = pictures(sort, shape, np.float32, rows)
            for given in (x, np.zeros_like(x)):
                changed, targets = augmented(subject.make(), sort, shape, np.float32, (given.copy(), y.copy()))
                expect(np.isfinite(changed).all() and np.isfinite(targets).all(), f"a batch of {rows} became not finite")


def it_changes_something(subject: Subject) -> None:
    """Over some batches, rows or targets come back changed, unless ``is_identity`` says that they do not."""
    if getattr(subject.make(), "is_identity", False):
        skip("it says that it changes nothing")
    for sort, shape, _ in _cases(subject):
        before = pictures(sort, shape, np.float64)
        made, rng = subject.make(), np.random.default_rng(0)
        after = [augmented(made, sort, shape, np.float64, rng=rng) for _ in range(20)]
        expect(
            any(not _same(one, other) for pair in after for one, other in zip(before, pair, strict=True)),
            "20 batches came back as they were",
        )


def it_draws_anew_each_time(subject: Subject) -> None:
    """What is done depends on the stream alone: as much as it drew, so much farther it stands; nothing is remembered."""
    for sort, shape, _ in _cases(subject):
        used, fresh, rng = subject.make(), subject.make(), np.random.default_rng(3)
        augmented(used, sort, shape, np.float64)
        stream = rng.bit_generator.state
        first = augmented(used, sort, shape, np.float64, rng=rng)
        rng.bit_generator.state = stream
        for one, other in zip(first, augmented(fresh, sort, shape, np.float64, rng=rng), strict=True):
            expect_equal(one, other, "an instance that has been used before does other things with the same stream")


def _cases(subject: Subject) -> list[tuple[str, tuple[int, ...], Any]]:
    made = subject.make()
    shapes = [(6, 5), (6, 5, 3), *([] if getattr(made, "needs_shape", False) else [(7,)])]
    return [(sort, shape, dtype) for sort in targets_taken(made) for shape in shapes for dtype in DTYPES]


def _same(one: Array | Targets, other: Array | Targets) -> bool:
    return one.shape == other.shape and bool(np.all(one == other))
