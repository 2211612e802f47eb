"""The answer in a line or two: what it says, and that it claims nothing that the numbers do not hold."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnreg.comparison.answer import answer_lines
from nnreg.comparison.fairness import fairness_line
from nnreg.comparison.findings import find
from nnreg.comparison.gathering import Tuning, gather
from nnreg.comparison.pairs import matrix
from nnreg.comparison.standings import standings
from nnreg.records.results import Results
from tests.comparison.sweeps import gathered, leave, measured_by, standing, sweep

METRIC, VALID, ACCURACY, R2 = "final/train_loss", "valid/loss_final", "valid/accuracy_final", "valid/r2_final"
SHAKE = [0.0, 0.01, -0.01, 0.005, -0.005]
WHERE = "in final training loss over 5 seeds"


def values(mean, *, lost=0, seeds=5, shake=1.0):
    """Return values at each seed, the last ones lost; the ratio of two arms is that of their means at every seed."""
    given = [mean + shake * mean * each for each in SHAKE[:seeds]]
    return dict(enumerate([*given[: seeds - lost], *[None] * lost], 1))


def others(*given):
    return dict(enumerate(given, 1))


def said(*found, metric=METRIC, paired=True, of="arm", tuning=None, **how):
    compared = matrix(found, metric, of, paired=paired, **how)
    (line,) = answer_lines(gathered(*found, paired=paired, metric=metric, tuning=tuning), [compared], None)
    return line


SGD, ADAM = standing("sgd", values(0.2)), standing("adam", values(0.04))


def test_two_arms_that_differ_are_a_ratio_of_their_losses_with_its_interval():
    """Log ratios -2.303, -2.120, -2.408: their mean -2.277, ± 4.303 of .1456 / √3; e to them .103, .0714 and .147."""
    text = said(standing("sgd", others(0.2, 0.25, 0.2)), standing("adam", others(0.02, 0.03, 0.018)))
    assert text == "adam beats sgd in final training loss over 3 seeds: 0.10 times its loss (0.071 to 0.15)."


def test_a_ratio_has_the_digits_that_tell_its_interval_from_it():
    close = standing("adam", others(0.199, 0.2009, 0.197, 0.1995, 0.198))
    assert said(SGD, close) == f"adam beats sgd {WHERE}: 0.994 times its loss (0.993 to 0.996)."
    assert said(SGD, ADAM) == f"adam beats sgd {WHERE}: 0.20 times its loss (every time)."
    huge = standing("adam", others(1e300, 2e300, 1e300, 1e300, 1e300))
    assert said(SGD, huge) == f"sgd beats adam {WHERE}: <1e-6 times its loss (every time)."


def test_two_arms_that_do_not_differ_say_what_would_have_shown_and_what_it_takes():
    text = said(SGD, standing("adam", others(0.3, 0.1, 0.25, 0.18, 0.16)))
    assert text == (
        f"adam and sgd cannot be told apart {WHERE} (ratio 0.924, 0.54 to 1.6; these seeds would usually have shown a ratio of "
        "0.48, and it takes 17 to more than 1,000 seeds to show this one)."
    )


def test_what_would_have_shown_lies_on_the_side_of_what_was_seen():
    ahead = standing("adam", others(0.3, 0.1, 0.25, 0.18, None))
    assert re.search(r"ratio 1\.045, 0\.48 to 2\.3; these seeds would usually have shown a ratio of 2\.8", said(SGD, ahead))


def test_an_interval_on_one_side_without_a_win_says_what_a_win_takes():
    near = standing("adam", others(0.185, 0.195, 0.185, 0.196, 0.186))
    assert "beats" in said(SGD, near)
    text = said(SGD, near, alpha=0.005)
    assert re.search(
        r"cannot be told apart .* \(ratio 0\.947, 0\.920 to 0\.974, but p is 0\.0061 and a win takes 0\.005; ", text
    )


@pytest.mark.parametrize("same", [values(0.2), values(0.0), others(0.1, 0.1, 0.1), others(1e-12, 0.0, 1e-30)])
def test_identical_arms_are_the_same(same):
    two = [standing(name, same) for name in "ab"]
    assert said(*two) == f"a and b are the same in final training loss over {len(same)} seeds: equal at every seed."
    three = said(*two, standing("c", same))
    assert three.startswith("None of the 3 differs from another in final training loss")


def test_of_three_arms_the_best_is_one_of_those_that_are_alike():
    rms = standing("rms", others(0.041, 0.0398, 0.0402, 0.0405, 0.0397))
    assert said(SGD, ADAM, rms) == (f"The best of 3 {WHERE} is adam or rms; adam beats sgd (0.20 times its loss, every time).")


def test_one_that_is_out_of_the_set_but_beaten_by_nobody_for_certain_is_not_said_to_be():
    found = [
        standing("a", others(0.1, 0.1, 0.1, 0.1, 0.1)),
        standing("b", others(0.13, 0.17, 0.13, 0.11, 0.115)),
        standing("c", others(0.125, 0.126, 0.125, 0.124, 0.125)),
    ]
    compared = matrix(found, METRIC)
    assert compared.best == ["a"], "one-sided at .05 over three"
    assert {(each.a, each.b): each.winner for each in compared.differences}["a", "b"] == "", "two-sided at .05 by Holm"
    text = said(*found)
    assert text.startswith(f"a is the best of 3 {WHERE}; it beats c (")
    assert text.endswith("; against b that is not certain.")


def test_who_is_beaten_is_not_in_the_set_that_holds_the_best():
    """The last of Holm's steps asks for .05, the set for a third of it on one side."""
    b = others(0.13, 0.16, 0.12, 0.11, 0.105)
    assert 0.033 < stats.ttest_1samp([math.log(each / 0.1) for each in b.values()], 0).pvalue < 0.05
    found = [standing("a", others(*[0.1] * 5)), standing("b", b), standing("c", values(0.9))]
    assert matrix(found, METRIC).best == ["a"]
    assert said(*found).startswith(
        f"a is the best of 3 {WHERE}; it beats c (0.111 times its loss, 0.110 to 0.112) and b (0.81 "
    )


