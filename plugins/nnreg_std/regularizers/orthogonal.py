"""Orthogonal: a penalty on weight matrices that stretch some directions more than others.

    R(W) = λ Σ ‖WᵀW − I‖²     over all weight matrices W
    ∂R/∂W = 4λ W (WᵀW − I)

Source: Brock, A., Lim, T., Ritchie, J. M. & Weston, N. (2017), "Neural Photo Editing with Introspective Adversarial Networks"
(Orthogonal Regularization, of W square or wide), https://arxiv.org/abs/1609.07093; Bansal, N., Chen, X. & Wang, Z. (2018), "Can
We Gain More from Orthogonality Regularizations in Training Deep CNNs?" (Soft Orthogonality). https://arxiv.org/abs/1810.09102

Conventions: the norm is Frobenius'. A matrix that is wider than it is high cannot have orthonormal columns; here its rows are
asked to be orthonormal, ‖WWᵀ − I‖². That is the same penalty less the constant by which columns must fail, fan_out − fan_in,
and the same gradient, from the smaller of the two products. A weight array of more axes counts as a matrix whose columns are
its last axis, the filters of a convolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Regularizer, check_range


@dataclass(frozen=True)
class Orthogonal(Regularizer):
    """Wants every layer to turn its inputs and squeeze none: signals keep their length.

    Args:
        strength: λ, in [0, inf).

    Raises:
        ValueError: strength is out of its range.
    """

    acts_on: ClassVar[str] = "layers"
    varies: ClassVar = ("strength",)

    strength: float = 1e-4

    def __post_init__(self) -> None:
        check_range(self, strength="[0, inf)")

    def penalty(self, weights: Mapping[str, Array]) -> float:
        """Return the penalty of all weight matrices."""
        return self.strength * sum(float(np.square(_excess(_upright(W))).sum()) for W in weights.values())  # R = λ Σ ‖WᵀW − I‖²

    def add_gradient(self, weights: Mapping[str, Array], grad: Mapping[str, Array]) -> None:
        """Add the penalty's gradient to that of each matrix."""
        for name, array in weights.items():
            W, g = _upright(array), _upright(grad[name])
            g += 4 * self.strength * (W @ _excess(W))  # ∂R/∂W = 4λ W (WᵀW − I)


def _upright(array: Array) -> Array:
    """Return a view (n, m) with n >= m: the matrix or its transpose."""
    W = array.reshape(-1, array.shape[-1])
    return W if len(W) >= W.shape[1] else W.T


def _excess(W: Array) -> Array:
    """Return WᵀW − I."""
    product = W.T @ W
    np.einsum("ii->i", product)[...] -= 1
    return product
