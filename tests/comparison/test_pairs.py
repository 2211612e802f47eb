"""Differences of arms against simulated truth: what the intervals promise, they keep."""

import math

import numpy as np
import pytest

from nnreg.comparison.answer import answer_sentence
from nnreg.comparison.pairs import matrix
from tests.comparison.sweeps import gathered, standing

DRAWS, FEWER, SEEDS = 2000, 400, 5
METRIC = "final/train_loss"


def arms(table, first=1):
    """Return arms a, b, ... from values, (arms, seeds)."""
    return [standing("abcdefgh"[row], dict(enumerate(values.tolist(), first))) for row, values in enumerate(table)]


def drawn(rng, means, shared=1.0):
    """Return runs whose noise is partly that of their seed: initial weights and batches are the same for all arms."""
    return np.array(means)[:, None] + shared * rng.normal(size=SEEDS) + rng.normal(size=(len(means), SEEDS))


def error(draws, rate=0.95):
    """Three standard errors of a share that is counted in so many draws: .033 in 400, .015 in 2,000."""
    return 3 * math.sqrt(rate * (1 - rate) / draws)


def covers(difference, truth):
    return abs(difference.mean - (truth[difference.a] - truth[difference.b])) <= difference.half


def test_paired_intervals_cover_the_true_difference_at_their_nominal_rate():
    rng = np.random.default_rng(0)
    found = [matrix(arms(drawn(rng, [0.0, 1.0])), METRIC).differences[0] for _ in range(DRAWS)]
    assert 0.94 <= np.mean([covers(each, {"a": 0.0, "b": 1.0}) for each in found]) <= 0.96


def test_unpaired_intervals_cover_the_true_difference_at_their_nominal_rate():
    rng, found = np.random.default_rng(0), []
    for _ in range(FEWER):
        (a,), (b,) = arms(rng.normal(0, 1, (1, 5))), arms(rng.normal(1, 2, (1, 8)), first=6)
        b = standing("b", b.metrics[METRIC].by_seed)
        found.append(matrix([a, b], METRIC, paired=False).differences[0])
    share = np.mean([covers(each, {"a": 0.0, "b": 1.0}) for each in found])
    assert share == pytest.approx(0.95, abs=error(FEWER))


def test_arms_that_share_most_of_their_seeds_are_compared_at_those():
    rng = np.random.default_rng(0)
    noise = 5 * rng.normal(size=6)
    one = standing("a", {seed: noise[seed] + seed / 100 for seed in range(5)})
    other = standing("b", {seed: noise[seed] + 1 for seed in range(1, 6)})
    found = matrix([one, other], METRIC, paired=False).differences[0]
    assert (found.paired, found.seeds, found.winner) == (True, 4, "a")
    assert abs(found.mean) == pytest.approx(1 - np.mean([1, 2, 3, 4]) / 100)


@pytest.mark.parametrize("seeds", [range(3, 8), range(4, 9), range(9, 14)])
def test_arms_that_share_few_seeds_are_compared_as_groups(seeds):
    one, other = standing("a", {seed: seed / 10 for seed in range(5)}), standing("b", {seed: 9.0 + seed for seed in seeds})
    found = matrix([one, other], METRIC, paired=False).differences[0]
    assert (found.paired, found.seeds) == (False, 5)
    assert abs(found.mean) == pytest.approx(np.mean([9.0 + seed for seed in seeds]) - 0.2)


def test_paired_intervals_at_shared_seeds_cover_the_true_difference_at_their_nominal_rate():
    rng, found = np.random.default_rng(0), []
    for _ in range(FEWER):
        a, b = (dict(enumerate(values, 1)) for values in drawn(rng, [0.0, 1.0]))
        a.pop(1)
        found.append(matrix([standing("a", a), standing("b", b)], METRIC, paired=False).differences[0])
    assert {(each.paired, each.seeds) for each in found} == {(True, SEEDS - 1)}
    share = np.mean([covers(each, {"a": 0.0, "b": 1.0}) for each in found])
    assert share == pytest.approx(0.95, abs=error(FEWER))


