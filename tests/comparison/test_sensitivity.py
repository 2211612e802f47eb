import math

import pytest

from nnreg.comparison.gathering import gather
from nnreg.comparison.profiles import sensitivities
from nnreg.records.manifest import Manifest, Tuned
from tests.comparison.sweeps import leave, sweep

METRIC = "train/loss_final"


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
    assert [value.mean for value in sgd.values] == pytest.approx([2.1, 0.4, 0.1])
    assert list(sgd.diverged) == [0, 0, 1]
    assert (sgd.best, sgd.at_edge) == (1, False)  # 1.0 lost a run
    assert (found["adam"].best, found["adam"].at_edge) == (1, True)


def test_the_best_rate_is_that_which_is_compared_by_validation_whatever_is_shown(tmp_path):
    for place, (rate, train, valid) in enumerate([(0.01, 0.9, 0.8), (0.1, 0.5, 0.7), (1.0, 0.1, 0.9)]):
        metrics = {"train/loss_final": train, "valid/loss_final": valid}
        leave(tmp_path / f"s/{place}", ["optimizer=sgd", f"optimizer.lr={rate}"], metrics=metrics)
    (found,) = curves(tmp_path / "s").values()
    assert (found.rates[found.best], found.at_edge) == (0.1, False)


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
