"""How arms do over learning rates, and over datasets."""

import math

import numpy as np
import pytest

from nnreg.comparison.gathering import gather
from nnreg.comparison.profiles import profiles, sensitivities
from nnreg.records.manifest import Manifest, Tuned
from tests.comparison.sweeps import leave, sweep

METRIC = "final/train_loss"


def over(tmp_path, jobs):
    return {each.name: each for each in profiles(gather([sweep(tmp_path / "sweep", jobs)]), METRIC)}


def share(profile, factor):
    return float(profile.shares[np.searchsorted(profile.ratios, factor, side="right") - 1])


COSTS = {  # four problems: (iris, 1), (iris, 2), (wine, 1), (wine, 2)
    ("dataset=iris", "optimizer=sgd"): [1.0, 2.0],
    ("dataset=iris", "optimizer=adam"): [2.0, 1.0],
    ("dataset=wine", "optimizer=sgd"): [4.0, 1.0],
    ("dataset=wine", "optimizer=adam"): [1.0, None],
}


def test_a_profile_is_the_share_of_problems_within_a_factor_of_the_best(tmp_path):
    found = over(tmp_path, COSTS)
    assert {name: each.problems for name, each in found.items()} == {"sgd": 4, "adam": 4}
    sgd, adam = found["sgd"], found["adam"]  # ratios 1, 2, 4, 1 and 2, 1, 1, infinite
    assert [share(sgd, factor) for factor in (1, 1.9, 2, 3.9, 4)] == [0.5, 0.5, 0.75, 0.75, 1.0]
    assert [share(adam, factor) for factor in (1, 1.9, 2, 4, 1e9)] == [0.5, 0.5, 0.75, 0.75, 0.75]


def test_profiles_stand_over_the_same_factors_which_begin_at_one(tmp_path):
    found = list(over(tmp_path, COSTS).values())
    assert all((each.ratios == found[0].ratios).all() for each in found)
    assert found[0].ratios.tolist() == [1.0, 2.0, 4.0]
    for each in found:
        assert (np.diff(each.shares) >= 0).all()
        assert 0 <= each.shares[0] <= each.shares[-1] <= 1


def test_one_dataset_has_no_profile(tmp_path):
    assert over(tmp_path, {("optimizer=sgd",): [0.5], ("optimizer=adam",): [0.4]}) == {}


def test_where_nothing_was_solved_nobody_is_within_any_factor(tmp_path):
    found = over(tmp_path, {key: [None] for key in COSTS})
    assert [each.shares.tolist() for each in found.values()] == [[0.0], [0.0]]


def test_an_accuracy_costs_what_it_lacks_to_one_at_least_half_a_row(tmp_path):
    accuracies = {("iris", "sgd"): 1.0, ("iris", "adam"): 1 - 1 / 30, ("wine", "sgd"): 0.5, ("wine", "adam"): 0.75}
    for (data, rule), accuracy in accuracies.items():
        overrides = [f"dataset={data}", f"optimizer={rule}"]
        leave(tmp_path / f"{data}{rule}", overrides, metrics={"valid/accuracy_final": accuracy})
    found = {each.name: each for each in profiles(gather([tmp_path]), "valid/accuracy_final")}
    assert found["sgd"].ratios == pytest.approx([1.0, 2.0])  # of 30 rows one is wrong, beside none
    assert [each.shares.tolist() for each in found.values()] == [[0.5, 1.0], [0.5, 1.0]]


def test_each_technique_takes_part_at_its_best_rate_on_each_dataset(tmp_path):
    jobs = {
        ("dataset=iris", "optimizer=sgd", "optimizer.lr=0.1"): [1.0],
        ("dataset=iris", "optimizer=sgd", "optimizer.lr=0.2"): [9.0],
        ("dataset=wine", "optimizer=sgd", "optimizer.lr=0.1"): [9.0],
        ("dataset=wine", "optimizer=sgd", "optimizer.lr=0.2"): [1.0],
        ("dataset=iris", "optimizer=adam", "optimizer.lr=0.1"): [3.0],
        ("dataset=wine", "optimizer=adam", "optimizer.lr=0.1"): [2.0],
    }
    found = over(tmp_path, jobs)
    assert list(found) == ["sgd", "adam"]
    assert share(found["sgd"], 1.0) == 1.0
    assert found["adam"].ratios.tolist() == [1.0, 2.0, 3.0]


