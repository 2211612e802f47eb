"""What every dataset must do, whatever its rows."""

from __future__ import annotations

import numpy as np

from nnreg.contracts import Splits
from nnreg.numerals import chosen
from nnreg.testing.report import Subject, expect, expect_equal, skip
from nnreg.testing.usage import loaded

LARGE = 100


def it_loads_splits(subject: Subject) -> None:
    """What ``load`` returns has been checked: shapes, dtypes, labels in range, finite numbers."""
    splits = loaded(subject)
    expect(isinstance(splits, Splits), f"load returned a {type(splits).__name__}, must return nnreg.contracts.Splits")
    expect(splits.source, "source must say where the data came from")


def rows_lie_one_after_the_other_in_memory(subject: Subject) -> None:
    """Batches are gathered row by row: C order, or it is slow."""
    for name, split in loaded(subject).present().items():
        expect(split.x.flags.c_contiguous, f"{name}.x is not C-contiguous; np.ascontiguousarray makes it so")


def bytes_come_with_what_they_are_divided_by(subject: Subject) -> None:
    """A network that sees pixels of 0 to 255 hardly trains: ``Splits`` takes their divisor."""
    splits = loaded(subject)
    if splits.train.x.dtype != np.uint8:
        skip("its features are floats")
    largest = int(splits.train.x.max()) / splits.divisor
    expect(
        largest <= LARGE, f"train.x is uint8 and the network sees up to {chosen(largest)}: say what to divide by, divisor=255"
    )


def every_class_is_there_to_learn(subject: Subject) -> None:
    """Each class has a row to train on, so the number of outputs is right."""
    splits = loaded(subject)
    if splits.targets != "classes":
        skip("its targets are values")
    absent = sorted(set(range(splits.outputs)) - set(np.unique(splits.train.y).tolist()))
    expect(not absent, f"of {splits.outputs} classes the training rows lack {', '.join(map(str, absent))}")


def a_load_is_not_changed_by_who_had_it_before(subject: Subject) -> None:
    """Whoever loads may write into the rows: the next who loads, or another instance, gets them fresh."""
    first = loaded(subject)
    before = first.train.x[:50].copy(), first.train.y[:50].copy()
    for array in first.train:
        if array.flags.writeable:
            array[:50] = 0
    again = loaded(subject)
    for fresh, was in zip(again.train, before, strict=True):
        expect_equal(fresh[:50], was, "rows that somebody wrote into after load came back with the next load")