def test_of_many_arms_the_nearest_and_the_furthest_that_were_beaten_are_named():
    text = said(*[standing(f"rule{number}", values(0.1 * 2**number)) for number in range(8)])
    assert text == (
        f"rule0 is the best of 8 {WHERE}; it beats 7 others, from rule1 (0.50 times its loss) to rule7 (0.0078 times its loss)."
    )


def test_many_arms_that_are_alike_are_not_told_apart():
    rng = np.random.default_rng(0)
    text = said(*[standing(name, dict(enumerate(rng.lognormal(size=5)))) for name in "abc"])
    assert text.startswith(f"None of the 3 can be told apart {WHERE}; these seeds would usually have shown a ratio of 0.0")


def test_accuracies_differ_by_points_and_other_numbers_by_what_they_are():
    pair = {metric: (standing("sgd", values(0.6), metric), standing("adam", values(0.9), metric)) for metric in (ACCURACY, R2)}
    assert said(*pair[ACCURACY], metric=ACCURACY) == (
        "adam beats sgd by 30.0 ± 1.7 points in final validation accuracy over 5 seeds."
    )
    assert said(*pair[R2], metric=R2) == "adam beats sgd by 0.3000 ± 0.0029 in final validation R² over 5 seeds."
    alike = standing("adam", others(0.61, 0.6, 0.59, 0.61, 0.6), ACCURACY)
    assert re.search(
        r"\(difference \+0\.2 ± 1\.7 points; these seeds would usually have shown a difference of 2\.3 points, and it takes ",
        said(pair[ACCURACY][0], alike, metric=ACCURACY),
    )


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((1, 1), "b had the lowest final training loss of one seed each; one seed carries no interval: add seed=0,1,2,3,4."),
        ((2, 2), "b had the lowest final training loss of 2 seeds each; 2 seeds carry no interval: add seed=0,1,2,3,4."),
        ((1, 2), "b had the lowest final training loss of 1 to 2 seeds; 2 seeds carry no interval: add seed=0,1,2,3,4."),
    ],
)
def test_one_seed_or_two_carry_no_interval(counts, text):
    found = [standing(name, values(mean, seeds=count)) for name, mean, count in zip("ab", (0.5, 0.1), counts, strict=True)]
    assert said(*found, paired=len(set(counts)) == 1) == text


