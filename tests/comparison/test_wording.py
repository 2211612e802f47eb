import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.comparison.answer import _apart, answer_sentence, fairness_line
from nnreg.comparison.gathering import gather
from nnreg.comparison.pairs import matrix
from nnreg.comparison.standings import standings
from tests.comparison.sweeps import gathered, leave, standing, sweep

METRIC = "train/loss_final"
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
