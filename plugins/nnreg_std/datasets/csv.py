"""CSV: a table of your own in a text file, one row a line, one column of it the target.

Source: Shafranovich, Y. (2005), "Common format and MIME type for comma-separated values (CSV) files", RFC 4180,
https://www.rfc-editor.org/rfc/rfc4180.

Conventions: read by pandas, numbers as it reads them; how the file is laid out is found out, said in the run's first lines, and
may be given instead. Labels are told apart by every character and become class numbers in sorted order.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np

from nnreg.contracts import Dataset, Splits, Table, check_choices, check_range
from nnreg_std.datasets._columns import Categories, Index, Missing, Wanted
from nnreg_std.datasets._decoding import Compression
from nnreg_std.datasets._finding import existing
from nnreg_std.datasets._layouts import SIGNS, WRITTEN, Decimal, Header, Thousands
from nnreg_std.datasets._scaling import check_varied, scaled_by
from nnreg_std.datasets._splitting import divided
from nnreg_std.datasets._tables import read_cells, read_table
from nnreg_std.datasets._targets import Task, Wish, names_of, understood_text


@dataclass(frozen=True)
class CSV(Dataset):
    """Any table in a text file: one column is the target, the others are features.

    Args:
        path: of the file; a relative one starts at the working directory.
        target: name of the target's column, or its number from 0; -1 is the last.
        weight: name or number of a column that says how much each row counts, 0 or more; null: all alike.
        drop: names or numbers of columns to leave out, such as row numbers and text.
        task: "classes" or "values"; "auto": classes if text; whole numbers as the loss asks: values with mse, else
            classes if there are at most 20, 5 rows each on average.
        delimiter: what stands between two cells: auto, comma, semicolon, tab, pipe, space (any white space), or the sign.
        header: whether the first line names the columns; "auto": by what stands below it, refused if that may be either.
        decimal: sign before decimals.
        thousands: sign between thousands.
        comment: sign that a remark begins with, "none", or "auto": whole lines that begin with #, % or //.
        skip: lines above the table to leave out, in [0, inf).
        index: whether the first column numbers the rows and is left out; "auto": if it has no name and counts up.
        missing: refuse a table in which a cell is missing (empty, NA, ? and so on), or drop such rows.
        categories: refuse columns of words, or make a column of 0 and 1 of each word.
        encoding: of the text, such as utf-8, cp1252, latin-1, utf-16; "auto" finds it out.
        compression: "auto" goes by the file's first bytes.
        valid_fraction: share of the rows (of each class) held out for validation, in [0, 1); 0 has no validation split.
        test_fraction: share of the rows (of each class) held out for the test, in [0, 1); 0 has no test split.
        random_state: seed of the division into splits, in [0, inf); the run's own seed does not touch it.
        standardise: shift and scale features, and values, to mean 0 and standard deviation 1, both of the training rows.

    Raises:
        ValueError, OSError: a parameter is out of its range, or the file is not there, or no table of numbers.
    """

    path: str
    target: str = "-1"
    weight: str | None = None
    drop: tuple[str, ...] = ()
    task: Task = "auto"
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
    valid_fraction: float = 0.2
    test_fraction: float = 0.2
    random_state: int = 0
    standardise: bool = True
    wish: Wish = field(default="classes", init=False)

    def __post_init__(self) -> None:
        check_range(self, valid_fraction="[0, 1)", test_fraction="[0, 1)", random_state="[0, inf)", skip="[0, inf)")
        check_choices(self)
        if self.delimiter not in ("auto", *SIGNS, *WRITTEN) and (len(self.delimiter) != 1 or self.delimiter in '"\n\r'):
            raise ValueError(
                f"delimiter must be {' or '.join(map(repr, ('auto', *SIGNS)))}, or one sign, got {self.delimiter!r}"
            )
        if not self.comment or self.comment.isspace():
            raise ValueError(f"comment must be a sign, 'none' or 'auto', got {self.comment!r}")

    def suited(self, targets: Wish) -> Self:
        """Return this dataset for a loss that asks for classes or for values: it decides what whole numbers are."""
        same = copy.copy(self)
        object.__setattr__(same, "wish", targets)
        return same

    def load(self) -> Splits:
        """Return the rows of the file, shuffled, in parts."""
        file = existing(self.path)
        table = read_table(file, self._wanted)
        y, outputs, what = understood_text(table.answers, table.numbers, self.task, self.wish)
        check_varied(table.x)
        rng = np.random.default_rng(self.random_state)
        parts = divided(table.x, y, self.valid_fraction, self.test_fraction, rng, table.weight)
        source = f"{file} ({', '.join(table.notes)}: {what})"
        scaled, by = scaled_by(parts, standardise=self.standardise)
        made = replace(table.made, classes=names_of(y, table.answers), **by)
        return Splits(*scaled, outputs=outputs, source=source, preprocessing=made)

    def read_table(self, file: Path, layout: Mapping[str, str]) -> Table:
        """Return the cells of new rows in a file like this one, with or without the target.

        Raises:
            ValueError, OSError: it is no table of text.
        """
        return read_cells(existing(str(file)), self._wanted, layout)

    @property
    def _wanted(self) -> Wanted:
        return Wanted(**{name: getattr(self, name) for name in Wanted.__dataclass_fields__})