def jobs(**losses):
    return {
        (f"optimizer={rule}", f"optimizer.lr={rate}"): each for rule, found in losses.items() for rate, each in found.items()
    }


def curves(folder):
    return {each.name: each for each in sensitivities(gather([folder]), METRIC)}


def test_each_technique_has_a_curve_over_its_rates_and_lost_runs_are_counted(tmp_path):
    losses = {"sgd": {0.1: [0.3, 0.5], 0.001: [2.0, 2.2], 1.0: [0.1, None]}, "adam": {0.01: [0.2, 0.2], 0.001: [0.4, 0.6]}}
    found = curves(sweep(tmp_path / "sweep", jobs(**losses)))
    sgd = found["sgd"]
    assert list(sgd.rates) == [0.001, 0.1, 1.0]
    assert [value.mean for value in sgd.values] == pytest.approx([math.sqrt(2.0 * 2.2), math.sqrt(0.3 * 0.5), 0.1])
    assert list(sgd.diverged) == [0, 0, 1]
    assert (sgd.best, sgd.at_edge) == (1, False)  # 1.0 lost a run
    assert (found["adam"].best, found["adam"].at_edge) == (1, True)


@pytest.mark.parametrize(("metric", "best"), [("final/train_loss", (1.0, True)), ("valid/loss_final", (0.1, False))])
def test_the_best_rate_is_that_of_the_metric_that_is_shown(tmp_path, metric, best):
    for place, (rate, train, valid) in enumerate([(0.01, 0.9, 0.8), (0.1, 0.5, 0.7), (1.0, 0.1, 0.9)]):
        metrics = {"final/train_loss": train, "valid/loss_final": valid}
        leave(tmp_path / f"s/{place}", ["optimizer=sgd", f"optimizer.lr={rate}"], metrics=metrics)
    (found,) = sensitivities(gather([tmp_path / "s"], metric), metric)
    assert (found.rates[found.best], found.at_edge) == best


def test_a_rate_at_which_everything_diverged_is_a_gap(tmp_path):
    found = curves(sweep(tmp_path / "sweep", jobs(sgd={0.1: [0.3], 10.0: [None]})))["sgd"]
    assert math.isnan(found.values[1].mean)
    assert (found.best, found.at_edge) == (0, True)


def test_other_swept_settings_make_curves_of_their_own(tmp_path):
    grid = {(f"init={init}", f"optimizer.lr={rate}"): [rate] for init in ("he", "xavier") for rate in (0.1, 0.2)}
    assert list(curves(sweep(tmp_path / "sweep", grid))) == ["he", "xavier"]


def test_no_curve_where_each_technique_has_one_rate(tmp_path):
    home = sweep(
        tmp_path / "sweep", {("optimizer=sgd", "optimizer.lr=0.1"): [0.5], ("optimizer=adam", "optimizer.lr=0.2"): [0.4]}
    )
    assert curves(home) == {}


def test_the_curves_of_a_tuned_sweep_are_of_its_tuning(tmp_path):
    home = sweep(tmp_path / "sweep", jobs(sgd={0.1: [0.5, 0.6]}, adam={0.01: [0.1, 0.2]}))
    sweep(home / "tuning", jobs(sgd={0.1: [0.5], 1.0: [0.9]}, adam={0.1: [0.9], 0.01: [0.5]}))
    tuned = Tuned("optimizer", "optimizer.lr", {"sgd": 2, "adam": 2}, {}, {})
    Manifest(protocol="tune_then_seeds", tuning=tuned).save(home)
    found = curves(home)
    assert {name: list(each.rates) for name, each in found.items()} == {"sgd": [0.1, 1.0], "adam": [0.01, 0.1]}
    assert found["sgd"].colour == gather([home]).arms[0].colour
