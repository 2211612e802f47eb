"""What chance leaves to be said, against scipy, statsmodels, closed forms and numbers written down."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nnreg.comparison import chance
from nnreg.comparison.chance import Typical, distances, typical, typical_unpaired

FINITE = st.floats(-1e3, 1e3).map(lambda value: round(value, 6))
SEVERAL = st.lists(FINITE, min_size=3, max_size=40)
PS = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_losses_are_set_against_each_other_as_ratios_and_all_else_as_differences():
    assert distances("ratio", [0.2, 0.3], [0.1, 0.3]) == pytest.approx([math.log(2), 0.0])
    assert distances("difference", [0.95, 0.5], [0.90, 0.6]) == pytest.approx([0.05, -0.1])


def test_two_losses_below_the_resolution_of_their_numbers_are_tied():
    floor = chance.loss_floor(2.3)
    assert floor == pytest.approx(2.3 * 2**-23)
    assert distances("ratio", [1e-9, 0.0], [1e-12, 1e-300], floor).tolist() == [0.0, 0.0]
    assert distances("ratio", [1.0], [0.0], floor) == pytest.approx([-math.log(floor)])


@given(SEVERAL)
def test_three_to_ten_seeds_have_students_interval_and_more_have_yuens(values):
    """SciPy's trimmed test of two samples, the second of which has neither mean nor spread, is Yuen's test of one."""
    found, zeros = typical(values), np.zeros(len(values))
    trim = 0.125 if len(values) > 10 else 0.0
    cut = int(trim * len(values))
    if np.ptp(np.sort(values)[cut : len(values) - cut]) < 1e-3:
        return  # what is left is rounding
    oracle = stats.ttest_ind(values, zeros, trim=trim, equal_var=False)
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-6, abs=1e-12)
    assert found.interval() == pytest.approx(tuple(oracle.confidence_interval()), rel=1e-6, abs=1e-9)
    assert found.p_above == pytest.approx(1 - found.p_below, abs=1e-12)


def test_the_trimmed_mean_and_its_error_are_scipys_but_for_yuens_degrees_of_freedom():
    values = np.random.default_rng(0).lognormal(size=16)
    low, high = stats.mstats.trimmed_mean_ci(values, limits=(0.125, 0.125), inclusive=(True, True))
    factor = math.sqrt(15 * 12 / (16 * 11))  # Tukey and McLaughlin have n / h² where Yuen has (n - 1) / (h (h - 1))
    found = typical(values)
    assert (found.df, found.n) == (11, 16)
    assert found.center == pytest.approx(stats.trim_mean(values, 0.125))
    assert found.half() == pytest.approx((high - low) / 2 * factor)


def test_numbers_worked_by_hand():
    found = typical([0.1, 0.2, 0.3])
    assert (found.center, found.error, found.df, found.n) == (pytest.approx(0.2), pytest.approx(0.1 / math.sqrt(3)), 2, 3)
    assert found.half() == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-6)
    eleven = typical([-100.0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1000.0])  # winsorised: 1, 1, 2, ..., 8, 9, 9; squares 92 about 5
    assert (eleven.center, eleven.df) == (pytest.approx(5.0), 8)
    assert eleven.error == pytest.approx(math.sqrt(92 / (9 * 8)))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, 2.0, math.inf], [1.0, 2.0, math.nan]])
def test_too_few_seeds_and_infinite_distances_have_no_interval(values):
    assert typical(values) is None


@given(SEVERAL, st.floats(0.01, 100.0), FINITE)
def test_the_interval_turns_grows_and_moves_with_its_values(values, factor, shift):
    found, values = typical(values), np.array(values)
    close = {"rel": 1e-6, "abs": 1e-6}
    low, high = found.interval()
    assert typical(-values).interval() == pytest.approx((-high, -low), **close)
    assert typical(factor * values).interval() == pytest.approx((factor * low, factor * high), rel=1e-6, abs=1e-4)
    assert typical(values + shift).interval() == pytest.approx((low + shift, high + shift), **close)
    assert typical(values[::-1]).interval() == pytest.approx((low, high), **close)


@given(st.lists(st.floats(1e-3, 1e3), min_size=5, max_size=5), st.floats(1e-3, 1e3))
def test_ratios_know_no_units(losses, unit):
    a, b = np.array(losses), np.linspace(1, 2, 5)
    found, other = typical(distances("ratio", a, b)), typical(distances("ratio", unit * a, unit * b))
    assert other.interval() == pytest.approx(found.interval(), rel=1e-6, abs=1e-9)


def test_equal_distances_keep_the_width_of_their_rounding():
    found = typical(distances("ratio", [2.0] * 5, [1.0] * 5), chance.loss_resolution())
    assert found.center == math.log(2)
    assert 0 < found.half() < 1e-6
    assert found.p < 1e-9
    tied = typical(np.zeros(5), chance.loss_resolution())
    assert (tied.center, tied.p) == (0.0, 1.0)
    assert (typical(np.zeros(5)).p, typical(np.ones(5)).p) == (1.0, 0.0)


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e200, 1e300])
def test_huge_and_tiny_numbers_warn_nobody(size):
    for n in (3, 5, 12):
        values = size * np.linspace(-1, 2, n)
        found, like = typical(values), typical(np.linspace(-1, 2, n))
        assert found.p == pytest.approx(like.p, rel=1e-2)
        assert found.half() == pytest.approx(size * like.half(), rel=1e-2)
    assert typical(distances("ratio", [1e300] * 3, [1e-300, 1e-200, 1.0])).p < 0.2
    assert not np.isfinite(distances("difference", [math.inf, 1.7e308], [math.inf, -1.7e308])).any()


@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=10), st.lists(st.floats(0.01, 100), min_size=3, max_size=10))
def test_arms_without_common_seeds_have_welchs_interval_of_their_logarithms(a, b):
    if min(np.ptp(np.log(a)), np.ptp(np.log(b))) < 1e-3:
        return
    found = typical_unpaired(a, b, "ratio")
    oracle = stats.ttest_ind(np.log(a), np.log(b), equal_var=False)
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-6)
    assert found.interval() == pytest.approx(tuple(oracle.confidence_interval()), rel=1e-6, abs=1e-9)
    back = typical_unpaired(b, a, "ratio")
    assert (back.center, back.error) == (pytest.approx(-found.center), pytest.approx(found.error))


def test_arms_without_common_seeds_are_trimmed_as_scipy_trims_them():
    a, b = np.random.default_rng(0).lognormal(size=(2, 17))
    oracle = stats.ttest_ind(a, b, equal_var=False, trim=0.125)
    assert typical_unpaired(a, b, "difference").p == pytest.approx(oracle.pvalue)
    assert typical_unpaired([1.0, 2.0], b, "ratio") is None
    assert typical_unpaired([2.0] * 3, [1.0] * 4, "ratio", least=1e-7).half() > 0
    assert typical_unpaired([2.0] * 3, [1.0] * 4, "ratio").interval() == (math.log(2), math.log(2))


@pytest.mark.long
@settings(max_examples=20)  # it takes a tenth of a second for each
@given(PS)
def test_holm_is_that_of_statsmodels(ps):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    assert chance.holm(ps) == pytest.approx(multitest.multipletests(ps, method="holm")[1])


def test_holm_by_hand_and_of_many_families_at_once():
    assert chance.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    table = np.random.default_rng(0).random((4, 6))
    assert chance.holm(table) == pytest.approx(np.array([chance.holm(row) for row in table]))


def test_the_chances_of_all_pairs_are_those_of_each_pair():
    values = np.random.default_rng(0).normal(size=(4, 6))
    found = chance.better_chances(values)
    for a, b in itertools.permutations(range(4), 2):
        assert found[a, b] == pytest.approx(stats.ttest_rel(values[a], values[b], alternative="less").pvalue)
    assert np.diag(found).tolist() == [1.0] * 4
    assert chance.better_chances(np.stack([values, -values]))[1] == pytest.approx(found.T + np.eye(4) * 0)


BETTER = np.array([[1, 0.01, 0.2], [0.99, 1, 0.4], [0.8, 0.6, 1]])  # the first is ahead of the second


def test_an_arm_is_out_of_the_set_when_another_beats_it_at_the_level_over_the_arms():
    assert chance.set_of_best(BETTER).tolist() == [True, False, True]
    assert chance.set_of_best(BETTER, alpha=0.029).tolist() == [True, True, True], "one in three of .029 is less than .01"


def test_an_arm_with_more_failures_puts_nobody_out_and_one_that_always_fails_is_not_the_best():
    assert chance.set_of_best(BETTER, failures=[1, 0, 0], runs=[5, 5, 5]).tolist() == [True, True, True]
    assert chance.set_of_best(BETTER, failures=[1, 1, 0], runs=[5, 5, 5]).tolist() == [True, False, True]
    nothing = np.full((3, 3), math.nan)
    assert chance.set_of_best(nothing, failures=[5, 0, 1], runs=[5, 5, 5]).tolist() == [False, True, True]
    assert chance.set_of_best(nothing, failures=[5, 5, 5], runs=[5, 5, 5]).tolist() == [True, True, True]


@given(st.integers(1, 40).flatmap(lambda runs: st.tuples(st.integers(0, runs), st.just(runs))))
def test_the_interval_of_failures_is_scipys_exact_one(counted):
    failures, runs = counted
    oracle = stats.binomtest(failures, runs).proportion_ci(method="exact")
    assert chance.failure_interval(failures, runs) == pytest.approx((oracle.low, oracle.high))


def test_looks_spend_five_percent_in_all():
    assert [chance.alpha_of_look(number) for number in (1, 2, 3)] == [0.04, 0.005, 0.0025]
    assert sum(chance.alpha_of_look(number) for number in range(1, 60)) == pytest.approx(0.05)


@pytest.mark.parametrize("n", [3, 5, 10, 12, 20])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 28])
def test_what_could_be_shown_is_shown_with_the_power_asked_for(n, alpha):
    found = typical(np.random.default_rng(n).normal(size=n))
    least = chance.detectable(found, alpha)
    shown = stats.nct.sf(stats.t.ppf(1 - alpha / 2, found.df), found.df, least / found.error)
    assert shown == pytest.approx(0.8, abs=1e-4)
    assert chance.detectable(found, alpha, power=0.9) > least


def test_the_seeds_needed_are_those_of_a_known_effect_and_a_range_of_it():
    """One standard deviation at 5 %, power .8, takes 10 pairs by every table; a wide range stands around it."""
    assert chance._seeds_for(1.0, 0.05, 0.8) == 10
    assert chance._seeds_for(0.5, 0.05, 0.8) == pytest.approx(34, abs=3), "the tables' 34, and what trimming costs"
    assert chance._seeds_for(0.0, 0.05, 0.8) == math.inf
    low, high = chance.seeds_needed(Typical(1.0, 1.0 / math.sqrt(5), 4, 5))
    assert low < 10 < high
    assert chance.seeds_needed(Typical(0.01, 1.0, 4, 5))[1] == math.inf
    assert chance.seeds_needed(Typical(0.0, 1.0, 4, 5)) == (math.inf, math.inf)
    assert chance.seeds_needed(Typical(1.0, 0.0, 4, 5)) == (3, 3)


@given(st.floats(-100, 100), st.floats(1e-3, 100), st.integers(3, 30), st.sampled_from([0.05, 0.05 / 28, 0.005]))
def test_the_seeds_needed_are_a_range_whatever_was_seen(center, error, n, alpha):
    found = Typical(center, error, n - 2 * chance.trimmed(n) - 1, n)
    low, high = chance.seeds_needed(found, alpha)
    assert 3 <= low <= high
    assert chance.seeds_needed(Typical(-center, error, found.df, n), alpha) == (low, high)


@pytest.mark.parametrize("effect", [0.4, 1.0])
def test_the_range_of_seeds_needed_holds_the_true_number_in_eighty_percent_or_more(effect):
    rng, truth = np.random.default_rng(0), chance._seeds_for(effect, 0.05, 0.8)
    ranges = [chance.seeds_needed(typical(rng.normal(effect, 1, 8))) for _ in range(400)]
    share = np.mean([low <= truth <= high for low, high in ranges])
    assert 0.8 - 3 * math.sqrt(0.8 * 0.2 / 400) <= share <= 0.95, "of weak effects the direction is unknown: it is wider"


def test_a_range_of_seeds_in_words():
    said = chance.seeds_words
    assert [said(12, 60), said(7, 7), said(40, math.inf), said(math.inf, math.inf)] == [
        "12 to 60",
        "7",
        "40 to more than 1,000",
        "more than 1,000",
    ]


def test_heavy_libraries_are_imported_for_no_plain_run():
    code = "import sys, nnreg.comparison.chance; print([n for n in sys.modules if n.startswith(('scipy', 'statsmodels'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
