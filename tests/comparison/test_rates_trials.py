"""The best of so many trials, against all subsets and against the binomial."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnreg.comparison.rates import best_of_trials


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=8).flatmap(lambda v: st.tuples(st.just(v), st.integers(1, len(v)))))
def test_the_expected_best_is_the_mean_over_all_subsets(drawn):
    values, trials = drawn
    subsets = [min(chosen) for chosen in itertools.combinations(values, trials)]
    assert best_of_trials(values, trials).mean == pytest.approx(np.mean(subsets), abs=1e-9)


def test_the_interval_lies_between_the_order_statistics_that_the_binomial_says():
    values = np.arange(1.0, 101.0)
    found = best_of_trials(values, 1)
    assert (found.low, found.high) == (40.0, 61.0), "of the median of 100, by every table of the sign test"
    assert best_of_trials(values[:5], 1)[1:] == (-math.inf, math.inf)


@pytest.mark.parametrize("trials", [1, 4, 9])
def test_the_interval_covers_the_median_of_the_best_at_least_as_often_as_it_says(trials):
    rng, share = np.random.default_rng(0), 1 - 2 ** (-1 / trials)
    truth = float(stats.norm.ppf(share))
    ends = [best_of_trials(rng.normal(size=60), trials)[1:] for _ in range(1000)]
    assert np.mean([low <= truth <= high for low, high in ends]) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1000)


def test_too_few_values_are_refused():
    with pytest.raises(ValueError, match=r"trials must be in \[1, 2\]"):
        best_of_trials([1.0, 2.0], 3)
