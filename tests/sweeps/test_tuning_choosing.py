"""The best value is the one with the lowest mean of the deciding metric, and never one that lost a run if others lost none."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnreg.comparison import rates
from nnreg.sweeps.tuning import best_settings


def run(folder, status="finished", **metrics):
    folder.mkdir(parents=True, exist_ok=True)
    named = {name.replace("__", "/"): value for name, value in metrics.items()}
    (folder / "summary.json").write_text(json.dumps({"status": status, "metrics": named}))
    return folder


def chosen(home, runs, task="train"):
    """Write runs, value to list of (status, loss, accuracy), and choose."""
    folders = {
        value: [
            run(home / f"{value}-{number}", status, valid__loss_final=loss, valid__accuracy_final=accuracy)
            for number, (status, loss, accuracy) in enumerate(each)
        ]
        for value, each in runs.items()
    }
    return best_settings({"sgd": folders}, task)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]), min_size=2, max_size=2), min_size=1, max_size=5))
def test_the_lowest_geometric_mean_over_the_seeds_wins(tmp_path, losses):
    runs = {float(index): [("finished", loss, 0.5) for loss in each] for index, each in enumerate(losses)}
    by, values = chosen(tmp_path, runs)
    means = [math.sqrt(a * b) for a, b in losses]
    assert (by, means[int(values["sgd"])]) == ("valid/loss_final", min(means))


def test_a_loss_of_zero_counts_as_what_a_runs_numbers_can_resolve(tmp_path):
    """The floor is 2^-23 of the untrained loss of 1: the geometric mean of 0 and 1 is 2^-11.5, .00035."""
    for other, best in ((0.0003, 0.2), (0.0004, 0.1)):
        folders = {
            value: [run(tmp_path / f"{other}-{value}-{loss}", valid__loss_final=loss, start__train_loss=1.0) for loss in losses]
            for value, losses in ((0.1, (0.0, 1.0)), (0.2, (other, other)))
        }
        assert best_settings({"sgd": folders}, "train")[1] == {"sgd": best}


def test_of_equal_losses_the_higher_accuracy_wins_and_then_the_lower_value(tmp_path):
    equal = {0.1: [("finished", 1.0, 0.8)], 0.2: [("finished", 1.0, 0.9)], 0.3: [("finished", 1.0, 0.9)]}
    assert chosen(tmp_path, equal)[1] == {"sgd": 0.2}


def test_a_value_at_which_one_run_diverged_loses_to_every_other(tmp_path):
    runs = {0.1: [("finished", 9.0, 0.1), ("finished", 9.0, 0.1)], 1.0: [("finished", 0.1, 1.0), ("diverged", 0.1, 1.0)]}
    assert chosen(tmp_path, runs)[1] == {"sgd": 0.1}


def test_where_every_value_lost_a_run_the_lowest_is_taken(tmp_path):
    assert chosen(tmp_path, {0.1: [("diverged", 3.0, 0.1)], 0.01: [("failed", 9.0, 0.1)]})[1] == {"sgd": 0.01}


def test_where_every_value_lost_a_run_that_with_the_fewest_is_taken_and_then_the_better_one(tmp_path):
    lost, good, bad = ("diverged", 0.0, 1.0), ("finished", 1.0, 0.9), ("finished", 2.0, 0.8)
    assert chosen(tmp_path, {0.01: [lost, bad], 0.1: [lost, good]})[1] == {"sgd": 0.1}
    assert chosen(tmp_path, {0.1: [lost, lost, good], 0.2: [lost, bad, bad]})[1] == {"sgd": 0.2}


ENDINGS = st.tuples(
    st.sampled_from(["finished", "finished", "diverged", "failed"]), st.sampled_from([1.0, 2.0]), st.sampled_from([0.5, 0.9])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(ENDINGS, min_size=2, max_size=2), min_size=1, max_size=4))
def test_a_comparison_of_the_same_runs_takes_the_same_value(tmp_path, endings):
    runs = {float(index): each for index, each in enumerate(endings)}
    value = chosen(tmp_path, runs)[1]["sgd"]
    compared = {
        rate: [
            SimpleNamespace(summary=json.loads((tmp_path / f"{rate}-{number}/summary.json").read_text())) for number in range(2)
        ]
        for rate in runs
    }
    assert rates.best_rate(compared, "valid/loss_final") == value


def test_without_a_validation_split_the_training_loss_decides(tmp_path):
    folders = {value: [run(tmp_path / str(value), final__train_loss=loss)] for value, loss in ((0.1, 0.7), (0.2, 0.5))}
    assert best_settings({"sgd": folders}, "train") == ("final/train_loss", {"sgd": 0.2})


def test_a_descent_is_judged_by_where_it_ended(tmp_path):
    folders = {value: [run(tmp_path / str(value), descent__value=found)] for value, found in ((0.1, 3.0), (0.2, 5.0))}
    assert best_settings({"sgd": folders}, "descend") == ("descent/value", {"sgd": 0.1})


def test_a_damaged_summary_is_a_run_that_was_lost(tmp_path):
    damaged = run(tmp_path / "0.1", valid__loss_final=0.0)
    (damaged / "summary.json").write_text("{")
    sound = run(tmp_path / "0.2", valid__loss_final=5.0)
    assert best_settings({"sgd": {0.1: [damaged], 0.2: [sound]}}, "train")[1] == {"sgd": 0.2}
