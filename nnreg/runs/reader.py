"""Rows and answers as a person has them, read as the features and targets of a network that has been trained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Targets
from nnreg.errors import UserError, instead, one_line
from nnreg.records.network import NetworkCard


class Reader:
    """Reads what a person gives, by the card of a network.

    Args:
        card: of the network.

    Attributes:
        columns: names of the columns of a row, empty where they have none.
        classes: what the classes are called, by their number; empty where values are answered.
        width: number of columns of a row.
    """

    def __init__(self, card: NetworkCard) -> None:
        made = card.preprocessing
        self.card, self.columns = card, made.columns
        self.classes = (made.classes or tuple(range(card.outputs))) if card.answers == "classes" else ()
        self.width = len(self.columns) or card.features

    def features_of(self, rows: Any) -> Array:
        """Return features before their scaling, float64 (rows, features).

        Raises:
            UserError: there are other columns, or a cell is missing or cannot be read.
        """
        columns, missing = self.columns_of(rows)
        if missing.any():
            place = int(missing.any(axis=1).argmax())
            name = self._name(int(missing[place].argmax()))
            raise UserError(
                f"row {place} has nothing in column {name}: fill it in, the network has never seen a row without it"
            )
        return self.card.preprocessing.features_of(columns)

    def columns_of(self, rows: Any) -> tuple[list[npt.NDArray[Any]], npt.NDArray[np.bool_]]:
        """Return the columns of rows, numbers or words, and where a cell is missing, (rows, columns)."""
        given = self._picked(rows)
        if len({len(column) for column in given}) > 1:
            raise UserError("the columns have different numbers of rows")
        found = [self._column(place, column) for place, column in enumerate(given)]
        return [column for column, _ in found], np.stack([missing for _, missing in found], axis=1)

    def _picked(self, rows: Any) -> list[Any]:
        """Return the columns of rows in the order of the network's own."""
        if isinstance(rows, Mapping) or hasattr(rows, "iloc"):  # the latter: a table of pandas, which is not imported for this
            keys = list(rows if isinstance(rows, Mapping) else rows.columns)
            return [rows[keys[place]] for place in self.places(list(map(str, keys)))]
        array = np.asarray(rows)
        if self.card.shape and array.shape[1:] in (self.card.shape, (*self.card.shape, 1)):
            array = array.reshape(len(array), -1)
        if array.ndim != 2 or array.shape[1] != self.width:
            raise UserError(f"rows must be {self._wanted()}, got an array {array.shape}{self._single(array)}")
        return list(array.T)

    def places(self, names: Sequence[str]) -> list[int]:
        """Return where the network's columns stand among those that are called so.

        Raises:
            UserError: one is missing.
        """
        if not self.columns:
            if len(names) != self.width:
                raise UserError(f"rows must be {self._wanted()}, got {len(names)} columns: {_listed(names)}")
            return list(range(self.width))
        missing = [name for name in self.columns if name not in names]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise UserError(f"there is no column '{missing[0]}'{more}{instead(missing[0], names[:30], 'Columns')}")
        return [names.index(name) for name in self.columns]

    def _wanted(self) -> str:
        shown = f" or pictures (rows, {', '.join(map(str, self.card.shape))})" if self.card.shape else ""
        names = f": {_listed(self.columns)}" if self.columns else ""
        return f"an array (rows, {self.width}){shown}{names}"

    def _single(self, array: npt.NDArray[Any]) -> str:
        is_one = array.shape in ((self.width,), self.card.shape)
        return "; one row is [row]" if is_one else ""

    def _name(self, place: int) -> str:
        return f"'{self.columns[place]}'" if self.columns else str(place)

    def _column(self, place: int, given: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Return a column as numbers, or as its words, and where a cell is missing."""
        words = self.card.preprocessing.words.get(self.columns[place]) if self.columns else None
        column = np.asarray(given)
        if words is None and column.dtype.kind in "iufb":
            numbers = column.astype(np.float64)
            if np.isinf(numbers).any():
                row = int(np.isinf(numbers).argmax())
                raise UserError(f"row {row} holds a number that is not finite in column {self._name(place)}")
            return numbers, np.isnan(numbers)
        cells = column.astype(object)
        missing = np.array([_is_missing(cell) for cell in cells.tolist()], dtype=bool)
        made: list[Any] = ["" if words is not None else math.nan] * len(cells)
        for row in np.flatnonzero(~missing).tolist():
            made[row] = self._word(place, row, cells[row], words) if words is not None else self._number(place, row, cells[row])
        return np.array(made, dtype=object if words is not None else np.float64), missing

    def _word(self, place: int, row: int, cell: Any, words: Sequence[str]) -> str:
        word = str(cell).strip()
        if word not in words:
            raise UserError(f"row {row} holds '{one_line(word)}' in column {self._name(place)}{instead(word, words, 'Words')}")
        return word

    def _number(self, place: int, row: int, cell: Any) -> float:
        try:
            number = float(cell)
        except (TypeError, ValueError):
            number = math.inf
        if not math.isfinite(number):
            raise UserError(f"row {row} holds '{one_line(cell)}' in column {self._name(place)}, where a number must stand")
        return number

    def targets_of(self, answers: Any, dtype: npt.DTypeLike) -> Targets:
        """Return targets for answers as a person gives them.

        Raises:
            UserError: one is no class, or no number.
        """
        if answers is None:
            raise UserError("answers are needed to evaluate rows: evaluate(rows, answers)")
        given = np.asarray(answers)
        if self.classes:
            return self._numbers_of(given)
        try:
            values = given.astype(np.float64).reshape(len(given), -1)
        except (TypeError, ValueError):
            raise UserError("answers must be numbers, one for each row") from None
        if values.shape[1] != self.card.outputs or not np.isfinite(values).all():
            raise UserError(f"answers must be finite numbers (rows, {self.card.outputs}), got {values.shape}")
        return self.card.preprocessing.scaled_targets(values, dtype)

    def _numbers_of(self, given: npt.NDArray[Any]) -> Targets:
        if given.ndim != 1:
            raise UserError(f"classes must be one a row, got an array {given.shape}")
        places = {_plain(name): place for place, name in enumerate(self.classes)}
        labels, codes = np.unique(given.astype(str) if given.dtype == object else given, return_inverse=True)
        named = [_plain(label) for label in labels.tolist()]
        for name in named:
            if name not in places:
                raise UserError(f"there is no class '{one_line(name)}'{instead(name, places, 'Classes')}")
        return np.array([places[name] for name in named], np.intp)[codes]


def _is_missing(cell: Any) -> bool:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)) or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, str) and not cell.strip()


def _plain(name: Any) -> str:
    """Return how a class is called in a table: 1 and 1.0 are one."""
    if isinstance(name, bool | np.bool_):
        return str(int(name))
    return str(int(name)) if isinstance(name, float) and name.is_integer() else str(name)


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    return ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
