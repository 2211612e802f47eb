"""Arms against each other: distances by hand and by scipy, wins by Holm, and what chance may never do in simulations."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from nnreg.comparison.answer import answer_lines
from nnreg.comparison.pairs import ALIKE, TIED, UNEQUAL, matrix
from tests.comparison.sweeps import gathered, standing

DRAWS, FEWER, SEEDS = 2000, 400, 5
METRIC, ACCURACY, R2 = "final/train_loss", "valid/accuracy_final", "valid/r2_final"


def arms(table, first=1, metric=METRIC):
    """Return arms a, b, ... from values, (arms, seeds)."""
    return [
        standing("abcdefgh"[row], dict(enumerate(values, first)), metric)
        for row, values in enumerate(np.asarray(table).tolist())
    ]


def drawn(rng, means, shared=1.0):
    """Return losses whose logarithms' noise is partly that of their seed: initial weights and batches are the same for all."""
    return np.exp(np.array(means)[:, None] + shared * rng.normal(size=SEEDS) + rng.normal(size=(len(means), SEEDS)))


def error(draws, rate=0.95):
    """Three standard errors of a share that is counted in so many draws: .033 in 400, .015 in 2,000."""
    return 3 * math.sqrt(rate * (1 - rate) / draws)


def covers(difference, truth):
    low, high = difference.typical.interval()
    return low <= truth[difference.a] - truth[difference.b] <= high


def won(compared):
    return {(each.winner, each.b if each.winner == each.a else each.a) for each in compared.differences if each.winner}


def test_losses_are_ratios_at_equal_seed_with_students_interval_of_their_logarithms():
    """Twice, four times, eight times: log ratios ln 2 (1, 2, 3), their mean ln 4, their deviation ln 2, t(2) 4.302653."""
    (found,) = matrix(arms([[0.1, 0.1, 0.3], [0.2, 0.4, 2.4]]), METRIC).differences
    half = 4.302653 * math.log(2) / math.sqrt(3)
    assert (found.a, found.seeds, found.paired) == ("a", 3, True)
    assert found.ends() == pytest.approx([1 / 4, math.exp(-half) / 4, math.exp(half) / 4])
    assert found.ends(-1) == pytest.approx([4, 4 * math.exp(-half), 4 * math.exp(half)])
    assert found.typical.p == pytest.approx(stats.ttest_rel(np.log([0.1, 0.1, 0.3]), np.log([0.2, 0.4, 2.4])).pvalue)


@pytest.mark.parametrize("metric", [ACCURACY, R2])
def test_accuracies_and_r2_are_differences(metric):
    a, b = [0.9, 0.8, 0.7, 0.9], [0.6, 0.4, 0.5, 0.3]
    (found,) = matrix(arms([a, b], metric=metric), metric).differences
    oracle = stats.ttest_rel(a, b)
    interval = oracle.confidence_interval()
    assert found.ends() == pytest.approx([0.375, interval.low, interval.high])
    assert (found.p, found.winner) == (pytest.approx(oracle.pvalue), "a")


def test_beyond_ten_seeds_the_extremes_do_not_count():
    rng = np.random.default_rng(0)
    a, b = np.exp(rng.normal(size=(2, 16)))
    b[3], b[7] = 1e9, 1e-9
    (found,) = matrix(arms([a, b]), METRIC).differences
    assert abs(found.center) == pytest.approx(abs(stats.trim_mean(np.log(a / b), 0.125)))
    assert found.seeds == 16


def test_a_large_difference_is_found_with_its_sign_whichever_way_is_better():
    low, high = [0.1, 0.11, 0.12], [0.8, 0.82, 0.81]
    for metric, best in ((METRIC, "a"), (ACCURACY, "b")):
        compared = matrix(arms([low, high], metric=metric), metric)
        (difference,) = compared.differences
        assert difference.winner == difference.a == compared.names[0] == best
        assert list(compared.best) == [best]


