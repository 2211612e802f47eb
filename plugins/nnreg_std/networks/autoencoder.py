"""Autoencoder: a network that answers with its own inputs, through a layer too narrow to copy them.

    h = f(… f(x W₁ + b₁) …) down to the last width, the code;  x̂ = f(… h …) back up the same widths, then an affine map
    targets are x itself

Source: Hinton, G. E. & Salakhutdinov, R. R. (2006), "Reducing the Dimensionality of Data with Neural Networks", Science
313(5786), 504-507. https://doi.org/10.1126/science.1127647

Conventions: ``hidden=[128,32]`` is 128-32-128 between inputs and outputs. f stands for all that the run puts behind a hidden
layer, the code's too, where the paper's code is linear; weights are trained from the start, without the paper's layers in
advance, and are not tied. The targets are the rows as the network is given them, pixels in [0, 1] and columns standardised;
the loss is one of values, ``loss=mse``, or ``loss=binary_cross_entropy`` for pixels, and R² is measured in place of accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Architecture, Layer, Parts


@dataclass(frozen=True)
class Autoencoder(Architecture):
    """Learns without labels what it must keep of a row to make it again."""

    target = "inputs"

    def stack(self, parts: Parts, inputs: int, outputs: int) -> Layer:
        """Return the widths down to the code and up again, and an affine map to as many numbers as a row has."""
        widths = [*parts.widths, *parts.widths[-2::-1]]  # x → code → x̂
        hidden = [layer for units in widths for layer in (parts.affine(units), parts.hidden())]
        return parts.sequence(*hidden, parts.affine(outputs))
