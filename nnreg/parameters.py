"""One flat buffer of parameters, one flat buffer of their gradient, and layer-shaped views of both."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Shape, Weights


class Parameters:
    """All trainable numbers of a network, contiguous, so that an optimizer is arithmetic on one vector.

    The arrays that decay come first in memory: weight decay is one slice that leaves out biases and gains. Buffers and
    views live as long as this object and are written in place; nothing rebinds them, so no layer can lose its weights.

    Args:
        shapes: the arrays wanted, with names that are unique.
        dtype: float32 or float64.
        allocate: makes a vector of zeros from its size and dtype; called for the parameters, then for the gradient.

    Raises:
        ValueError: two arrays have the same name.
    """

    def __init__(
        self, shapes: Sequence[Shape], dtype: npt.DTypeLike = np.float32, allocate: Callable[..., Array] = np.zeros
    ) -> None:
        in_memory = sorted(shapes, key=lambda shape: not shape.decays)
        sizes = [math.prod(shape.shape) for shape in in_memory]
        self._allocate = allocate
        self._theta = allocate(sum(sizes), dtype)
        self._grad = allocate(sum(sizes), dtype)
        decaying = sum(size for shape, size in zip(in_memory, sizes, strict=True) if shape.decays)
        self._weights, self._weights_grad = self._theta[:decaying], self._grad[:decaying]

        views = {}
        for (name, shape, *_), size, end in zip(in_memory, sizes, accumulate(sizes), strict=True):
            if name in views:
                raise ValueError(f"parameter names must be unique, got {name} twice")
            part = slice(end - size, end)
            views[name] = Weights(self._theta[part].reshape(shape), self._grad[part].reshape(shape))
        self._named = MappingProxyType({shape.name: views[shape.name] for shape in shapes})

    def further(self) -> Array:
        """Return another vector of as many zeros, in the same kind of memory, such as for an optimizer's state."""
        return self._allocate(self._theta.size, self._theta.dtype)

    @property
    def theta(self) -> Array:
        """All parameters, float array (size,), read and written in place."""
        return self._theta

    @property
    def grad(self) -> Array:
        """The gradient of the objective, float array (size,), read and written in place."""
        return self._grad

    @property
    def weights(self) -> Array:
        """The parameters that decay, float array (n,): the first slice of ``theta``."""
        return self._weights

    @property
    def weights_grad(self) -> Array:
        """The gradient of the parameters that decay, float array (n,): the first slice of ``grad``."""
        return self._weights_grad

    @property
    def named(self) -> Mapping[str, Weights]:
        """Layer-shaped views of the same memory by name, in the order in which they were asked for."""
        return self._named
