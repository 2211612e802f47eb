"""Bounds on the gradient, against the steps that one steep place would throw far away."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nnreg.contracts import Array

LEAST_TRUSTED = 1e-20  # a sum of squares below it may have lost some of them to underflow in float32


def unclipped(grad: Array) -> None:
    """Leave a gradient as it is."""


def clipper(value: float | None, norm: float | None) -> Callable[[Array], None]:
    """Return what bounds a gradient in place, before each update.

    A gradient that is not finite stays so, for the run to be seen to diverge; only an infinite component is cut to ``value``.

    Args:
        value: bound on the size of each component, or None.
        norm: bound on the Euclidean length of the whole gradient, which is scaled down to it, or None; applied after
            ``value``. (Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural networks",
            algorithm 1.)
    """

    def clip(grad: Array) -> None:
        if value is not None:
            np.clip(grad, -value, value, out=grad)
        if norm is not None:
            _shorten(grad, norm)

    return clip


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def _shorten(grad: Array, norm: float) -> None:
    """Scale a gradient, float array (n,), down to a length in place if it is longer."""
    squared = float(np.dot(grad, grad))
    if LEAST_TRUSTED < squared < math.inf:
        length = math.sqrt(squared)
        if length > norm:
            grad *= norm / length
        return
    largest = float(np.abs(grad).max(initial=0))
    if largest == 0:
        return
    unit = grad / largest  # components in [-1, 1], whose squares neither overflow nor all underflow
    length = math.sqrt(float(np.dot(unit, unit)))
    if length > norm / largest:  # false for NaN, which a gradient that is not finite makes of it
        np.multiply(unit, norm / length, out=grad)
