"""What every registered optimizer must do, whatever its formula."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg import registry
from nnreg.contracts import Optimizer, Shape
from nnreg.parameters import Parameters

SHAPES = [Shape("W1", (13, 7), decays=True), Shape("b1", (7,), decays=False), Shape("W2", (7, 3), decays=True)]
CURVATURE = np.linspace(0.5, 2.0, 13 * 7 + 7 + 7 * 3)

every_optimizer = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in registry.entries("optimizer").items()]
)


def start(dtype=np.float64, seed=0):
    """Parameters away from the minimum of ½ Σ curvature · θ²."""
    parameters = Parameters(SHAPES, dtype)
    parameters.theta[...] = np.random.default_rng(seed).uniform(-0.3, 0.3, parameters.theta.size)
    return parameters


def bound(entry, parameters, **settings):
    rule = registry.load(entry)(**settings)
    rule.bind(parameters)
    return rule


def descend(rule, parameters, steps, first=1):
    for t in range(first, first + steps):
        parameters.grad[...] = CURVATURE * parameters.theta
        rule.step(t)


@every_optimizer
def test_it_is_an_optimizer_and_a_dataclass(entry):
    assert issubclass(registry.load(entry), Optimizer)
    assert dataclasses.is_dataclass(registry.load(entry))


@every_optimizer
def test_a_step_changes_the_parameters_in_place_and_returns_nothing(entry):
    parameters = start()
    theta, before = parameters.theta, parameters.theta.copy()
    parameters.grad[...] = 1
    assert bound(entry, parameters).step(1) is None
    assert parameters.theta is theta
    assert (theta != before).all()


@every_optimizer
def test_the_gradient_is_only_read(entry):
    parameters = start()
    parameters.grad[...] = 1
    parameters.grad.flags.writeable = False
    bound(entry, parameters).step(1)


@every_optimizer
def test_the_first_step_goes_downhill(entry):
    parameters = start()
    before = parameters.theta.copy()
    descend(bound(entry, parameters), parameters, steps=1)
    assert CURVATURE @ parameters.theta**2 < CURVATURE @ before**2


@every_optimizer
def test_with_its_defaults_it_finds_the_bottom_of_a_bowl(entry):
    parameters = start()
    before = CURVATURE @ parameters.theta**2
    descend(bound(entry, parameters), parameters, steps=3000)
    assert CURVATURE @ parameters.theta**2 < 0.01 * before


@every_optimizer
def test_two_instances_do_not_share_their_state(entry):
    alone, here, there = start(), start(), start(seed=1)
    descend(bound(entry, alone), alone, steps=6)
    one, other = bound(entry, here), bound(entry, there)
    for t in range(1, 7):
        descend(one, here, steps=1, first=t)
        descend(other, there, steps=1, first=t)
    np.testing.assert_array_equal(here.theta, alone.theta)


@every_optimizer
@given(slice_size=st.integers(1, 130))
def test_the_slices_the_buffer_is_walked_in_do_not_change_the_result(entry, slice_size):
    whole, sliced = start(), start()
    descend(bound(entry, whole), whole, steps=4)
    rule = registry.load(entry)()
    rule.slice_size = slice_size
    rule.bind(sliced)
    descend(rule, sliced, steps=4)
    np.testing.assert_array_equal(sliced.theta, whole.theta)


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_and_state_keep_their_dtype(entry, dtype):
    parameters = start(dtype)
    rule = bound(entry, parameters)
    descend(rule, parameters, steps=3)
    assert parameters.theta.dtype == dtype
    assert all(vector.dtype == dtype for vector in rule.save().values())


@every_optimizer
@given(before=st.integers(0, 5), after=st.integers(1, 5))
def test_a_saved_state_continues_on_the_identical_trajectory(entry, before, after):
    straight, stopped, resumed = start(), start(), start(seed=9)
    descend(bound(entry, straight), straight, steps=before + after)
    first = bound(entry, stopped)
    descend(first, stopped, steps=before)
    second = bound(entry, resumed)
    second.load(first.save())
    resumed.theta[...] = stopped.theta
    descend(second, resumed, steps=after, first=before + 1)
    np.testing.assert_array_equal(resumed.theta, straight.theta)


@every_optimizer
def test_a_second_network_is_refused(entry):
    rule = bound(entry, start())
    with pytest.raises(ValueError, match="already drives a network"):
        rule.bind(start())


@every_optimizer
def test_a_factor_on_the_first_step_is_a_smaller_learning_rate(entry):
    slowed, slow = start(), start()
    for parameters in (slowed, slow):
        parameters.grad[...] = CURVATURE
    rule = bound(entry, slowed)
    rule.step(1, factor=0.5)
    bound(entry, slow, lr=rule.lr * 0.5).step(1)
    np.testing.assert_array_equal(slowed.theta, slow.theta)


@every_optimizer
@pytest.mark.parametrize("gradient", [0.0, 1e-30, 1e15])
def test_a_gradient_of_any_size_leaves_the_parameters_finite(entry, gradient):
    parameters = start(np.float32)
    parameters.grad[...] = gradient
    rule = bound(entry, parameters)
    for t in (1, 2, 3):
        rule.step(t)
    assert np.isfinite(parameters.theta).all()
