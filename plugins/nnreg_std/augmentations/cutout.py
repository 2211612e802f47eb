"""Cutout: a square of each picture is blank, so that the network must not rely on one part of it.

    x′ = x outside of a square of side ℓ, 0 inside;   its centre ~ U{all pixels}, for each picture

Source: DeVries, T. & Taylor, G. W. (2017), "Improved Regularization of Convolutional Neural Networks with Cutout", section 3.2,
https://arxiv.org/abs/1708.04552.

Conventions: as there, the centre may be any pixel, and what of the square is outside of the picture is lost: less than ℓ² is
blank near an edge. The paper's side for CIFAR-10 is 16 of 32 pixels; here it is a share of the shorter side, .5 likewise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Augmentation, Targets, check_range


@dataclass
class Cutout(Augmentation):
    """Blanks a square of each picture, anywhere in it.

    Args:
        share: side of the square, of the picture's shorter side, in [0, 1].

    Raises:
        ValueError: share is out of its range.
    """

    share: float = 0.5
    needs_shape = True

    def __post_init__(self) -> None:
        check_range(self, share="[0, 1]")

    def apply(self, x: Array, y: Targets, rng: np.random.Generator) -> tuple[Array, Targets]:
        """Blank the squares in place."""
        n, rows, columns = x.shape[:3]
        side = round(self.share * min(rows, columns))  # ℓ
        top, left = rng.integers((rows, columns), size=(n, 2)).T - side // 2  # centre ~ U{all pixels}
        down = np.arange(rows) - top[:, None]
        across = np.arange(columns) - left[:, None]
        inside = ((down >= 0) & (down < side))[:, :, None] & ((across >= 0) & (across < side))[:, None, :]
        x[inside] = 0  # x′ = 0 inside
        return x, y
