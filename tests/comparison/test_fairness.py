from pathlib import Path

import pytest

from nnreg.comparison.answer import fairness_line
from nnreg.comparison.gathering import Tuning, gather
from nnreg.records.manifest import Manifest, Tuned
from nnreg.records.results import LeftOut, Results
from tests.comparison.sweeps import gathered, leave, standing, sweep


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
    made = Tuned("optimizer", "optimizer.lr", budget, {}, {"sgd": 0.1, "adam": 0.1}, by="train/loss_final")
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
    finals = fairness_line(found, ["train/loss_final"])
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
