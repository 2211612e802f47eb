"""Huber: squared where it is small, absolute where it is large, so that outliers do not rule.

    d = z − t;   h(d) = ½ d²  if |d| ≤ δ,  else δ (|d| − ½ δ)
    L = Σₖ h(dₖ), the mean over the rows
    ∂L/∂z = max(−δ, min(d, δ)) / rows

Source: Huber, P. J. (1964), "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35(1), section 1,
https://doi.org/10.1214/aoms/1177703732; δ = 1.345 spreads of the noise loses 5 % against squares where it is normal.

Conventions: summed over the outputs, as ``mse`` here, which it is for a large δ. torch's HuberLoss and Keras's take the mean
over rows and outputs: theirs is 1/outputs times this one. torch's SmoothL1Loss is this one divided by δ. The default is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy import float32 as T  # noqa: N812 - in a loop, the type of the run's numbers

from nnreg.contracts import Array, Loss, Targets, check_range
from nnreg.contracts.objective import LossLoop


@dataclass(frozen=True)
class Huber(Loss):
    """A loss of regression with outliers: beyond delta an error pulls no harder.

    Args:
        delta: δ, the distance from which on an error counts by its size alone, in (0, inf).

    Raises:
        ValueError: delta is out of its range.
    """

    delta: float = 1.0
    takes: ClassVar[tuple[str, ...]] = ("values",)

    def __post_init__(self) -> None:
        check_range(self, delta="(0, inf)")

    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss."""
        return float(np.add.reduce(self.row_losses(logits, targets))) / len(logits)

    def row_losses(self, logits: Array, targets: Targets) -> Array:
        """Return the loss of each row."""
        d = np.abs(logits - targets)
        near = np.minimum(d, self.delta)
        losses: Array = (near * (d - 0.5 * near)).sum(axis=1)  # h(d), of both parts
        return losses

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient."""
        np.subtract(logits, targets, out=out)
        np.clip(out, -self.delta, self.delta, out=out)
        out /= len(out)  # ∂L/∂z = max(−δ, min(d, δ)) / rows
        return self.value(logits, targets)

    def loop(self, targets: Targets) -> LossLoop:
        """Return the same, row by row."""
        return LossLoop(_looped, ("delta",))


def _looped(numbers: Array, logits: Array, targets: Targets, out: Array) -> float:
    delta, rows, outputs = numbers[0], logits.shape[0], logits.shape[1]
    loss = T(0)
    for start in range(0, rows, 256):
        part = T(0)
        for i in range(start, min(start + 256, rows)):
            for k in range(outputs):
                d = logits[i, k] - targets[i, k]
                near = np.minimum(np.abs(d), delta)
                part += near * (np.abs(d) - T(0.5) * near)  # h(d), of both parts
                out[i, k] = np.minimum(np.maximum(d, -delta), delta) / T(rows)  # ∂L/∂z = max(−δ, min(d, δ)) / rows
        loss += part
    return float(loss / T(rows))
