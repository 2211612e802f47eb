"""Smoothing of a noisy curve: a weighted mean of its neighbours under a Kaiser window, centred, defined for any length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

WINDOW = 11
BETA = 2.0


def smooth(values: npt.NDArray[np.float64], window: int = WINDOW, beta: float = BETA) -> npt.NDArray[np.float64]:
    """Return the smoothed curve.

    Near the ends, and where the curve is shorter than the window, the weights that fall outside are left out and the rest is
    scaled to sum to one, so a constant stays constant and nothing is shifted.

    Args:
        values: curve, (n,) float64, finite, n >= 0, read.
        window: number of weights, odd.
        beta: shape of the Kaiser window; 0 is a plain mean, larger is narrower.

    Raises:
        ValueError: ``window`` is even or not positive.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window must be odd and positive, got {window}")
    if len(values) == 0:
        return values
    weights = np.kaiser(window, beta)
    half = window // 2
    total = np.convolve(values, weights)[half : half + len(values)]
    mass = np.convolve(np.ones(len(values)), weights)[half : half + len(values)]
    return total / mass
