"""What every registered regularizer must do, whatever its penalty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg import registry

every_regularizer = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in registry.entries("regularizer").items()]
)
vectors = arrays(np.float64, 7, elements=st.floats(-5, 5))


def gradient(entry, weights):
    grad = np.zeros_like(weights)
    assert registry.load(entry)().add_gradient(weights, grad) is None
    return grad


@every_regularizer
def test_the_gradient_agrees_with_central_differences(entry):
    weights = np.random.default_rng(0).standard_normal(7)
    penalty, h = registry.load(entry)().penalty, 1e-5
    measured = [(penalty(weights + h * unit) - penalty(weights - h * unit)) / (2 * h) for unit in np.eye(7)]
    np.testing.assert_allclose(gradient(entry, weights), measured, rtol=1e-6, atol=1e-12)


@every_regularizer
@given(weights=vectors, already=vectors)
def test_the_gradient_is_added_to_what_is_there(entry, weights, already):
    grad = already.copy()
    registry.load(entry)().add_gradient(weights, grad)
    np.testing.assert_allclose(grad, already + gradient(entry, weights), rtol=1e-12, atol=1e-15)


@every_regularizer
def test_the_weights_are_only_read(entry):
    weights = np.ones(5)
    weights.flags.writeable = False
    registry.load(entry)().penalty(weights)
    registry.load(entry)().add_gradient(weights, np.zeros(5))


@every_regularizer
@given(weights=vectors)
def test_a_penalty_is_a_float_never_negative_and_zero_without_weights(entry, weights):
    penalty = registry.load(entry)().penalty
    assert type(penalty(weights)) is float
    assert penalty(weights) >= 0
    assert penalty(np.zeros(7)) == 0
    assert penalty(np.empty(0)) == 0
