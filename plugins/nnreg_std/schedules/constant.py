"""Constant: the learning rate stays what it is.

    η(t) = η

Source: Robbins, H. & Monro, S. (1951), "A Stochastic Approximation Method", shows why one would rather let it fall.
https://doi.org/10.1214/aoms/1177729586
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg.contracts import Schedule


@dataclass(frozen=True)
class Constant(Schedule):
    """One learning rate for the whole run: the control for every other schedule."""

    def factor(self, t: int, steps: int) -> float:
        """Return 1."""
        return 1.0  # η(t) = η