def test_the_highest_is_ahead_where_more_is_better():
    found = [standing("sgd", {1: 0.5}, ACCURACY), standing("adam", {1: 0.1}, ACCURACY)]
    assert said(*found, metric=ACCURACY).startswith("sgd had the highest final validation accuracy of one seed each")


def test_common_seeds_are_said_to_be_those_compared_and_others_to_be_unpaired():
    a = standing("a", {1: 0.1, 2: 0.11, 3: 0.12, 4: 0.1})
    text = said(a, standing("b", {1: 0.9, 2: 0.92, 3: 0.91}), paired=False)
    assert text == "a beats b in final training loss over 3 common seeds: 0.12 times its loss (0.097 to 0.15)."
    text = said(a, standing("b", {5: 0.9, 6: 0.92, 7: 0.91}), paired=False)
    assert text.startswith("a beats b in final training loss over 3 seeds each, unpaired: 0.12 times its loss (0.")
    text = said(a, standing("b", {1: 0.9, 2: 0.92, 3: 0.91}), standing("c", {5: 0.5, 6: 0.6, 7: 0.55}), paired=False)
    assert text.startswith("a is the best of 3 in final training loss over 3 seeds each, some unpaired; it beats ")
    assert said(a, standing("b", {5: 0.9, 6: 0.92}), paired=False) == (
        "No two arms finished 3 seeds each, so nothing can be compared."
    )


@pytest.mark.parametrize(
    ("lost", "means", "text"),
    [
        ((0, 2), (0.04, 0.2), "a beats b in @ over 3 seeds: 0.20 times its loss (every time); b diverged in 2 of 5 runs."),
        (
            (0, 2),
            (0.2, 0.04),
            "b may not be said to beat a, though it is ahead in @ over 3 seeds, those at which both finished: it lost more "
            "runs; b diverged in 2 of 5 runs.",
        ),
        (
            (1, 2),
            (0.2, 0.04),
            "b may not be said to beat a, though it is ahead in @ over 3 seeds, those at which both finished: it lost more "
            "runs; b diverged in 2 of 5 runs; a diverged in 1 of 5 runs.",
        ),
        ((0, 5), (0.04, 0.2), "a finished every run and so beats b; b diverged in every run."),
        (
            (1, 1),
            (0.04, 0.2),
            "a beats b in @ over 4 seeds: 0.20 times its loss (every time); a diverged in 1 of 5 runs; b diverged in 1 of 5 "
            "runs.",
        ),
        (
            (5, 5),
            (0.04, 0.2),
            "No run finished, so nothing can be compared; a diverged in every run; b diverged in every run.",
        ),
        (
            (4, 4),
            (0.04, 0.2),
            "a had the lowest @ of one seed each; one seed carries no interval: add seed=0,1,2,3,4; a diverged in 4 of 5 runs; "
            "b diverged in 4 of 5 runs.",
        ),
    ],
)
def test_diverged_runs_are_told_and_more_of_them_never_win(lost, means, text):
    found = [standing(name, values(mean, lost=count)) for name, count, mean in zip("ab", lost, means, strict=True)]
    assert said(*found) == text.replace("@", "final training loss")


def test_where_one_arm_alone_finished_its_only_seed_nothing_else_is_said():
    text = said(standing("a", {1: 0.1}), standing("b", {1: None}))
    assert text == "Only a finished; one seed carries no interval: add seed=0,1,2,3,4; b diverged in its one run."


def test_arms_that_finished_at_other_seeds_cannot_be_compared():
    a, b = others(0.5, 0.4, 0.3, None, None, None), others(None, None, None, 0.1, 0.2, 0.3)
    assert said(standing("a", a), standing("b", b)).startswith("No two arms finished 3 seeds in common, so nothing can be ")


def test_of_many_arms_one_that_is_ahead_and_lost_a_run_is_named():
    rng = np.random.default_rng(0)
    found = [standing(name, dict(enumerate(rng.lognormal(0, 0.3, 5)))) for name in "bcd"]
    text = said(standing("a", dict(enumerate([*rng.lognormal(-4, 0.3, 4), None]))), *found)
    assert text == (
        "None of the 4 may be said to be better than another in final training loss over 4 to 5 seeds: a, ahead where it "
        "finished, lost more runs; a diverged in 1 of 5 runs."
    )


