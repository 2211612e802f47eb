"""The contract of a dataset, and what it hands over."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
class Preprocessing:
    """What a dataset makes of rows and targets as a person has them, so that a kept network can be asked about new ones.

        x = (row - shift) / scale;   value = target_shift + target_scale * output

    Args:
        columns: names of a row's columns, in order; empty where they have none.
        words: name of a column of words to the words that it may hold; it becomes a feature of 0 and 1 for each of them.
        shift: what is taken off each feature, or off all; float64, as the dataset computes with it.
        scale: what each feature, or all, are divided by then.
        classes: what each class is called, by its number; empty: by its number.
        targets: names of the columns of values that are to be met, or of the classes' one; empty where they have none.
        target_shift: what is added to each value that the network gives,
        target_scale: once it has been multiplied by this.
        drops_missing: rows that lack a cell were left out; else there were none, or they were refused.
        layout: how a table of text was laid out, such as the sign before decimals, in the words of ``Dataset.read_table``.
        white: the largest number that a pixel has, where rows are pictures; None where nobody can tell.

    Raises:
        ValueError: a scale is 0 or not finite.
    """

    columns: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shift: Array | float = 0.0
    scale: Array | float = 1.0
    classes: tuple[str | int | float, ...] = ()
    targets: tuple[str, ...] = ()
    target_shift: Array | float = 0.0
    target_scale: Array | float = 1.0
    drops_missing: bool = False
    layout: Mapping[str, str] = field(default_factory=dict)
    white: float | None = None

    def __post_init__(self) -> None:
        for name in ("shift", "scale", "target_shift", "target_scale"):
            number = np.asarray(getattr(self, name))
            if number.ndim > 1 or not np.isfinite(number).all() or (name.endswith("scale") and not number.all()):
                raise ValueError(f"{name} must be a finite number, or one for each column, and no scale is 0")

    def features_of(self, columns: Sequence[Array | Sequence[str]]) -> Array:
        """Return features before their scaling, float64 (rows, features), of a row's columns: words become 0 and 1.

        Raises:
            KeyError: a word that a column cannot hold.
        """
        made: list[Array] = []
        for name, column in zip(self.columns or range(len(columns)), columns, strict=True):
            if name in self.words:
                places = {word: place for place, word in enumerate(self.words[str(name)])}
                hot = np.zeros((len(column), len(places)))
                hot[np.arange(len(column)), [places[str(word)] for word in column]] = 1
                made.append(hot)
            else:
                made.append(np.asarray(column, np.float64)[:, np.newaxis])
        return np.concatenate(made, axis=1)

    def scaled(self, features: Array, dtype: npt.DTypeLike) -> Array:
        """Return features on the scale that the network was trained on, of the dtype that the dataset has."""
        with np.errstate(over="ignore"):  # what lies far off is far off
            return np.ascontiguousarray((features - self.shift) / self.scale, dtype)  # x = (row - shift) / scale

    def values_of(self, outputs: Array) -> Array:
        """Return values in the unit that the targets had, float64 (rows, outputs)."""
        return self.target_shift + self.target_scale * outputs.astype(np.float64)

    def scaled_targets(self, values: Array, dtype: npt.DTypeLike) -> Array:
        """Return values as the network was trained to meet them."""
        return np.ascontiguousarray((values - self.target_shift) / self.target_scale, dtype)


class Table(NamedTuple):
    """A table of text, before anything is made of it.

    Attributes:
        first: cells of its first line, which may be names or a row.
        rows: cells of the others.
        lines: number of each line in the file, from 1, the first one too.
        number: what a cell says as a number, a missing one as NaN; None for text.
        is_missing: whether nothing stands in a cell.
    """

    first: list[str]
    rows: list[list[str]]
    lines: list[int]
    number: Callable[[str], float | None]
    is_missing: Callable[[str], bool]


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
        preprocessing: what was made of rows and targets as a person has them.

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
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        for name, split in self.present().items():
            self._check(name, split)
        if not 0 < np.float32(self.divisor) < math.inf:
            raise ValueError(f"divisor must be in (0, inf), got {self.divisor}")
        if self.divisor != 1 and self.train.x.dtype != np.uint8:
            raise ValueError(f"divisor={self.divisor:g} is for uint8 features, and train.x is {self.train.x.dtype}")
        features = self.train.x.shape[1]
        classes = self.preprocessing.classes
        if classes and (self.targets != "classes" or len(classes) != self.outputs):
            raise ValueError(f"preprocessing.classes names {len(classes)} classes, and there are {self.outputs} outputs")
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

    One that reads tables of text may have a method ``read_table(file, layout)`` that returns a ``Table`` of new rows, laid out
    as ``Preprocessing.layout`` says.
    """

    @abstractmethod
    def load(self) -> Splits:
        """Return the splits; the same parameters give the same rows, whatever the run's seed.

        Raises:
            FileNotFoundError, ValueError: the data is missing or damaged; one line that says what to do.
        """
