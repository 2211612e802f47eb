"""Dropouts: each built-in one against its paper's statistics, and what every registered one must do."""

import copy
import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Dropout
from nnreg.registry import entries
from nnreg.testing.arrays import Watched
from nnreg_std.dropouts.alpha_dropout import AlphaDropout
from nnreg_std.dropouts.dropout import InvertedDropout
from tests.techniques.layers import ROWS, assert_allocates_no_batch, bound, made_network, made_rows, slopes

MANY_ROWS, MANY_UNITS = 500, 400  # 200,000 units


def dropped(layer, x, seed=0):
    """What training makes of x."""
    bound(layer, x.shape[1], len(x), x.dtype, np.random.default_rng(seed))
    return layer.forward(x, training=True)


def within(measured, expected, deviation, count):
    """Whether a mean of so many independent numbers is less than five standard errors off."""
    return abs(measured - expected) <= 5 * deviation / math.sqrt(count) + 1e-12


@pytest.mark.parametrize(("dropout", "rate"), [(InvertedDropout(), 0.5), (AlphaDropout(), 0.05)], ids=str)
def test_without_settings_a_dropout_has_the_rate_of_the_literature(dropout, rate):
    assert dataclasses.asdict(dropout) == {"rate": rate}


@given(rate=st.floats(0, 0.99), seed=st.integers(0, 999))
def test_a_unit_is_dropped_to_zero_or_divided_by_the_probability_to_stay(rate, seed):
    x = np.random.default_rng(seed).uniform(1, 2, (20, 10))
    y = dropped(InvertedDropout(rate), x, seed)
    assert np.all(np.isclose(y, 0, atol=0) | np.isclose(y, x / (1 - rate), rtol=1e-12))


@pytest.mark.parametrize("kind", [InvertedDropout, AlphaDropout])
@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])
def test_the_share_that_is_dropped_is_the_rate_for_every_unit_and_every_row(kind, rate):
    layer = kind(rate)
    dropped(layer, np.ones((MANY_ROWS, MANY_UNITS)))
    stays = layer.backward(np.ones((MANY_ROWS, MANY_UNITS))) != 0
    deviation = math.sqrt(rate * (1 - rate))
    assert within(stays.mean(), 1 - rate, deviation, stays.size)
    assert all(within(share, 1 - rate, deviation, MANY_ROWS) for share in stays.mean(axis=0))
    assert all(within(share, 1 - rate, deviation, MANY_UNITS) for share in stays.mean(axis=1))
    neighbours = np.corrcoef(stays[:, :-1].ravel(), stays[:, 1:].ravel())[0, 1]
    assert within(neighbours, 0, 1, stays.size)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])
def test_inverted_dropout_keeps_the_mean(rate):
    y = dropped(InvertedDropout(rate), np.ones((MANY_ROWS, MANY_UNITS)))
    assert within(y.mean(), 1, math.sqrt(rate / (1 - rate)), y.size)


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5])
def test_alpha_dropout_keeps_mean_zero_and_variance_one(rate):
    x = np.random.default_rng(1).standard_normal((MANY_ROWS, MANY_UNITS))
    y = dropped(AlphaDropout(rate), x)
    assert within(y.mean(), 0, 1, y.size)
    assert y.var() == pytest.approx(1, abs=0.02)
    plain = dropped(InvertedDropout(rate), x)
    assert abs(plain.var() - 1 / (1 - rate)) < 0.03  # which is why selu wants a dropout of its own


@given(rate=st.floats(0.01, 0.95))
def test_alpha_dropout_is_the_formula_of_its_paper(rate):
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    floor, q = -scale * alpha, 1 - rate
    a = (q + floor**2 * q * (1 - q)) ** -0.5
    b = -a * (1 - q) * floor
    x = np.random.default_rng(1).standard_normal((20, 10))
    layer = AlphaDropout(rate)
    y = dropped(layer, x)
    d = layer.backward(np.ones_like(x)) != 0
    np.testing.assert_allclose(y, a * (x * d + floor * (1 - d)) + b, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.backward(x), a * d * x, rtol=1e-12)


def test_the_floor_is_where_selu_ends():
    assert pytest.approx(-1.7580993408473766) == AlphaDropout.floor