@pytest.mark.long
def test_wins_are_those_of_holm_over_all_pairs():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng, seen = np.random.default_rng(0), set()
    for _ in range(30):
        table = drawn(rng, [0.0, 1.5, 3.0, 3.0])
        compared = matrix(arms(table), METRIC)
        logs = dict(zip("abcd", np.log(table), strict=True))
        pairs = [(each.a, each.b) for each in compared.differences]
        ps = [stats.ttest_rel(logs[a], logs[b]).pvalue for a, b in pairs]
        reject, adjusted, *_ = multitest.multipletests(ps, 0.05, method="holm")
        assert [each.p for each in compared.differences] == pytest.approx(adjusted.tolist())
        better = {
            (a, b) if logs[a].mean() < logs[b].mean() else (b, a) for (a, b), sure in zip(pairs, reject, strict=True) if sure
        }
        assert won(compared) == better
        seen.add(len(better))
    assert len(seen) > 3, "what is always the same shows little"


def test_the_plain_interval_stays_as_it_is_however_many_are_compared():
    table = drawn(np.random.default_rng(0), [0.0, 5.0, 9.0])
    two, three = (matrix(arms(rows), METRIC) for rows in (table[:2], table))
    assert three.between("a", "b")[0].typical == two.between("a", "b")[0].typical
    assert two.correction == "95 % interval; a win holds with an error of at most 5 %"
    assert (
        three.correction
        == "95 % interval each; the wins hold for all 3 comparisons together with an error of at most 5 % (Holm)"
    )


def test_a_later_look_asks_for_more():
    table = [[0.1, 0.11, 0.1, 0.12, 0.1], [0.2, 0.15, 0.13, 0.2, 0.12]]
    p = stats.ttest_rel(*np.log(table)).pvalue
    assert 0.005 < p < 0.04
    assert [matrix(arms(table), METRIC, alpha=alpha).differences[0].winner for alpha in (0.04, 0.005)] == ["a", ""]
    assert "at most 0.5 %" in matrix(arms(table), METRIC, alpha=0.005).correction


def test_the_set_that_holds_the_best_is_that_of_one_sided_tests_over_the_arms():
    rng, sizes = np.random.default_rng(0), set()
    for _ in range(40):
        table = drawn(rng, [0.0, 0.0, 2.0, 3.0], shared=3.0)
        compared = matrix(arms(table), METRIC)
        logs = dict(zip("abcd", np.log(table), strict=True))
        beaten = {
            b
            for a, b in itertools.permutations("abcd", 2)
            if stats.ttest_rel(logs[a], logs[b], alternative="less").pvalue <= 0.05 / 4
        } | {loser for _, loser in won(compared)}
        assert set(compared.best) == set("abcd") - beaten
        sizes.add(len(compared.best))
    assert len(sizes) > 1


def test_the_best_is_in_its_set_in_19_of_20_sweeps():
    rng = np.random.default_rng(3)
    kept = ["a" in matrix(arms(drawn(rng, [0.0, 0.05, 0.1, 4.0])), METRIC).best for _ in range(FEWER)]
    assert np.mean(kept) >= 0.95 - error(FEWER)


@pytest.mark.long
def test_paired_intervals_cover_the_true_ratio_at_their_nominal_rate():
    rng = np.random.default_rng(0)
    found = [matrix(arms(drawn(rng, [0.0, 1.0])), METRIC).differences[0] for _ in range(DRAWS)]
    assert 0.94 <= np.mean([covers(each, {"a": 0.0, "b": 1.0}) for each in found]) <= 0.96


def test_unpaired_intervals_cover_the_true_ratio_at_their_nominal_rate():
    rng, found = np.random.default_rng(0), []
    for _ in range(FEWER):
        (a,), (b,) = arms(np.exp(rng.normal(0, 1, (1, 5)))), arms(np.exp(rng.normal(1, 2, (1, 8))), first=6)
        b = standing("b", b.metrics[METRIC].by_seed)
        found.append(matrix([a, b], METRIC, paired=False).differences[0])
    share = np.mean([covers(each, {"a": 0.0, "b": 1.0}) for each in found])
    assert share == pytest.approx(0.95, abs=error(FEWER))


def test_arms_that_share_most_of_their_seeds_are_compared_at_those():
    rng = np.random.default_rng(0)
    noise = 5 * rng.normal(size=6)
    one = standing("a", {seed: math.exp(noise[seed] + seed / 100) for seed in range(5)})
    other = standing("b", {seed: math.exp(noise[seed] + 1) for seed in range(1, 6)})
    found = matrix([one, other], METRIC, paired=False).differences[0]
    assert (found.paired, found.seeds, found.winner) == (True, 4, "a")
    assert abs(found.center) == pytest.approx(1 - np.mean([1, 2, 3, 4]) / 100)