def test_all_intervals_of_a_sweep_hold_together_at_their_nominal_rate():
    rng, truth = np.random.default_rng(0), {"a": 0.0, "b": 0.5, "c": 1.0, "d": 3.0}
    found = [matrix(arms(drawn(rng, list(truth.values()))), METRIC).differences for _ in range(FEWER)]
    assert {len(each) for each in found} == {6}
    assert np.mean([all(covers(one, truth) for one in each) for each in found]) >= 0.95 - error(FEWER)


def test_where_nothing_differs_a_winner_is_claimed_in_few_sweeps_only_and_the_answer_says_so():
    rng, claimed, silent = np.random.default_rng(1), 0, 0
    for _ in range(FEWER):
        found = arms(drawn(rng, [0.0, 0.0, 0.0, 0.0]))
        compared = matrix(found, METRIC)
        claims = any(each.winner for each in compared.differences)
        said = answer_sentence(gathered(*found), compared)
        assert (" beats " in said) == claims
        claimed += claims
        silent += said == "none of the 4 can be told apart in final training loss over 5 seeds."
    assert claimed / FEWER <= 0.05 + error(FEWER)
    assert claimed + silent == FEWER


def test_two_arms_that_do_not_differ_cannot_be_told_apart_in_19_of_20_sweeps():
    rng, said = np.random.default_rng(2), []
    for _ in range(FEWER):
        found = arms(drawn(rng, [0.0, 0.0]))
        said.append(answer_sentence(gathered(*found), matrix(found, METRIC)))
    assert np.mean(["cannot be told apart" in each for each in said]) == pytest.approx(0.95, abs=error(FEWER))


def test_pairs_at_equal_seed_are_told_apart_more_sharply_than_groups_where_seeds_share_noise():
    rng = np.random.default_rng(0)
    tables = [drawn(rng, [0.0, 1.0], shared=3.0) for _ in range(200)]
    halves = [
        [matrix([*arms(table[:1]), *arms(table[1:], first)], METRIC, paired=False).differences[0].half for table in tables]
        for first in (1, 6)
    ]
    assert np.median(halves[0]) < 0.5 * np.median(halves[1])


def test_a_large_difference_is_found_with_its_sign_whichever_way_is_better():
    low, high = {1: 0.1, 2: 0.11, 3: 0.12}, {1: 0.8, 2: 0.82, 3: 0.81}
    for metric, best in ((METRIC, "a"), ("valid/accuracy_final", "b")):
        compared = matrix([standing("a", low, metric), standing("b", high, metric)], metric)
        (difference,) = compared.differences
        assert difference.winner == difference.a == compared.names[0] == best
        assert difference.mean == pytest.approx(-0.7 if best == "a" else 0.7)
        assert (difference.seeds, difference.paired) == (3, True)
        assert compared.correction == "95 % interval"


def test_intervals_are_wider_the_more_arms_are_compared():
    rng = np.random.default_rng(0)
    table = drawn(rng, [0.0, 5.0, 9.0])
    two, three = (matrix(arms(rows), METRIC) for rows in (table[:2], table))
    assert three.differences[0].half > 1.2 * two.differences[0].half
    assert three.correction == "intervals hold together with 95 % (Bonferroni, 3 comparisons)"


def test_one_seed_refuses_an_interval_and_a_winner():
    compared = matrix([standing("a", {1: 0.1}), standing("b", {1: 0.9})], METRIC)
    assert compared.differences[0].half is None
    assert compared.differences[0].mean == pytest.approx(-0.8)
    assert compared.differences[0].winner == ""
    assert compared.correction == "one seed carries no interval"


def test_equal_runs_have_no_winner():
    same = {1: 0.1, 2: 0.3, 3: 0.2}
    (difference,) = matrix([standing("a", same), standing("b", same)], METRIC).differences
    assert (difference.mean, difference.half, difference.winner) == (0.0, 0.0, "")


