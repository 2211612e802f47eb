"""Digits: 1,797 handwritten digits, 8 by 8 pixels, that come with scikit-learn: nothing to download.

Source: Alpaydin, E. & Kaynak, C. (1998), "Optical recognition of handwritten digits", UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49. The test part of that set, as scikit-learn ships it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Dataset, Preprocessing, Splits, check_range
from nnreg_std.datasets import _shipped
from nnreg_std.datasets._splitting import stratified

DIGITS = _shipped.Shipped("load_digits", ("digits.csv.gz",))
PIXEL_LEVELS = 16  # a pixel counts the inked points of a 4 by 4 block: 0 to 16


@dataclass(frozen=True)
class Digits(Dataset):
    """Small handwritten digits as 64 pixels in [0, 1], ten classes.

    Args:
        valid_fraction: share of each class held out for validation, in [0, 1); 0 has no validation split.
        test_fraction: share of each class held out for the test, in [0, 1); 0 has no test split.
        random_state: seed of the division into splits, in [0, inf); the run's own seed does not touch it.

    Raises:
        ValueError: a share is out of its range, or the two leave nothing to train on.
    """

    valid_fraction: float = 0.2
    test_fraction: float = 0.2
    random_state: int = 0

    def __post_init__(self) -> None:
        check_range(self, valid_fraction="[0, 1)", test_fraction="[0, 1)", random_state="[0, inf)")

    def load(self) -> Splits:
        """Return 1,079 rows to train on, 359 to validate and 359 to test with, unless the shares say otherwise."""
        pixels, labels = _shipped.read(DIGITS)
        x = (pixels / PIXEL_LEVELS).astype(np.float32)  # exact: sixteenths
        rng = np.random.default_rng(self.random_state)
        train, valid, test = stratified(x, labels.astype(np.int64), self.valid_fraction, self.test_fraction, rng)
        inked = Preprocessing(scale=float(PIXEL_LEVELS), white=float(PIXEL_LEVELS))
        return Splits(train, valid, test, outputs=10, source=DIGITS.source, shape=(8, 8), preprocessing=inked)