@pytest.mark.parametrize("seeds", [range(3, 8), range(4, 9), range(9, 14)])
def test_arms_that_share_few_seeds_are_compared_as_groups_by_welch(seeds):
    one, other = {seed: 1 + seed / 10 for seed in range(5)}, {seed: 9.0 + seed for seed in seeds}
    found = matrix([standing("a", one), standing("b", other)], METRIC, paired=False).differences[0]
    oracle = stats.ttest_ind(*(np.log(list(each.values())) for each in (one, other)), equal_var=False)
    assert (found.paired, found.seeds) == (False, 5)
    assert found.typical.p == pytest.approx(oracle.pvalue)


def test_two_seeds_in_common_are_no_pairs_where_three_of_each_make_groups():
    one, other = standing("a", {1: 0.1, 2: 0.11, 3: 0.12}), standing("b", {1: 0.9, 2: 0.91, 4: 0.92})
    found = matrix([one, other], METRIC, paired=False).differences[0]
    assert (found.paired, found.seeds, found.winner) == (False, 3, "a")


def test_paired_intervals_at_shared_seeds_cover_the_true_ratio_at_their_nominal_rate():
    rng, found = np.random.default_rng(0), []
    for _ in range(FEWER):
        a, b = (dict(enumerate(values, 1)) for values in drawn(rng, [0.0, 1.0]))
        a.pop(1)
        found.append(matrix([standing("a", a), standing("b", b)], METRIC, paired=False).differences[0])
    assert {(each.paired, each.seeds) for each in found} == {(True, SEEDS - 1)}
    share = np.mean([covers(each, {"a": 0.0, "b": 1.0}) for each in found])
    assert share == pytest.approx(0.95, abs=error(FEWER))


@pytest.mark.long
@pytest.mark.parametrize("means", [[0.0] * 4, [0.0, 0.0, 0.0, 9.0]])
def test_where_nothing_differs_a_winner_is_claimed_in_few_sweeps_only_and_the_answer_says_so(means):
    rng, false = np.random.default_rng(1), 0
    for _ in range(FEWER):
        found = arms(drawn(rng, means))
        compared = matrix(found, METRIC)
        (said,) = answer_lines(gathered(*found), [compared], None)
        assert won(compared) or " beats " not in said
        false += any(means["abcd".index(winner)] >= means["abcd".index(loser)] for winner, loser in won(compared))
    assert false / FEWER <= 0.05 + error(FEWER)


def test_two_arms_that_do_not_differ_cannot_be_told_apart_in_19_of_20_sweeps():
    rng, said = np.random.default_rng(2), []
    for _ in range(FEWER):
        found = arms(drawn(rng, [0.0, 0.0]))
        said += answer_lines(gathered(*found), [matrix(found, METRIC)], None)
    assert np.mean(["cannot be told apart" in each for each in said]) == pytest.approx(0.95, abs=error(FEWER))


def test_pairs_at_equal_seed_are_told_apart_more_sharply_than_groups_where_seeds_share_noise():
    rng = np.random.default_rng(0)
    tables = [drawn(rng, [0.0, 1.0], shared=3.0) for _ in range(200)]

    def half(table, first):
        two = standing("a", dict(enumerate(table[0], 1))), standing("b", dict(enumerate(table[1], first)))
        return matrix(two, METRIC, paired=False).differences[0].typical.half()

    halves = [[half(table, first) for table in tables] for first in (1, 6)]
    assert np.median(halves[0]) < 0.5 * np.median(halves[1])


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_seed_or_two_refuse_an_interval_and_a_winner(seeds):
    compared = matrix(arms([[0.1] * seeds, [0.9] * seeds]), METRIC)
    (found,) = compared.differences
    assert (found.typical, found.winner, found.seeds, list(compared.best)) == (None, "", seeds, [])
    assert found.ends()[0] == pytest.approx(1 / 9)
    assert compared.correction == "fewer than 3 seeds carry no interval"


