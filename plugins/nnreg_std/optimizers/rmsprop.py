"""RMSprop: AdaGrad that forgets, so that its steps do not fade away.

    h ← ρh + (1 − ρ)g²
    a ← ρa + (1 − ρ)g                        centered: then h − a² takes the place of h
    θ ← θ − ηg / (√h + ε)

Source: Tieleman, T. & Hinton, G. (2012), "Lecture 6.5: rmsprop", Neural Networks for Machine Learning, slide 29,
https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; centered is Graves, A. (2013), "Generating
Sequences With Recurrent Neural Networks", equations 38 to 41. https://arxiv.org/abs/1308.0850

Conventions: the defaults are torch's, ρ = 0.99 and ε = 1e-8 added to the root; the lecture and Keras use ρ = 0.9, and
Keras adds ε = 1e-7 under the root, Graves 1e-4. h starts at 0 without bias correction, so the first step has length
η / √(1 − ρ), ten times η by default. h − a² is kept from falling below 0 by rounding, where torch would give NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Optimizer, check_range


@dataclass
class RMSprop(Optimizer):
    """Divides each gradient by its recent size, so flat and steep directions move alike.

    Args:
        lr: learning rate η, the length of a step once the average has settled, in (0, inf).
        decay: ρ, share of the running average that survives a step, in [0, 1); it looks back about 1 / (1 − ρ) steps.
        eps: ε, keeps the division defined where the gradient is zero, in (0, inf).
        centered: whether to divide by the recent spread instead of the size; where a gradient hardly changes, steps grow.

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    search: ClassVar = {"lr": (3e-5, 0.03)}

    lr: float = 0.01
    decay: float = 0.99
    eps: float = 1e-8
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, decay="[0, 1)", eps="(0, inf)")

    @property
    def state(self) -> tuple[str, ...]:
        """The running average of g²; centered, of g too."""
        return ("h", "a") if self.centered else ("h",)

    def update(self, theta: Array, g: Array, h: Array, a: Array | None = None, *, t: int, lr: float) -> None:
        """Average squared gradients, then step by the gradient over their root."""
        h *= self.decay
        h += (1 - self.decay) * g * g  # h ← ρh + (1 − ρ)g²
        if a is not None:
            a *= self.decay
            a += (1 - self.decay) * g  # a ← ρa + (1 − ρ)g
            h = np.maximum(h - a * a, 0.0)  # h − a², the variance
        theta -= lr * g / (np.sqrt(h) + self.eps)  # θ ← θ − ηg / (√h + ε)
