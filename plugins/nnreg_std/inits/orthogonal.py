"""Orthogonal: a random rotation, so that deep linear networks learn as fast as shallow ones.

    A ~ N(0, 1)                       A (n, m), n ≥ m
    Q R = A
    W = gain·Q·sign(diag R)           transposed where fan_in < fan_out; so WᵀW = gain²·I, or W Wᵀ = gain²·I

Source: Saxe, A., McClelland, J. & Ganguli, S. (2014), "Exact solutions to the nonlinear dynamics of learning in deep
linear neural networks", https://arxiv.org/abs/1312.6120; the signs, without which the rotations are not
evenly distributed, from Mezzadri, F. (2007), "How to generate random matrices from the classical compact groups",
section 5. https://arxiv.org/abs/math-ph/0609050

Conventions: torch and Keras have the same rule, gain and default; the paper's gain for tanh is a little above 1, √2 suits
ReLU. A bias, one row, becomes a random direction of length gain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, check_range


@dataclass(frozen=True)
class Orthogonal(Init):
    """Turns what it is given and keeps its length: depth neither stretches nor loses a signal.

    Args:
        gain: length of every row or column, whichever are fewer, in (0, inf).

    Raises:
        ValueError: gain is out of its range.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, gain="(0, inf)")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Draw and factorise in float64 and round, so that float32 and float64 runs start from the same numbers."""
        tall = rng.standard_normal((max(weight.shape), min(weight.shape)))  # A ~ N(0, 1)
        q, r = np.linalg.qr(tall)  # Q R = A
        q *= np.copysign(self.gain, np.diagonal(r))
        weight[...] = q if len(q) == len(weight) else q.T  # W = gain·Q·sign(diag R), transposed where fan_in < fan_out
