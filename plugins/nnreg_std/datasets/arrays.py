"""Arrays: your own data as NumPy arrays in an .npz file, in one piece or already in parts.

Source: the NPY and NPZ formats of NumPy, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.

Conventions: np.savez(FILE, x=features, y=targets), or x_train, y_train, x_valid, y_valid, x_test, y_test, as Keras names them;
parts that are not there are held out of the training rows. Features of several dimensions, such as pictures, (rows, height,
width) or (rows, height, width, channels), are laid out in one, and their shape is told; bytes (uint8) that are not
standardised stay bytes. Labels become class numbers in sorted order. Nothing is unpickled: files of strangers are safe.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Dataset, Preprocessing, Split, Splits, Targets, check_choices, check_range
from nnreg_std.datasets._archives import read_archive
from nnreg_std.datasets._finding import existing
from nnreg_std.datasets._scaling import check_varied, scaled_by
from nnreg_std.datasets._splitting import divided, is_classes
from nnreg_std.datasets._targets import Task, Wish, names_of, understood


@dataclass(frozen=True)
class Arrays(Dataset):
    """Any arrays in an .npz file: x and y, or x_train, y_train and so on.

    Args:
        path: of the file; a relative one starts at the working directory.
        task: "classes" or "values"; "auto": classes if text; whole numbers as the loss asks: values with mse, else
            classes if there are at most 20, 5 rows each on average.
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
    wish: Wish = field(default="classes", init=False)

    def __post_init__(self) -> None:
        check_range(self, valid_fraction="[0, 1)", test_fraction="[0, 1)", random_state="[0, inf)")
        check_choices(self)

    def suited(self, targets: Wish) -> Self:
        """Return this dataset for a loss that asks for classes or for values: it decides what whole numbers are."""
        same = copy.copy(self)
        object.__setattr__(same, "wish", targets)
        return same

    def load(self) -> Splits:
        """Return the rows of the file, those to train on shuffled, in parts."""
        file = existing(self.path)
        found = read_archive(file)
        answers = np.concatenate([rows.answers for rows in found.values()])
        y, outputs = understood(answers, self.task, self.wish)
        check_varied(found["train"].x)
        ends = np.cumsum([len(rows.x) for rows in found.values()])[:-1]
        shape = found["train"].shape
        given = {part: Split(rows.x, ys) for (part, rows), ys in zip(found.items(), np.split(y, ends), strict=True)}
        if is_classes(y):
            _check_labels({part: split.y for part, split in given.items()}, answers)
        shares = (0 if "valid" in given else self.valid_fraction, 0 if "test" in given else self.test_fraction)
        train, valid, test = divided(*given["train"], *shares, np.random.default_rng(self.random_state))
        parts = (train, given.get("valid", valid), given.get("test", test))
        del found, given  # the rows as they were in the file: of a million there is no room for many copies
        white = _white(parts[0].x) if shape else None
        parts, by = scaled_by(parts, standardise=self.standardise)
        named = Preprocessing(classes=names_of(y, answers), white=white, **by)
        return Splits(*parts, outputs=outputs, source=str(file), shape=shape, preprocessing=named)


def _white(pictures: npt.NDArray[Any]) -> float | None:
    """Return what white is among pixels: of bytes, or of shares of it; None of anything else."""
    if pictures.dtype == np.uint8:
        return 255.0
    return 1.0 if pictures.min() >= 0 and 0 < pictures.max() <= 1 else None


def _check_labels(parts: Mapping[str, Targets], answers: npt.NDArray[Any]) -> None:
    """Refuse labels that are tested and never trained on.

    Args:
        parts: class numbers of train, and of what there is of valid and test, read.
        answers: the labels of all of them, one after the other, read.
    """
    names = np.unique(answers)
    for part, y in parts.items():
        strange = np.setdiff1d(y, parts["train"])
        if strange.size:
            listed = ", ".join(str(names[label]) for label in strange[:5])
            share = f"{np.isin(y, strange).mean():.0%} of its rows"
            raise ValueError(f"'y_{part}' has labels that the training rows have not ({listed}; {share}): code both alike")
