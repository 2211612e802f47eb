"""Intervals of means, and the smoothed curve against a loop written from its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.records.statistics import decimated, half_width, half_widths, simultaneous, smooth, welch_half_width

DRAWS = 2000


def test_the_interval_of_five_values_agrees_with_the_printed_table():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])  # t(4, .975) = 2.776 in any table, s = sqrt(2.5)
    assert half_width(values) == pytest.approx(2.776445 * np.sqrt(2.5 / 5), rel=1e-6)


def test_the_interval_of_two_groups_agrees_with_scipys_test_of_welch():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 5), rng.normal(1, 3, 8)
    low, high = ttest_ind(a, b, equal_var=False).confidence_interval(0.99)
    assert welch_half_width(a, b, 0.99) == pytest.approx((high - low) / 2, rel=1e-9)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.inf], [1.0, np.nan]])
def test_one_value_or_an_infinite_one_has_no_interval(values):
    assert half_width(np.array(values, dtype=float)) is None
    assert welch_half_width(np.array(values, dtype=float), np.array([1.0, 2.0])) is None
    assert welch_half_width(np.array([1.0, 2.0]), np.array(values, dtype=float)) is None


def test_equal_values_have_an_interval_of_exactly_nothing_unless_rounding_is_assumed():
    same = np.full(7, 0.1)  # whose computed mean is not .1
    assert half_width(same) == welch_half_width(same, same) == 0.0
    assert half_width(same, least=0.5) == pytest.approx(
        half_width(np.array([1, -1, 1, -1, 1, -1, 0]) * np.sqrt(0.25)), rel=1e-9
    )
    assert welch_half_width(same, same, least=0.5) > 0


def test_every_column_of_a_table_has_its_own_interval():
    table = np.random.default_rng(0).normal(size=(5, 3))
    assert half_widths(table) == pytest.approx([half_width(column) for column in table.T])
    assert half_widths(table[:1]).tolist() == [0.0, 0.0, 0.0]


def test_intervals_cover_the_mean_at_their_nominal_rate():
    draws = np.random.default_rng(0).normal(3.0, 2.0, (DRAWS, 5))
    covered = np.mean([abs(row.mean() - 3.0) <= half_width(row) for row in draws])
    assert 0.94 <= covered <= 0.96


@pytest.mark.parametrize(("sizes", "spreads"), [((5, 5), (1, 1)), ((5, 8), (1, 3)), ((10, 4), (1, 1))])
def test_intervals_of_independent_groups_cover_the_difference_at_their_nominal_rate(sizes, spreads):
    rng = np.random.default_rng(0)
    groups = zip(*(rng.normal(0, spread, (DRAWS, size)) for size, spread in zip(sizes, spreads, strict=True)), strict=True)
    covered = np.mean([abs(a.mean() - b.mean()) <= welch_half_width(a, b) for a, b in groups])
    assert 0.94 <= covered <= 0.965


@given(st.integers(1, 500), st.floats(0.5, 0.999))
def test_the_errors_of_simultaneous_intervals_add_up_to_that_of_one(comparisons, level):
    assert comparisons * (1 - simultaneous(comparisons, level)) == pytest.approx(1 - level)


def test_no_comparison_needs_no_correction():
    assert simultaneous(0) == 0.95


# The smoothed curve against a loop written from its definition.


curves = arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e6, 1e6))
windows = st.integers(0, 20).map(lambda half: 2 * half + 1)


def by_hand(values, window, beta):
    """A weighted mean of the neighbours, point by point: those that exist on both sides, at the end all that exist."""
    whole, smoothed = window, []
    for centre in range(len(values)):
        near_start = centre < whole // 2 and centre <= len(values) - 1 - centre
        window = 2 * centre + 1 if near_start else whole
        weights, half = np.kaiser(window, beta), window // 2
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


@given(curves, windows)
def test_the_first_point_is_the_first_point(values, window):
    np.testing.assert_array_equal(smooth(values, window)[:1], values[:1])


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(1e-6, 1e6)), windows)
def test_a_loss_is_smoothed_by_its_logarithm(values, window):
    np.testing.assert_allclose(smooth(values, window, log=True), np.exp(by_hand(np.log(values), window, 2.0)), rtol=1e-9)


def test_a_loss_of_zero_has_no_logarithm_and_is_smoothed_as_it_is():
    values = np.array([2.0, 1.0, 0.0, 0.0, 0.5])
    np.testing.assert_array_equal(smooth(values, 3, log=True), smooth(values, 3))


@given(curves)
def test_it_never_leaves_the_range_of_the_curve(values):
    if len(values):
        slack = 1e-9 * np.abs(values).max()
        assert smooth(values).min() >= values.min() - slack
        assert smooth(values).max() <= values.max() + slack


def test_a_straight_line_is_not_shifted():
    line = np.arange(40.0)
    np.testing.assert_allclose(smooth(line)[:-5], line[:-5])


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


@given(st.integers(5, 3000), st.integers(4, 400), st.integers(0, 2**32 - 1))
def test_a_thinned_curve_keeps_its_ends_and_the_height_of_its_spikes(count, most, seed):
    values = np.random.default_rng(seed).normal(size=count)
    kept = decimated(values, most)
    assert len(kept) <= max(most, 4)
    assert (np.diff(kept) > 0).all()
    assert {0, count - 1} <= {*kept.tolist()}
    assert values[kept].max() == values.max()
    assert values[kept].min() == values.min()
