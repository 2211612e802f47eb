"""An optimizer on a surface, and the surface measured on a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Optimizer, ParametersView, Shape, Surface
from nnreg.contracts.objective import Interval, is_noisy
from nnreg.engine.network import Parameters
from nnreg.engine.training import constant, unclipped


class OnSurface:
    """The height of a surface at the parameters as they stand, for rules that look again.

    Args:
        surface: looked at.
        parameters: where, and what takes the gradient.
        clip: bounds the gradient in place.
        noise: what a noisy surface draws from; None for expected slopes.
    """

    def __init__(
        self,
        surface: Surface,
        parameters: ParametersView,
        clip: Callable[[Array], None],
        noise: np.random.Generator | None = None,
    ) -> None:
        self._surface, self._parameters, self._clip = surface, parameters, clip
        self._noise = noise if is_noisy(surface) else None
        self._slopes: Callable[..., Array] = surface.gradient if self._noise is None else self._drawn

    def begin(self) -> None:
        """Overwrite the gradient, clipped, with that of a new step; whoever looks again sees the same noise."""
        if self._noise is not None:
            self._state = self._noise.bit_generator.state
        self.find_gradient()

    def _drawn(self, points: Array) -> Array:
        assert self._noise is not None
        self._noise.bit_generator.state = self._state
        return self._surface.gradient(points, rng=self._noise)  # type: ignore[call-arg] # a noisy one takes it

    def loss_and_gradient(self) -> float:
        """Return the height and overwrite the gradient, clipped."""
        self.find_gradient()
        return self.loss()

    def find_gradient(self) -> None:
        """Overwrite the gradient, clipped."""
        self._parameters.grad[...] = self._slopes(self._parameters.theta)
        self._clip(self._parameters.grad)

    def loss(self) -> float:
        """Return the height."""
        return float(self._surface.value(self._parameters.theta))


@np.errstate(all="ignore")  # a descent that diverges is a result, told by positions that are not finite
def descend(
    optimizer: Optimizer,
    surface: Surface,
    *,
    steps: int,
    start: Sequence[float] | None = None,
    schedule: Callable[[int], float] = constant,
    clip: Callable[[Array], None] = unclipped,
    watch: Callable[[int, float], None] | None = None,
    dtype: npt.DTypeLike = np.float64,
    rng: np.random.Generator | None = None,
    noise: np.random.Generator | None = None,
) -> Array:
    """Return the positions an update rule visits on a surface: those it is evaluated at, where they are others.

    The rule sees one weight array, (1, n), so a rule that needs whole layers descends as well.

    Args:
        optimizer: an update rule that drives nothing yet; afterwards it drives this descent.
        surface: where.
        steps: number of updates, >= 0.
        start: first position; None for the surface's own.
        schedule: number of the update, from 1, to the factor of its learning rate.
        clip: bounds the gradient in place before each update.
        watch: is told the number of updates made and the height there, before each update; None measures nothing.
        dtype: float64, or float32 to descend as networks train.
        rng: stream of random numbers for the rule; None for one of its own.
        noise: stream that a noisy surface draws from; None for one of its own.

    Returns:
        Float array (steps + 1, n), the start first; values that are not finite from where it diverged.

    Raises:
        ValueError: the optimizer already drives something else.
    """
    begin = surface.start if start is None else start
    parameters = Parameters([Shape("W1", (1, len(begin)), decays=True)], dtype)
    parameters.theta[...] = begin
    optimizer.bind(parameters)
    objective = OnSurface(surface, parameters, clip, noise or np.random.default_rng(0))
    optimizer.equip(objective, rng or np.random.default_rng(0))
    positions: Array = np.empty((steps + 1, len(begin)), dtype)
    positions[0] = parameters.theta
    for t in range(1, steps + 1):
        if watch is not None:
            watch(t - 1, float(surface.value(parameters.theta)))
        objective.begin()
        optimizer.step(t, schedule(t))
        if not optimizer.evaluation_parameters(positions[t]):
            positions[t] = parameters.theta
    return positions


POINTS = 301  # along each axis
LEVELS = 18
DEEPEST = 1e-5  # of the greatest height above the lowest: where the lowest contour may be

Values = npt.NDArray[np.float64]
Window = tuple[Interval, ...]


@dataclass(frozen=True)
class Terrain:
    """Heights of a surface.

    Attributes:
        name: of the surface.
        x: (m,) ascending.
        y: (n,) ascending.
        z: heights, (n, m).
        minima: every global minimum, (k, 2).
        lowest: value at the minima, or the least height where there is none.
        largest_curvature: the surface's L, where it is the same everywhere, or None.
    """

    name: str
    x: Values
    y: Values
    z: Values
    minima: Values
    lowest: float
    largest_curvature: float | None

    @property
    def levels(self) -> Values:
        """Heights of contours, ascending: evenly spaced in the logarithm of the height above the lowest point."""
        above = self.z[np.isfinite(self.z)] - self.lowest
        greatest = float(above.max(initial=0.0))
        if greatest <= 0:
            return np.empty(0)
        least = max(float(np.quantile(above, 0.001)), DEEPEST * greatest)
        return self.lowest + np.geomspace(least, greatest, LEVELS)[:-1] if least < greatest else np.empty(0)


@np.errstate(all="ignore")
def measure(name: str, surface: Surface, window: Window | None = None) -> Terrain:
    """Return the heights of a surface of two dimensions.

    Args:
        name: of the surface.
        surface: measured.
        window: ((x from, x to), (y from, y to)); None for the surface's whole domain.
    """
    (left, right), (low, high) = window or surface.domain
    x, y = np.linspace(left, right, POINTS), np.linspace(low, high, POINTS)
    z = np.asarray(surface.value(np.stack(np.meshgrid(x, y), axis=-1)), dtype=np.float64)
    minima = np.array(surface.minima, dtype=np.float64).reshape(-1, 2)
    lowest = float(np.min(surface.value(minima))) if len(minima) else float(np.nanmin(z))
    return Terrain(name, x, y, z, minima, lowest, surface.largest_curvature)


def around(surface: Surface, points: Values) -> Window:
    """Return a window on a surface in which points and minima are well seen: never more than its domain.

    Args:
        surface: whose domain bounds the window.
        points: (n, 2), those that are not finite or outside the domain do not count.
    """
    domain = np.array(surface.domain, dtype=np.float64)
    seen = np.concatenate([points, np.array(surface.minima, dtype=np.float64).reshape(-1, 2)])
    inside = np.isfinite(seen).all(axis=1)
    inside[inside] &= ((seen[inside] >= domain[:, 0]) & (seen[inside] <= domain[:, 1])).all(axis=1)
    if not inside.any():
        return surface.domain
    low, high = seen[inside].min(axis=0), seen[inside].max(axis=0)
    middle, half = (low + high) / 2, 0.62 * (high - low)
    half = np.maximum(half, np.maximum(0.55 * half.max(), 0.02 * (domain[:, 1] - domain[:, 0])))  # not a slit
    low, high = np.maximum(middle - half, domain[:, 0]), np.minimum(middle + half, domain[:, 1])
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))
