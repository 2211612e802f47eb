"""Arms over several problems, against scipy, statsmodels and scikit-posthocs."""

import math

import numpy as np
import pytest
from scipy import stats

from nnreg.comparison.chance import holm
from nnreg.comparison.problems import improvement_chance, matrix_over_problems, over_problems
from tests.comparison.sweeps import standing


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


METRIC, ACCURACY = "final/train_loss", "valid/accuracy_final"


def over(table, metric=METRIC, seeds=3, lost=(), spread=(1.0, 1.1, 1.2)):
    """Return arms with values given by dataset and optimizer, spread over some seeds; lost names what diverged at the last."""
    return [
        standing(
            f"{data}, {rule}",
            {seed: None if (data, rule) in lost and seed == seeds - 1 else value * spread[seed] for seed in range(seeds)},
            metric,
            dataset=data,
            optimizer=rule,
        )
        for data, rules in table.items()
        for rule, value in rules.items()
    ]


FOUR = {
    "iris": {"adam": 1.0, "sgd": 2.0},
    "wine": {"adam": 100.0, "sgd": 180.0},
    "digits": {"adam": 0.01, "sgd": 0.022},
    "moons": {"adam": 0.5, "sgd": 0.95},
}


def test_the_values_of_an_axis_are_compared_by_their_mean_log_ratios_each_dataset_one_draw():
    compared = matrix_over_problems(over(FOUR), METRIC, "optimizer")
    (found,) = compared.differences
    oracle = stats.ttest_1samp([math.log(each["adam"] / each["sgd"]) for each in FOUR.values()], 0)
    assert (found.a, found.b, found.seeds, compared.problems, found.winner) == ("adam", "sgd", 4, 4, "adam")
    assert found.p == pytest.approx(oracle.pvalue)
    assert found.ends()[1:] == pytest.approx(np.exp(oracle.confidence_interval()))
    assert list(compared.best) == ["adam"]
    assert compared.correction == (
        "mean over 4 datasets with Student's 95 % interval over them, each dataset one draw; a win holds with an error of at "
        "most 5 %"
    )


def test_more_is_better_of_accuracies():
    table = {data: {"adam": 0.9 - place / 50, "sgd": 0.6 - place / 20} for place, data in enumerate(FOUR)}
    compared = matrix_over_problems(over(table, ACCURACY, spread=(1.0, 1.0, 1.0)), ACCURACY, "optimizer")
    (found,) = compared.differences
    oracle = stats.ttest_1samp([each["adam"] - each["sgd"] for each in table.values()], 0)
    assert (compared.names, found.winner) == (["adam", "sgd"], "adam")
    assert (found.center, found.p) == (pytest.approx(0.345), pytest.approx(oracle.pvalue))


def test_a_value_that_lost_more_runs_does_not_win_and_unequal_budgets_let_nobody():
    (found,) = matrix_over_problems(over(FOUR, seeds=3, lost=[("iris", "adam")]), METRIC, "optimizer").differences
    assert (found.winner, found.undecided) == ("", "runs were lost")
    assert found.lost == "adam diverged in 1 of 12 runs: adam may not be said to beat sgd"
    (found,) = matrix_over_problems(over(FOUR, lost=[("iris", "sgd")]), METRIC, "optimizer").differences
    assert found.winner == "adam"
    (found,) = matrix_over_problems(over(FOUR), METRIC, "optimizer", budgets={"adam": 9, "sgd": 1}).differences
    assert (found.winner, found.undecided) == ("", "unequal budgets")
    (found,) = matrix_over_problems(over(FOUR), METRIC, "optimizer", barred="why").differences
    assert (found.winner, found.undecided) == ("", "why")


def test_a_dataset_on_which_nothing_finished_is_left_out_and_two_say_nothing():
    lost = over({**FOUR, "wine": {"adam": 1.0, "sgd": 1.0}})
    dead = [standing(each.arm.name, dict.fromkeys(range(3)), **each.arm.settings) if each.arm.name == "wine, sgd" else each
            for each in lost]  # fmt: skip
    compared = matrix_over_problems(dead, METRIC, "optimizer")
    assert (compared.problems, compared.differences[0].seeds) == (3, 3)
    two = matrix_over_problems(over({data: FOUR[data] for data in ("iris", "wine")}), METRIC, "optimizer")
    assert (two.differences[0].typical, two.differences[0].winner, list(two.best)) == (None, "", [])
    assert two.correction == "2 datasets carry no interval: 3 or more do"
    none = matrix_over_problems([standing(each.arm.name, {0: None}, **each.arm.settings) for each in lost], METRIC, "optimizer")
    assert none.problems == 0
    assert math.isnan(none.differences[0].center)


def test_a_later_look_asks_for_more_of_datasets_too():
    (found,) = matrix_over_problems(over(FOUR), METRIC, "optimizer", 1e-4).differences
    assert found.p > 1e-4
    assert found.winner == ""


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


def test_three_arms_have_ranks_with_demsars_critical_difference_and_two_have_none():
    three = over({data: {**each, "momentum": each["sgd"] * 2} for data, each in FOUR.items()})
    compared = matrix_over_problems(three, METRIC, "optimizer")
    assert compared.ranks == {"sgd": 2.0, "adam": 1.0, "momentum": 3.0}
    assert compared.critical == pytest.approx(2.343 * math.sqrt(3 * 4 / (6 * 4)), rel=1e-3), "q of three is 2.343"
    assert matrix_over_problems(over(FOUR), METRIC, "optimizer").ranks == {}
