"""CSV: a table of your own in a text file, one row a line, one column of it the target.

Source: Shafranovich, Y. (2005), "Common format and MIME type for comma-separated values (CSV) files", RFC 4180,
https://www.rfc-editor.org/rfc/rfc4180.

Conventions: text in UTF-8 with decimal points. Labels become class numbers in sorted order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Dataset, Splits, check_choices, check_range
from nnreg_std.datasets._finding import existing
from nnreg_std.datasets._scaling import scaled
from nnreg_std.datasets._splitting import divided
from nnreg_std.datasets._tables import Delimiter, Header, read_table
from nnreg_std.datasets._targets import Task, understood


@dataclass(frozen=True)
class CSV(Dataset):
    """Any table in a text file: one column is the target, the others are features.

    Args:
        path: of the file; a relative one starts at the working directory.
        target: name of the target's column, or its number from 0; -1 is the last.
        drop: names or numbers of columns to leave out, such as row numbers and text.
        task: "classes" or "values"; "auto": classes if text, or whole numbers, at most 20 different, 5 rows each on average.
        delimiter: what stands between two cells.
        header: whether the first line names the columns; "auto": yes if none of its cells is a number.
        valid_fraction: share of the rows (of each class) held out for validation, in [0, 1); 0 has no validation split.
        test_fraction: share of the rows (of each class) held out for the test, in [0, 1); 0 has no test split.
        random_state: seed of the division into splits, in [0, inf); the run's own seed does not touch it.
        standardise: shift and scale features, and values, to mean 0 and standard deviation 1, both of the training rows.

    Raises:
        ValueError, OSError: a parameter is out of its range, or the file is not there, or no table of numbers.
    """

    path: str
    target: str = "-1"
    drop: tuple[str, ...] = ()
    task: Task = "auto"
    delimiter: Delimiter = "comma"
    header: Header = "auto"
    valid_fraction: float = 0.2
    test_fraction: float = 0.2
    random_state: int = 0
    standardise: bool = True

    def __post_init__(self) -> None:
        check_range(self, valid_fraction="[0, 1)", test_fraction="[0, 1)", random_state="[0, inf)")
        check_choices(self)

    def load(self) -> Splits:
        """Return the rows of the file, shuffled, in parts."""
        file = existing(self.path)
        x, answers = read_table(file, self.target, self.drop, self.delimiter, self.header)
        y, outputs = understood(answers, self.task)
        parts = divided(x, y, self.valid_fraction, self.test_fraction, np.random.default_rng(self.random_state))
        return Splits(*scaled(parts, standardise=self.standardise), outputs=outputs, source=str(file))
