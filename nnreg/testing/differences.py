"""Central differences in float64, and where a function has a kink and they mean nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnreg.contracts import Array
from nnreg.testing.outcome import expect, expect_close

STEP = 1e-6
RTOL, ATOL = 1e-5, 1e-7
KINK = 1e-2  # one-sided slopes further apart than this, relative to their size, belong to a kink


def slopes(f: Callable[[Array], Array], x: Array) -> Array:
    """Return the derivative of an elementwise function at each element of x, NaN where it has a kink."""
    here, left, right = f(x.copy()), f(x - STEP), f(x + STEP)
    return _smooth(left, here, right)


def gradient(f: Callable[[Array], float], x: Array) -> Array:
    """Return the gradient of a scalar function at x, float64 array of any shape; NaN where it has a kink."""
    here, found = f(x.copy()), np.empty_like(x)
    for index in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[index] = STEP
        found[index] = _smooth(np.array(f(x - nudge)), np.array(here), np.array(f(x + nudge)))
    return found


def expect_gradient(got: Array, measured: Array, what: str) -> None:
    """Demand that a formula's gradient is the measured one, wherever there is no kink."""
    got = np.asarray(got)
    expect(got.shape == measured.shape, f"{what}: got shape {got.shape}, expected {measured.shape}")
    smooth = np.isfinite(measured)
    expect(smooth.sum() * 2 >= smooth.size, f"{what}: more than half of the points are kinks or not finite, nothing to compare")
    expect_close(np.where(smooth, got, 0), np.where(smooth, measured, 0), f"{what} (central differences)", rtol=RTOL, atol=ATOL)


def _smooth(left: Array, here: Array, right: Array) -> Array:
    before, after = (here - left) / STEP, (right - here) / STEP
    central = (right - left) / (2 * STEP)
    return np.where(np.abs(after - before) <= KINK * (1 + np.abs(central)), central, np.nan)
