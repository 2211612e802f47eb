"""Curriculum: first the easy rows, then step by step the harder ones too.

    difficulty(i) = ‖x_i − mean of the rows of its class‖
    share(t) = min(1, start + (1 − start)(t − 1) / (until · steps));   i ~ U{the ⌈share(t) N⌉ easiest rows}

Source: Bengio, Y., Louradour, J., Collobert, R. & Weston, J. (2009), "Curriculum Learning", ICML,
https://doi.org/10.1145/1553374.1553380; Hacohen, G. & Weinshall, D. (2019), "On The Power of Curriculum Learning in Training
Deep Networks", section 2 (score, pace, draws from the easiest rows), https://arxiv.org/abs/1904.03626.

Conventions: what is easy is no part of the idea. Bengio et al. know it of how their data was made, Hacohen & Weinshall score by
the loss of another network; here a row is easy that lies near the centre of its class in the features as they are, which needs
no other network. Rows whose targets are values are one class. The share grows on a line; theirs in steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Features, Indices, Sampler, Split, check_range

CHUNK = 4096  # rows looked at together, so that rows in a file need no memory


@dataclass
class Curriculum(Sampler):
    """Draws from the rows nearest to the centre of their class first, from all in the end.

    Args:
        start: share of the rows, the easiest, that the first batch is drawn from, in (0, 1].
        until: share of the run after which all rows are drawn from, in (0, 1].

    Raises:
        ValueError: a parameter is out of its range.
    """

    start: float = 0.2
    until: float = 0.5

    def __post_init__(self) -> None:
        check_range(self, start="(0, 1]", until="(0, 1]")

    def begin(self, split: Split, batch: int) -> None:
        """Sort the rows by their difficulty."""
        self._batch = batch
        y = split.y if split.y.ndim == 1 else np.zeros(len(split.y), np.intp)
        self._easiest: Indices = np.argsort(difficulty(split.x, y), kind="stable").astype(np.int64)

    def rows(self, t: int, steps: int, rng: np.random.Generator) -> Indices:
        """Return the rows of one batch."""
        share = min(1.0, self.start + (1 - self.start) * (t - 1) / (self.until * steps))
        known = int(np.ceil(share * len(self._easiest)))
        rows: Indices = self._easiest[rng.integers(known, size=self._batch)]  # i ~ U{the ⌈share(t) N⌉ easiest rows}
        return rows


def difficulty(x: Features, y: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return each row's distance from the mean of its class.

    Args:
        x: features, (rows, columns), read in chunks.
        y: class numbers from 0, (rows,), read.

    Returns:
        Float64 array (rows,).
    """
    counts = np.bincount(y)
    means = np.zeros((len(counts), x.shape[1]))
    chunks = [slice(first, first + CHUNK) for first in range(0, len(x), CHUNK)]
    for part in chunks:
        np.add.at(means, y[part], x[part])
    means /= np.maximum(counts, 1)[:, None]
    return np.concatenate([np.linalg.norm(x[part] - means[y[part]], axis=1) for part in chunks])
