"""MLP: affine maps one after the other, each hidden one bent by the activation.

    h₀ = x,  hₗ = f(hₗ₋₁ Wₗ + bₗ) for each width,  ŷ = h_L W + b

Source: Rumelhart, D. E., Hinton, G. E. & Williams, R. J. (1986), "Learning representations by back-propagating errors",
Nature 323, 533–536. https://doi.org/10.1038/323533a0

Conventions: the widths are ``hidden=[100,100]``; the logits have no activation. f stands for all that the run puts behind a
hidden layer: norm, activation, dropout.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Architecture, Layer, Parts


@dataclass(frozen=True)
class MLP(Architecture):
    """Sees every input at once and knows nothing of their order: the plain network."""

    def stack(self, parts: Parts, inputs: int, outputs: int) -> Layer:
        """Return an affine map and what stands behind it for each width, and one to the logits."""
        hidden = [layer for units in parts.widths for layer in (parts.affine(units), parts.hidden())]
        return parts.sequence(*hidden, parts.affine(outputs))  # hₗ = f(hₗ₋₁ Wₗ + bₗ), ŷ = h_L W + b
