"""Rules that look again or are evaluated elsewhere, each against torch, its authors' formulas or a closed form."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Shape
from nnreg.engine.network import Parameters
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.ema import EMA
from nnreg_std.optimizers.lbfgs import LBFGS
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.sam import SAM
from nnreg_std.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from nnreg_std.optimizers.sgd import SGD

TORCH = json.loads((Path(__file__).parent / "oracles" / "lbfgs.json").read_text(encoding="utf-8"))
CURVATURE = np.array([0.5, 2.0, 1.0, 3.0])
START = np.array([1.0, -2.0, 0.5, 0.3])


class Objective:
    """A function of the parameters, and how often its gradient was asked for."""

    def __init__(self, parameters, value, slope):
        self.parameters, self.value, self.slope, self.looks = parameters, value, slope, 0

    def loss_and_gradient(self):
        self.looks += 1
        self.parameters.grad[...] = self.slope(self.parameters.theta)
        return self.loss()

    def loss(self):
        return float(self.value(self.parameters.theta))


def bowl(theta):
    return 0.5 * CURVATURE @ theta**2


def of_bowl(theta):
    return CURVATURE.astype(theta.dtype) * theta


def trained(rule, steps, *, value=bowl, slope=of_bowl, start=START, dtype=np.float64, factors=None):
    """Return the positions after each step, those that are evaluated, and the objective."""
    parameters = Parameters([Shape("W1", (len(start), 1), decays=True)], dtype)
    parameters.theta[...] = start
    rule.bind(parameters)
    objective = Objective(parameters, value, slope)
    rule.equip(objective, np.random.default_rng(0))
    positions, evaluated = [], []
    for t in range(1, steps + 1):
        parameters.grad[...] = slope(parameters.theta)
        rule.step(t, factors[t - 1] if factors else 1.0)
        positions.append(parameters.theta.copy())
        out = np.full_like(parameters.theta, np.nan)
        evaluated.append(out if rule.evaluation_parameters(out) else parameters.theta.copy())
    return np.array(positions), np.array(evaluated), objective


# --- SAM -----------------------------------------------------------------------------------------------------------------


@given(rho=st.just(0.0) | st.floats(1e-6, 2), lr=st.floats(1e-3, 0.5), momentum=st.floats(0, 0.99))
def test_sam_on_a_bowl_is_the_closed_form(rho, lr, momentum):
    """∇L(θ + ρAθ/‖Aθ‖) = Aθ + ρA²θ/‖Aθ‖, put into the heavy ball by hand."""
    theta, v = START.copy(), np.zeros(4)
    positions, _, objective = trained(SAM(inner=Momentum(lr, momentum), rho=rho), 8)
    for position in positions:
        length = math.sqrt(np.square(CURVATURE * theta).sum())
        v = momentum * v - lr * (CURVATURE * theta + rho / length * CURVATURE**2 * theta)
        theta = theta + v
        np.testing.assert_allclose(position, theta, rtol=1e-9, atol=1e-12)
    assert objective.looks == (8 if rho * np.abs(CURVATURE * START).max() > 0 else 0)


def test_sam_of_radius_zero_is_the_inner_rule_to_the_bit():
    np.testing.assert_array_equal(trained(SAM(inner=Adam(), rho=0.0), 10)[0], trained(Adam(), 10)[0])


@pytest.mark.parametrize("size", [0.0, 1e-40, 1e-25, 1e25])
def test_sam_climbs_rho_whatever_the_size_of_the_gradient_in_float32(size):
    seen = []

    def slope(theta):
        seen.append(theta.copy())
        return np.full_like(theta, size)

    trained(SAM(inner=SGD(lr=1e-30), rho=0.05), 1, slope=slope, dtype=np.float32)
    assert len(seen) == (2 if size else 1)
    if size:
        assert np.linalg.norm(seen[1] - seen[0]) == pytest.approx(0.05, rel=1e-5)


def test_sam_keeps_a_gradient_that_is_not_finite_for_the_inner_rule():
    positions, _, _ = trained(SAM(inner=SGD()), 1, slope=lambda theta: np.full_like(theta, math.nan))
    assert np.isnan(positions).all()


# --- EMA -----------------------------------------------------------------------------------------------------------------


@given(decay=st.floats(0, 0.9999), lr=st.floats(1e-3, 0.5))
def test_ema_is_the_weighted_mean_of_all_steps(decay, lr):
    """Σ βᵗ⁻ⁱ θᵢ / Σ βᵗ⁻ⁱ, which is section 7.2 summed up."""
    path, evaluated, _ = trained(EMA(inner=SGD(lr), decay=decay), 12)
    for t in range(1, 13):
        weights = decay ** np.arange(t - 1, -1, -1.0)
        np.testing.assert_allclose(evaluated[t - 1], weights @ path[:t] / weights.sum(), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(path, trained(SGD(lr), 12)[0])


def test_ema_without_decay_is_the_last_step():
    path, evaluated, _ = trained(EMA(inner=SGD(0.1), decay=0.0), 5)
    np.testing.assert_array_equal(evaluated, path)


def test_ema_in_float32_is_that_of_float64_to_single_precision():
    single, double = (trained(EMA(inner=SGD(0.1)), 50, dtype=dtype)[1] for dtype in (np.float32, np.float64))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, rtol=2e-5, atol=1e-6)


# --- schedule-free -------------------------------------------------------------------------------------------------------


def algorithm_1(steps, lr, beta1, beta2, eps, decay, factors):
    """Take the authors' Algorithm 1 at its word: x, y and z side by side; return y and x after each step."""
    x = z = y = START
    v, weights, ys, xs = np.zeros(4), 0.0, [], []
    for t in range(1, steps + 1):
        g = CURVATURE * y
        v = beta2 * v + (1 - beta2) * g**2
        gamma = lr * factors[t - 1] * math.sqrt(1 - beta2**t)
        z = z - gamma * (g / (np.sqrt(v) + eps) + decay * y)
        weights += gamma**2
        c = gamma**2 / weights
        x = (1 - c) * x + c * z
        y = (1 - beta1) * z + beta1 * x
        ys.append(y)
        xs.append(x)
    return np.array(ys), np.array(xs)


