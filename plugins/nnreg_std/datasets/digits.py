"""Digits: 1,797 handwritten digits, 8 by 8 pixels, that come with scikit-learn: nothing to download.

Source: Alpaydin, E. & Kaynak, C. (1998), "Optical recognition of handwritten digits", UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49. The test part of that set, as scikit-learn ships it.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnreg.contracts import Array, Dataset, Labels, Splits, check_range
from nnreg_std.datasets.splitting import stratified

PIXEL_LEVELS = 16  # a pixel counts the inked points of a 4 by 4 block: 0 to 16


@dataclass(frozen=True)
class Digits(Dataset):
    """Small handwritten digits as 64 pixels in [0, 1], ten classes.

    Args:
        valid_fraction: share of each class held out for validation, in [0, 1); 0 has no validation split.
        test_fraction: share of each class held out for the test, in [0, 1); 0 has no test split.
        random_state: seed of the division into splits, from 0; the run's own seed does not touch it.

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
        pixels, labels = _read()
        x = (pixels / PIXEL_LEVELS).astype(np.float32)  # exact: sixteenths
        rng = np.random.default_rng(self.random_state)
        train, valid, test = stratified(x, labels, self.valid_fraction, self.test_fraction, rng)
        return Splits(train, valid, test, outputs=10, source="scikit-learn load_digits")


def _read() -> tuple[Array, Labels]:
    """Return pixels (1797, 64) and labels (1797,) from the file itself: importing scikit-learn would take a second."""
    package = importlib.util.find_spec("sklearn")
    file = Path(package.origin if package and package.origin else "").parent / "datasets/data/digits.csv.gz"
    if not file.is_file():  # it moved: scikit-learn knows where to
        from sklearn.datasets import load_digits

        return load_digits(return_X_y=True)  # type: ignore[no-any-return]
    table = np.loadtxt(file, delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)
