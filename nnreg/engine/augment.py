"""Batches as an augmentation leaves them."""

from __future__ import annotations

import numpy as np

from nnreg.contracts import Array, Augmentation, Splits, Targets
from nnreg.engine.rows import Batch


class Augment:
    """Changes one batch after the other, on its way from the training split into the network.

    Args:
        augmentation: what changes it.
        splits: of what: the shape of a row, the number of outputs.
        rng: the stream of augmentations, advanced.
    """

    def __init__(self, augmentation: Augmentation, splits: Splits, rng: np.random.Generator) -> None:
        self._apply, self._rng = augmentation.apply, rng
        self._shape = splits.shape or splits.train.x.shape[1:]
        if (begin := getattr(augmentation, "begin", None)) is not None:
            begin(splits.outputs)

    def __call__(self, x: Array, y: Targets, *weight: Array) -> Batch:
        """Return a batch changed: its rows in the array that they came in, float (n, features), its targets, and its weights.

        Args:
            x: float array (n, features), written.
            y: targets, written or not.
            weight: of the rows, where they have some.
        """
        rows = x.reshape(len(x), *self._shape)
        changed, targets = self._apply(rows, y, self._rng)
        if changed is not rows:
            rows[...] = changed
        is_soft = targets is not y and np.issubdtype(targets.dtype, np.floating)
        return x, targets.astype(x.dtype, copy=False) if is_soft else targets, *weight
