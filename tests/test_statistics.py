import numpy as np
import pytest

from nnreg.statistics import half_width


def test_the_interval_of_five_values_agrees_with_the_printed_table():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])  # t(4, .975) = 2.776 in any table, s = sqrt(2.5)
    assert half_width(values) == pytest.approx(2.776445 * np.sqrt(2.5 / 5), rel=1e-6)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.inf], [1.0, np.nan]])
def test_one_value_or_an_infinite_one_has_no_interval(values):
    assert half_width(np.array(values, dtype=float)) is None


def test_intervals_cover_the_mean_at_their_nominal_rate():
    draws = np.random.default_rng(0).normal(3.0, 2.0, (2000, 5))
    covered = np.mean([abs(row.mean() - 3.0) <= half_width(row) for row in draws])
    assert 0.94 <= covered <= 0.96
