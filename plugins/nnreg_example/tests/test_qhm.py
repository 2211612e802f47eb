"""QHM against numbers worked out by hand."""

from types import SimpleNamespace

import numpy as np
from nnreg_example.qhm import QHM


def test_the_average_keeps_moving_what_the_gradient_has_left() -> None:
    """The gradient is 8, then 0: half of it counts at once, of its average of 4 and then 2 the other half."""
    theta, grad = np.zeros(2), np.empty(2)
    rule = QHM(lr=1.0, nu=0.5, beta=0.5)
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named={}))
    positions = []
    for t, gradient in enumerate([(8, 0), (0, 0)], start=1):
        grad[...] = gradient
        rule.step(t)
        positions.append(theta.tolist())
    assert positions == [[-6, 0], [-7, 0]]
