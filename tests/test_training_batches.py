import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.training import Streams, draw_batches

batchings = st.integers(1, 40).flatmap(lambda rows: st.tuples(st.just(rows), st.integers(1, rows)))


def test_the_same_seed_gives_the_same_streams_and_another_seed_others():
    first, again, other = ([stream.integers(2**62) for stream in Streams.from_seed(seed)] for seed in (0, 0, 1))
    assert first == again
    assert not set(first) & set(other)


def test_streams_of_one_seed_are_independent_of_each_other():
    draws = [stream.integers(2**62) for stream in Streams.from_seed(0)]
    assert len(set(draws)) == len(draws) == 3


@given(batchings, st.integers(0, 99))
def test_an_epoch_draws_no_row_twice_and_leaves_out_less_than_a_batch(batching, seed):
    rows, batch = batching
    batches = draw_batches(rows, batch, "epoch", np.random.default_rng(seed))
    for _ in range(3):
        seen = np.concatenate(list(islice(batches, rows // batch)))
        assert len(set(seen)) == len(seen) == rows - rows % batch
        assert set(seen) <= set(range(rows))


def test_every_epoch_is_a_fresh_permutation():
    batches = draw_batches(100, 100, "epoch", np.random.default_rng(0))
    assert not np.array_equal(next(batches), next(batches))


@given(batchings, st.sampled_from(["replacement", "epoch"]))
def test_batches_are_row_numbers_of_the_training_split(batching, sampling):
    rows, batch = batching
    for drawn in islice(draw_batches(rows, batch, sampling, np.random.default_rng(0)), 5):
        assert drawn.shape == (batch,)
        assert drawn.min() >= 0
        assert drawn.max() < rows


def test_sampling_with_replacement_draws_rows_uniformly():
    drawn = np.concatenate(list(islice(draw_batches(10, 100, "replacement", np.random.default_rng(0)), 100)))
    frequencies = np.bincount(drawn) / drawn.size
    assert frequencies == pytest.approx(np.full(10, 0.1), abs=5 * math.sqrt(0.09 / drawn.size))
