"""InvertedDropout: in training every unit may be missing, so none can rely on another.

    d ~ Bernoulli(1 − rate)
    y = x · d / (1 − rate)
    ∂L/∂x = dy · d / (1 − rate)

Source: Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. & Salakhutdinov, R. (2014), "Dropout: A Simple Way to
Prevent Neural Networks from Overfitting", Journal of Machine Learning Research 15, 1929–1958, sections 4 and 10.
https://jmlr.org/papers/v15/srivastava14a.html

Conventions: ``rate`` is the probability that a unit is dropped, as in torch and Keras; the paper's p is the probability
that it stays. What stays is divided by 1 − rate in training and evaluation changes nothing, as in section 10 and in all
libraries; the form that multiplies by 1 − rate in evaluation instead gives other gradients. Masks come from the run's
own stream: the same for every technique and for float32 and float64. rate = 0 draws them too and drops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array
from nnreg_std.dropouts._masked import MaskedDropout


@dataclass
class InvertedDropout(MaskedDropout):
    """Trains a crowd of thinned networks at once and evaluates their average.

    Args:
        rate: probability that a unit is dropped, in [0, 1).

    Raises:
        ValueError: rate is out of its range.
    """

    rate: float = 0.5

    def thin(self, x: Array, mask: Array, out: Array) -> None:
        """Thin x out by a mask."""
        mask /= 1 - self.rate
        np.multiply(x, mask, out=out)  # y = x · d / (1 − rate)
