"""What every registered optimizer must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Optimizer, Shape
from nnreg.engine.network import Parameters
from nnreg.registry import entries

SHAPES = [Shape("W1", (13, 7), decays=True), Shape("b1", (7,), decays=False), Shape("W2", (7, 3), decays=True)]
CURVATURE = np.linspace(0.5, 2.0, 13 * 7 + 7 + 7 * 3)

every_optimizer = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in entries.techniques("optimizer").items()]
)


def start(dtype=np.float64, seed=0):
    """Parameters away from the minimum of ½ Σ curvature · θ²."""
    parameters = Parameters(SHAPES, dtype)
    parameters.theta[...] = np.random.default_rng(seed).uniform(-0.3, 0.3, parameters.theta.size)
    return parameters


def bound(entry, parameters, **settings):
    rule = entries.load_class(entry)(**settings)
    rule.bind(parameters)
    return rule


def descend(rule, parameters, steps, first=1):
    for t in range(first, first + steps):
        parameters.grad[...] = CURVATURE * parameters.theta
        rule.step(t)


@every_optimizer
def test_it_is_an_optimizer_and_a_dataclass(entry):
    assert issubclass(entries.load_class(entry), Optimizer)
    assert dataclasses.is_dataclass(entries.load_class(entry))


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
@given(slice_size=st.integers(1, 130))
def test_the_slices_the_buffer_is_walked_in_do_not_change_the_result(entry, slice_size):
    whole, sliced = start(), start()
    descend(bound(entry, whole), whole, steps=4)
    rule = entries.load_class(entry)()
    rule.slice_size = slice_size
    rule.bind(sliced)
    descend(rule, sliced, steps=4)
    np.testing.assert_array_equal(sliced.theta, whole.theta)


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
