"""MyRule: two clouds of points, one a class.

    x ~ N((±distance/2, 0), 1)

Source: yours to name: authors (year), "title", equation or algorithm, link. This one is a starting point to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Dataset, Split, Splits, check_range


@dataclass(frozen=True)
class MyRule(Dataset):
    """One sentence on what is to be learned: on which side of a line a point lies.

    Args:
        distance: between the centres of the clouds, in [0, inf).
        data_seed: which draw of the points, in [0, inf); the run's seed does not change the data.

    Raises:
        ValueError: a parameter is out of its range.
    """

    distance: float = 3.0
    data_seed: int = 0

    def __post_init__(self) -> None:
        check_range(self, distance="[0, inf)", data_seed="[0, inf)")

    def load(self) -> Splits:
        """Return 400 rows to train on, 100 to validate and 100 to test with."""
        rng = np.random.default_rng(self.data_seed)
        y = np.arange(600) % 2
        x = rng.standard_normal((600, 2))
        x[:, 0] += self.distance * (y - 0.5)  # x ~ N((±distance/2, 0), 1)
        rows = Split(x.astype(np.float32), y)
        train, valid, test = (Split(rows.x[part], rows.y[part]) for part in (slice(400), slice(400, 500), slice(500, 600)))
        return Splits(train, valid, test, outputs=2, source="made by MyRule")
