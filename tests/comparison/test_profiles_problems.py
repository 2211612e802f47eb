"""Arms over several problems, against scipy, statsmodels and scikit-posthocs."""

import math

import numpy as np
import pytest
from scipy import stats

from nnreg.comparison.chance import holm
from nnreg.comparison.problems import improvement_chance, over_problems


@pytest.fixture
def means():
    rng = np.random.default_rng(0)
    return rng.normal(size=(9, 1)) * 5 + rng.normal(size=(9, 4)) * 0.3 + np.array([0.0, 0.1, 0.5, 1.0])


def test_pairs_are_students_over_problems_and_hold_together_by_holm(means):
    found = over_problems(means)
    oracle = {pair: stats.ttest_rel(means[:, pair[0]], means[:, pair[1]]) for pair in found.typicals}
    assert [found.typicals[pair].p for pair in oracle] == pytest.approx([each.pvalue for each in oracle.values()])
    assert list(found.ps.values()) == pytest.approx(holm([each.pvalue for each in oracle.values()]))
    assert found.typicals[0, 3].interval() == pytest.approx(tuple(oracle[0, 3].confidence_interval()))


def test_wilcoxon_speaks_only_where_it_could_decide(means):
    assert over_problems(means).wilcoxon is not None, "2^-8 is less than .05 over 6 pairs"
    assert over_problems(means[:7]).wilcoxon is None, "2^-6 is more"
    found = over_problems(means)
    exact = [stats.wilcoxon(means[:, a] - means[:, b], method="exact").pvalue for a, b in found.typicals]
    assert list(found.wilcoxon.values()) == pytest.approx(holm(exact))


def test_ranks_and_their_critical_difference_are_those_of_the_field(means):
    posthocs = pytest.importorskip("scikit_posthocs")
    found = over_problems(means)
    assert found.ranks == pytest.approx(stats.rankdata(means, axis=1).mean(axis=0))
    assert found.friedman == pytest.approx(stats.friedmanchisquare(*means.T).pvalue)
    nemenyi = posthocs.posthoc_nemenyi_friedman(means).to_numpy()
    apart = np.abs(np.subtract.outer(found.ranks, found.ranks))
    assert ((nemenyi < 0.05) == (apart > found.critical)).all()
    assert found.critical == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 9)), rel=1e-3), "Demšar's table: q of four is 2.569"


def test_no_problem_counts_more_for_having_larger_losses(means):
    other = means + np.linspace(-100, 100, 9)[:, None]
    assert list(over_problems(other).ps.values()) == pytest.approx(list(over_problems(means).ps.values()))


def test_two_arms_have_no_friedman_and_two_problems_no_answer(means):
    found = over_problems(means[:, :2])
    assert found.friedman is None
    assert math.isnan(found.critical)
    assert over_problems(means[:2]) is None


def test_identical_arms_are_tied_in_all_of_it(means):
    same = np.repeat(means[:, :1], 3, axis=1)
    found = over_problems(same, 1e-7)
    assert set(found.ps.values()) == {1.0}
    assert (found.friedman, found.ranks) == (1.0, [2.0, 2.0, 2.0])


def test_the_probability_of_an_improvement_is_the_share_of_seeds_averaged_over_problems():
    found = improvement_chance([np.array([-1.0, -2.0, 3.0, 0.0]), np.array([-1.0, -1.0])])
    assert found.share == pytest.approx((2.5 / 4 + 1) / 2)
    assert 0 <= found.low <= found.share <= found.high <= 1
    back = improvement_chance([np.array([1.0, 2.0, -3.0, 0.0]), np.array([1.0, 1.0])])
    assert (back.share, back.low) == (pytest.approx(1 - found.share), pytest.approx(1 - found.high))


def test_the_interval_of_an_improvement_is_nearly_the_binomials():
    won = np.where(np.arange(200) < 120, -1.0, 1.0)
    found = improvement_chance([won])
    half = 1.96 * math.sqrt(0.6 * 0.4 / 200)
    assert (found.low, found.high) == (pytest.approx(0.6 - half, abs=0.01), pytest.approx(0.6 + half, abs=0.01))
