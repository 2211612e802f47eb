"""Tables that come with scikit-learn, read from its files: importing the library itself would take more than a second."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from nnreg.contracts import Array, Dataset, Preprocessing, Splits, check_range
from nnreg_std.datasets._scaling import scaled_by
from nnreg_std.datasets._splitting import shuffled, stratified


@dataclass(frozen=True)
class Shipped:
    """One table.

    Attributes:
        loader: function of ``sklearn.datasets`` that loads it, asked where the files have moved.
        files: names of its files; side by side they make the table, the target in the last column.
        header: lines before the numbers.
        delimiter: between the numbers of the first file; None is white space.
        options: what the loader is called with, to give the numbers that the files hold.
        columns: names of the features, as scikit-learn has them.
        classes: names of the classes, likewise.
        target: name of the values that are to be met, or "".
    """

    loader: str
    files: tuple[str, ...]
    header: int = 0
    delimiter: str | None = ","
    options: Mapping[str, object] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    target: str = ""

    @property
    def source(self) -> str:
        """Where the data comes from, for the record."""
        return f"scikit-learn {self.loader}"


def read(table: Shipped) -> tuple[Array, Array]:
    """Return features, float64 (rows, features), and targets, float64 (rows,), in the order of the file."""
    package = importlib.util.find_spec("sklearn")
    folder = Path(package.origin if package and package.origin else "").parent / "datasets/data"
    files = [folder / name for name in table.files]
    if not all(file.is_file() for file in files):  # they moved: scikit-learn knows where to
        datasets = importlib.import_module("sklearn.datasets")
        x, y = getattr(datasets, table.loader)(return_X_y=True, **table.options)
        return x, y.astype(np.float64)
    columns = np.column_stack([np.loadtxt(file, delimiter=table.delimiter, skiprows=table.header) for file in files])
    return columns[:, :-1], columns[:, -1]


@dataclass(frozen=True)
class ShippedRows(Dataset):
    """A table of measurements whose rows have a class, divided class by class, or a value.

    A dataset of this sort documents these parameters again, in its own words, and says which table it is.

    Attributes:
        table: where the measurements lie.
        outputs: number of classes; 1 of values.
    """

    table: ClassVar[Shipped]
    outputs: ClassVar[int]

    valid_fraction: float = 0.2
    test_fraction: float = 0.2
    random_state: int = 0
    standardise: bool = True

    def __post_init__(self) -> None:
        check_range(self, valid_fraction="[0, 1)", test_fraction="[0, 1)", random_state="[0, inf)")

    def load(self) -> Splits:
        """Return the splits, of the shares that were asked for, in every class."""
        x, targets = read(self.table)
        shares, rng = (self.valid_fraction, self.test_fraction), np.random.default_rng(self.random_state)
        are_values = self.outputs == 1
        parts = (
            shuffled(x, targets[:, np.newaxis], *shares, rng)
            if are_values
            else stratified(x, targets.astype(np.int64), *shares, rng)
        )
        parts, by = scaled_by(parts, standardise=self.standardise)
        targets_named = (self.table.target,) if self.table.target else ()
        named = Preprocessing(columns=self.table.columns, classes=self.table.classes, targets=targets_named, **by)
        return Splits(*parts, outputs=self.outputs, source=self.table.source, preprocessing=named)