@pytest.mark.parametrize("same", [[0.1, 0.3, 0.2], [0.0, 0.0, 0.0], [1e300, 1e300, 1.0]])
def test_equal_runs_are_the_same(same):
    compared = matrix(arms([same, same]), METRIC)
    (found,) = compared.differences
    assert (found.center, found.winner, found.p, found.undecided) == (0.0, "", 1.0, ALIKE)
    assert found.typical.half() > 0, "that of rounding"
    assert list(compared.best) == ["a", "b"]


def test_the_same_step_of_one_row_at_every_seed_is_no_proof():
    row = 1 / 30  # accuracies are counted on 30 rows
    (difference,) = matrix(arms([[0.9, 0.8, 0.7], [0.9 - row, 0.8 - row, 0.7 - row]], metric=ACCURACY), ACCURACY).differences
    assert difference.typical.half() > 0
    assert difference.winner == ""


@pytest.mark.parametrize("odd", [1e300, 1e-300, 0.0])
def test_huge_tiny_and_zero_losses_warn_nobody_and_have_finite_ratios(odd):
    compared = matrix(arms([[odd, odd, 0.5 * odd], [0.1, 0.2, 0.15], [1e300, 0.0, 1.0]]), METRIC)
    assert all(math.isfinite(end) for each in compared.differences for end in each.ends())
    assert compared.between("a", "b")[0].winner == ("b" if odd > 1 else "a")


LOST = None


@pytest.mark.parametrize(
    ("a", "b", "winner", "said"),
    [
        (
            [1.0, 1.1, 1.2, 1.0],
            [0.1, 0.11, 0.1, LOST],
            "",
            "b diverged in 1 of 4 runs: b may not be said to beat a, though it is ahead",
        ),
        ([0.1, 0.11, 0.1, 0.2], [1.0, 1.01, 1.1, LOST], "a", "b diverged in 1 of 4 runs; compared at the other 3 seeds"),
        ([1.0, 1.1, 1.2, 1.0, LOST], [0.1, 0.11, 0.1, LOST, LOST], "", "b may not be said to beat a"),
        ([1.0, 1.1, 1.2, LOST], [0.1, 0.11, 0.1, LOST], "b", "compared at the other 3 seeds"),
        ([0.1, 0.2, 0.3], [LOST, LOST, LOST], "a", "b diverged in every run; a finished all 3"),
        ([0.1, 0.2, LOST], [LOST, LOST, LOST], "", "b diverged in every run; there is nothing to compare"),
        ([LOST, LOST], [LOST, LOST], "", "there is nothing to compare"),
        ([0.1], [LOST], "", "b diverged in its one run; a finished its one"),
        ([0.1, 0.9, 0.5], [0.5, 0.1, LOST], "", "compared at the other 2 seeds"),
    ],
)
def test_a_diverged_run_never_helps_to_win(a, b, winner, said):
    found = [standing(name, dict(enumerate(values, 1))) for name, values in (("a", a), ("b", b))]
    (difference,) = matrix(found, METRIC).differences
    assert difference.winner == winner
    assert said in difference.lost


def test_an_arm_that_lost_more_runs_puts_nobody_out_of_the_set_and_one_that_lost_all_is_out_itself():
    found = [
        standing("a", dict(enumerate([0.01, 0.011, 0.01, 0.012, LOST]))),
        standing("b", dict(enumerate([0.5, 0.51, 0.5, 0.52, 0.5]))),
        standing("c", dict(enumerate([LOST] * 5))),
    ]
    assert list(matrix(found, METRIC).best) == ["b", "a"]


def test_runs_that_failed_to_train_count_like_diverged_ones():
    (a, b), values = arms([[1.0, 1.1, 1.2, 1.0], [0.1, 0.11, 0.1, 0.1]]), dict(enumerate([0.1, 0.11, 0.1, LOST], 1))
    assert matrix([a, b], METRIC).differences[0].winner == "b"
    lost = standing("b", values)
    lost.endings["failed_to_train"] = lost.endings.pop("diverged")
    (found,) = matrix([a, lost], METRIC).differences
    assert (found.winner, found.undecided) == ("", "runs were lost")
    assert found.lost.startswith("b failed to train in 1 of 4 runs: b may not be said to beat a")


