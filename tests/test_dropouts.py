"""The built-in dropouts against the statistics that their papers promise."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg_std.dropouts.alpha_dropout import AlphaDropout
from nnreg_std.dropouts.dropout import InvertedDropout
from tests.layers import bound

ROWS, UNITS = 500, 400  # 200,000 units


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
    dropped(layer, np.ones((ROWS, UNITS)))
    stays = layer.backward(np.ones((ROWS, UNITS))) != 0
    deviation = math.sqrt(rate * (1 - rate))
    assert within(stays.mean(), 1 - rate, deviation, stays.size)
    assert all(within(share, 1 - rate, deviation, ROWS) for share in stays.mean(axis=0))
    assert all(within(share, 1 - rate, deviation, UNITS) for share in stays.mean(axis=1))
    neighbours = np.corrcoef(stays[:, :-1].ravel(), stays[:, 1:].ravel())[0, 1]
    assert within(neighbours, 0, 1, stays.size)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])
def test_inverted_dropout_keeps_the_mean(rate):
    y = dropped(InvertedDropout(rate), np.ones((ROWS, UNITS)))
    assert within(y.mean(), 1, math.sqrt(rate / (1 - rate)), y.size)


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5])
def test_alpha_dropout_keeps_mean_zero_and_variance_one(rate):
    x = np.random.default_rng(1).standard_normal((ROWS, UNITS))
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
    ones = np.ones((ROWS, UNITS))
    layers = [InvertedDropout(0.2), AlphaDropout(0.2), InvertedDropout(0.5)]
    for layer in layers:
        dropped(layer, ones, seed=7)
    low, alpha, high = (layer.backward(ones) != 0 for layer in layers)
    np.testing.assert_array_equal(low, alpha)
    assert not np.any(high & ~low)
