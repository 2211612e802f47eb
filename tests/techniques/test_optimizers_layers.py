"""Optimizers that look at layers, or at all parameters at once: against closed forms, and twins where no library has them."""

import math
from functools import partial

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power, svd

from nnreg.contracts import Shape
from nnreg.engine.network import Parameters
from nnreg_std.optimizers.adafactor import Adafactor
from nnreg_std.optimizers.lamb import LAMB
from nnreg_std.optimizers.lars import LARS
from nnreg_std.optimizers.muon import Muon, orthogonal
from nnreg_std.optimizers.prodigy import Prodigy
from nnreg_std.optimizers.shampoo import Shampoo
from tests.techniques.libraries import PROBLEMS, SLOPES, steps_of
from tests.techniques.paths import down_the_valley

SHAPES = [Shape("W1", (5, 8), True), Shape("b1", (8,), False), Shape("W2", (8, 3), True), Shape("b2", (3,), False)]


def network(seed=0, dtype=np.float64):
    parameters = Parameters(SHAPES, dtype)
    parameters.theta[...] = np.random.default_rng(seed).standard_normal(parameters.theta.size)
    return parameters


def bound(rule, parameters):
    rule.bind(parameters)
    return rule


def descend(rule, parameters, first, last):
    """Walk down ½ Σ θ², steps first to last."""
    for t in range(first, last + 1):
        parameters.grad[...] = parameters.theta
        rule.step(t)


RULES = [Adafactor, LAMB, LARS, Muon, Prodigy, Shampoo]
every_rule = pytest.mark.parametrize("technique", RULES)


@every_rule
def test_a_saved_run_continues_on_the_identical_trajectory(technique):
    straight, stopped, resumed = network(), network(), network(seed=9)
    descend(bound(technique(), straight), straight, 1, 8)
    first, second = bound(technique(), stopped), bound(technique(), resumed)
    descend(first, stopped, 1, 5)
    second.load(first.save())
    resumed.theta[...] = stopped.theta
    descend(second, resumed, 6, 8)
    np.testing.assert_array_equal(resumed.theta, straight.theta)


@pytest.mark.parametrize("technique", [*RULES[:4], partial(Prodigy, d0=0.01), partial(Shampoo, eps=0.1)])
def test_float32_goes_where_float64_goes(technique):
    """With their defaults Prodigy's first steps are as small as float32 can tell, and Shampoo enlarges what was never seen a
    hundredfold: when the one grows and where the other turns first is then a matter of rounding.
    """
    ends = []
    for dtype in (np.float32, np.float64):
        parameters = network(dtype=dtype)
        for name, (theta, _) in parameters.named.items():
            theta[...] = network().named[name].theta
        descend(bound(technique(), parameters), parameters, 1, 20)
        assert parameters.theta.dtype == dtype
        ends.append(parameters.theta)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-3, atol=1e-5)


@every_rule
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_and_units_that_have_no_gradient_for_long_are_no_trouble(technique, dtype):
    parameters = network(dtype=dtype)
    rule, mask = bound(technique(), parameters), np.ones((5, 8), dtype)
    mask[:2], mask[:, :3] = 0, 0
    for t in range(1, 30):
        parameters.grad[...] = 1e-3 * parameters.theta
        parameters.named["W1"].grad[...] *= mask
        rule.step(t)
    assert np.isfinite(parameters.theta).all()


# --- muon ----------------------------------------------------------------------------------------------------------------


def lifted(matrix):
    """The iteration's result by another way: its polynomial, applied to each singular value alone."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    s = s / np.sqrt((s**2).sum())
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s) @ vt


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (6, 6), (1, 4), (4, 1)])
def test_the_iteration_lifts_each_singular_value_and_turns_nothing(shape):
    """A polynomial in xxᵀ times x acts on the singular values only."""
    matrix = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_allclose(orthogonal(matrix, 5, 1e-15), lifted(matrix), rtol=1e-9, atol=1e-12)


def test_a_hidden_matrix_moves_by_its_lifted_momentum_and_wide_ones_farther():
    """Nesterov's momentum: m after two steps is μg₁ + g₂, and g₂ counts once more."""
    parameters = network()
    w, grad = parameters.named["W1"]
    rule = bound(Muon(), parameters)
    first, second = np.random.default_rng(1).standard_normal((2, 5, 8))
    twin = w.copy()
    for t, gradient, ahead in ((1, first, 1.95 * first), (2, second, second + 0.95 * (0.95 * first + second))):
        grad[...] = gradient
        rule.step(t)
        twin -= 0.02 * np.sqrt(8 / 5) * lifted(ahead)
    np.testing.assert_allclose(w, twin, rtol=1e-6)


