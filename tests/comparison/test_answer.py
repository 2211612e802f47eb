"""The answer in a sentence or two, and the fairness line below every figure."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.comparison.answer import _apart, answer_sentence, fairness_line
from nnreg.comparison.gathering import Tuning, gather
from nnreg.comparison.pairs import matrix
from nnreg.comparison.standings import standings
from nnreg.records.manifest import Manifest, Tuned
from nnreg.records.results import LeftOut, Results
from tests.comparison.sweeps import gathered, leave, standing, sweep

METRIC = "final/train_loss"
SHAKE = [0.0, 0.01, -0.01, 0.005, -0.005]


def values(mean, *, lost=0, seeds=5, shake=1.0):
    """Return values at each seed, the last ones lost; differences of two arms shake half as much again."""
    given = [mean + shake * mean * each for each in SHAKE[:seeds]]
    return dict(enumerate([*given[: seeds - lost], *[None] * lost], 1))


def said(*found, metric=METRIC, paired=True, of="arm"):
    return answer_sentence(gathered(*found, paired=paired), matrix(found, metric, of, paired=paired))


def test_two_arms_that_differ():
    text = said(standing("sgd", values(0.2)), standing("adam", values(0.04)))
    assert re.fullmatch(r"adam beats sgd by 0\.1600? ± 0\.00\d+ in final training loss over 5 seeds\.", text)


def test_two_arms_that_do_not():
    text = said(standing("sgd", values(0.2)), standing("adam", {1: 0.3, 2: 0.1, 3: 0.25, 4: 0.18, 5: 0.16}))
    assert re.fullmatch(r".* cannot be told apart in final training loss over 5 seeds \(difference 0\.00\d* ± 0\.\d+\)\.", text)
    assert "beats" not in text


def test_three_arms_of_which_two_are_alike():
    adagrad = {seed: value + shift for (seed, value), shift in zip(values(0.04).items(), SHAKE, strict=True)}
    text = said(standing("sgd", values(0.2)), standing("adam", values(0.04)), standing("adagrad", adagrad))
    assert text.startswith("adam beats sgd by 0.160")
    assert text.endswith("over 5 seeds; adam and adagrad cannot be told apart.")


def test_of_many_arms_the_nearest_and_the_furthest_that_were_beaten_are_named():
    found = [standing(f"rule{number}", values(0.1 * 2**number)) for number in range(8)]
    text = said(*found)
    assert text.startswith("rule0 beats 7 others in final training loss over 5 seeds, from rule1 (by 0.10")
    assert "to rule7 (by 12.7" in text
    assert len(text) < 300


def test_accuracies_differ_by_points():
    metric = "valid/accuracy_final"
    text = said(standing("sgd", values(0.6), metric), standing("adam", values(0.9), metric), metric=metric)
    assert re.fullmatch(r"adam beats sgd by 30\.0 ± \d\.\d points in final validation accuracy over 5 seeds\.", text)


def test_an_interval_that_just_leaves_out_zero_is_not_rounded_to_one_that_looks_undecided():
    text = said(standing("a", {1: 0.0, 2: 0.0, 3: 0.0}), standing("b", {1: 0.6, 2: 1.0, 3: 1.35}))
    number, half = (float(part) for part in re.search(r"by (\S+) ± (\S+) in", text).groups())
    assert number > half
    assert _apart(0.0926, 0.08514) == ("0.0926", "0.0851"), "as many digits"
    assert _apart(1.30002, 1.30001) == ("1.30002", "1.30001")


def test_one_seed_carries_no_interval():
    text = said(standing("sgd", {1: 0.5}), standing("adam", {1: 0.1}))
    assert text == (
        "adam had the lowest final training loss of one seed each; one seed carries no interval: add seed=1,2,3,4,5."
    )
    metric = "valid/accuracy_final"
    assert said(standing("sgd", {1: 0.5}, metric), standing("adam", {1: 0.1}, metric), metric=metric).startswith(
        "sgd had the highest"
    )


def test_common_seeds_are_said_to_be_those_compared():
    text = said(standing("a", {1: 0.1, 2: 0.11, 3: 0.12}), standing("b", {1: 0.9, 2: 0.92}), paired=False)
    assert re.fullmatch(r"a beats b by 0\.\d+ ± \S+ in final training loss over 2 common seeds\.", text)


def test_seeds_that_differ_between_arms_are_said_to_be_unpaired():
    text = said(standing("a", {1: 0.1, 2: 0.11, 3: 0.12}), standing("b", {4: 0.9, 5: 0.91}), paired=False)
    assert re.fullmatch(r"a beats b by 0\.\d+ ± 0\.\d+ in final training loss over 2 seeds each, unpaired\.", text)


@pytest.mark.parametrize(
    ("lost", "means", "text"),
    [
        ((0, 2), (0.04, 0.2), r"a beats b by 0\.16\S* ± \S+ in .* over 3 seeds; b diverged in 2 of 5 runs\."),
        (
            (0, 2),
            (0.2, 0.04),
            r"b may not be said to beat a: it is ahead in .* over 3 seeds, those at which it finished; b div.*",
        ),
        ((0, 5), (0.04, 0.2), r"a finished every run and so beats b; b diverged in every run\."),
        ((1, 1), (0.04, 0.2), r"every arm lost runs, so none may be said to beat another; a diverged in 1 of 5 runs; b .*"),
        (
            (5, 5),
            (0.04, 0.2),
            r"No run finished, so nothing can be compared; a diverged in every run; b diverged in every run\.",
        ),
        ((4, 4), (0.04, 0.2), r"a had the lowest final training loss of one seed each; .*"),
    ],
)
def test_diverged_runs_are_told_and_never_helped_to_win(lost, means, text):
    found = [standing(name, values(mean, lost=count)) for name, count, mean in zip("ab", lost, means, strict=True)]
    assert re.fullmatch(text, said(*found))


def test_an_arm_alone_has_nothing_to_be_compared_with():
    assert said(standing("adam", values(0.04))).endswith(
        "nothing to compare it with: sweep a setting, such as optimizer=sgd,adam."
    )


def test_each_dataset_has_its_own_answer(tmp_path):
    means = {("iris", "sgd"): 0.2, ("iris", "adam"): 0.1, ("wine", "sgd"): 0.1, ("wine", "adam"): 0.3}
    jobs = {(f"dataset={data}", f"optimizer={rule}"): list(values(mean).values()) for (data, rule), mean in means.items()}
    found = gather([sweep(tmp_path / "sweep", jobs)])
    text = answer_sentence(found, matrix(standings(found, None, METRIC), METRIC))
    assert text.startswith("On iris, adam beats sgd by 0.10")
    assert ". On wine, sgd beats adam by 0.20" in text


def test_a_name_of_several_settings_stands_in_brackets():
    names = {"sgd, he, batch 8": 0.2, "adam, he, batch 8": 0.04}
    found = [standing(name, values(mean), optimizer=name.partition(",")[0], init="he", batch=8) for name, mean in names.items()]
    assert said(*found).startswith("adam (he, batch 8) beats sgd (he, batch 8) by ")


def test_a_name_that_a_study_gave_stays_as_it_is():
    text = said(standing("√(2÷n), He", values(0.04), arm="√(2÷n), He"), standing("std .01", values(0.2), arm="std .01"))
    assert text.startswith("√(2÷n), He beats std .01 by ")


def test_a_descent_involves_no_chance(tmp_path):
    folders = [leave(tmp_path / str(value), metrics={"descent/value": value}, settings={"batch": value}) for value in (1, 2)]
    found = gather(folders)
    for run in (run for arm in found.arms for run in arm.runs):
        run.summary["task"] = "descend"
    text = answer_sentence(found, matrix(standings(found, None, "descent/value"), "descent/value"))
    assert text == "batch 1 has the lowest final value, 1.00; there is no chance in a descent, so there is no interval."


def test_the_same_descent_at_several_seeds_is_no_proof(tmp_path):
    folders = [
        leave(tmp_path / f"{value}-{seed}", seed=seed, metrics={"descent/value": value}, settings={"batch": value})
        for value in (1, 2)
        for seed in (1, 2, 3)
    ]
    found = gather(folders)
    for run in (run for arm in found.arms for run in arm.runs):
        run.summary["task"] = "descend"
    compared = matrix(standings(found, None, "descent/value"), "descent/value")
    assert [(each.half, each.winner) for each in compared.differences] == [(None, "")]
    assert compared.correction == "no chance in a descent, so no interval"
    assert answer_sentence(found, compared).endswith("; there is no chance in a descent, so there is no interval.")
    assert fairness_line(found, []).startswith("No chance in a descent: no interval. ")


def test_arms_each_on_a_dataset_of_its_own_are_no_comparison(tmp_path):
    found = gather([sweep(tmp_path / "s", {("dataset=iris",): [0.1, 0.2], ("dataset=wine",): [0.3, None]})])
    text = answer_sentence(found, matrix(standings(found, None, METRIC), METRIC))
    assert text == (
        "Each arm is on a dataset of its own: sweep a setting too, such as optimizer=sgd,adam; wine diverged in 1 of 2 runs."
    )


NUMBERS = st.one_of(st.none(), st.floats(1e-6, 1e6))


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=12), st.booleans())
def test_whatever_happened_the_answer_is_short_and_claims_only_what_the_matrix_holds(table, paired):
    names = [f"technique {'abcdefghijkl'[row]}, with an initialisation, lr 0.{row}" for row in range(len(table))]
    found = [standing(name, dict(enumerate(row, 1))) for name, row in zip(names, table, strict=True)]
    compared = matrix(found, METRIC, paired=paired)
    text = answer_sentence(gathered(*found, paired=paired), compared)
    assert 0 < len(text) < 300
    assert text.endswith(".")
    assert "nan" not in text
    winners = {each.winner for each in compared.differences if each.winner}
    for winner in re.findall(
        r"(technique [a-l])(?: \([^)]*\)?|…|[^;.]{0,40}?) (?:beats|finished every run and so beats)", text
    ):
        assert any(name.startswith(winner) for name in winners)
    assert " beats " not in text or winners


def beaten(text):
    """Return the pairs (winner, loser) that an answer about a, b and c names."""
    claims = re.findall(r"\b([abc]) beats ([^;]*)", text)
    return {(winner, loser) for winner, losers in claims for loser in re.findall(r"\b([abc]) by ", losers)}


def test_every_pair_that_is_named_in_a_small_answer_is_one_of_the_matrix():
    rng, most = np.random.default_rng(0), 0
    for _ in range(200):
        found = [
            standing(name, dict(enumerate(rng.normal(mean, 1.0, 5), 1))) for name, mean in zip("abc", (0, 1, 3), strict=True)
        ]
        compared = matrix(found, METRIC)
        text = answer_sentence(gathered(*found), compared)
        won = {(each.winner, each.b if each.winner == each.a else each.a) for each in compared.differences if each.winner}
        assert beaten(text) <= won
        most = max(most, len(beaten(text)))
        for one, other in itertools.combinations("abc", 2):
            if f"{one} and {other} cannot" in text or f"{other} and {one} cannot" in text:
                assert not {(one, other), (other, one)} & won
    assert most == 2, "an answer that names one pair alone shows little"


def arms(*seeds, **settings):
    return [standing(name, dict.fromkeys(each, 0.5), **settings) for name, each in zip("abcd", seeds, strict=False)]


@pytest.mark.parametrize(
    ("seeds", "paired", "said"),
    [
        ([[1, 2, 3], [1, 2, 3]], True, "3 seeds, the same for every arm: mean and 95 % interval, differences paired by seed."),
        (
            [[1, 2, 3], [4, 5]],
            False,
            "2 to 3 seeds for each arm, not the same for all: mean and 95 % interval, differences not paired.",
        ),
        (
            [[1, 2, 3], [1, 2]],
            False,
            "2 to 3 seeds for each arm, not the same for all: mean and 95 % interval, differences paired at common seeds.",
        ),
        (
            [[1, 2, 3], [1, 2], [4, 5]],
            False,
            "2 to 3 seeds for each arm, not the same for all: mean and 95 % interval, differences paired at common seeds where "
            "two arms share most of theirs.",
        ),
        ([[7], [7]], True, "One seed (7), the same for every arm: no interval."),
        ([[1], [2]], False, "One seed for each arm, not the same for all: no interval, not paired."),
        ([[1, 2]], True, "2 seeds: mean and 95 % interval."),
        ([[4]], True, "One seed (4): no interval."),
    ],
)
def test_the_seeds_are_told(seeds, paired, said):
    assert fairness_line(gathered(*arms(*seeds), paired=paired), []).startswith(said)


def tuned(protocol, budget, *, fresh=False, edges=()):
    return Tuning(protocol, budget, "optimizer" if budget else "", edges, fresh, Results(()))


@pytest.mark.parametrize(
    ("tuning", "said"),
    [
        (tuned("grid", {}), "One configuration for each arm, none tuned."),
        (tuned("grid", {"a": 9, "b": 9}),
         "Best of 9 learning rates for each optimizer, chosen on the same seeds by validation loss."),
        (tuned("grid", {"a": 9, "b": 3}),
         "Best of 9 for a, 3 for b learning rates (unequal budgets), chosen on the same seeds by validation loss."),
        (tuned("tune_then_seeds", {"a": 9, "b": 9}, fresh=True),
         "Best of 9 learning rates for each optimizer, chosen by validation loss on other seeds than those compared."),
        (tuned("random_search", {"a": 20, "b": 20}), "Random search: 20 configurations for each optimizer, all compared."),
        (tuned("grid", {"a": 9, "b": 9}, edges=["a"]), "Best learning rate at an edge of those tried for a: try beyond."),
    ],
)  # fmt: skip
def test_the_tuning_budget_is_told(tuning, said):
    rates = [
        standing(f"{name}, lr {rate}", {1: rate, 2: rate}, **{"optimizer": name, "optimizer.lr": rate})
        for name in "ab"
        for rate in ((0.1, 0.2) if tuning.protocol == "grid" and tuning.budget else (0.1,))
    ]
    assert said in fairness_line(gathered(*rates, tuning=tuning), [])


def test_the_metric_that_chose_is_told(tmp_path):
    found = sweep(tmp_path / "s", {("optimizer=sgd",): [0.5, 0.6], ("optimizer=adam",): [0.1, 0.2]})
    budget = {"sgd": 9, "adam": 9}
    made = Tuned("optimizer", "optimizer.lr", budget, {}, {"sgd": 0.1, "adam": 0.1}, by="final/train_loss")
    Manifest(protocol="tune_then_seeds", tuning=made).save(found)
    assert "each optimizer, chosen by final training loss on other seeds than those compared." in fairness_line(
        gather([found]), []
    )


def test_learning_rates_that_are_compared_themselves_are_not_said_to_be_chosen(tmp_path):
    home = sweep(tmp_path / "sweep", {(f"optimizer.lr={rate}",): [rate] for rate in (0.1, 0.2, 0.3)})
    assert "3 learning rates for sgd, all compared." in fairness_line(gather([home]), [])


def test_what_was_recorded_and_smoothed_is_told():
    found = gathered(*arms([1, 2], [1, 2]))
    curves = fairness_line(found, ["train/loss"], 11)
    assert "Training loss: each step's batch, before its update, in the forward pass that made the gradient." in curves
    assert "Smoothed with a centred Kaiser window of 11 steps." in curves
    finals = fairness_line(found, ["final/train_loss"])
    assert "final: mean of the last 100 steps." in finals
    assert "Kaiser" not in finals
    assert "raining loss" not in fairness_line(found, ["valid/accuracy_final"])
    assert "Seconds to the target: its steps at the run's mean pace." in fairness_line(found, ["seconds_to_target"])


def test_lost_runs_are_counted(tmp_path):
    for number, status in enumerate(("finished", "diverged", "diverged", "failed", "killed")):
        leave(tmp_path / str(number), seed=number, status=status)
    said = "Of 5 runs 2 diverged, 1 failed and 1 was killed: in no mean, counted against their arm."
    assert said in fairness_line(gather([tmp_path]), [])


def test_folders_without_an_arm_are_named():
    import dataclasses

    left = [LeftOut(Path("sweep", str(number)), "its summary.json is damaged") for number in range(5)]
    found = dataclasses.replace(gathered(*arms([1, 2], [1, 2])), left_out=left)
    assert "5 folders left out (0: its summary.json is damaged; 1: its summary.json is damaged; 2: " in fairness_line(found, [])
    assert fairness_line(found, []).endswith("; and 2 more).")


def test_a_curve_that_ends_where_the_first_of_its_runs_stopped_says_so():
    found = gathered(*arms([1, 2], [1, 2]))
    found.arms[0].runs[0].summary["early_stop"] = {"stopped_at": 50}
    said = "Where runs stop early, a curve ends with the first of them."
    assert said in fairness_line(found, ["valid/loss"])
    assert said not in fairness_line(found, ["valid/loss_final"]), "a table has no curves"
    found.arms[0].runs[0].summary["early_stop"] = {"stopped_at": None}
    assert said not in fairness_line(found, ["valid/loss"])
