"""The fairness line below every figure."""

import dataclasses
from pathlib import Path

import pytest

from nnreg.comparison.fairness import fairness_line
from nnreg.comparison.findings import find
from nnreg.comparison.gathering import Tuning, gather
from nnreg.records.manifest import Manifest, Tuned
from nnreg.records.results import LeftOut, Results
from tests.comparison.sweeps import gathered, leave, measured_by, standing, sweep


def arms(*seeds, **settings):
    return [standing(name, dict.fromkeys(each, 0.5), **settings) for name, each in zip("abcd", seeds, strict=False)]


@pytest.mark.parametrize(
    ("seeds", "paired", "said"),
    [
        (
            [[1, 2, 3], [1, 2, 3]],
            True,
            "3 seeds, the same for every arm: mean and 95 % interval, paired by seed, losses as ratios.",
        ),
        (
            [[*range(11)]] * 2,
            True,
            "11 seeds, the same for every arm: trimmed mean and 95 % interval, paired by seed, losses as ",
        ),
        (
            [[1, 2]] * 2,
            True,
            "2 seeds, the same for every arm: mean, no interval (it takes 3 seeds), paired by seed, losses as ratios.",
        ),
        (
            [[1, 2, 3, 4], [5, 6, 7]],
            False,
            "3 to 4 seeds for each arm, not the same for all: mean and 95 % interval, losses as ratios, not paired.",
        ),
        (
            [[1, 2, 3, 4], [1, 2, 3]],
            False,
            "3 to 4 seeds for each arm, not the same for all: mean and 95 % interval, losses as ratios, paired at common "
            "seeds.",
        ),
        (
            [[1, 2, 3, 4], [1, 2, 3], [5, 6, 7]],
            False,
            "3 to 4 seeds for each arm, not the same for all: mean and 95 % interval, losses as ratios, paired at common seeds "
            "where two arms share most of theirs.",
        ),
        ([[7], [7]], True, "One seed (7), the same for every arm: no interval."),
        ([[1], [2]], False, "One seed for each arm, not the same for all: no interval, not paired."),
        ([[1, 2]], True, "2 seeds: mean, no interval (it takes 3 seeds)."),
        ([[1, 2, 3]], True, "3 seeds: mean and 95 % interval."),
        ([[4]], True, "One seed (4): no interval."),
    ],
)
def test_the_seeds_are_told(seeds, paired, said):
    assert fairness_line(gathered(*arms(*seeds), paired=paired), []).startswith(said)


def tuned(protocol, budget, *, fresh=False, edges=(), **more):
    return Tuning(protocol, budget, "optimizer" if budget else "", edges, fresh, Results(()), **more)


