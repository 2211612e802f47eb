"""MyRule: squared distance to 1 for the true class and to 0 for the others.

    L = ½ Σₖ (zₖ − [k = label])², the mean over the rows
    ∂L/∂z = (z − onehot(label)) / rows

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Loss, Targets


@dataclass(frozen=True)
class MyRule(Loss):
    """One sentence of intuition: how far the outputs are from a plain yes and no."""

    takes = ("classes",)  # or ("values",), or both

    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss."""
        return self.value_and_gradient(logits, targets, np.empty_like(logits))

    def row_losses(self, logits: Array, targets: Targets) -> Array:
        """Return the loss of each row, so that rows may have weights; a loss without this method takes none."""
        losses: Array = 0.5 * np.square(logits - np.eye(logits.shape[1], dtype=logits.dtype)[targets]).sum(axis=1)
        return losses

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient."""
        out[...] = logits
        out[np.arange(len(out)), targets] -= 1
        loss = 0.5 * float(np.square(out).sum()) / len(out)  # L = ½ Σₖ (zₖ − [k = label])², the mean over the rows
        out /= len(out)  # ∂L/∂z = (z − onehot(label)) / rows
        return loss