@pytest.mark.parametrize("kind", [InvertedDropout, AlphaDropout])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_rate_of_zero_drops_nothing(kind, dtype):
    x = np.random.default_rng(1).standard_normal((20, 10)).astype(dtype)
    np.testing.assert_allclose(dropped(kind(0.0), x), x, rtol=1e-6, atol=1e-6)


def test_both_dropouts_drop_the_same_units_and_a_higher_rate_drops_more_of_them():
    ones = np.ones((MANY_ROWS, MANY_UNITS))
    layers = [InvertedDropout(0.2), AlphaDropout(0.2), InvertedDropout(0.5)]
    for layer in layers:
        dropped(layer, ones, seed=7)
    low, alpha, high = (layer.backward(ones) != 0 for layer in layers)
    np.testing.assert_array_equal(low, alpha)
    assert not np.any(high & ~low)


# What every registered dropout must do, whatever becomes of a unit that is dropped.


UNITS = 5
ENTRIES = entries.techniques("dropout").items()
every_dropout = pytest.mark.parametrize("entry", [pytest.param(entry, id=name) for name, entry in ENTRIES])


def made(entry, **settings):
    return entries.load_class(entry)(**settings)


def some(rows=ROWS, units=UNITS, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, units)).astype(dtype)


def layer_on(entry, stream, units=UNITS, rows=ROWS, dtype=np.float64):
    return bound(made(entry), units, rows, dtype, stream)[0]


def again_and_again(stream, compute):
    """A function that computes with the same masks at every call."""
    start = copy.deepcopy(stream.bit_generator.state)

    def value():
        stream.bit_generator.state = start
        return compute()

    return value


@every_dropout
def test_it_is_a_dropout_without_parameters_or_state_that_keeps_the_number_of_units(entry):
    dropout = made(entry)
    assert isinstance(dropout, Dropout)
    assert dropout.build(7) == (7, ())
    assert dropout.state() == {}


@every_dropout
@given(rows=st.integers(1, 9), units=st.integers(1, 6), seed=st.integers(0, 99))
def test_the_gradient_agrees_with_central_differences_under_the_same_mask(entry, rows, units, seed):
    stream = np.random.default_rng(seed)
    layer, x, dy = layer_on(entry, stream, units, rows), some(rows, units, seed=seed), some(rows, units, seed=seed + 1)
    value = again_and_again(stream, lambda: float((layer.forward(x, training=True) * dy).sum()))
    expected = slopes(value, x)
    value()
    np.testing.assert_allclose(layer.backward(dy), expected, rtol=1e-6, atol=1e-7)


@every_dropout
def test_the_gradient_of_a_whole_network_agrees_with_central_differences_under_the_same_masks(entry):
    stream = np.random.default_rng(4)
    network, (x, labels) = made_network(dropout=made(entry), masks=stream), made_rows()
    value = again_and_again(stream, lambda: network.loss_and_gradient(x, labels))
    expected = slopes(value, network.parameters.theta)
    value()
    np.testing.assert_allclose(network.parameters.grad, expected, rtol=1e-6, atol=1e-8)


@every_dropout
def test_every_hidden_layer_ends_with_it_and_the_logits_are_left_alone(entry):
    layers = [type(layer).__name__ for layer in made_network(dropout=made(entry)).layers]
    one = [] if made(entry).is_identity else [type(made(entry)).__name__]
    assert layers == [*["Affine", "Elementwise", *one] * 2, "Affine"]


@every_dropout
def test_evaluation_passes_values_on_unchanged_and_draws_nothing(entry):
    stream = np.random.default_rng(4)
    layer, before = layer_on(entry, stream), stream.bit_generator.state
    np.testing.assert_array_equal(layer.forward(some(), training=False), some())
    assert stream.bit_generator.state == before


@every_dropout
def test_evaluating_a_network_changes_neither_parameters_gradient_nor_the_masks_to_come(entry):
    stream = np.random.default_rng(4)
    network = made_network(dropout=made(entry), masks=stream)
    network.loss_and_gradient(*made_rows())
    parameters, before = network.parameters, stream.bit_generator.state
    arrays = parameters.theta.copy(), parameters.grad.copy()
    network.evaluate(*made_rows(500, seed=5))
    np.testing.assert_equal((parameters.theta, parameters.grad), arrays)
    assert stream.bit_generator.state == before


