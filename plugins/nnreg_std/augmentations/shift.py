"""Shift: a picture is moved by a few pixels, which does not change what it shows.

    x′[r, c] = x[r − a, c − b],  0 where that is outside;   a, b ~ U{−s, ..., s}, for each picture

Source: Simard, P., Steinkraus, D. & Platt, J. (2003), "Best Practices for Convolutional Neural Networks Applied to Visual
Document Analysis", section 2, ICDAR, https://doi.org/10.1109/ICDAR.2003.1227801; He, K. et al. (2016), "Deep Residual Learning
for Image Recognition", section 4.2 (4 pixels of zeros around, a crop of the former size), https://arxiv.org/abs/1512.03385.

Conventions: torchvision's RandomCrop(size, padding=s) is the same. Whole pixels; what comes in from outside is 0, the
background of MNIST and the mean of standardised features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Augmentation, Targets, check_range


@dataclass
class Shift(Augmentation):
    """Moves each picture by its own few pixels, with zeros where it has left.

    Args:
        pixels: s, the farthest in each direction, in [0, 100].

    Raises:
        ValueError: pixels is out of its range.
    """

    pixels: int = 1
    needs_shape = True

    def __post_init__(self) -> None:
        check_range(self, pixels="[0, 100]")

    def apply(self, x: Array, y: Targets, rng: np.random.Generator) -> tuple[Array, Targets]:
        """Cut each picture out of a wider one, with zeros around it."""
        s, (n, rows, columns) = self.pixels, x.shape[:3]
        wide = np.zeros((n, rows + 2 * s, columns + 2 * s, *x.shape[3:]), x.dtype)
        wide[:, s : s + rows, s : s + columns] = x
        a, b = rng.integers(-s, s + 1, size=(2, n))  # a, b ~ U{−s, ..., s}
        r = s - a[:, None] + np.arange(rows)
        c = s - b[:, None] + np.arange(columns)
        x[...] = wide[np.arange(n)[:, None, None], r[:, :, None], c[:, None, :]]  # x′[r, c] = x[r − a, c − b]
        return x, y
