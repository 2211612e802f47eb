"""The same optimizers that train networks, on a surface: two parameters instead of a hundred thousand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from nnreg.clipping import unclipped
from nnreg.contracts import Array, Optimizer, Shape, Surface
from nnreg.pacing import constant
from nnreg.parameters import Parameters


@np.errstate(all="ignore")  # a descent that diverges is a result, told by positions that are not finite
def descend(
    optimizer: Optimizer,
    surface: Surface,
    *,
    steps: int,
    start: tuple[float, float] | None = None,
    schedule: Callable[[int], float] = constant,
    clip: Callable[[Array], None] = unclipped,
    dtype: npt.DTypeLike = np.float64,
) -> Array:
    """Return the positions an update rule visits on a surface.

    The rule sees one weight array, (1, 2), so a rule that needs whole layers descends as well.

    Args:
        optimizer: an update rule that drives nothing yet; afterwards it drives this descent.
        surface: where.
        steps: number of updates, >= 0.
        start: first position; None for the surface's own.
        schedule: number of the update, from 1, to the factor of its learning rate.
        clip: bounds the gradient in place before each update.
        dtype: float64, or float32 to descend as networks train.

    Returns:
        Float array (steps + 1, 2), the start first; values that are not finite from where it diverged.

    Raises:
        ValueError: the optimizer already drives something else.
    """
    parameters = Parameters([Shape("W1", (1, 2), decays=True)], dtype)
    parameters.theta[...] = surface.start if start is None else start
    optimizer.bind(parameters)
    positions: Array = np.empty((steps + 1, 2), dtype)
    positions[0] = parameters.theta
    for t in range(1, steps + 1):
        parameters.grad[...] = surface.gradient(parameters.theta)
        clip(parameters.grad)
        optimizer.step(t, schedule(t))
        positions[t] = parameters.theta
    return positions
