"""Growing: where others lower the learning rate, the batch becomes larger, which quiets the gradient as well.

    n(t) = round(batch · factor^k),   k = milestones passed, those m with t > m · steps;   i ~ U{0, ..., N − 1}

Source: Smith, S. L., Kindermans, P.-J., Ying, C. & Le, Q. V. (2018), "Don't Decay the Learning Rate, Increase the Batch Size",
sections 3 and 5.1, ICLR, https://arxiv.org/abs/1711.00489: the noise of stochastic gradient descent is about lr · N / batch, so
that a batch that is f times as large does what a learning rate of 1/f does.

Conventions: the milestones are the paper's, after 60, 120 and 160 of 200 epochs; it multiplies by 5 there, which is 125 times
the batch in the end and more rows than small data has: the default here is 2. Rows are drawn with replacement. An update of a
larger batch costs more: compare by time or by rows, not by steps alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nnreg.contracts import Indices, Sampler, Split, check_range


@dataclass
class Growing(Sampler):
    """Multiplies the batch where a step schedule would divide the learning rate.

    Args:
        factor: what the batch is multiplied by at each milestone, in [1, 1000].
        milestones: shares of the run after which that happens, ascending, each in (0, 1).

    Raises:
        ValueError: a parameter is out of its range.
    """

    factor: float = 2.0
    milestones: list[float] = field(default_factory=lambda: [0.3, 0.6, 0.8])

    def __post_init__(self) -> None:
        check_range(self, factor="[1, 1000]")
        if sorted(set(self.milestones)) != list(self.milestones) or not all(0 < share < 1 for share in self.milestones):
            raise ValueError(f"milestones must ascend, each in (0, 1), such as [0.3,0.6,0.8], got {self.milestones}")

    def largest(self, batch: int, rows: int) -> int:
        """Return the size of the last batch."""
        return self._size(batch, len(self.milestones))

    def begin(self, split: Split, batch: int) -> None:
        """Count the rows."""
        self._count, self._batch = len(split.x), batch

    def rows(self, t: int, steps: int, rng: np.random.Generator) -> Indices:
        """Return the rows of one batch."""
        k = sum(t > share * steps for share in self.milestones)
        return rng.integers(self._count, size=self._size(self._batch, k))  # i ~ U{0, ..., N − 1}

    def _size(self, batch: int, k: int) -> int:
        return round(batch * self.factor**k)  # n(t) = round(batch · factor^k)
