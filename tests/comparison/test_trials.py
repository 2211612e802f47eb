"""The best of so many trials, against all subsets and against the binomial."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnreg.comparison.rates import Tuning
from nnreg.comparison.trials import best_of_trials, trial_lines
from nnreg.records.results import Results
from tests.comparison.sweeps import gathered, standing


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


def searched(values, **more):
    """Return what a random search of one optimizer, a trial a value, is told to have found."""
    found = [
        standing(f"sgd, lr {place}", dict.fromkeys(range(2), value), optimizer="sgd", **{"optimizer.lr": place})
        for place, value in enumerate(values, 1)
    ]
    return trial_lines(gathered(*found, **more), found, "final/train_loss")


def test_a_random_search_says_what_fewer_trials_would_have_come_to():
    tuning = Tuning("random_search", {"sgd": 24}, "optimizer", [], False, Results([]))
    (line,) = searched(np.linspace(0.1, 2.4, 24), tuning=tuning)
    assert line.startswith(
        "sgd, final training loss that the best random trial comes to, of 1: 1.25 (95 % interval of its median "
    )
    assert ", of 10: 0.227" in line and "of 20" not in line, "the best of most of them is the best of all of them"


def test_a_lost_trial_is_worse_than_any_other_and_no_mean_of_lost_trials_is_told():
    tuning = Tuning("random_search", {"sgd": 8}, "optimizer", [], False, Results([]))
    (line,) = searched([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, None], tuning=tuning)
    assert "of 1:" not in line and "of 2: 3.00" in line


def test_no_other_protocol_has_trials():
    assert searched([1.0, 2.0, 3.0]) == []
