"""The contract of a dataset, and what it hands over."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from nnreg.contracts.arrays import Array, Features, Targets


class _Pair(NamedTuple):
    x: Features
    y: Targets


class Split(_Pair):
    """Rows of one part of a dataset: a pair of features and targets, ``x, y = split``, perhaps with weights.

    Args:
        x: features, float or uint8 array (rows, features), C-contiguous; float32 is what networks compute with, and pixels
            as the bytes they are take a quarter of the memory; an ``np.memmap`` is read row by row and never loaded whole.
        y: class numbers from 0, integer array (rows,); or values, float array (rows, outputs).
        weight: how much each row counts, float array (rows,), each 0 or more, in any unit; None: all alike.

    Attributes:
        weight: as given.
    """

    weight: Array | None = None

    def __new__(cls, x: Features, y: Targets, weight: Array | None = None) -> Self:
        """Return a split."""
        made = super().__new__(cls, x, y)
        made.weight = weight
        return made

    def _replace(self, **changes: Any) -> Split:
        """Return a split with other features, targets or weights."""
        return Split(**({"x": self.x, "y": self.y, "weight": self.weight} | changes))

    def taken(self, rows: slice | npt.NDArray[np.integer]) -> Split:
        """Return some of the rows, by their numbers."""
        return Split(self.x[rows], self.y[rows], None if self.weight is None else self.weight[rows])


@dataclass(frozen=True)
class Splits:
    """A dataset ready to train on.

    Args:
        train: what batches are drawn from.
        valid: held out of training to watch it and to choose settings, or None.
        test: looked at once, at the end, or None.
        outputs: number of network outputs: the classes, or the columns of values.
        source: where the data came from, such as a file path, for the record.
        divisor: what uint8 features are divided by, in float32, on their way into a network: 255 brings pixels into [0, 1].
            Of float features it is 1: they are taken as they are.
        shape: the natural shape of a row, such as (28, 28) or (rows, columns, channels), channels last; None for rows that
            have none. Rows stay flat, in C order: ``x[i].reshape(shape)`` is row i as it looks.

    Raises:
        ValueError: shapes, dtypes, labels or divisor do not fit together; the message names the split.
    """

    train: Split
    valid: Split | None
    test: Split | None
    outputs: int
    source: str
    divisor: float = 1.0
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name, split in self.present().items():
            self._check(name, split)
        if not 0 < np.float32(self.divisor) < math.inf:
            raise ValueError(f"divisor must be in (0, inf), got {self.divisor}")
        if self.divisor != 1 and self.train.x.dtype != np.uint8:
            raise ValueError(f"divisor={self.divisor:g} is for uint8 features, and train.x is {self.train.x.dtype}")
        features = self.train.x.shape[1]
        if self.shape is not None and (min(self.shape, default=0) < 1 or math.prod(self.shape) != features):
            raise ValueError(f"shape {self.shape} is not that of a row: it has {features} features")

    def present(self) -> dict[str, Split]:
        """Return the splits that exist, by name."""
        every = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: split for name, split in every.items() if split is not None}

    @property
    def targets(self) -> Literal["classes", "values"]:
        """What y holds: class numbers, or values to be met."""
        return "values" if np.issubdtype(self.train.y.dtype, np.floating) else "classes"

    def _check(self, name: str, split: Split) -> None:
        x, y = split
        if x.ndim != 2 or not (np.issubdtype(x.dtype, np.floating) or x.dtype == np.uint8):
            raise ValueError(f"{name}.x must be a float or uint8 array (rows, features), got {x.dtype} {x.shape}")
        shapes = {"classes": x.shape[:1], "values": (len(x), self.outputs)}
        dtypes = {"classes": np.integer, "values": np.floating}
        if y.shape != shapes[self.targets] or not np.issubdtype(y.dtype, dtypes[self.targets]):
            wanted = {"classes": "an integer array", "values": "a float array"}[self.targets]
            raise ValueError(
                f"{name}.y must be {wanted} {shapes[self.targets]}, one answer for each row, got {y.dtype} {y.shape}"
            )
        if x.shape[1] != self.train.x.shape[1]:
            raise ValueError(f"{name}.x has {x.shape[1]} features, train.x has {self.train.x.shape[1]}")
        if (x.dtype == np.uint8) != (self.train.x.dtype == np.uint8):
            raise ValueError(f"{name}.x is {x.dtype}, train.x is {self.train.x.dtype}: all are uint8, or none is")
        if len(x) == 0:
            raise ValueError(f"{name} has no rows: give it a larger share, or none at all")
        if self.targets == "classes" and (y.min() < 0 or y.max() >= self.outputs):
            raise ValueError(f"{name}.y must hold classes 0 to {self.outputs - 1}, got {y.min()} to {y.max()}")
        _check_weight(name, split)
        for part, array in (("x", x), ("y", y)):
            finite = array.dtype.kind != "f" or (math.isfinite(array.min()) and math.isfinite(array.max()))  # NaN passes
            if not finite:
                raise ValueError(f"{name}.{part} holds values that are not finite")
        if self.targets == "values" and name != "train" and not np.ptp(y, axis=0).any():
            raise ValueError(f"{name}.y holds a single value, of which R² has no meaning: give it more rows")


def _check_weight(name: str, split: Split) -> None:
    weight = split.weight
    if weight is None:
        return
    if weight.shape != (len(split.x),) or not np.issubdtype(weight.dtype, np.floating):
        wanted = f"a float array ({len(split.x)},), one for each row"
        raise ValueError(f"{name}.weight must be {wanted}, got {weight.dtype} {weight.shape}")
    if not (weight.min() >= 0 and 0 < weight.sum() < math.inf):  # written so that NaN fails
        raise ValueError(
            f"{name}.weight must be 0 or more for each row, and more for some, got {weight.min()} to {weight.max()}"
        )


class Dataset(Protocol):
    """Labelled rows to train on.

    One whose targets may be either classes or values, such as counts, may have a method ``suited(targets)`` that returns the
    same dataset for a loss that asks for "classes" or for "values" first: it is called before ``load``.
    """

    @abstractmethod
    def load(self) -> Splits:
        """Return the splits; the same parameters give the same rows, whatever the run's seed.

        Raises:
            FileNotFoundError, ValueError: the data is missing or damaged; one line that says what to do.
        """
