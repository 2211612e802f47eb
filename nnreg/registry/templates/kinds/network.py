"""MyRule: every hidden layer sees the rows themselves again, beside what the layers before made of them.

    h = f(x W₁ + b₁),  h ← h + f(h Wₗ + bₗ) for each further width,  ŷ = h W + b

Source: yours to name: authors (year), "title", equation or figure, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Architecture, Layer, Parts


@dataclass(frozen=True)
class MyRule(Architecture):
    """One sentence of intuition: a hidden layer adds to what is there."""

    def stack(self, parts: Parts, inputs: int, outputs: int) -> Layer:
        """Return the layers from the rows to the logits; the widths are those of the run."""
        first, *others = parts.widths
        blocks = [parts.residual(parts.affine(units), parts.hidden()) for units in others]  # h ← h + f(h Wₗ + bₗ)
        return parts.sequence(parts.affine(first), parts.hidden(), *blocks, parts.affine(outputs))