@pytest.mark.parametrize(
    ("tuning", "said"),
    [
        (tuned("grid", {}), "One configuration for each arm, none tuned."),
        (tuned("grid", {"a": 9, "b": 9}),
         "Best of 9 learning rates for each optimizer, chosen on the same seeds by final validation loss."),
        (tuned("grid", {"a": 9, "b": 3}),
         "Best of 9 for a, 3 for b learning rates (unequal budgets: more trials find a better one by luck alone, so none of "
         "these beats another), chosen on the same seeds by final validation loss."),
        (tuned("tune_then_seeds", {"a": 9, "b": 9}, fresh=True, seeds=3, by="final/train_loss"),
         "Best of 9 learning rates for each optimizer, chosen by final training loss on 3 other seeds than those compared."),
        (tuned("tune_then_seeds", {"a": 9, "b": 9}, fresh=True, seeds=1),
         "Best of 9 learning rates for each optimizer, chosen by final validation loss on 1 other seed than those compared."),
        (tuned("tune_then_seeds", {"a": 9, "b": 9}, seeds=3),
         "Best of 9 learning rates for each optimizer, chosen on the same seeds by final validation loss."),
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


def tuned_sweep(home, rule, count, **settings):
    sweep(home, {(f"optimizer={rule}",): [0.5, 0.6, 0.55]}, settings=settings)
    made = Tuned("optimizer", "optimizer.lr", {rule: count}, {}, {rule: 0.1}, by="final/train_loss")
    Manifest(protocol="tune_then_seeds", tuning=made).save(home)
    for seed in (7, 8, 9):
        leave(home / "tuning" / str(seed), [f"optimizer={rule}"], seed=seed)
    return home


def test_the_budgets_of_all_sweeps_that_are_compared_are_read_and_the_metric_that_chose(tmp_path):
    homes = [tuned_sweep(tmp_path / rule, rule, count) for rule, count in (("sgd", 3), ("adam", 12))]
    found = find(homes)
    assert "Best of 3 for sgd, 12 for adam learning rates (unequal budgets: " in found.fairness
    assert "chosen by final training loss on 3 other seeds than those compared." in found.fairness
    assert found.answers[0].endswith("none may be said to beat the other: unequal budgets (3 for sgd, 12 for adam).")


def test_a_sweep_that_was_not_tuned_beside_one_that_was_had_one_configuration(tmp_path):
    plain = sweep(tmp_path / "plain", {("optimizer=adam",): [0.1, 0.11, 0.12]})
    found = find([tuned_sweep(tmp_path / "tuned", "sgd", 9), plain])
    assert "9 for sgd, 1 for adam learning rates (unequal budgets: " in found.fairness
    assert " beats " not in found.answer


def test_one_technique_with_two_budgets_is_unequal_too(tmp_path):
    found = find([tuned_sweep(tmp_path / str(count), "sgd", count, batch=count) for count in (3, 9)])
    assert "unequal budgets" in found.fairness
    assert {each.barred for each in found.matrices[0].differences} == {"unequal budgets"}


@pytest.mark.parametrize(
    ("digests", "said"),
    [(["a", "a", "a"], "One split of the data."), (["a", "b", "c"], "A split of the data for each seed."), ([None] * 3, "")],
)
def test_whether_chance_in_the_split_is_part_of_it_is_told(digests, said):
    found = gathered(*arms([1, 2, 3], [1, 2, 3]))
    for arm in found.arms:
        for run, digest in zip(arm.runs, digests, strict=True):
            run.summary["dataset"] = {"digest": digest, "rows": {}} if digest else None
    line = fairness_line(found, [])
    assert said in line
    assert ("split" in line) == bool(said)
    assert "split" not in fairness_line(gathered(*arms([1], [1])), []), "one seed has one split anyway"


def test_one_split_of_each_of_several_datasets_is_one_split(tmp_path):
    jobs = {(f"dataset={data}", f"optimizer={rule}"): [0.1, 0.2] for data in ("iris", "wine") for rule in ("sgd", "adam")}
    assert "One split of the data." in fairness_line(gather([sweep(tmp_path / "s", jobs)]), [])


def test_seeds_that_are_added_after_a_look_are_paid_for_and_told(tmp_path):
    """p is .012: enough for the .04 of a first look, too much for the .005 of a second."""
    jobs = {("optimizer=adam",): [0.1, 0.11, 0.1, 0.12, 0.1], ("optimizer=sgd",): [0.2, 0.15, 0.13, 0.2, 0.12]}
    once, twice = (sweep(tmp_path / name, jobs) for name in ("once", "twice"))
    for home in (once, twice):
        Manifest().save(home)
    first = find([once])
    assert "look" not in first.fairness.lower()
    assert "adam beats sgd" in first.answer
    later = [path for path in twice.iterdir() if path.name in "3489"]
    for path in later:
        path.rename(tmp_path / path.name)
    find([twice])
    for path in later:
        (tmp_path / path.name).rename(path)
    second = find([twice])
    assert second.look == 2
    assert "Look 2 at these runs, with other seeds than before: a win takes p ≤ 0.005." in second.fairness
    assert "beats" not in second.answer
    assert "a win takes 0.005" in second.answer
    assert find([twice]).look == 2, "to look again at the same seeds is no new look"


def test_learning_rates_that_are_compared_themselves_are_not_said_to_be_chosen(tmp_path):
    home = sweep(tmp_path / "sweep", {(f"optimizer.lr={rate}",): [rate] for rate in (0.1, 0.2, 0.3)})
    assert "3 learning rates for sgd, all compared." in fairness_line(gather([home]), [])


def test_what_was_recorded_and_smoothed_is_told():
    found = gathered(*arms([1, 2], [1, 2]))
    curves = fairness_line(found, ["train/loss"], 11)
    assert "Training loss: each step's batch, before its update, in the forward pass that made the gradient." in curves
    assert "Smoothed over 11 steps, a loss by its logarithm." in curves
    finals = fairness_line(found, ["final/train_loss"])
    assert "Final training loss: of the network that a run keeps, in evaluation mode, without penalty." in finals
    former = fairness_line(found, ["train/loss_mean_last_100"])
    assert "in the forward pass that made the gradient; mean of the last 100 steps, or of all where there are fewer." in former
    assert "moothed" not in finals
    assert "raining loss" not in fairness_line(found, ["valid/accuracy_final"])
    assert "Seconds to the target: its steps at the run's mean pace." in fairness_line(found, ["seconds_to_target"])


def test_lost_runs_are_counted(tmp_path):
    for number, status in enumerate(("finished", "diverged", "diverged", "failed", "killed", "failed_to_train", "pruned")):
        leave(tmp_path / str(number), seed=number, status=status)
    said = "Of 7 runs 2 diverged, 1 failed to train, 1 was pruned, 1 failed and 1 was killed: in no mean, counted against "
    assert said in fairness_line(gather([tmp_path]), [])


def test_folders_without_an_arm_are_named():
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


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([8, None, None], "Gradients a step: 2 for a, 1 for the others."),
        ([8, 9, None], "Gradients a step: 2 for a, 2.3 for b, 1 for c."),
        ([8, 8, 8], "2 gradients a step."),
        ([None, None, None], ""),
    ],
)
def test_how_many_gradients_a_step_takes_is_told_where_it_is_not_one(counts, said):
    """Runs of four steps."""
    found = [
        measured_by(name, {"final/train_loss": {1: 0.5}, **({"work/gradients": {1: count}} if count else {})})
        for name, count in zip("abc", counts, strict=True)
    ]
    line = fairness_line(gathered(*found), [])
    assert said in line
    assert ("radients a step" in line) == bool(said)
