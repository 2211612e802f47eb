"""Sparse: each unit listens to a few inputs only, at full strength.

    k = min(connections, fan_in)
    W_ij ~ N(0, std²) for k inputs i of each unit j, drawn without replacement; 0 for all others

Source: Martens, J. (2010), "Deep learning via Hessian-free optimization", section 5,
https://www.cs.toronto.edu/~jmartens/docs/Deep_HessianFree.pdf; std 1 from Sutskever, I., Martens, J., Dahl, G. & Hinton, G.
(2013), "On the importance of initialization and momentum in deep learning", section 3.1.

Conventions: a number of connections, as in the paper, 15; torch.nn.init.sparse_ takes the share of zeros in each column and
std 0.01. A column of nnreg's W, (fan_in, fan_out), is what one unit listens to; torch's W is the transpose, so that its
sparse_ on a Linear's weight limits how many units listen to an input. The total input of a unit does not grow with fan_in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, check_range


@dataclass(frozen=True)
class Sparse(Init):
    """Units that each hear a few inputs differ widely, and no wide layer saturates them.

    Args:
        connections: k, inputs that each unit listens to, where there are so many, in [1, inf).
        std: standard deviation of their weights, in (0, inf).

    Raises:
        ValueError: a parameter is out of its range.
    """

    connections: int = 15
    std: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, connections="[1, inf)", std="(0, inf)")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw in float64 and round, so that float32 and float64 runs start from the same numbers."""
        fan_in, fan_out = weight.shape
        k = min(self.connections, fan_in)
        heard = np.argsort(rng.random((fan_in, fan_out)), axis=0)[:k]  # k inputs i of each unit j
        weight[...] = 0
        np.put_along_axis(weight, heard, self.std * rng.standard_normal((k, fan_out)), axis=0)  # W_ij ~ N(0, std²)
