"""Signum against numbers worked out by hand."""

from types import SimpleNamespace

import numpy as np
from nnreg_example.signum import Signum


def test_every_step_is_lr_long_and_the_direction_is_the_momentums() -> None:
    """The big first gradient outvotes a small second one of the other sign, but not one as big."""
    theta, grad = np.zeros(3), np.empty(3)
    rule = Signum(lr=0.5, beta=0.5)
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named={}))
    positions = []
    for t, gradient in enumerate([(8, 8, 0), (-2, -8, 0)], start=1):
        grad[...] = gradient
        rule.step(t)
        positions.append(theta.tolist())
    assert positions == [[-0.5, -0.5, 0], [-1, 0, 0]]  # m: 4, 4, 0, then 1, -2, 0
