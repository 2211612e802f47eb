"""Which settings a search drew, and which of them mattered."""

import numpy as np
import pytest

from nnreg.comparison.rates import Tuning
from nnreg.comparison.searches import Drawn, drawn_settings, importance
from nnreg.records.results import Results
from tests.comparison.sweeps import gathered, standing


def trials(protocol, count=12):
    found = [
        standing(f"trial {k}", {1: 0.1 * k + 0.1}, **{"optimizer.lr": 10.0 ** (-k / 3), "l2": 0.1 * k}) for k in range(count)
    ]
    tuning = Tuning(protocol, {}, "", (), False, Results(()))
    return drawn_settings(gathered(*found, tuning=tuning), found)


def test_numbers_that_a_search_drew_are_found_with_their_scale():
    lr, l2 = trials("random_search")
    assert (lr.key, lr.is_log, l2.key, l2.is_log) == ("optimizer.lr", True, "l2", False)
    np.testing.assert_allclose(np.diff(lr.places), -np.log(10) / 3)
    assert [each.key for each in trials("optuna (tpe)")] == ["optimizer.lr", "l2"]


@pytest.mark.parametrize("protocol", ["grid", "tune_then_seeds"])
def test_a_grid_searched_nothing(protocol):
    assert trials(protocol) == []


def table(count=60):
    rng = np.random.default_rng(3)
    return [Drawn(name, rng.uniform(size=count), is_log=False) for name in ("much", "little", "nothing")]


@pytest.mark.parametrize("metric", ["final/train_loss", "valid/accuracy"])
def test_what_decides_is_the_most_important(metric):
    much, little, nothing = table()
    found = importance([much, little, nothing], 5 * much.values + little.values, metric)
    assert found.weights[0] > 0.6 > found.weights[1] > found.weights[2]
    assert sum(found.weights) == pytest.approx(1)
    assert found.explained > 0.6


def test_a_lost_trial_is_the_last():
    much, little, nothing = table()
    values = np.where(much.values > 0.5, np.nan, 1.0 + 0.001 * little.values)
    assert importance([much, little, nothing], values, "final/train_loss").weights[0] > 0.6


def test_luck_explains_nothing():
    values = np.random.default_rng(8).uniform(size=60)
    assert importance(table(), values, "final/train_loss").explained < 0.1


def test_too_few_trials_or_settings_have_no_importance():
    few = [Drawn("a", np.arange(5.0), is_log=False), Drawn("b", np.arange(5.0), is_log=False)]
    assert importance(few, np.arange(5.0), "final/train_loss") is None
    assert importance(table()[:1], np.arange(60.0), "final/train_loss") is None
    assert importance(table(), np.ones(60), "final/train_loss") is None, "all alike"
