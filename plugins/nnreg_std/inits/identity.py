"""Identity: each unit begins as a copy of one input.

    W_ij = gain·[i = j]

Source: Le, Q., Jaitly, N. & Hinton, G. (2015), "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
section 3. https://arxiv.org/abs/1504.00941

Conventions: as torch.nn.init.eye_ and Keras, where W is not square the rest is zero: a wider layer has units that begin
with nothing, a narrower one leaves inputs out. A bias, one row, begins as (gain, 0, 0, ...): bias=zeros suits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, check_range


@dataclass(frozen=True)
class Identity(Init):
    """A deep network begins by doing nothing, and nothing is lost on the way.

    Args:
        gain: what stands on the diagonal, in (0, inf).

    Raises:
        ValueError: gain is out of its range.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, gain="(0, inf)")

    def fill(self, weight: Array, rng: np.random.Generator) -> None:
        """Write the diagonal; nothing is drawn."""
        weight[...] = 0
        np.fill_diagonal(weight, self.gain)  # W_ij = gain·[i = j]
