"""Fromage against lengths and angles, on a matrix and a bias."""

from types import SimpleNamespace

import numpy as np
import pytest
from nnreg_example.fromage import Fromage

from nnreg.contracts import Weights


def layers(bias: float) -> tuple[SimpleNamespace, dict[str, Weights]]:
    """Parameters as the core hands them to a rule: two flat buffers, and views of them by name."""
    theta, grad = np.array([3.0, 0.0, 0.0, 4.0, bias, bias]), np.array([0.0, 200.0, 0.0, 0.0, 1.0, -1.0])
    named = {"W1": Weights(theta[:4].reshape(2, 2), grad[:4].reshape(2, 2)), "b1": Weights(theta[4:], grad[4:])}
    return SimpleNamespace(theta=theta, grad=grad, named=named), named


@pytest.mark.parametrize("lr", [0.01, 0.75])
def test_a_gradient_across_the_weights_turns_them_and_keeps_their_length(lr: float) -> None:
    """The angle's tangent is lr, whatever the size of the gradient."""
    parameters, named = layers(bias=1.0)
    rule = Fromage(lr=lr)
    rule.bind(parameters)
    before = named["W1"].theta.copy()
    rule.step(1)
    after = named["W1"].theta
    assert np.linalg.norm(after) == pytest.approx(5.0)
    assert np.vdot(before, after) / 25 == pytest.approx(1 / np.sqrt(1 + lr * lr))
    assert after[0, 1] == pytest.approx(-lr * 5 / np.sqrt(1 + lr * lr))


def test_a_bias_that_is_zero_takes_the_gradients_own_step() -> None:
    """Else it would stay zero for ever."""
    parameters, named = layers(bias=0.0)
    rule = Fromage(lr=0.75)
    rule.bind(parameters)
    rule.step(1)
    np.testing.assert_allclose(named["b1"].theta, (-0.6, 0.6))
