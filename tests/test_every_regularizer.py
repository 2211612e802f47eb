"""What every registered regularizer must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.registry import entries

every_regularizer = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in entries.techniques("regularizer").items()]
)
vectors = arrays(np.float64, 7, elements=st.floats(-5, 5))


def gradient(entry, weights):
    grad = np.zeros_like(weights)
    assert entries.load_class(entry)().add_gradient(weights, grad) is None
    return grad


@every_regularizer
@given(weights=vectors, already=vectors)
def test_the_gradient_is_added_to_what_is_there(entry, weights, already):
    grad = already.copy()
    entries.load_class(entry)().add_gradient(weights, grad)
    np.testing.assert_allclose(grad, already + gradient(entry, weights), rtol=1e-12, atol=1e-15)


@every_regularizer
@given(weights=vectors)
def test_a_penalty_is_a_float_never_negative_and_zero_without_weights(entry, weights):
    penalty = entries.load_class(entry)().penalty
    assert type(penalty(weights)) is float
    assert penalty(weights) >= 0
    assert penalty(np.zeros(7)) == 0
    assert penalty(np.empty(0)) == 0


@every_regularizer
@given(weights=vectors, lr=st.floats(0, 1))
def test_decay_takes_weights_towards_zero_in_place_or_leaves_them(entry, weights, lr):
    shrunk = weights.copy()
    assert entries.load_class(entry)().decay(shrunk, lr) is None
    assert (np.abs(shrunk) <= np.abs(weights)).all()
    assert (shrunk * weights >= 0).all()


@every_regularizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decay_keeps_the_precision_and_may_have_nothing_to_do(entry, dtype):
    for weights in (np.ones(5, dtype), np.empty(0, dtype)):
        entries.load_class(entry)().decay(weights, 0.1)
        assert weights.dtype == dtype
