import numpy as np
import pytest

from nnreg.comparison.gathering import gather
from nnreg.comparison.profiles import profiles
from tests.comparison.sweeps import leave, sweep

METRIC = "train/loss_final"


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
