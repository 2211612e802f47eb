"""How far the leader is ahead, and what cannot be told."""

import itertools
import math

import numpy as np
import pytest

from nnreg.comparison.chance import seeds_needed, seeds_words
from nnreg.comparison.compare import compare
from nnreg.comparison.report.forest import forests, ticks, unknowns
from nnreg.comparison.report.panels import forest_panels
from tests.comparison.sweeps import sweep


def compared(tmp_path, jobs, **asked):
    return compare([sweep(tmp_path / "sweep", {tuple(words.split()): losses for words, losses in jobs.items()})], **asked)


def test_distances_are_times_the_leaders_loss_with_their_paired_interval(tmp_path):
    adam, sgd = [0.1, 0.11, 0.13], [0.2, 0.23, 0.25]
    ((forest,),) = [forests(found := compared(tmp_path, {"optimizer=adam": adam, "optimizer=sgd": sgd}), found.matrices[0])]
    logs = np.log(np.array(sgd) / np.array(adam))
    half = 4.302653 * logs.std(ddof=1) / math.sqrt(3)
    (only,) = forest.distances
    assert (forest.leader, only.name, only.verdict, only.is_open) == ("adam", "sgd", "worse", False)
    assert (forest.arms, only.arms) == ([0], [1])
    assert only.center == pytest.approx(math.exp(logs.mean()))
    assert (only.low, only.high) == pytest.approx((math.exp(logs.mean() - half), math.exp(logs.mean() + half)), rel=1e-5)


def test_of_an_accuracy_more_is_better_and_has_a_plus(tmp_path):
    """The made-up accuracy falls with the loss: the leader is ahead, so the other has a minus."""
    jobs = {"optimizer=adam": [0.1, 0.11, 0.13], "optimizer=sgd": [0.9, 0.95, 1.0]}
    found = compared(tmp_path, jobs, metric="valid/accuracy_best")
    (forest,) = forests(found, found.matrices[0])
    assert forest.leader == "adam"
    assert forest.distances[0].number.startswith("−")
    assert forest_panels(found)[0]["forests"][0]["ways"] == ("← worse", "better →")


def test_on_several_datasets_each_has_a_leader(tmp_path):
    rules, data = {"adam": 1.0, "sgd": 2.0}, {"iris": 1.0, "wine": 10.0}
    jobs = {
        f"dataset={name} optimizer={rule}": [worse * harder * (1 + 0.01 * seed * worse) for seed in range(3)]
        for (rule, worse), (name, harder) in itertools.product(rules.items(), data.items())
    }
    found = compared(tmp_path, jobs)
    shown = forests(found, found.matrices[0])
    assert [(each.heading, each.short, [one.short for one in each.distances]) for each in shown] == [
        ("iris", "adam", ["sgd"]),
        ("wine", "adam", ["sgd"]),
    ]


def test_an_axis_has_every_arm_of_its_value(tmp_path):
    jobs = {f"optimizer={rule} init={init}": [worse, 1.1 * worse, 1.3 * worse] for rule, worse in (("adam", 1.0), ("sgd", 3.0))
            for init in ("he", "lecun")}  # fmt: skip
    found = compared(tmp_path, jobs)
    of = {matrix.of: forests(found, matrix) for matrix in found.matrices}
    (forest,) = of["optimizer"]
    names = [each.arm.name for each in found.standings]
    assert sorted(names[place] for place in forest.distances[0].arms) == ["sgd, he", "sgd, lecun"]


def test_an_open_pair_says_how_many_seeds_would_tell_as_the_answer_does(tmp_path):
    found = compared(tmp_path, {"optimizer=adam": [0.1, 0.2, 0.3], "optimizer=sgd": [0.3, 0.1, 0.25]})
    (pair,) = found.matrices[0].differences
    wanted = seeds_words(*seeds_needed(pair.typical, found.matrices[0].alpha))
    first = unknowns(found)[0]
    assert first.pairs == [("adam and sgd", f"{wanted} seeds would tell")]
    assert f"it takes {wanted} seeds" in found.answer


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_tell_nothing_and_have_no_distances(tmp_path, seeds):
    found = compared(tmp_path, {"optimizer=adam": [0.1, 0.2][:seeds], "optimizer=sgd": [0.3, 0.4][:seeds]})
    assert forests(found, found.matrices[0]) == []
    assert unknowns(found)[0].said.startswith("Whether any difference on this page is more than luck: ")
    assert "seed=0,1,2,3,4" in unknowns(found)[0].said


def test_what_is_decided_is_said_to_be(tmp_path):
    found = compared(tmp_path, {"optimizer=adam": [0.1, 0.11, 0.12], "optimizer=sgd": [1.0, 1.12, 1.19]})
    assert unknowns(found)[0].said == "Nothing between the two: their difference is decided."


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.9, 600.0, ["1", "10", "100"]),
        (0.5, 4.0, ["0.5", "1", "2"]),
        (0.01, 1e5, ["0.01", "1", "100", "10,000"]),
        (0.9, 1.13, ["0.9", "0.95", "1", "1.05", "1.1"]),
    ],
)
def test_an_axis_of_ratios_has_round_ticks(low, high, words):
    found = ticks(low, high, 5, log=True)
    assert len(found) <= 6
    assert all(low <= value <= high for value, _ in found)
    assert [word.rstrip("0").rstrip(".") if "." in word else word for _, word in found] == words
