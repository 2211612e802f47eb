"""Row numbers as they are drawn, and rows kept in few bytes that become what the plain formula gives."""

import tracemalloc
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nnreg.contracts import Split, Splits
from nnreg.engine.network import Network
from nnreg.engine.rows import Gather, Unconverted, converted, spread_rows
from nnreg.engine.training import Streams, train
from nnreg.registry import entries
from nnreg.runs.assembly import digest_of
from nnreg_std.samplers.with_replacement import TOGETHER
from tests.engine.drawing import made_batches, position_of, take_up


@given(st.integers(1, 100_000), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_batches_drawn_together_are_those_drawn_one_by_one(rows, batch, seed):
    one_by_one = np.random.default_rng(seed)
    batches = made_batches(rows, min(batch, rows), "with_replacement", np.random.default_rng(seed))
    for numbers in islice(batches, TOGETHER + 3):
        np.testing.assert_array_equal(numbers, one_by_one.integers(rows, size=min(batch, rows)))


@given(st.integers(1, 3000), st.data())
def test_rows_that_stand_for_all_are_out_of_a_stretch_each(rows, data):
    count = data.draw(st.integers(1, rows))
    found = spread_rows(count, rows)
    places = np.searchsorted(np.arange(1, count + 1) * rows // count, found, side="right")
    np.testing.assert_array_equal(places, np.arange(count))


@pytest.mark.parametrize("rows", [60_000, 55_000, 50_000, 20_000])
@pytest.mark.parametrize("period", [2, 3, 4, 5, 6, 10, 12, 100])
def test_no_period_of_the_rows_is_seen_in_those_that_stand_for_all(rows, period):
    met = np.bincount(spread_rows(10_000, rows) % period, minlength=period)
    assert met.min() > 0.9 * 10_000 / period


SAMPLERS = [pytest.param(name, id=name) for name in entries.techniques("sampler")]


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("taken", [0, 1, 9, TOGETHER, TOGETHER + 1])
def test_a_stream_goes_on_where_it_was_left(name, taken):
    batches = made_batches(90, 10, name, np.random.default_rng(0))
    for _ in islice(batches, taken):
        pass
    position = position_of(batches)
    expected = [numbers.copy() for numbers in islice(batches, TOGETHER + 5)]
    another = made_batches(90, 10, name, np.random.default_rng(1))
    next(another)
    take_up(another, position)
    np.testing.assert_array_equal([numbers.copy() for numbers in islice(another, TOGETHER + 5)], expected)


@pytest.mark.parametrize("name", ["with_replacement", "epoch"])
@pytest.mark.parametrize("taken", [0, 1, 8, 9, TOGETHER, TOGETHER + 1])
def test_the_position_of_an_earlier_version_is_taken_up(name, taken):
    batches = made_batches(90, 10, name, np.random.default_rng(0))
    numbers = [next(batches).copy() for _ in range(taken + 20)]
    stream, together = np.random.default_rng(0), {"with_replacement": TOGETHER, "epoch": 9}[name]
    begun = max(0, (taken - 1) // together)  # times that batches were drawn together before the ones at hand
    for _ in range(begun):
        stream.integers(90, size=TOGETHER * 10) if name == "with_replacement" else stream.permutation(90)
    position = {"stream": stream.bit_generator.state, "taken": (taken - begun * together) * 10}
    another = made_batches(90, 10, name, np.random.default_rng(1))
    another.load_former(position, taken)
    np.testing.assert_array_equal([next(another).copy() for _ in range(20)], numbers[taken:])


def test_a_batch_has_any_number_of_rows_up_to_the_largest():
    rows = labelled(np.arange(10, dtype=np.float32).reshape(10, 1))
    gather = Gather(rows, 4)
    for numbers in ([3, 1], [0, 1, 2, 9], [5], [2, 2, 2, 2]):
        x, y = gather(np.array(numbers))
        np.testing.assert_array_equal(x[:, 0], numbers)
        np.testing.assert_array_equal(y, numbers)
    for wrong in (np.arange(5), np.arange(0)):
        with pytest.raises(ValueError, match=f"the sampler drew {len(wrong)} rows for a batch of at most 4"):
            gather(wrong)


def test_a_pass_holds_every_row_once_and_leaves_out_what_fills_no_batch():
    rows = np.concatenate(list(islice(made_batches(23, 5, "epoch", np.random.default_rng(0)), 4)))
    assert len(set(rows)) == 20
    assert set(rows) <= set(range(23))


# Rows kept as bytes, or in fewer bytes than a network's numbers, are the rows that the plain formula gives.


shapes = st.tuples(st.integers(1, 12), st.integers(1, 9))
bytes_of_rows = arrays.arrays(np.uint8, shapes)
divisors = st.sampled_from([1.0, 16.0, 255.0]) | st.floats(0.01, 1e4)
DTYPES = (np.float32, np.float64)


def plain(x, divisor, dtype):
    """What a network sees, one number after the other: divided in float32, then in its own precision."""
    return np.array([[np.float32(value) / np.float32(divisor) for value in row] for row in x.tolist()], np.float32).astype(
        dtype
    )


def labelled(x, divisor=1.0, dtype=np.float32):
    return converted(Split(x, np.arange(len(x))), dtype, divisor)


@given(bytes_of_rows, divisors, st.sampled_from(DTYPES), st.data())
def test_gathered_bytes_are_the_numbers_of_the_plain_formula(x, divisor, dtype, data):
    rows = np.array(data.draw(st.lists(st.integers(0, len(x) - 1), min_size=1, max_size=20)))
    gather = Gather(labelled(x, divisor, dtype), len(rows))
    for numbers in (rows[::-1].copy(), rows):  # the second batch overwrites the first
        found, y = gather(numbers)
    np.testing.assert_array_equal(found, plain(x, divisor, dtype)[rows], strict=True)
    np.testing.assert_array_equal(y, rows)


@given(bytes_of_rows, divisors, st.sampled_from(DTYPES), st.integers(1, 15))
def test_bytes_asked_for_in_chunks_are_the_numbers_of_the_plain_formula(x, divisor, dtype, size):
    kept = labelled(x, divisor, dtype).x
    chunks = [kept[first : first + size].copy() for first in range(0, len(x), size)]
    np.testing.assert_array_equal(np.concatenate(chunks), plain(x, divisor, dtype), strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kept", [np.float16, np.float32, np.float64])
def test_floats_of_any_precision_are_rounded_to_the_networks(kept, dtype):
    x = np.random.default_rng(0).standard_normal((9, 3)).astype(kept)
    rows = labelled(x, dtype=dtype)
    np.testing.assert_array_equal(rows.x[:], x.astype(dtype), strict=True)
    np.testing.assert_array_equal(Gather(rows, 4)(np.array([8, 0, 3, 3]))[0], x.astype(dtype)[[8, 0, 3, 3]], strict=True)


@pytest.mark.parametrize(("kept", "stays"), [(np.uint8, True), (np.float32, True), (np.float64, False)])
def test_features_that_take_no_more_bytes_than_the_networks_numbers_are_not_copied(kept, stays):
    x = np.ones((5, 2), kept)
    rows = labelled(x).x
    assert np.shares_memory(rows._kept if isinstance(rows, Unconverted) else rows, x) == stays


ROWS, FEATURES = 20_000, 100
FORMULAS = {"activation": "relu", "loss": "softmax_cross_entropy", "regularizer": "none"}
FLOATS = ROWS * FEATURES * 4  # bytes of a split, were it converted as a whole


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    split = Split(rng.integers(256, size=(ROWS, FEATURES), dtype=np.uint8), rng.integers(3, size=ROWS))
    return Splits(split, split, split, outputs=3, source="random", divisor=255)


def trained(splits, dtype=np.float32):
    """Return the records of a few steps, and what is measured between them."""

    def plugin(kind, name):
        return entries.load_class(entries.find_technique(kind, name))()

    streams = Streams.from_seed(0)
    formulas = {kind: plugin(kind, name) for kind, name in FORMULAS.items()}
    network = Network(FEATURES, (8,), 3, rows=32, dtype=dtype, **formulas)
    network.initialise(plugin("init", "he"), streams.init)
    rule = plugin("optimizer", "sgd")
    rule.bind(network.parameters)
    batches = made_batches(len(splits.train.x), 32, "with_replacement", streams.batches)
    return list(train(network, rule, splits, steps=4, batches=batches, validate_every=2, watch_train=True))


def test_training_and_evaluating_on_bytes_makes_no_float_copy_of_a_split(pictures):
    trained(pictures)
    tracemalloc.start()
    try:
        trained(pictures)
        digest_of(pictures)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < FLOATS / 3  # of which the digest's chunk, and the logits of a split, are a part


@pytest.mark.parametrize("dtype", DTYPES)
def test_training_on_bytes_is_training_on_their_quotients_to_the_last_bit(pictures, dtype):
    floats = [Split(plain(split.x[:2000], 255, np.float32), split.y[:2000]) for split in pictures.present().values()]
    pixels = [Split(split.x[:2000], split.y[:2000]) for split in pictures.present().values()]
    pair = Splits(*pixels, outputs=3, source="random", divisor=255), Splits(*floats, outputs=3, source="random")
    found, wanted = (trained(splits, dtype) for splits in pair)
    assert found == wanted
    assert digest_of(pair[0]) == digest_of(pair[1])