def test_the_same_step_of_one_row_at_every_seed_is_no_proof():
    row = 1 / 30  # accuracies are counted on 30 rows
    a, b = {1: 0.9, 2: 0.8, 3: 0.7}, {1: 0.9 - row, 2: 0.8 - row, 3: 0.7 - row}
    metric = "valid/accuracy_final"
    (difference,) = matrix([standing("a", a, metric), standing("b", b, metric)], metric).differences
    assert difference.half > 0
    assert difference.winner == ""


LOST = None


@pytest.mark.parametrize(
    ("a", "b", "winner", "said"),
    [
        ([1.0, 1.1, 1.2], [0.1, 0.11, LOST], "", "b diverged in 1 of 3 runs: b may not be said to beat a, though it is ahead"),
        ([0.1, 0.11, 0.2], [1.0, 1.01, LOST], "a", "b diverged in 1 of 3 runs; compared at the other 2 seeds"),
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


def test_arms_with_lost_runs_stand_behind_those_without():
    found = [standing("a", {1: 0.1, 2: None}), standing("b", {1: 0.5, 2: 0.6}), standing("c", {1: None, 2: None})]
    assert matrix(found, METRIC).names == ["b", "a", "c"]


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
    per_seed = [(0.5 + 0.5) / 2 - 2.0, (0.6 + 0.7) / 2 - 2.2, (0.7 + 0.8) / 2 - 2.1]
    assert compared.names == ["adam", "sgd"]
    assert difference.mean == pytest.approx(np.mean(per_seed))
    assert difference.half == pytest.approx(4.302653 * np.std(per_seed, ddof=1) / math.sqrt(3), rel=1e-6)
    assert difference.winner == "adam"


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
    assert (difference.seeds, difference.winner) == (2, "adam")
    assert difference.mean == pytest.approx(np.mean([0.5 - 3.0, 1.5 - 4.0]))


def test_a_combination_that_only_one_value_has_is_not_averaged():
    found = grid(GRID | {("adam", "zeros"): [9.0, 9.0, 9.0]})
    assert matrix(found, METRIC, of="optimizer") == matrix(grid(GRID), METRIC, of="optimizer")


def test_values_that_were_never_combined_with_the_same_are_not_compared():
    found = grid({("sgd", "he"): [1.0, 2.0], ("adam", "xavier"): [3.0, 4.0]})
    assert matrix(found, METRIC, of="optimizer").differences == []


def test_an_axis_value_with_a_diverged_run_may_not_win():
    compared = matrix(grid(GRID | {("adam", "he"): [0.5, 0.6, None]}), METRIC, of="optimizer")
    (difference,) = compared.differences
    assert difference.winner == ""
    assert "adam diverged in 1 of 6 runs" in difference.lost


def test_arms_on_different_datasets_are_no_rivals():
    found = grid({(name, data): each for (name, _), data, each in zip(GRID, ["iris", "wine"] * 2, GRID.values(), strict=True)},
                 ("optimizer", "dataset"))  # fmt: skip
    compared = matrix(found, METRIC)
    assert [(each.a, each.b) for each in compared.differences] == [("adam, iris", "sgd, iris"), ("adam, wine", "sgd, wine")]
    assert "2 comparisons" in compared.correction
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
    assert by_axis.mean == pytest.approx(compared.differences[0].mean)


def test_the_learning_rates_of_one_technique_are_rivals_themselves():
    found = rated({key: value for key, value in RATES.items() if key[0] == "adam"})
    assert matrix(found, METRIC).names == ["adam 0.01", "adam 0.1"]


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ([1.0, 1.1, 1.2], [0.1, 0.11, 0.12], ""),
        ([1.0, 1.1, 1.2], [1.1, 1.0, 1.2], "cannot be told apart"),
        ([1.0, 1.1, 1.2], [0.1, 0.11, LOST], "runs were lost"),
        ([1.0, 1.1, 1.2], [0.1, LOST, LOST], "runs were lost"),
        ([1.0], [0.1], "no interval"),
    ],
)
def test_a_pair_without_a_winner_says_why(a, b, why):
    one, other = standing("a", dict(enumerate(a))), standing("b", dict(enumerate(b)))
    (difference,) = matrix([one, other], METRIC).differences
    assert difference.undecided == why
