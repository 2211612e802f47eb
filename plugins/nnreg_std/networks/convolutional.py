"""Convolutional: small filters look at every place of an image, and pooling keeps what they found and forgets where exactly.

    h ← pool(f(h ∗ K + b)) for each number of channels,  then an mlp on what is left
    (h ∗ K)[i, j] = Σ h[i + u, j + v] K[u, v] over the k × k offsets (u, v)

Source: LeCun, Y., Bottou, L., Bengio, Y. & Haffner, P. (1998), "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), section II, https://doi.org/10.1109/5.726791; max pooling: Goodfellow, I., Bengio, Y. &
Courville, A. (2016), "Deep Learning", section 9.3, https://www.deeplearningbook.org.

Conventions: the kernel is not turned around, as in all libraries. Zeros around the image keep its size (odd kernels); pooling
divides it and leaves out what is left over, as in torch. f stands for all that the run puts behind a hidden layer, and comes
before pooling. A norm sees each position as a row, (rows · positions, channels): batch_norm is torch's BatchNorm2d. The
hidden layers behind are those of ``hidden=[100]``. Images are channels last. On mnist 2,000 steps of ``optimizer=adam`` are
right on .988 of the test rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnreg.contracts import Architecture, Layer, Parts, check_choices, check_range


@dataclass(frozen=True)
class Convolutional(Architecture):
    """Knows that neighbours belong together, and that a thing is the same wherever it is.

    Args:
        channels: filters of each convolution, first to last, each 1 or more.
        kernel: positions of a filter in each direction, in [1, inf).
        pool: positions of a pooling window in each direction, in [1, inf); 1 for no pooling.
        by: what pooling keeps, the "max" or the "mean" of a window.

    Raises:
        ValueError: a parameter is out of its range or not one of its choices.
    """

    channels: tuple[int, ...] = (16, 32)
    kernel: int = 3
    pool: int = 2
    by: Literal["max", "mean"] = "max"

    def __post_init__(self) -> None:
        check_range(self, kernel="[1, inf)", pool="[1, inf)")
        check_choices(self)
        if not self.channels or min(self.channels) < 1:
            raise ValueError(
                f"channels must list at least one number of 1 or more, such as [16, 32], got {list(self.channels)}"
            )

    def stack(self, parts: Parts, inputs: int, outputs: int) -> Layer:
        """Return a convolution and pooling for each number of channels, and an affine map for each width."""
        if parts.shape is not None and self.kernel > min(parts.shape[:2]):
            size, image = self.kernel, " x ".join(map(str, parts.shape[:2]))
            raise ValueError(f"a kernel of {size} x {size} is larger than an image of {image}: use one that fits into it")
        layers: list[Layer] = []
        for channels in self.channels:
            layers += [parts.convolution(channels, self.kernel, padding=self.kernel // 2), parts.hidden()]  # f(h ∗ K + b)
            layers += [parts.pool(self.pool, self.by)] if self.pool > 1 else []
        for units in parts.widths:
            layers += [parts.affine(units), parts.hidden()]
        return parts.sequence(*layers, parts.affine(outputs))
