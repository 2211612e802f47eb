"""What is tried lies evenly on a log scale between the ends, both of which are tried; ranges come from where they should."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.errors import UserError
from nnreg.sweeps.tuning import log_grid, range_of

LOW = st.floats(1e-8, 1e4)


@given(LOW, st.floats(3, 1e6), st.integers(2, 12))
def test_a_log_grid_has_both_ends_and_equal_ratios_between(low, factor, count):
    high = low * factor
    grid = log_grid(low, high, count)
    assert (grid[0], grid[-1], len(grid)) == (low, high, count)
    assert grid == sorted(set(grid))
    wanted = (high / low) ** (1 / (count - 1))
    assert all(math.isclose(b / a, wanted, rel_tol=2e-3) for a, b in itertools.pairwise(grid))


@given(LOW, st.floats(1.5, 1e6))
def test_a_single_value_is_the_middle_of_the_range(low, factor):
    (value,) = log_grid(low, low * factor, 1)
    assert math.isclose(value, low * math.sqrt(factor), rel_tol=1e-3)


def test_the_values_of_three_decades_are_those_on_paper():
    assert log_grid(1e-3, 1.0, 7) == [0.001, 0.003162, 0.01, 0.03162, 0.1, 0.3162, 1.0]


def test_a_technique_says_where_it_is_searched():
    found = range_of("optimizer", "adam", {"name": "adam", "lr": 0.001}, "lr", None)
    assert (found.low, found.high) == (1e-4, 0.1)


def test_what_the_user_says_wins():
    assert range_of("optimizer", "adam", {"lr": 0.001}, "lr", (0.5, 2.0))[:2] == (0.5, 2.0)


def test_one_that_says_nothing_is_searched_two_decades_around_its_value():
    found = range_of("optimizer", "adam", {"beta1": 0.9}, "beta1", None)
    assert found[:2] == (0.09, 9.0)
    assert "two decades around 0.9 as it declares none" in found.told


def test_a_technique_without_the_parameter_is_not_searched():
    assert range_of("regularizer", "none", {"name": "none"}, "strength", None) is None


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, True, "many", None])
def test_no_decades_lie_around_what_is_no_positive_number(value):
    with pytest.raises(UserError, match=r"protocol.range=\[low,high\]"):
        range_of("optimizer", "adam", {"eps": value}, "eps", None)