def test_arms_with_lost_runs_stand_behind_those_without():
    found = [standing("a", {1: 0.1, 2: None}), standing("b", {1: 0.5, 2: 0.6}), standing("c", {1: None, 2: None})]
    assert matrix(found, METRIC).names == ["b", "a", "c"]


def test_unequal_budgets_let_nobody_win_and_are_in_no_set():
    found = arms([[0.1, 0.11, 0.12], [0.9, 0.8, 0.85], [5.0, 5.1, 5.2]])
    compared = matrix(found, METRIC, budgets={"a": 9, "b": 1, "c": 9})
    assert won(compared) == {("a", "c")}
    assert {each.barred for each in compared.differences if "b" in (each.a, each.b)} == {UNEQUAL}
    assert "b" in compared.best, "nobody may say that it is beaten"
    assert won(matrix(found, METRIC, budgets={"a": 9, "b": 9, "c": 9})) == won(matrix(found, METRIC))


def test_an_arm_that_was_not_tuned_beside_tuned_ones_is_unequal_too():
    assert won(matrix(arms([[0.1, 0.11, 0.12], [0.9, 0.8, 0.85]]), METRIC, budgets={"a": 9})) == set()


def test_what_bars_a_page_bars_all_of_it():
    compared = matrix(arms([[0.1, 0.11, 0.12], [0.9, 0.8, 0.85]]), METRIC, barred="settings were chosen by validation loss")
    assert won(compared) == set()
    assert compared.differences[0].undecided == "settings were chosen by validation loss"


def grid(values, keys=("optimizer", "init")):
    return [
        standing(", ".join(names), dict(enumerate(each, 1)), **dict(zip(keys, names, strict=True)))
        for names, each in values.items()
    ]


GRID = {
    ("sgd", "he"): [1.0, 1.2, 1.1],
    ("sgd", "xavier"): [3.0, 3.2, 3.1],
    ("adam", "he"): [0.5, 0.6, 0.7],
    ("adam", "xavier"): [0.5, 0.7, 0.8],
}


def test_the_values_of_an_axis_are_averaged_over_the_other_axis_at_each_seed():
    compared = matrix(grid(GRID), METRIC, of="optimizer")
    (difference,) = compared.differences
    per_seed = [
        math.log(0.5 * 0.5 / (1.0 * 3.0)) / 2,
        math.log(0.6 * 0.7 / (1.2 * 3.2)) / 2,
        math.log(0.7 * 0.8 / (1.1 * 3.1)) / 2,
    ]
    assert compared.names == ["adam", "sgd"]
    assert difference.center == pytest.approx(np.mean(per_seed))
    assert difference.typical.half() == pytest.approx(4.302653 * np.std(per_seed, ddof=1) / math.sqrt(3), rel=1e-6)
    assert difference.winner == "adam"


def test_an_average_that_is_one_arms_doing_says_whose():
    (of_inits,) = matrix(grid(GRID), METRIC, of="init").differences
    sgd, adam = math.log(3.1 * 3.2 * 3.0 / (1.0 * 1.2 * 1.1)), math.log(0.5 * 0.7 * 0.8 / (0.5 * 0.6 * 0.7))
    assert of_inits.remark == f"{100 * sgd / (sgd + adam):.0f} % of the difference comes with sgd"
    (of_optimizers,) = matrix(grid({key: [1.0, 1.1, 1.2] if key[0] == "sgd" else each for key, each in GRID.items()}), METRIC,
                              of="optimizer").differences  # fmt: skip
    assert of_optimizers.remark == ""


def test_an_axis_is_averaged_at_the_seeds_that_every_combination_has():
    """Else one that has the hard seed alone would count as if that were its doing."""
    ragged = {
        ("sgd", "he"): {1: 1.0, 2: 2.0, 3: 3.0},
        ("sgd", "xavier"): {2: 4.0, 3: 5.0, 4: 900.0},
        ("adam", "he"): {2: 0.5, 3: 1.5, 4: 2.5},
        ("adam", "xavier"): {1: 900.0, 2: 0.5, 3: 1.5},
    }
    found = [standing(", ".join(names), each, optimizer=names[0], init=names[1]) for names, each in ragged.items()]
    (difference,) = matrix(found, METRIC, of="optimizer", paired=False).differences
    assert difference.seeds == 2
    expected = [
        (math.log(0.5) * 2 - math.log(2.0) - math.log(4.0)) / 2,
        (math.log(1.5) * 2 - math.log(3.0) - math.log(5.0)) / 2,
    ]
    assert abs(difference.center) == pytest.approx(abs(np.mean(expected)))


