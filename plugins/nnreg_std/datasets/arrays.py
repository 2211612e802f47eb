"""Arrays: your own data as NumPy arrays in an .npz file, in one piece or already in parts.

Source: the NPY and NPZ formats of NumPy, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.

Conventions: np.savez(FILE, x=features, y=targets), or x_train, y_train, x_valid, y_valid, x_test, y_test, as Keras names them;
parts that are not there are held out of the training rows. Features of several dimensions, such as pictures, are laid out in
one; bytes (uint8) that are not standardised stay bytes. Labels become class numbers in sorted order. Nothing is unpickled:
files of strangers are safe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Dataset, Split, Splits, check_choices, check_range
from nnreg_std.datasets._archives import read_archive
from nnreg_std.datasets._finding import existing
from nnreg_std.datasets._scaling import scaled
from nnreg_std.datasets._splitting import divided
from nnreg_std.datasets._targets import Task, understood


@dataclass(frozen=True)
class Arrays(Dataset):
    """Any arrays in an .npz file: x and y, or x_train, y_train and so on.

    Args:
        path: of the file; a relative one starts at the working directory.
        task: "classes" or "values"; "auto": classes if text, or whole numbers, at most 20 different, 5 rows each on average.
        valid_fraction: share of the training rows held out for validation, if the file has no x_valid, in [0, 1).
        test_fraction: share of the training rows held out for the test, if the file has no x_test, in [0, 1).
        random_state: seed of the order and of the division into splits, in [0, inf); the run's own seed does not touch it.
        standardise: shift and scale features, and values, to mean 0 and standard deviation 1, both of the training rows.

    Raises:
        ValueError, OSError: a parameter is out of its range, or the file is not there, or not what is needed.
    """

    path: str
    task: Task = "auto"
    valid_fraction: float = 0.2
    test_fraction: float = 0.2
    random_state: int = 0
    standardise: bool = True

    def __post_init__(self) -> None:
        check_range(self, valid_fraction="[0, 1)", test_fraction="[0, 1)", random_state="[0, inf)")
        check_choices(self)

    def load(self) -> Splits:
        """Return the rows of the file, those to train on shuffled, in parts."""
        file = existing(self.path)
        found = read_archive(file)
        y, outputs = understood(np.concatenate([rows.answers for rows in found.values()]), self.task)
        ends = np.cumsum([len(rows.x) for rows in found.values()])[:-1]
        given = {part: Split(rows.x, ys) for (part, rows), ys in zip(found.items(), np.split(y, ends), strict=True)}
        shares = (0 if "valid" in given else self.valid_fraction, 0 if "test" in given else self.test_fraction)
        train, valid, test = divided(*given["train"], *shares, np.random.default_rng(self.random_state))
        parts = (train, given.get("valid", valid), given.get("test", test))
        del found, given  # the rows as they were in the file: of a million there is no room for many copies
        return Splits(*scaled(parts, standardise=self.standardise), outputs=outputs, source=str(file))
