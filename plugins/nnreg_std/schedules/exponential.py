"""Exponential: the learning rate loses the same share of itself at every update.

    η(t) = η · γ^(t − 1)

Source: Senior, A., Heigold, G., Ranzato, M. & Yang, K. (2013), "An Empirical Study of Learning Rates in Deep Neural Networks
for Speech Recognition", exponential scheduling. https://doi.org/10.1109/ICASSP.2013.6638963

Conventions: γ is per update, as with torch's ExponentialLR stepped after each update; many scripts step it once an epoch,
and their γ is ours to the power of the updates of an epoch. Keras's ExponentialDecay states γ for ``decay_steps`` updates.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Schedule, check_range


@dataclass(frozen=True)
class Exponential(Schedule):
    """A steady fade without a goal: the rate halves about every 0.7 / (1 − γ) updates.

    Args:
        gamma: γ, what the learning rate is multiplied with at every update, in (0, 1].

    Raises:
        ValueError: gamma is out of its range.
    """

    gamma: float = 0.999

    def __post_init__(self) -> None:
        check_range(self, gamma="(0, 1]")

    def factor(self, t: int, steps: int) -> float:
        """Return γ to the number of updates made."""
        return float(self.gamma ** (t - 1))  # γ^(t − 1)
