"""Step: the learning rate drops by a factor, again and again, after equal stretches of training.

    η(t) = η · γ^⌊(t − 1) / every⌋

Source: the oldest recipe of deep learning; Krizhevsky, A., Sutskever, I. & Hinton, G. E. (2012), "ImageNet Classification
with Deep Convolutional Neural Networks", section 5, divide by 10 three times. https://doi.org/10.1145/3065386

Conventions: the first ``every`` updates have the full rate, as with torch's StepLR stepped after each update. Keras calls
this ExponentialDecay with staircase=True.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Schedule, check_range


@dataclass(frozen=True)
class Step(Schedule):
    """A staircase down: full speed first, then finer and finer corrections.

    Args:
        every: updates from one drop to the next, in [1, inf); a run that is shorter sees none.
        gamma: γ, what the learning rate is multiplied with at a drop, in (0, 1].

    Raises:
        ValueError: a parameter is out of its range.
    """

    every: int = 500
    gamma: float = 0.1

    def __post_init__(self) -> None:
        check_range(self, every="[1, inf)", gamma="(0, 1]")

    def factor(self, t: int, steps: int) -> float:
        """Return γ to the number of drops so far."""
        return float(self.gamma ** ((t - 1) // self.every))  # γ^⌊(t − 1) / every⌋
