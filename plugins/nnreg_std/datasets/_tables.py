"""Text with columns, as spreadsheets write it, to numbers; every complaint says where in the file, and what to do."""

from __future__ import annotations

import csv
import difflib
import math
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn, TextIO

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array

Delimiter = Literal["comma", "semicolon", "tab", "space"]
Header = Literal["auto", "yes", "no"]

SIGNS: dict[Delimiter, str] = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}
MISSING = frozenset(("", "na", "n/a", "nan", "null", "?"))  # in any case

Row = tuple[int, list[str]]
"""Number of a line in the file, from 1, and its cells."""


class Layout(NamedTuple):
    """Which columns mean what: their names, or numbers where the first line does not name them, and places from 0."""

    names: list[str]
    is_named: bool
    target: int
    features: list[int]


def read_table(
    file: Path, target: str, drop: Sequence[str], delimiter: Delimiter, header: Header
) -> tuple[Array, npt.NDArray[Any]]:
    """Return features, float64 (rows, features), and the target's column, (rows,): float64, or text where a cell is no number.

    Args:
        file: which exists.
        target: name of a column, or its number from 0, counted from the end if negative.
        drop: names or numbers of columns to leave out.
        delimiter: what stands between two cells, in a word that a shell leaves alone.
        header: whether the first line names the columns; "auto": it does if none of its cells is a number.

    Raises:
        ValueError: it is no table, a column does not exist, or a cell is no number.
    """
    with file.open(encoding="utf-8-sig", newline="") as text:  # -sig: Excel begins its files with a mark
        try:
            rows = _rows(text, SIGNS[delimiter])
            first = next(rows, None)
            if first is None:
                raise ValueError(f"{file.name} is empty")
            is_named = header == "yes" or (header == "auto" and not any(map(_is_number, first[1])))
            layout = _layout(first[1], is_named, target, drop)
            numbers, answers = _columns(rows if is_named else chain([first], rows), layout)
        except UnicodeDecodeError:
            raise ValueError(f"{file.name} is not text in UTF-8: save it as CSV UTF-8") from None
        except csv.Error as error:
            raise ValueError(f"{file.name} is not a table of text: {error}") from None
    if not answers:
        raise ValueError(f"{file.name} names its columns and has no row below them")
    column = np.array(answers, dtype=np.float64 if all(map(_is_number, answers)) else np.str_)
    return np.array(numbers).reshape(len(answers), -1), column


def _rows(text: TextIO, sign: str) -> Iterator[Row]:
    """Yield the lines that are not empty, cells as they stand."""
    lines = text if sign != " " else (" ".join(line.split()) for line in text)
    reader = csv.reader(lines, delimiter=sign, skipinitialspace=True)
    for cells in reader:
        if any(cell and not cell.isspace() for cell in cells):
            yield reader.line_num, cells


def _layout(first: Sequence[str], is_named: bool, target: str, drop: Sequence[str]) -> Layout:
    if len(first) == 1:
        others = [f"dataset.delimiter={word}" for word, sign in SIGNS.items() if sign in first[0]]
        raise ValueError(f"the table has one column; use {others[0]}" if others else "the table has one column, two are needed")
    names = [cell.strip() if is_named else str(place) for place, cell in enumerate(first)]
    dropped = {_place(name, names) for name in drop}
    kept = [place for place in range(len(names)) if place not in dropped]
    for place in kept:
        if names[place] == "":
            raise ValueError(f"column {place} has no name; does it number the rows? Leave it out: dataset.drop=[{place}]")
        if kept.index(place) != [names[other] for other in kept].index(names[place]):
            raise ValueError(f"two columns are called '{names[place]}': rename one, or leave one out: dataset.drop=[{place}]")
    answer = _place(target, names)
    if answer in dropped:
        raise ValueError(f"'{names[answer]}' is the target and cannot be dropped: take it out of dataset.drop")
    features = [place for place in kept if place != answer]
    if not features:
        raise ValueError(f"no column but the target '{names[answer]}' is left: there is nothing to learn from")
    return Layout(names, is_named, answer, features)


def _place(column: str, names: Sequence[str]) -> int:
    """Return the place of a column that is given by name or number."""
    if column in names:
        return names.index(column)
    try:
        return range(len(names))[int(column)]
    except ValueError:
        close = difflib.get_close_matches(column, names, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else "."
        raise ValueError(f"there is no column '{column}'{hint} Columns: {', '.join(names)}") from None
    except IndexError:
        raise ValueError(f"there is no column {column}: their numbers are 0 to {len(names) - 1}") from None


def _columns(rows: Iterator[Row], layout: Layout) -> tuple[array[float], list[str]]:
    """Return the features of all rows, one after the other, and the target's cells."""
    numbers, answers = array("d"), list[str]()
    pick = itemgetter(*layout.features, layout.target)  # two places or more, so that a tuple comes
    for line, cells in rows:
        if len(cells) != len(layout.names):
            raise ValueError(f"line {line} has {len(cells)} cells, the first line has {len(layout.names)}")
        *texts, answer = pick(cells)
        try:
            row = array("d", map(float, texts))  # white space around a number does not matter
        except ValueError:
            _complain(line, cells, layout)
        if not math.isfinite(sum(row)) or answer.strip().lower() in MISSING:
            _complain(line, cells, layout)
        numbers.extend(row)
        answers.append(answer.strip())
    return numbers, answers


def _complain(line: int, cells: Sequence[str], layout: Layout) -> NoReturn:
    """Name the cell of a row that cannot be used."""
    for place in (*layout.features, layout.target):
        name, cell = layout.names[place], cells[place].strip()
        leave_out = f", or leave the column out: dataset.drop=[{name}]" if place != layout.target else ""
        if cell.lower() in MISSING:
            what = f"is missing ('{cell}')" if cell else "is missing"
            raise ValueError(f"line {line}, column '{name}' {what}: fill it in, remove the row{leave_out}")
        if place != layout.target and not _is_number(cell):
            named = "" if layout.is_named else "; or do names stand in the first line? dataset.header=yes"
            raise ValueError(f"line {line}, column '{name}' holds '{cell}', not a number: code it as one{leave_out}{named}")
    raise ValueError(f"line {line} holds numbers that are not finite or too large: remove the row")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
