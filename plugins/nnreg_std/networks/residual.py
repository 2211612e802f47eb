"""Residual: each block adds to what is there, so that a deep network begins as a shallow one.

    h = x W₀ + b₀,  h ← h + F(h) for each width,  ŷ = f(h) W + b
    F(h) = f(f(h) W₁ + b₁) W₂ + b₂

Source: He, K., Zhang, X., Ren, S. & Sun, J. (2016), "Identity Mappings in Deep Residual Networks", figure 1b and equation 4.
https://arxiv.org/abs/1603.05027

Conventions: f stands for all that the run puts behind a hidden layer, norm, activation and dropout, and stands in front of each
affine map, as in the paper's full pre-activation; the first paper (https://arxiv.org/abs/1512.03385) has f behind the sum.
``hidden=[100,100]`` are two blocks; where the width changes, h is projected by an affine map of its own (equation 2 there).
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Architecture, Layer, Parts


@dataclass(frozen=True)
class Residual(Architecture):
    """Leaves every layer a way past it, for signals and gradients alike."""

    def stack(self, parts: Parts, inputs: int, outputs: int) -> Layer:
        """Return an affine map, a block of two for each width, and one to the logits."""
        blocks = [
            parts.residual(parts.hidden(), parts.affine(units), parts.hidden(), parts.affine(units))  # h ← h + F(h)
            for units in parts.widths
        ]
        first = parts.affine(parts.widths[0] if parts.widths else outputs)
        return parts.sequence(first, *blocks, parts.hidden(), parts.affine(outputs))
