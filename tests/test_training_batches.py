import json
import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.engine.rows import Batches
from nnreg.engine.training import Streams

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
    batches = Batches(rows, batch, "epoch", np.random.default_rng(seed))
    for _ in range(3):
        seen = np.concatenate(list(islice(batches, rows // batch)))
        assert len(set(seen)) == len(seen) == rows - rows % batch
        assert set(seen) <= set(range(rows))


def test_every_epoch_is_a_fresh_permutation():
    batches = Batches(100, 100, "epoch", np.random.default_rng(0))
    assert not np.array_equal(next(batches), next(batches))


@given(batchings, st.sampled_from(["replacement", "epoch"]))
def test_batches_are_row_numbers_of_the_training_split(batching, sampling):
    rows, batch = batching
    for drawn in islice(Batches(rows, batch, sampling, np.random.default_rng(0)), 5):
        assert drawn.shape == (batch,)
        assert drawn.min() >= 0
        assert drawn.max() < rows


def test_sampling_with_replacement_draws_rows_uniformly():
    drawn = np.concatenate(list(islice(Batches(10, 100, "replacement", np.random.default_rng(0)), 100)))
    frequencies = np.bincount(drawn) / drawn.size
    assert frequencies == pytest.approx(np.full(10, 0.1), abs=5 * math.sqrt(0.09 / drawn.size))


@given(batchings, st.sampled_from(["replacement", "epoch"]), st.integers(0, 30))
def test_batches_taken_up_again_go_on_as_if_never_left(batching, sampling, taken):
    rows, batch = batching
    whole = Batches(rows, batch, sampling, np.random.default_rng(1))
    list(islice(whole, taken))
    position = json.loads(json.dumps(whole.save()))
    again = Batches(rows, batch, sampling, np.random.default_rng(2))
    again.load(position)
    assert again.save() == position
    np.testing.assert_array_equal(list(islice(again, 40)), list(islice(whole, 40)))
