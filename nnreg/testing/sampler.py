"""What every sampler must do, whichever rows it draws."""

from __future__ import annotations

import copy

import numpy as np

from nnreg.contracts import Indices, Sampler
from nnreg.contracts.batches import largest_batch, state_of, targets_taken
from nnreg.testing.report import Subject, expect, expect_equal
from nnreg.testing.usage import BATCH, DRAWS, SORTS, drawn, training_rows


def it_says_which_targets_it_is_made_for(subject: Subject) -> None:
    """``takes`` names class numbers, values, or both."""
    takes = targets_taken(subject.make())
    known = isinstance(takes, tuple) and takes and set(takes) <= set(SORTS)
    expect(known, f"takes must be a tuple of some of {sorted(SORTS)}, got {takes!r}")


def it_draws_rows_of_the_training_split_alone(subject: Subject) -> None:
    """``rows`` returns numbers from 0 to the last training row: there is nothing else to train on, no validation row either."""
    for sort in targets_taken(subject.make()):
        count = len(training_rows(sort).x)
        for rows in drawn(subject.make(), sort):
            is_numbers = isinstance(rows, np.ndarray) and rows.dtype == np.int64 and rows.ndim == 1
            expect(is_numbers, f"rows returned {getattr(rows, 'dtype', type(rows).__name__)}, must be an int64 array (n,)")
            least, most = int(rows.min(initial=0)), int(rows.max(initial=0))
            expect(least >= 0 and most < count, f"of {count} training rows, 0 to {count - 1}, it drew {least} to {most}")


def no_batch_is_larger_than_it_says(subject: Subject) -> None:
    """A batch has a row at least, and no more than ``largest`` says, for which memory is allocated."""
    for sort in targets_taken(subject.make()):
        largest = largest_batch(subject.make(), BATCH, len(training_rows(sort).x))
        for rows in drawn(subject.make(), sort):
            expect(1 <= len(rows) <= largest, f"it drew {len(rows)} rows; by largest a batch has 1 to {largest}")


def every_row_is_drawn_some_time(subject: Subject) -> None:
    """A row that is never drawn is never learned from."""
    for sort in targets_taken(subject.make()):
        never = set(range(len(training_rows(sort).x))) - {int(row) for rows in drawn(subject.make(), sort) for row in rows}
        expect(not never, f"in {DRAWS} batches of {BATCH} it never drew {', '.join(map(str, sorted(never)))}")


def it_goes_on_where_it_was_left(subject: Subject) -> None:
    """What ``state`` holds, with the stream, is all that the next batches need: a run that was killed goes on, bit for bit."""
    for sort in targets_taken(subject.make()):
        whole = drawn(subject.make(), sort)
        for taken in (1, 2, 7, DRAWS // 2):
            first, rng = subject.make(), np.random.default_rng(0)
            drawn(first, sort, rng=rng, last=taken)
            kept, stream = copy.deepcopy(dict(state_of(first))), rng.bit_generator.state
            rest = _gone_on(subject.make(), sort, kept, stream, taken)
            for rows, wanted in zip(rest, whole[taken:], strict=True):
                expect_equal(rows, wanted, f"taken up again after {taken} batches it drew other rows")


def it_only_reads_the_rows(subject: Subject) -> None:
    """The split belongs to the run."""
    for sort in targets_taken(subject.make()):
        split, before = training_rows(sort), training_rows(sort)
        drawn(subject.make(), sort, split=split)
        for name, array, was in zip("xy", split[:2], before[:2], strict=True):
            expect_equal(array, was, f"it wrote to {name}")


def _gone_on(sampler: Sampler, sort: str, kept: dict[str, np.ndarray], stream: object, taken: int) -> list[Indices]:
    rng = np.random.default_rng(1)
    sampler.begin(training_rows(sort), BATCH)
    live = state_of(sampler)
    expect(live.keys() == kept.keys(), f"state has {', '.join(live) or 'nothing'} after begin, {', '.join(kept)} later")
    for name, array in live.items():
        expect(array.shape == kept[name].shape, f"state's {name} is {array.shape} after begin, {kept[name].shape} later")
        array[...] = kept[name]
    rng.bit_generator.state = stream  # type: ignore[assignment] # a mapping
    return drawn(sampler, sort, rng=rng, first=taken + 1, begins=False)