def test_biases_and_the_output_layer_take_adams_steps():
    """Adam's first step is as long as its learning rate, 0.015 · 0.02, whatever the gradient."""
    parameters = network()
    parameters.grad[...] = parameters.theta
    bound(Muon(), parameters).step(1)
    for name in ("b1", "W2", "b2"):
        theta, grad = parameters.named[name]
        np.testing.assert_allclose(grad - theta, 0.0003 * np.sign(grad), rtol=1e-6)


# --- adafactor, lamb, lars -----------------------------------------------------------------------------------------------


def test_adafactor_keeps_a_number_for_each_row_and_each_column_of_a_matrix():
    state = bound(Adafactor(), network()).save()
    assert {name: vector.size for name, vector in state.items()} == {
        "W1.r": 5, "W1.c": 8, "b1.v": 8, "W2.r": 8, "W2.c": 3, "b2.v": 3,
    }  # fmt: skip


def test_a_step_of_adafactor_is_a_share_of_what_it_moves_whatever_the_gradient():
    for size in (1e-6, 1.0, 1e6):
        parameters = network()
        before = parameters.theta.copy()
        parameters.grad[...] = size
        bound(Adafactor(lr=0.01), parameters).step(1)
        w = parameters.named["W1"].theta
        start = before[: w.size].reshape(w.shape)
        np.testing.assert_allclose(start - w, 0.01 * np.sqrt((start**2).mean()), rtol=1e-9)


def test_lamb_moves_weights_by_a_share_of_their_length_and_biases_as_adam_does():
    parameters = network()
    before = {name: theta.copy() for name, (theta, _) in parameters.named.items()}
    parameters.grad[...] = np.random.default_rng(2).standard_normal(parameters.grad.size)
    bound(LAMB(lr=0.03, eps=1e-12), parameters).step(1)
    moved = {name: before[name] - theta for name, (theta, _) in parameters.named.items()}
    for name in ("W1", "W2"):
        assert np.linalg.norm(moved[name]) == pytest.approx(0.03 * np.linalg.norm(before[name]))
    for name in ("b1", "b2"):
        np.testing.assert_allclose(np.abs(moved[name]), 0.03, rtol=1e-9)


def test_lars_with_decay_is_algorithm_1_of_its_paper():
    """The norm of the gradient and of the decay are added, as in equation 6; optax takes that of their sum."""
    rng = np.random.default_rng(3)
    parameters = network()
    rule = bound(LARS(lr=2.0, momentum=0.8, weight_decay=0.3, trust=0.02), parameters)
    twins = {name: (theta.copy(), np.zeros_like(theta)) for name, (theta, _) in parameters.named.items()}
    for t in range(1, 21):
        parameters.grad[...] = rng.standard_normal(parameters.grad.size)
        gradients = {name: grad.copy() for name, (_, grad) in parameters.named.items()}
        rule.step(t, 0.95**t)
        for name, (w, v) in twins.items():
            local = 0.02 * math.sqrt((w**2).sum())
            local /= math.sqrt((gradients[name] ** 2).sum()) + 0.3 * math.sqrt((w**2).sum())
            v[...] = 0.8 * v + 2.0 * 0.95**t * local * (gradients[name] + 0.3 * w)
            w -= v
            np.testing.assert_allclose(parameters.named[name].theta, w, rtol=1e-9)


@pytest.mark.parametrize("technique", [LAMB, LARS])
def test_weights_that_are_zero_do_not_stay_zero(technique):
    parameters = Parameters(SHAPES, np.float64)
    parameters.grad[...] = 1.0
    bound(technique(), parameters).step(1)
    assert (parameters.theta < 0).all()


# --- prodigy -------------------------------------------------------------------------------------------------------------


def authors_prodigy(steps, lr=1.0, beta1=0.9, beta2=0.999, eps=1e-8, d0=1e-6):
    """The authors' prodigy.py with its defaults, without bias correction, on the coupled problem, in their order of words."""
    parameters = Parameters([Shape("theta", (6,), False)], np.float64)
    parameters.theta[...] = PROBLEMS["coupled"]["start"]["theta"]
    p, d, d_max, numerator, beta3 = parameters.theta, d0, d0, 0.0, math.sqrt(beta2)
    p0, exp_avg, exp_avg_sq, s = p.copy(), np.zeros(6), np.zeros(6), np.zeros(6)
    positions = []
    for _ in range(steps):
        SLOPES["coupled"](parameters)
        grad = parameters.grad
        dlr = d * lr
        numerator = numerator * beta3 + (d / d0) * dlr * (grad * (p0 - p)).sum()
        exp_avg = beta1 * exp_avg + d * (1 - beta1) * grad
        exp_avg_sq = beta2 * exp_avg_sq + d * d * (1 - beta2) * grad * grad
        s = beta3 * s + ((d / d0) * dlr) * grad
        d_hat = numerator / np.abs(s).sum()
        d_max = max(d_max, d_hat)
        d = max(d, d_max)
        p -= dlr * exp_avg / (np.sqrt(exp_avg_sq) + d * eps)
        positions.append(p.copy())
    return np.array(positions)