def test_an_arm_alone_has_nothing_to_be_compared_with():
    assert said(ADAM).endswith("nothing to compare it with: sweep a setting, such as optimizer=sgd,adam.")


BUDGET = Tuning("grid", {"sgd": 9, "adam": 1}, "optimizer", (), False, Results(()))


def test_across_unequal_budgets_none_beats_another():
    text = said(SGD, ADAM, tuning=BUDGET, budgets=BUDGET.budget)
    assert text == (
        "adam has the lowest final training loss, but none may be said to beat the other: unequal budgets (9 for sgd, 1 for "
        "adam)."
    )
    text = said(SGD, ADAM, standing("rms", values(0.3)), budgets=BUDGET.budget | {"rms": 9})
    assert text == (
        "adam has the lowest final training loss, but none may be said to beat another across unequal budgets; sgd beats rms."
    )


def test_a_page_by_another_metric_than_settings_were_chosen_by_names_no_winner():
    text = said(SGD, ADAM, barred="settings were chosen by final validation loss")
    assert text == (
        "adam has the lowest final training loss, but none may be said to beat the other: settings were chosen by final "
        "validation loss."
    )


def both(training, validation, *, by=METRIC, tuned_on=0):
    """Return the answer about arms that were measured in training and in validation."""
    found = [measured_by(name, {METRIC: training[name], VALID: validation[name]}) for name in training]
    tuning = Tuning("tune_then_seeds", {}, "", (), True, Results(()), by=by, seeds=tuned_on)
    about = gathered(*found, tuning=tuning, metric=by, companion=VALID if by == METRIC else METRIC)
    return answer_lines(about, [matrix(found, by)], None if tuned_on else matrix(found, about.companion))


@pytest.mark.parametrize("by", ["final/train_loss", "valid/loss_final"])
def test_training_and_validation_have_a_line_each_with_claims_of_its_own_training_first(by):
    training, validation = {"a": values(0.1), "b": values(0.2)}, {"a": values(0.4), "b": values(0.3)}
    assert both(training, validation, by=by) == [
        "Training: a beats b in final training loss over 5 seeds: 0.50 times its loss (every time).",
        "Validation: b beats a in final validation loss over 5 seeds: 0.75 times its loss (every time).",
    ]


def test_where_settings_were_tuned_the_other_line_is_not_judged():
    lines = both({"a": values(0.1), "b": values(0.2)}, {"a": values(0.4), "b": values(0.3)}, tuned_on=3)
    assert lines[1] == "Validation: not judged, as settings were chosen by final training loss."


def test_each_dataset_has_its_own_answer(tmp_path):
    means = {("iris", "sgd"): 0.2, ("iris", "adam"): 0.1, ("wine", "sgd"): 0.1, ("wine", "adam"): 0.3}
    jobs = {(f"dataset={data}", f"optimizer={rule}"): list(values(mean).values()) for (data, rule), mean in means.items()}
    found = find([sweep(tmp_path / "sweep", jobs)])
    assert found.answers[0].startswith(
        "Training: on iris, adam beats sgd in final training loss over 5 seeds: 0.50 times its loss (every time). On wine, sgd "
        "beats adam in final training loss over 5 seeds: 0.33 times its loss (every time)."
    )
    assert found.answers[0].endswith("Over 2 datasets, nothing is certain: it takes 3 datasets or more.")