def test_budgets_bar_the_values_of_an_axis_too():
    (found,) = matrix(grid(GRID), METRIC, of="optimizer", budgets={"adam": 9, "sgd": 1}).differences
    assert (found.winner, found.undecided) == ("", UNEQUAL)


def test_a_combination_that_only_one_value_has_is_not_averaged():
    found = grid(GRID | {("adam", "zeros"): [9.0, 9.0, 9.0]})
    assert matrix(found, METRIC, of="optimizer") == matrix(grid(GRID), METRIC, of="optimizer")


def test_values_that_were_never_combined_with_the_same_are_not_compared():
    found = grid({("sgd", "he"): [1.0, 2.0], ("adam", "xavier"): [3.0, 4.0]})
    assert matrix(found, METRIC, of="optimizer").differences == []


def test_an_axis_value_with_a_diverged_run_may_not_win():
    same = {key: [*values, values[0]] for key, values in GRID.items()}
    compared = matrix(grid(same | {("adam", "he"): [0.5, 0.6, 0.7, None]}), METRIC, of="optimizer")
    (difference,) = compared.differences
    assert difference.winner == ""
    assert "adam diverged in 1 of 8 runs: adam may not be said to beat sgd" in difference.lost


def test_arms_on_different_datasets_are_no_rivals():
    found = grid({(name, data): each for (name, _), data, each in zip(GRID, ["iris", "wine"] * 2, GRID.values(), strict=True)},
                 ("optimizer", "dataset"))  # fmt: skip
    compared = matrix(found, METRIC)
    assert [(each.a, each.b) for each in compared.differences] == [("adam, iris", "sgd, iris"), ("adam, wine", "sgd, wine")]
    assert "2 comparisons" in compared.correction
    assert set(compared.best) >= {"adam, iris", "adam, wine"}
    assert matrix(found, METRIC, of="dataset").differences == []


RATES = {
    ("sgd", 0.1): [1.0, 1.2, 1.1],
    ("sgd", 1.0): [0.2, 0.3, None],
    ("adam", 0.1): [3.0, 3.0, 3.1],
    ("adam", 0.01): [0.5, 0.6, 0.7],
}


def rated(values):
    return [
        standing(f"{rule} {rate}", dict(enumerate(each, 1)), **{"optimizer": rule, "optimizer.lr": rate})
        for (rule, rate), each in values.items()
    ]


def test_each_technique_is_compared_at_its_best_learning_rate_that_lost_no_run():
    compared = matrix(rated(RATES), METRIC)
    assert compared.names == ["adam 0.01", "sgd 0.1"]
    assert len(compared.differences) == 1
    (by_axis,) = matrix(rated(RATES), METRIC, of="optimizer").differences
    assert by_axis.center == pytest.approx(compared.differences[0].center)


def test_the_learning_rates_of_one_technique_are_rivals_themselves():
    found = rated({key: value for key, value in RATES.items() if key[0] == "adam"})
    assert matrix(found, METRIC).names == ["adam 0.01", "adam 0.1"]


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ([1.0, 1.1, 1.2], [0.1, 0.11, 0.12], ""),
        ([1.0, 1.1, 1.2], [1.1, 1.0, 1.2], TIED),
        ([1.0, 1.1, 1.2], [1.0, 1.1, 1.2], ALIKE),
        ([1.0, 1.1, 1.2, 1.0], [0.1, 0.11, 0.1, LOST], "runs were lost"),
        ([1.0, 1.1, 1.2], [0.1, LOST, LOST], "runs were lost"),
        ([1.0], [0.1], "no interval"),
    ],
)
def test_a_pair_without_a_winner_says_why(a, b, why):
    one, other = standing("a", dict(enumerate(a))), standing("b", dict(enumerate(b)))
    (difference,) = matrix([one, other], METRIC).differences
    assert difference.undecided == why