@pytest.mark.parametrize("settings", [{}, {"d0": 0.01}, {"d0": 0.1, "lr": 0.5, "beta2": 0.9}])
def test_prodigy_goes_where_its_authors_code_goes(settings):
    np.testing.assert_allclose(steps_of(Prodigy(**settings), "coupled", 20, 1.0), authors_prodigy(20, **settings), rtol=1e-9)


def test_prodigy_finds_its_rate_from_a_guess_a_million_times_too_small():
    rule = Prodigy()
    heights = (down_the_valley(rule, steps=300) ** 2 * (0.05, 1.0)).sum(axis=1)
    assert heights[-1] < 1e-3 * heights[0]
    assert 0.1 < rule.d < 10  # the start is 7.3 away from the bottom


# --- shampoo -------------------------------------------------------------------------------------------------------------


def twin(steps, eps, lr, shrink):
    """Algorithms 1 and 2 of the paper, on the problem of the libraries; roots by Schur and Padé, not by eigenvectors."""
    start = {name: np.array(value) for name, value in PROBLEMS["network"]["start"].items()}
    parameters = Parameters([Shape(name, value.shape, value.ndim == 2) for name, value in start.items()], np.float64)
    for name, value in start.items():
        parameters.named[name].theta[...] = value
    tables = {name: [eps * np.eye(length) for length in value.shape] for name, value in start.items()}
    positions = []
    for t in range(steps):
        SLOPES["network"](parameters)
        for name, (w, g) in parameters.named.items():
            if w.ndim == 2:
                left, right = tables[name]
                left += g @ g.T
                right += g.T @ g
                move = fractional_matrix_power(left, -0.25) @ g @ fractional_matrix_power(right, -0.25)
            else:
                (whole,) = tables[name]
                whole += np.outer(g, g)
                move = fractional_matrix_power(whole, -0.5) @ g
            w -= lr * shrink**t * move
        positions.append(np.concatenate([theta.ravel() for theta, _ in parameters.named.values()]))
    return np.array(positions)


@pytest.mark.long
@pytest.mark.parametrize("eps", [1e-4, 0.1])
def test_shampoo_is_algorithms_1_and_2_of_its_paper(eps):
    ours = steps_of(Shampoo(lr=0.1, eps=eps), "network", 20, 0.95)
    np.testing.assert_allclose(ours, twin(20, eps, lr=0.1, shrink=0.95), rtol=1e-9)


def test_the_first_step_of_shampoo_makes_all_directions_equally_long():
    """With a small ε it is UVᵀ of the gradient's singular vectors."""
    parameters = network()
    w, grad = parameters.named["W1"]
    grad[...] = np.random.default_rng(1).standard_normal((5, 8))
    u, _, vt = svd(grad, full_matrices=False)
    wanted = w - 0.1 * u @ vt
    bound(Shampoo(lr=0.1, eps=1e-12), parameters).step(1)
    np.testing.assert_allclose(w, wanted, rtol=1e-5)


def test_a_long_side_keeps_the_diagonal_of_its_table_alone():
    parameters = network()
    rule = bound(Shampoo(lr=1.0, eps=0.1, max_size=6), parameters)  # sides of 8 are long
    w, grad = parameters.named["W1"]
    grad[...] = np.random.default_rng(1).standard_normal((5, 8))
    left = fractional_matrix_power(0.1 * np.eye(5) + grad @ grad.T, -0.25)
    wanted = w - (left @ grad) * (0.1 + (grad**2).sum(axis=0)) ** -0.25
    rule.step(1)
    np.testing.assert_allclose(w, wanted, rtol=1e-9)
    assert rule.save()["W1.table1"].shape == rule.save()["b1.root0"].shape == (8,)


def test_roots_are_taken_in_the_first_steps_and_then_once_an_interval():
    parameters, taken = network(), []
    rule, before = bound(Shampoo(interval=4), parameters), None
    for t in range(1, 13):
        parameters.grad[...] = np.random.default_rng(t).standard_normal(parameters.grad.size)
        rule.step(t)
        root = rule.save()["W1.root0"]
        taken += [t] if before is None or (root != before).any() else []
        before = root
    assert taken == [1, 2, 3, 4, 8, 12]