def test_over_several_datasets_each_counts_once(tmp_path):
    """Log ratios by dataset 0, ln 2 and ln 4: their mean is ln 2."""
    jobs = {
        (f"dataset={data}", f"optimizer={rule}"): [size * loss * ratio for size in (1, 1.1, 1.2)]
        for (data, loss), factor in zip({"iris": 1.0, "wine": 100.0, "digits": 0.01}.items(), (1, 2, 4), strict=True)
        for rule, ratio in (("adam", 1.0), ("sgd", factor))
    }
    found = find([sweep(tmp_path / "sweep", jobs)])
    assert re.search(r"Over 3 datasets, adam and sgd cannot be told apart in final training loss \(ratio 0\.50, ", found.answer)


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ({"adam": 1.0, "sgd": 2.0, "momentum": 1.5}, "of 12 comparisons in @, each on one of 4 datasets, all have a winner."),
        ({"adam": 1.0, "sgd": 2.0, "momentum": 1.0}, "8 have a winner (else: the same at every seed)."),
    ],
)
def test_on_many_datasets_winners_are_counted(tmp_path, losses, said):
    jobs = {
        (f"dataset={data}", f"optimizer={rule}"): [loss * size for size in (1.0, 1.1, 1.2)]
        for data in ("iris", "wine", "digits", "moons")
        for rule, loss in losses.items()
    }
    assert said.replace("@", "final training loss") in find([sweep(tmp_path / "sweep", jobs)]).answers[0]


def test_a_name_of_several_settings_stands_in_brackets():
    names = {"sgd, he, batch 8": 0.2, "adam, he, batch 8": 0.04}
    found = [standing(name, values(mean), optimizer=name.partition(",")[0], init="he", batch=8) for name, mean in names.items()]
    assert said(*found).startswith("adam (he, batch 8) beats sgd (he, batch 8) in final training loss")


def test_a_name_that_a_study_gave_stays_as_it_is():
    text = said(standing("√(2÷n), He", values(0.04), arm="√(2÷n), He"), standing("std .01", values(0.2), arm="std .01"))
    assert text.startswith("√(2÷n), He beats std .01 in ")


def descents(tmp_path, seeds):
    folders = [
        leave(tmp_path / f"{value}-{seed}", seed=seed, metrics={"descent/value": value}, settings={"batch": value})
        for value in (1, 2)
        for seed in seeds
    ]
    found = gather(folders, "descent/value")
    for run in (run for arm in found.arms for run in arm.runs):
        run.summary["task"] = "descend"
    return found, matrix(standings(found, None, "descent/value"), "descent/value")


@pytest.mark.parametrize("seeds", [[0], [1, 2, 3]])
def test_a_descent_involves_no_chance_however_often_it_is_made(tmp_path, seeds):
    found, compared = descents(tmp_path, seeds)
    assert [(each.typical, each.winner) for each in compared.differences] == [(None, "")]
    assert compared.correction == "no chance in a descent, so no interval"
    assert answer_lines(found, [compared], None) == [
        "batch 1 has the lowest final value, 1.00; there is no chance in a descent, so there is no interval."
    ]


def test_arms_each_on_a_dataset_of_its_own_are_no_comparison(tmp_path):
    found = find([sweep(tmp_path / "s", {("dataset=iris",): [0.1, 0.2], ("dataset=wine",): [0.3, None]})])
    assert found.answers[0] == (
        "Training: each arm is on a dataset of its own: sweep a setting too, such as optimizer=sgd,adam; wine diverged in 1 of "
        "2 runs."
    )


NUMBERS = st.one_of(st.none(), st.floats(1e-6, 1e6), st.sampled_from([0.0, 1e300, 1e-300]))


@given(st.lists(st.lists(NUMBERS, min_size=4, max_size=4), min_size=1, max_size=12), st.booleans(), st.sampled_from([1, 2, 4]))
def test_whatever_happened_the_answer_is_short_and_claims_only_what_the_matrix_holds(table, paired, seeds):
    names = [f"technique {'abcdefghijkl'[row]}, with an initialisation, lr 0.{row}" for row in range(len(table))]
    found = [standing(name, dict(enumerate(row[:seeds], 1))) for name, row in zip(names, table, strict=True)]
    compared = matrix(found, METRIC, paired=paired)
    text = said(*found, paired=paired)
    assert 0 < len(text) < 300
    assert text.endswith(".")
    assert "nan" not in text
    assert "inf" not in text
    winners = {each.winner for each in compared.differences if each.winner}
    for winner in re.findall(
        r"(technique [a-l])(?: \([^)]*\)?|…|[^;.]{0,40}?) (?:beats|finished every run and so beats)", text
    ):
        assert any(name.startswith(winner) for name in winners)
    assert " beats " not in text or winners


