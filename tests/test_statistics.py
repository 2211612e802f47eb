import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.records.statistics import half_width, half_widths, simultaneous, welch_half_width

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