@given(
    lr=st.floats(1e-4, 0.5),
    beta1=st.floats(0.1, 0.99),
    beta2=st.floats(0, 0.999),
    eps=st.floats(1e-8, 0.1),
    decay=st.floats(0, 1),
)
def test_schedule_free_is_algorithm_1_of_its_paper(lr, beta1, beta2, eps, decay):
    factors = [min(1.0, t / 4) for t in range(1, 16)]  # a warm-up of four
    path, evaluated, _ = trained(ScheduleFreeAdamW(lr, beta1, beta2, eps, decay), 15, factors=factors)
    ys, xs = algorithm_1(15, lr, beta1, beta2, eps, decay, factors)
    np.testing.assert_allclose(path, ys, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(evaluated, xs, rtol=1e-7, atol=1e-8)


def test_schedule_free_with_a_rate_of_nothing_stays():
    path, evaluated, _ = trained(ScheduleFreeAdamW(), 3, factors=[0.0] * 3)
    np.testing.assert_array_equal(path[-1], START)
    np.testing.assert_array_equal(evaluated[-1], START)


def test_schedule_free_in_float32_is_that_of_float64_to_single_precision():
    single, double = (trained(ScheduleFreeAdamW(0.05), 60, dtype=dtype)[1] for dtype in (np.float32, np.float64))
    np.testing.assert_allclose(single, double, rtol=0, atol=2e-5)


# --- L-BFGS --------------------------------------------------------------------------------------------------------------


def valley(theta):
    return (100 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1 - theta[:-1]) ** 2).sum()


def of_valley(theta):
    slope, ahead = np.zeros_like(theta), theta[1:] - theta[:-1] ** 2
    slope[1:] += 200 * ahead
    slope[:-1] -= 400 * theta[:-1] * ahead + 2 * (1 - theta[:-1])
    return slope


@pytest.mark.parametrize("case", TORCH["cases"], ids=lambda case: f"history={case['history']}")
def test_lbfgs_goes_where_torch_goes_with_as_many_gradients(case):
    theirs = np.array(case["trajectory"])
    ours, _, objective = trained(
        LBFGS(history=case["history"]), len(theirs), value=valley, slope=of_valley, start=np.array(TORCH["start"])
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)  # the valley is narrow: rounding grows in 25 iterations
    np.testing.assert_allclose(ours[:12], theirs[:12], rtol=1e-10, atol=1e-10)
    assert objective.looks == case["looks"][-1]


def test_lbfgs_comes_to_the_bottom_of_a_bowl_in_a_few_more_steps_than_it_has_dimensions():
    path, _, _ = trained(LBFGS(), 12)
    assert bowl(path[-1]) < 1e-12 * bowl(START)


def test_lbfgs_stays_at_a_minimum():
    path, _, objective = trained(LBFGS(), 3, start=np.zeros(4))
    np.testing.assert_array_equal(path, np.zeros((3, 4)))
    assert objective.looks == 0


def test_lbfgs_goes_the_share_of_the_way_that_its_rate_says():
    whole, half = (trained(LBFGS(lr=lr), 1)[0][0] for lr in (1.0, 0.5))
    np.testing.assert_allclose(half - START, (whole - START) / 2, rtol=1e-14)


def test_lbfgs_takes_a_step_back_where_the_objective_is_not_finite():
    """−log(1 − θ) − θ/2: infinite beyond 1, least at −1."""

    def value(theta):
        with np.errstate(all="ignore"):
            return (-np.log(1 - theta) - theta / 2).sum() if (theta < 1).all() else math.nan

    path, _, _ = trained(LBFGS(), 25, value=value, slope=lambda theta: 1 / (1 - theta) - 0.5, start=np.array([0.9, -30.0]))
    np.testing.assert_allclose(path[-1], -1, atol=1e-4)


def test_lbfgs_with_one_look_goes_no_farther_than_it_pays():
    path, _, objective = trained(LBFGS(most=1), 30, value=valley, slope=of_valley, start=np.array(TORCH["start"]))
    heights = [valley(np.array(TORCH["start"])), *map(valley, path)]
    assert all(after <= before for before, after in pairwise(heights))
    assert objective.looks <= 60


def test_lbfgs_that_is_given_a_gradient_that_is_not_finite_lets_the_run_be_seen_to_diverge():
    path, _, _ = trained(LBFGS(), 1, slope=lambda theta: np.full_like(theta, math.nan))
    assert np.isnan(path).all()


def test_lbfgs_on_a_slope_without_end_ends():
    path, _, objective = trained(LBFGS(), 2, value=np.sum, slope=np.ones_like, dtype=np.float32)
    assert objective.looks <= 52
    assert (path[0] < START).all()
