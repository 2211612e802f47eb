"""Which columns a table has: their names, the target, and those that are left out."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nnreg_std.datasets._decoding import Compression
from nnreg_std.datasets._hints import typed
from nnreg_std.datasets._layouts import (
    GROUPS,
    SIGNS,
    WRITTEN,
    Decimal,
    Header,
    Row,
    Style,
    Thousands,
    clean,
    find_sign,
    find_style,
    is_numeric,
    names_come_first,
    rows_of,
    sample_of,
)

Index = Literal["auto", "yes", "no"]
Missing = Literal["refuse", "drop"]
Categories = Literal["refuse", "one_hot"]


@dataclass(frozen=True)
class Wanted:
    """What a person says of a table; the parameters of ``dataset=csv`` of the same names."""

    target: str = "-1"
    weight: str | None = None
    drop: tuple[str, ...] = ()
    delimiter: str = "auto"
    header: Header = "auto"
    decimal: Decimal = "auto"
    thousands: Thousands = "auto"
    comment: str = "auto"
    skip: int = 0
    index: Index = "auto"
    missing: Missing = "refuse"
    categories: Categories = "refuse"
    encoding: str = "auto"
    compression: Compression = "auto"


@dataclass
class Layout:
    """What is known of a table before its numbers are read.

    Attributes:
        text: with blank lines for what is no row.
        sign: between cells.
        names: of the columns, by place; numbers where the first line does not name them.
        is_named: whether it does.
        style: of numbers.
        left_out: places of columns that are neither features nor target.
        target: place of the target.
        notes: what was taken for what.
        dropped: names or numbers of columns that were to be left out.
        has_row_names: whether the first column has names of rows, and none of its own.
        weight: place of the column of weights, or None; it is read like a feature.
        words: name of a column of words to those that it holds.
    """

    text: str
    sign: str
    names: list[str]
    is_named: bool
    style: Style
    left_out: set[int]
    target: int
    notes: list[str]
    dropped: tuple[str, ...] = ()
    has_row_names: bool = False
    weight: int | None = None
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def features(self) -> list[int]:
        """Places of the features."""
        return [place for place in range(len(self.names)) if place not in self.left_out and place != self.target]


def lay_out(file: Path, text: str, wanted: Wanted, notes: list[str]) -> Layout:
    """Return how the text of a file is laid out.

    Raises:
        ValueError: it is no table, may be read in two ways, or a column does not exist.
    """
    text, remarks, block, named_sign = clean(text, wanted.skip, wanted.comment)
    if not text.strip():
        raise ValueError(f"{file.name} is empty")
    if text.lstrip()[:9].lower() == "@relation" or re.match(r"\s*(<|\{\s*\"|\[\s*[\[{])", text):
        raise ValueError(f"{file.name} is ARFF, JSON or XML, not a table of cells: save it as CSV (UTF-8)")
    given = WRITTEN.get(wanted.delimiter, wanted.delimiter)
    sign = SIGNS.get(given, given) if given != "auto" else named_sign or find_sign(text)
    rows = sample_of(text, sign or ",")
    if not rows:
        raise ValueError(f"{file.name} is empty")
    if all(len(cells) == 1 for _, cells in rows):
        other = next((word for word, mark in SIGNS.items() if mark in rows[0][1][0]), None)
        raise ValueError(f"the table has one column{f'; use dataset.delimiter={other}' if other else ', two are needed'}")
    sign = sign or ","
    word = next((word for word, mark in SIGNS.items() if mark == sign), repr(sign))
    found = Layout(text, sign, [], False, Style(), set(), 0, [*notes, f"delimiter {word}"], wanted.drop)
    body = _name_columns(found, rows, block, wanted)
    found.style = find_style(list(zip(*body, strict=True)), wanted.decimal, wanted.thousands)
    found.notes += ["decimal comma"] if found.style.decimal == "," else []
    found.notes += [f"thousands by {word}" for word, signs in GROUPS.items() if signs and found.style.thousands == signs]
    found.notes += [f"{remarks:,} comment line{'s' if remarks > 1 else ''} left out"] if remarks else []
    _choose_columns(found, body, wanted)
    return found


def _name_columns(found: Layout, rows: list[Row], block: list[str], wanted: Wanted) -> list[list[str]]:
    """Find the names of the columns, take the line of names out of the text, and return the whole rows below it."""
    line, first = rows[0]
    width = Counter(len(cells) for _, cells in rows[1:]).most_common(1)[0][0] if len(rows) > 1 else len(first)
    body = [cells for _, cells in rows[1:] if len(cells) == width]
    may_name = wanted.header != "no"
    if may_name and len(first) == width + 1 and first[-1] == "":
        first = first[:-1]
    elif may_name and body and 1 < len(first) == width - 1 and not all(map(is_numeric, first)):
        is_trailing = all(cells[-1] == "" for cells in body)
        first = [*first, ""] if is_trailing else ["", *first]  # R writes no name above the names of rows
        found.is_named, found.has_row_names = True, not is_trailing
    elif len(first) != width and len(body) > 1 and width > 1:
        has = f"line {line} has {len(first)} cell{'s' if len(first) != 1 else ''}, most others have {width}"
        raise ValueError(f"{has}: if it is a title, leave it out, dataset.skip={line}")
    if not found.is_named:
        is_auto = wanted.header == "auto"
        found.is_named = names_come_first([first, *body], wanted.target, wanted.drop) if is_auto else wanted.header == "yes"
    if found.is_named:
        lines = found.text.split("\n", line)
        found.text = "\n" * line + (lines[line] if len(lines) > line else "")
        found.names, note = first, "names in the first line"
    else:
        body = [first, *body]
        title = next((cells for _, cells in rows_of(block[-1], found.sign)), []) if block and wanted.header == "auto" else []
        found.is_named = len(title) == len(first) and not any(map(is_numeric, title))  # as np.savetxt writes it
        found.names = title if found.is_named else [str(place) for place in range(len(first))]
        note = "names in a comment" if found.is_named else "no names"
    found.notes.append(note)
    return body


def _choose_columns(found: Layout, body: list[list[str]], wanted: Wanted) -> None:
    """Find out which column is the target, and which are left out, by wish or because they hold nothing."""
    names, columns = found.names, list(zip(*body, strict=True))
    empty = {place for place, cells in enumerate(columns) if not any(cells) and names[place] in ("", str(place))}
    width = len(names)
    while width - 1 in empty:
        width -= 1
    dropped = {_place(name, names[:width]) for name in wanted.drop}
    index = _index(found, columns, wanted)
    if wanted.index == "no":
        found.names = names = [name or str(place) for place, name in enumerate(names)]
    found.target = _place(wanted.target, names[:width])
    if found.target in index:
        raise ValueError(f"'{names[found.target] or 0}' numbers the rows and is left out: dataset.index=no keeps it")
    found.left_out = empty | dropped | index
    found.notes += ["row numbers left out"] if index - dropped else []
    found.notes += [f"{len(empty)} empty column{'s' if len(empty) > 1 else ''} left out"] if empty else []
    if found.target in dropped:
        raise ValueError(f"'{names[found.target]}' is the target and cannot be dropped: take it out of dataset.drop")
    kept = [place for place in range(len(names)) if place not in found.left_out]
    for place in kept:
        if names[place] == "" or (names[place] == "Unnamed: 0" and wanted.index == "auto"):
            if names.count("") > len(names) / 2:
                raise ValueError("the first line names few of the columns: if it is a title, leave it out, dataset.skip=1")
            raise ValueError(f"column {place} has no name; does it number the rows? " + _how(place))
        if kept.index(place) != [names[other] for other in kept].index(names[place]):
            raise ValueError(
                f"two columns are called '{names[place]}': rename one, or leave one out: {how_to_drop(found, place)}"
            )
    if wanted.weight is not None:
        found.weight = _place(wanted.weight, names[:width])
        if found.weight not in found.features:
            raise ValueError(f"'{names[found.weight]}' is the target or left out, and cannot be the weight of a row")
        found.notes.append(f"weight '{names[found.weight]}'")
    if not set(found.features) - {found.weight}:
        raise ValueError(f"no column but the target '{names[found.target]}' is left: there is nothing to learn from")


def _how(place: int) -> str:
    return "Leave it out: dataset.index=yes" if place == 0 else f"Leave it out: {typed('dataset.drop', [str(place)])}"


def _index(found: Layout, columns: Sequence[Sequence[str]], wanted: Wanted) -> set[int]:
    """Return the place of the column that numbers the rows, where there is one: without a name, as pandas and R write it."""
    if wanted.index != "auto" or found.has_row_names:
        return {0} if wanted.index == "yes" or (found.has_row_names and wanted.index == "auto") else set()
    if not found.is_named or found.names[0] not in ("", "Unnamed: 0") or not columns:
        return set()
    counts = [[str(place + start) for place in range(len(columns[0]))] for start in (0, 1)]
    return {0} if list(columns[0]) in counts else set()


def _place(column: str, names: Sequence[str]) -> int:
    """Return the place of a column that is given by name or number."""
    column = column.strip()
    if column in names:
        return names.index(column)
    if re.fullmatch(r"-?\d+", column):
        try:
            return range(len(names))[int(column)]
        except IndexError:
            raise ValueError(f"there is no column {column}: their numbers are 0 to {len(names) - 1}") from None
    close = difflib.get_close_matches(column, names, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else "."
    raise ValueError(f"there is no column '{column}'{hint} Columns: {', '.join(names)}")


def how_to_drop(found: Layout, place: int) -> str:
    """Return what to type to leave a column out besides those that are."""
    is_unique = found.names.count(found.names[place]) == 1 and found.names[place] != ""
    return typed("dataset.drop", [*found.dropped, found.names[place] if is_unique else str(place)])