def test_every_pair_that_is_named_in_a_small_answer_is_one_of_the_matrix():
    rng, most = np.random.default_rng(0), 0
    for _ in range(200):
        found = [
            standing(name, dict(enumerate(rng.lognormal(mean, 0.5, 5), 1))) for name, mean in zip("abc", (0, 1, 3), strict=True)
        ]
        compared = matrix(found, METRIC)
        text = said(*found)
        won = {(each.winner, each.b if each.winner == each.a else each.a) for each in compared.differences if each.winner}
        (head, _, claims), claimed = text.partition(" beats "), set()
        winner = head[-1] if head[-1] in "abc" else text[0]  # "it": the first word of the line
        claimed = {(winner, loser) for loser in re.findall(r"\b([abc]) \(", claims)}
        assert claimed <= won
        assert bool(claimed) == (" beats " in text)
        most = max(most, len(claimed))
        best = re.search(r"is (?:one of )?((?:[abc](?:, | or )?)+);", text)
        assert best is None or re.findall("[abc]", best[1]) == list(compared.best)
        for one, other in itertools.permutations("abc", 2):
            assert f"{one} and {other} cannot" not in text or (one, other) not in won
    assert most == 2, "an answer that names one pair alone shows little"


def noisy_descents(tmp_path, table, surface="noisy_quadratic"):
    """Two arms of final values by seed, descents."""
    for value, ends in table.items():
        for seed, end in enumerate(ends):
            leave(tmp_path / f"{value}-{seed}", seed=seed, metrics={"descent/value": end}, settings={"batch": value})
    found = gather(sorted(tmp_path.iterdir()), "descent/value")
    for run in (run for arm in found.arms for run in arm.runs):
        run.summary["task"] = "descend"
        run.summary["choices"] = {**run.summary["choices"], "surface": surface}
    return found, matrix(standings(found, None, "descent/value"), "descent/value")


@pytest.mark.parametrize("surface", ["noisy_quadratic", "quadratic"])  # or a rule that draws
def test_descents_that_differ_from_seed_to_seed_are_compared_as_training_is(tmp_path, surface):
    found, compared = noisy_descents(tmp_path, {1: [0.10, 0.12, 0.11], 2: [0.32, 0.30, 0.31]}, surface)
    (only,) = compared.differences
    assert (only.winner, only.paired, only.seeds) == ("batch 1", True, 3)
    oracle = stats.ttest_rel([0.10, 0.12, 0.11], [0.32, 0.30, 0.31])
    assert only.typical.p == pytest.approx(oracle.pvalue)
    assert only.typical.interval() == pytest.approx(tuple(oracle.confidence_interval()))
    assert compared.correction.startswith("95 % interval")
    (line,) = answer_lines(found, [compared], None)
    assert line.startswith("batch 1 beats batch 2 by 0.20")
    said = fairness_line(found, ["descent/value"])
    assert said.startswith("3 seeds, the same for every arm: mean and 95 % interval, paired by seed. ")


def test_one_noisy_descent_each_is_said_to_carry_no_interval(tmp_path):
    found, compared = noisy_descents(tmp_path, {1: [0.1], 2: [0.3]})
    (line,) = answer_lines(found, [compared], None)
    assert line == "batch 1 had the lowest final value of one seed each; one seed carries no interval: add seed=0,1,2,3,4."
    assert fairness_line(found, ["descent/value"]).startswith("One seed (0), the same for every arm: no interval.")


def test_two_descents_that_are_the_same_at_every_seed_are_no_win_beside_one_that_is_not(tmp_path):
    found, compared = noisy_descents(tmp_path, {1: [0.1] * 3, 2: [0.2] * 3, 3: [0.5, 0.52, 0.51]}, "quadratic")
    between, _ = compared.between("batch 1", "batch 2")
    assert (between.typical, between.winner) == (None, "")
    assert compared.between("batch 1", "batch 3")[0].winner == "batch 1"
    assert answer_lines(found, [compared], None)


def test_what_another_machine_rounds_differently_is_no_chance(tmp_path):
    _, compared = noisy_descents(tmp_path, {1: [0.1, 0.1 * (1 + 1e-15), 0.1], 2: [0.2] * 3}, "quadratic")
    assert compared.correction == "no chance in a descent, so no interval"
