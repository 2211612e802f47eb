"""The smoothed curve against a loop written from its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.records.statistics import smooth

curves = arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e6, 1e6))
windows = st.integers(0, 20).map(lambda half: 2 * half + 1)


def by_hand(values, window, beta):
    """A weighted mean of the neighbours that exist, point by point."""
    weights, half = np.kaiser(window, beta), window // 2
    smoothed = []
    for centre in range(len(values)):
        near = [i for i in range(centre - half, centre + half + 1) if 0 <= i < len(values)]
        mine = np.array([weights[i - centre + half] for i in near])
        smoothed.append(mine @ values[near] / mine.sum())
    return np.array(smoothed)


@given(curves, windows, st.floats(0, 20))
def test_it_is_the_weighted_mean_of_the_neighbours_that_exist(values, window, beta):
    np.testing.assert_allclose(smooth(values, window, beta), by_hand(values, window, beta), rtol=1e-9, atol=1e-6)


@given(st.integers(0, 60), st.floats(-1e6, 1e6))
def test_a_constant_stays_as_it_is_up_to_its_ends(length, value):
    np.testing.assert_allclose(smooth(np.full(length, value)), np.full(length, value), rtol=1e-12)


@given(curves)
def test_it_looks_the_same_from_both_sides(values):
    np.testing.assert_allclose(smooth(values[::-1]), smooth(values)[::-1], rtol=1e-9, atol=1e-6)


@given(curves)
def test_it_never_leaves_the_range_of_the_curve(values):
    if len(values):
        slack = 1e-9 * np.abs(values).max()
        assert smooth(values).min() >= values.min() - slack
        assert smooth(values).max() <= values.max() + slack


def test_a_straight_line_is_not_shifted():
    line = np.arange(40.0)
    np.testing.assert_allclose(smooth(line)[5:-5], line[5:-5])


def test_a_spike_spreads_evenly_around_its_place():
    spike = np.zeros(41)
    spike[20] = 1
    smoothed = smooth(spike)
    assert smoothed.argmax() == 20
    np.testing.assert_allclose(smoothed[15:20], smoothed[25:20:-1])
    assert smoothed.sum() == pytest.approx(1)
    assert not smoothed[:15].any()


def test_a_window_of_one_changes_nothing():
    values = np.random.default_rng(0).standard_normal(9)
    np.testing.assert_allclose(smooth(values, window=1), values)


def test_the_curve_is_only_read():
    values = np.arange(20.0)
    values.flags.writeable = False
    smooth(values)


@pytest.mark.parametrize("window", [0, 4, -3])
def test_a_window_without_a_centre_is_refused(window):
    with pytest.raises(ValueError, match=f"window must be odd and positive, got {window}"):
        smooth(np.arange(9.0), window=window)
