"""Polynomial: the learning rate falls to its end along a power of what is left of the run; a straight line by default.

    η(t) = η · (end + (1 − end) · (1 − (t − 1) / steps)^power)

Source: Chen, L.-C., Papandreou, G., Kokkinos, I., Murphy, K. & Yuille, A. L. (2018), "DeepLab:
Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected CRFs", the "poly" policy.
https://arxiv.org/abs/1606.00915

Conventions: (t − 1) / steps is the share of the run that is over, as with torch's PolynomialLR stepped after each update,
total_iters=steps: the end would be reached by the update after the last, so that none is spent on a rate of zero. ``end``
is a share of the learning rate; Keras's PolynomialDecay has it as a learning rate, end_learning_rate, and torch has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Schedule, check_range


@dataclass(frozen=True)
class Polynomial(Schedule):
    """A slide down to the end of the run: straight, or steepest late or early.

    Args:
        power: exponent of the share of the run that is left, in (0, inf); 1 is linear decay, below 1 falls late,
            above 1 early.
        end: share of the learning rate that the slide ends at, in [0, 1].

    Raises:
        ValueError: a parameter is out of its range.
    """

    power: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, power="(0, inf)", end="[0, 1]")

    def factor(self, t: int, steps: int) -> float:
        """Return how high the slide is; past the run it stays at its end."""
        left = 1 - min((t - 1) / steps, 1.0)
        return float(self.end + (1 - self.end) * left**self.power)  # end + (1 − end) · (1 − (t − 1) / steps)^power
