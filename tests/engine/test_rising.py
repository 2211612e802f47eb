"""A rising sweep of the learning rate: when it ends, what is read from it, and what it suggests."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest

from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS, Record
from nnreg.engine.rising import Rising, measure_rising, rising_rates, suggest_rate

RATES = rising_rates(1e-6, 10.0, 200)


def records(losses):
    for step, loss in enumerate(losses):
        yield Record(step, TRAIN_LOSS, loss)
        yield Record(step + 1, VALID_LOSS, 1e9)  # is not looked at


def fallen(at=1e-3, by=2.0, noise=0.0):
    """Return losses that fall by a smooth step around a rate: fastest there, along the logarithm."""
    made = 3 - by / (1 + (at / RATES) ** 2)
    return made + noise * np.random.default_rng(0).standard_normal(len(RATES))


def test_rates_rise_in_equal_ratios():
    assert (RATES[0], RATES[-1]) == (pytest.approx(1e-6), pytest.approx(10))
    np.testing.assert_allclose(RATES[1:] / RATES[:-1], (10 / 1e-6) ** (1 / 199))


def test_a_sweep_that_explodes_asks_for_nothing_more():
    losses = iter([*fallen()[:150], *10.0 ** np.arange(1, 60)])
    found = measure_rising(records(losses), RATES)
    assert found.has_exploded
    assert 150 < len(found.losses) < 156
    assert len(found.rates) == len(found.losses)
    assert next(losses) > 10


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_an_explosion_and_not_kept(loss):
    found = measure_rising(records([*fallen()[:50], loss, 1.0]), RATES)
    assert found.has_exploded
    assert len(found.losses) == 50
    assert np.isfinite(found.losses).all()


def test_a_single_bad_batch_ends_nothing():
    losses = fallen()
    losses[100] = 2 * losses[0]
    assert not measure_rising(records(losses), RATES).has_exploded


@pytest.mark.parametrize("at", [1e-4, 1e-3, 0.1])
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_the_rate_at_which_a_loss_falls_fastest_is_suggested(at, noise):
    suggestion = suggest_rate(measure_rising(records(fallen(at, noise=noise)), RATES))
    assert at / 1.6 < suggestion.rate < at * 1.6
    assert suggestion.falls_from < suggestion.rate < suggestion.lowest
    assert suggestion.drop == (pytest.approx(3, abs=0.1), pytest.approx(1, abs=0.1))


def test_a_loss_that_does_not_fall_suggests_nothing():
    flat = 3 + 0.02 * np.random.default_rng(0).standard_normal(200)
    assert suggest_rate(measure_rising(records(flat), RATES)) is None
    assert suggest_rate(measure_rising(records(np.linspace(1, 2, 200)), RATES)) is None
    assert suggest_rate(measure_rising(records(islice(fallen(), 10)), RATES)) is None
    assert suggest_rate(Rising(np.empty(0), np.empty(0), has_exploded=True)) is None


def test_means_are_centred_and_shrink_to_the_loss_itself_at_either_end():
    losses = np.arange(40.0) ** 2
    smoothed = Rising(RATES[:40], losses, has_exploded=False).smoothed
    assert (smoothed[0], smoothed[-1]) == (losses[0], losses[-1])
    assert smoothed[20] == pytest.approx(losses[15:26].mean())
    assert smoothed[2] == pytest.approx(losses[:5].mean())
