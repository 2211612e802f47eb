"""Class numbers as values, for losses that compare value with value."""

from __future__ import annotations

import numpy as np

from nnreg.contracts import Array, Targets


def as_values(targets: Targets, logits: Array) -> Array:
    """Return targets of the shape of the logits: values as they are, class numbers as rows with a 1 among zeros.

    Args:
        targets: values, float array (rows, outputs), or class numbers, integer array (rows,), read.
        logits: float array (rows, outputs): its shape and dtype count.
    """
    if np.issubdtype(targets.dtype, np.floating):
        return targets
    values = np.zeros(logits.shape, logits.dtype)
    values[np.arange(len(targets)), targets] = 1
    return values