@every_dropout
def test_a_network_is_evaluated_as_if_there_were_no_dropout(entry):
    assert made_network(dropout=made(entry)).evaluate(*made_rows(20)) == made_network().evaluate(*made_rows(20))


@every_dropout
def test_evaluation_between_forward_and_backward_changes_nothing(entry):
    disturbed, straight = (layer_on(entry, np.random.default_rng(4)) for _ in range(2))
    for layer in (disturbed, straight):
        layer.forward(some(), training=True)
    disturbed.forward(some(seed=2), training=False)
    np.testing.assert_array_equal(disturbed.backward(some(seed=1)), straight.backward(some(seed=1)))


@every_dropout
def test_masks_depend_on_the_stream_and_on_nothing_that_is_passed_through(entry):
    streams = [np.random.default_rng(4) for _ in range(2)]
    here, there = (layer_on(entry, stream) for stream in streams)
    for seed in range(3):
        here.forward(some(seed=seed), training=True)
        there.forward(some(seed=9 + seed) * 1e3, training=True)
    np.testing.assert_array_equal(here.backward(np.ones((ROWS, UNITS))), there.backward(np.ones((ROWS, UNITS))))
    assert streams[0].bit_generator.state == streams[1].bit_generator.state


@every_dropout
def test_masks_are_the_same_in_single_and_double_precision(entry):
    ones = np.ones((ROWS, UNITS))
    slopes_of = []
    for dtype in (np.float32, np.float64):
        layer = layer_on(entry, np.random.default_rng(4), dtype=dtype)
        layer.forward(some(dtype=dtype), training=True)
        slopes_of.append(layer.backward(ones.astype(dtype)))
    np.testing.assert_allclose(*slopes_of, rtol=1e-6)


@every_dropout
def test_the_global_generator_is_never_touched(entry):
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the one that must not be used
    layer_on(entry, np.random.default_rng(4)).forward(some(), training=True)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@every_dropout
def test_places_draw_from_one_stream_one_after_the_other(entry):
    if made(entry).is_identity:
        pytest.skip("draws nothing")
    network = made_network(dropout=made(entry, rate=0.5), masks=np.random.default_rng(4))
    places = [layer for layer in network.layers if isinstance(layer, Dropout)]
    masks = []
    for _ in range(2):
        network.loss_and_gradient(*made_rows())
        masks += [layer.backward(np.ones((ROWS, layer.units)))[:, :4].copy() for layer in places]
    assert not any(np.array_equal(one, other) for i, one in enumerate(masks) for other in masks[:i])


@every_dropout
def test_what_is_read_is_never_written(entry):
    layer, x, dy = layer_on(entry, np.random.default_rng(4)), some(), some(seed=1)
    x.flags.writeable = dy.flags.writeable = False
    for training in (False, True):
        layer.forward(x, training=training)
    layer.backward(dy)


@every_dropout
def test_a_batch_may_be_smaller_than_the_work_arrays_and_draws_only_what_it_needs(entry):
    small, large = (layer_on(entry, np.random.default_rng(4), rows=rows) for rows in (4, 9))
    results = [layer.forward(some(4), training=True).copy() for layer in (small, large)]
    np.testing.assert_array_equal(*results)
    np.testing.assert_array_equal(*(layer.backward(some(4, seed=1)).copy() for layer in (small, large)))


@every_dropout
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_are_computed_in_the_precision_asked_for(entry, dtype):
    layer = layer_on(entry, np.random.default_rng(4), dtype=dtype)
    x, dy = some(dtype=dtype).view(Watched), some(dtype=dtype, seed=1).view(Watched)
    Watched.precisions.clear()
    results = [layer.forward(x, training=training) for training in (False, True)] + [layer.backward(dy)]
    assert {array.dtype for array in results} | Watched.precisions == {np.dtype(dtype)}


@every_dropout
def test_a_step_allocates_no_batch_sized_array(entry):
    layer = layer_on(entry, np.random.default_rng(4), units=64, rows=4096, dtype=np.float32)
    assert_allocates_no_batch(layer)
