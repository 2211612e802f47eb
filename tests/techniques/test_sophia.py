"""Sophia against its paper's algorithm with exact curvatures, and what its looks at the curvature leave behind."""

import numpy as np
import pytest

from nnreg.contracts import Shape
from nnreg.engine.network import Parameters
from nnreg_std.optimizers.sophia import Sophia

CURVATURES = np.array([0.01, 0.1, 0.5, 1.0, 3.0, 10.0])
START = np.array([2.0, -1.5, 1.0, 0.8, -0.6, 0.5])


class Separable:
    """Σ ½ curvatureᵢ θᵢ² + log cosh θᵢ: its Hessian is diagonal, so that Hutchinson's estimate is exact whatever was drawn."""

    def __init__(self, dtype=np.float64):
        self.parameters = Parameters([Shape("W1", (6, 1), True)], dtype)
        self.parameters.theta[...] = START
        self.looks = 0

    def gradient(self):
        theta = self.parameters.theta
        return CURVATURES.astype(theta.dtype) * theta + np.tanh(theta)

    def loss_and_gradient(self):
        self.looks += 1
        self.parameters.grad[...] = self.gradient()
        return self.loss()

    def loss(self):
        return float((CURVATURES * self.parameters.theta**2 / 2 + np.log(np.cosh(self.parameters.theta))).sum())


def driven(objective, seed=0, **settings):
    rule = Sophia(**settings)
    rule.bind(objective.parameters)
    rule.equip(objective, np.random.default_rng(seed))
    return rule


def steps_of(objective, rule, steps):
    positions = []
    for t in range(1, steps + 1):
        objective.parameters.grad[...] = objective.gradient()
        rule.step(t, 0.97 ** (t - 1))
        positions.append(objective.parameters.theta.copy())
    return np.array(positions)


def algorithm_3(steps, *, lr=6e-4, beta1=0.96, beta2=0.99, gamma=0.01, eps=1e-12, weight_decay=0.2, interval=10):
    """The paper's, in its order, with the curvature that calculus gives."""
    theta, m, h, positions = START.copy(), np.zeros(6), np.zeros(6), []
    for t in range(1, steps + 1):
        eta = lr * 0.97 ** (t - 1)
        g = CURVATURES * theta + np.tanh(theta)
        m = beta1 * m + (1 - beta1) * g
        if interval == 1 or t % interval == 1:
            h = beta2 * h + (1 - beta2) * (CURVATURES + 1 / np.cosh(theta) ** 2)
        theta = theta - eta * weight_decay * theta
        theta = theta - eta * np.clip(m / np.maximum(gamma * h, eps), -1, 1)
        positions.append(theta.copy())
    return np.array(positions)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lr": 0.03, "gamma": 10.0, "beta2": 0.5, "interval": 3},
        {"lr": 0.3, "beta1": 0.0, "beta2": 0.0, "gamma": 1.0, "interval": 1, "weight_decay": 0.0},
        {"lr": 0.1, "beta1": 0.5, "gamma": 5.0, "eps": 0.3},
    ],
)
def test_with_exact_curvatures_it_is_algorithm_3_of_its_paper(settings):
    objective = Separable()
    ours, theirs = steps_of(objective, driven(objective, **settings), 20), algorithm_3(20, **settings)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_in_float32_it_goes_where_float64_goes():
    ends = []
    for dtype in (np.float32, np.float64):
        objective = Separable(dtype)
        ends.append(steps_of(objective, driven(objective, lr=0.03, gamma=3.0), 20)[-1])
    assert ends[0].dtype == np.float32
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-3)


def test_without_curvature_and_momentum_its_steps_are_those_of_the_sign():
    objective = Separable()
    moved = steps_of(objective, driven(objective, gamma=1e-9, beta1=0.0, weight_decay=0.0), 1)[0] - START
    np.testing.assert_allclose(moved, -6e-4 * np.sign(START), rtol=1e-9)


class Coupled:
    """½ θᵀHθ, with an H that is not diagonal."""

    def __init__(self):
        self.hessian = np.array([[2.0, 0.7, -0.3], [0.7, 1.0, 0.4], [-0.3, 0.4, 0.5]])
        self.parameters = Parameters([Shape("W1", (3, 1), True)], np.float64)
        self.parameters.theta[...] = (1.0, -2.0, 0.5)

    def loss_and_gradient(self):
        self.parameters.grad[...] = self.hessian @ self.parameters.theta
        return self.loss()

    def loss(self):
        return float(self.parameters.theta @ self.hessian @ self.parameters.theta / 2)


def test_its_estimate_is_the_diagonal_of_the_hessian_on_average():
    estimates = []
    for seed in range(400):
        objective = Coupled()
        objective.loss_and_gradient()
        rule = driven(objective, seed, beta2=0.0)
        rule.step(1)
        estimates.append(rule.save()["h"])
    spread = np.std(estimates, axis=0) / np.sqrt(len(estimates))
    assert (spread > 0.01).all()  # one estimate is far off
    assert (np.abs(np.mean(estimates, axis=0) - objective.hessian.diagonal()) < 4 * spread).all()


def test_it_looks_twice_in_every_tenth_step_and_leaves_the_gradient_as_it_was():
    objective = Separable()
    rule, looks = driven(objective), []
    for t in range(1, 23):
        objective.parameters.grad[...] = wanted = objective.gradient()
        before = objective.looks
        rule.step(t)
        looks += [t] * (objective.looks - before)
        np.testing.assert_array_equal(objective.parameters.grad, wanted)
    assert looks == [1, 1, 11, 11, 21, 21]
