"""Row numbers: what is drawn, and that a stream is taken up where it was left."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.engine.rows import DRAWN, Batches


@given(st.integers(1, 100_000), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_batches_drawn_together_are_those_drawn_one_by_one(rows, batch, seed):
    one_by_one = np.random.default_rng(seed)
    batches = Batches(rows, min(batch, rows), "replacement", np.random.default_rng(seed))
    for numbers in islice(batches, DRAWN + 3):
        np.testing.assert_array_equal(numbers, one_by_one.integers(rows, size=min(batch, rows)))


@pytest.mark.parametrize("sampling", ["replacement", "epoch"])
@pytest.mark.parametrize("taken", [0, 1, 9, DRAWN, DRAWN + 1])
def test_a_stream_goes_on_where_it_was_left(sampling, taken):
    batches = Batches(90, 10, sampling, np.random.default_rng(0))
    for _ in islice(batches, taken):
        pass
    position = batches.save()
    expected = [numbers.copy() for numbers in islice(batches, DRAWN + 5)]
    another = Batches(90, 10, sampling, np.random.default_rng(1))
    next(another)
    another.load(position)
    np.testing.assert_array_equal(list(islice(another, DRAWN + 5)), expected)


def test_a_pass_holds_every_row_once_and_leaves_out_what_fills_no_batch():
    rows = np.concatenate(list(islice(Batches(23, 5, "epoch", np.random.default_rng(0)), 4)))
    assert len(set(rows)) == 20
    assert set(rows) <= set(range(23))
