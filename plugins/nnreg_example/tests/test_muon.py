"""Muon against singular values worked out one by one, on a network of two matrices and two vectors."""

from types import SimpleNamespace

import numpy as np
import pytest
from nnreg_example.muon import Muon, orthogonal

from nnreg.contracts import Array, Weights

SHAPES = {"W1": (5, 8), "b1": (8,), "W2": (8, 3), "b2": (3,)}


def network(seed: int = 0, dtype: type = np.float64) -> SimpleNamespace:
    """Parameters as the core hands them to a rule: two flat buffers, and views of them by name."""
    sizes = [int(np.prod(shape)) for shape in SHAPES.values()]
    theta = np.random.default_rng(seed).standard_normal(sum(sizes)).astype(dtype)
    grad = np.zeros_like(theta)
    ends = np.cumsum(sizes)
    parts = {name: slice(end - size, end) for name, size, end in zip(SHAPES, sizes, ends, strict=True)}
    named = {name: Weights(theta[part].reshape(SHAPES[name]), grad[part].reshape(SHAPES[name])) for name, part in parts.items()}
    return SimpleNamespace(theta=theta, grad=grad, named=named)


def bound(parameters: SimpleNamespace) -> Muon:
    """A rule that drives these parameters."""
    rule = Muon()
    rule.bind(parameters)
    return rule


def descend(rule: Muon, parameters: SimpleNamespace, first: int, last: int) -> None:
    """Walk down ½ Σ θ², steps first to last."""
    for t in range(first, last + 1):
        parameters.grad[...] = parameters.theta
        rule.step(t)


def lifted(matrix: Array) -> Array:
    """The iteration's result by another way: its polynomial, applied to each singular value alone."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    s = s / np.sqrt((s**2).sum())
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s) @ vt


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (6, 6), (1, 4), (4, 1)])
def test_the_iteration_lifts_each_singular_value_and_turns_nothing(shape: tuple[int, int]) -> None:
    """A polynomial in xxᵀ times x acts on the singular values only; 1e-7 in the norm makes the difference."""
    matrix = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_allclose(orthogonal(matrix, 5), lifted(matrix), rtol=1e-5, atol=1e-8)


def test_a_matrix_moves_by_its_lifted_momentum_and_wide_ones_farther() -> None:
    """Nesterov's momentum: m after two steps is μg₁ + g₂, and g₂ counts once more."""
    parameters = network()
    w, grad = parameters.named["W1"]
    rule = bound(parameters)
    first, second = np.random.default_rng(1).standard_normal((2, 5, 8))
    twin = w.copy()
    for t, gradient, ahead in ((1, first, 1.95 * first), (2, second, second + 0.95 * (0.95 * first + second))):
        grad[...] = gradient
        rule.step(t)
        twin -= 0.02 * np.sqrt(8 / 5) * lifted(ahead)
    np.testing.assert_allclose(w, twin, rtol=1e-6)


def test_biases_and_the_output_layer_take_adams_steps() -> None:
    """Adam's first step is as long as its learning rate, 0.015 · 0.02, whatever the gradient."""
    parameters = network()
    before = parameters.theta.copy()
    parameters.grad[...] = before
    bound(parameters).step(1)
    for name in ("b1", "W2", "b2"):
        theta, grad = parameters.named[name]
        np.testing.assert_allclose(grad - theta, 0.0003 * np.sign(grad), rtol=1e-6)


def test_a_saved_run_continues_on_the_identical_trajectory() -> None:
    """Momentum of the matrices and both averages of the rest are all the state there is."""
    straight, stopped, resumed = network(), network(), network(seed=9)
    descend(bound(straight), straight, 1, 8)
    first, second = bound(stopped), bound(resumed)
    descend(first, stopped, 1, 5)
    second.load(first.save())
    resumed.theta[...] = stopped.theta
    descend(second, resumed, 6, 8)
    np.testing.assert_array_equal(resumed.theta, straight.theta)
    assert set(first.save()) == {"W1.m", "b1.m", "b1.v", "W2.m", "W2.v", "b2.m", "b2.v"}


def test_float32_stays_float32() -> None:
    """Also inside the iteration, where a float64 scalar would double the cost."""
    assert orthogonal(np.ones((3, 2), np.float32), 5).dtype == np.float32
    parameters = network(dtype=np.float32)
    rule = bound(parameters)
    descend(rule, parameters, 1, 3)
    assert {vector.dtype for vector in (parameters.theta, *rule.save().values())} == {np.dtype(np.float32)}


def test_parameters_without_names_are_adams() -> None:
    """Such as a point on a surface."""
    theta, grad = np.zeros(2), np.array([3.0, -4.0])
    rule = Muon()
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named={}))
    rule.step(1)
    np.testing.assert_allclose(theta, (-0.0003, 0.0003))
