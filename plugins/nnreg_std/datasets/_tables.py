"""A table of text to numbers, read by pandas; every complaint says where in the file, and what to do."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Preprocessing
from nnreg.contracts import Table as Unread
from nnreg_std.datasets._columns import Layout, Wanted, how_to_drop, lay_out
from nnreg_std.datasets._decoding import read_text
from nnreg_std.datasets._hints import typed
from nnreg_std.datasets._layouts import (
    MISSING,
    TRUTH,
    Style,
    clean,
    find_sign,
    find_style,
    is_amount,
    is_numeric,
    rows_of,
)

MOST_CATEGORIES = 100
SPELT = sorted({spelt for word in MISSING for spelt in (word, word.upper(), word.title(), word.capitalize())} | {"NaN", "-NaN"})
DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}( .*)?|\d{1,2}:\d{2}(:\d{2}.*)?")


class Table(NamedTuple):
    """A table as it was read.

    Attributes:
        x: features, float64 (rows, features).
        answers: the target's cells as they stand, (rows,) of text.
        numbers: what they are as numbers, float64 (rows,), or None where one is none.
        notes: what was taken for what, in a few words each.
        weight: how much each row counts, float64 (rows,), or None.
        made: what was made of the columns.
    """

    x: Array
    answers: npt.NDArray[np.str_]
    numbers: Array | None
    notes: list[str]
    weight: Array | None = None
    made: Preprocessing = Preprocessing()


def read_table(file: Path, wanted: Wanted) -> Table:
    """Return features and the target's column of a table of text.

    Raises:
        ValueError: it is no table, a column does not exist, or a cell is no number.
    """
    text, notes = read_text(file, wanted.compression, wanted.encoding)
    try:
        found = lay_out(file, text, wanted, notes)
        del text
        frame = _frame(file, found)
        answers = _stripped(frame[found.target])
        if not answers.size:
            raise ValueError(f"{file.name} names its columns and has no row below them")
        columns, is_missing = _columns(found, frame, wanted)
        weight = columns.pop() if found.weight is not None else None
        is_missing |= np.array([answer.lower() in MISSING for answer in answers.tolist()])
        if is_missing.any():
            _leave_out(found, is_missing, wanted)
        x = np.empty((len(answers) - int(is_missing.sum()), len(columns)))
        for place, column in enumerate(columns):
            x[:, place] = column[~is_missing] if is_missing.any() else column
        if not math.isfinite(x.sum()) and not np.isfinite(x).all():
            _complain(found, int(np.flatnonzero(~is_missing)[(~np.isfinite(x)).any(axis=1).argmax()]))
    except csv.Error as error:
        raise ValueError(f"{file.name} is not a table of text: {error}") from None
    answers, weight = answers[~is_missing], weight[~is_missing] if weight is not None else None
    if wanted.comment == "auto":
        _check_remarks(answers)
    notes = [*found.notes, f"target '{found.names[found.target]}'"]
    return Table(x, answers, _numbers(answers, found.style), notes, weight, _made(found, wanted))


def _made(found: Layout, wanted: Wanted) -> Preprocessing:
    """Return what was made of the columns, so that it can be made of those of another table of this sort."""
    return Preprocessing(
        columns=tuple(found.names[place] for place in found.features if place != found.weight),
        words=found.words,
        targets=(found.names[found.target],),
        drops_missing=wanted.missing == "drop",
        layout={"delimiter": found.sign, **found.style._asdict()},
    )


def read_cells(file: Path, wanted: Wanted, layout: Mapping[str, str]) -> Unread:
    """Return the cells of a table of new rows, in which the target may be missing.

    Args:
        file: which exists.
        wanted: what was said of the table that was trained on.
        layout: how that one was laid out; empty: find out.

    Raises:
        ValueError: it is no table of text.
    """
    text, _ = read_text(file, wanted.compression, wanted.encoding)
    text, _, _, named = clean(text, wanted.skip, wanted.comment)
    first = next((line for line in text.split("\n") if line.strip()), "")
    known = named or layout.get("delimiter", "")
    sign = known if known and known in first else find_sign(text) or known or ","
    try:
        rows = list(rows_of(text, sign))
    except csv.Error as error:
        raise ValueError(f"{file.name} is not a table of text: {error}") from None
    if not rows:
        raise ValueError(f"{file.name} is empty")
    lines, cells = [line for line, _ in rows], [row for _, row in rows]
    even = [row for row in cells[1:] if len(row) == len(cells[0])] or cells[:1]
    found = (
        Style(layout["decimal"], layout["thousands"]) if layout else find_style(list(zip(*even, strict=True)), "auto", "auto")
    )

    def number(cell: str) -> float | None:
        return TRUTH.get(cell.lower(), found.number(cell))

    return Unread(cells[0], cells[1:], lines, number, lambda cell: cell.lower() in MISSING)


def _frame(file: Path, found: Layout) -> Any:
    """Return what pandas makes of the text: the target as it stands, the other columns as pandas takes them."""
    import pandas as pd

    width = len(found.names)
    is_exact = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)  # later it is the default, and must not be said
    exact = {} if is_exact else {"float_precision": "round_trip"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                io.BytesIO(found.text.encode()),
                header=None,
                names=list(range(width)),
                index_col=False,
                sep=r"\s+" if found.sign == " " else found.sign,
                skipinitialspace=found.sign != " ",
                dtype={found.target: str} | dict.fromkeys(found.left_out, str),
                keep_default_na=False,
                na_values=dict.fromkeys(found.features, SPELT),
                decimal=found.style.decimal,
                thousands=found.style.thousands if found.style.thousands in (",", ".") else None,
                low_memory=False,
                **exact,
            )
        except pd.errors.EmptyDataError:
            frame = pd.DataFrame({place: pd.Series(dtype=str) for place in range(width)})
        except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeEncodeError) as error:
            _check_widths(found)
            raise ValueError(f"{file.name} is not a table of text: {' '.join(str(error).split())}") from None
    is_blank = frame[found.target] == ""
    for place in found.features:
        if not is_blank.any():
            break
        is_blank &= frame[place].isna()
    return frame[~is_blank] if is_blank.any() else frame


def _stripped(column: Any) -> npt.NDArray[np.str_]:
    return np.array([str(cell).strip() for cell in column], dtype=np.str_)


def _columns(found: Layout, frame: Any, wanted: Wanted) -> tuple[list[Array], npt.NDArray[np.bool_]]:
    """Return the features, column by column, and which rows miss a cell.

    Raises:
        ValueError: a column holds text.
    """
    columns, is_missing = [], np.zeros(len(frame), dtype=bool)
    texts: dict[int, npt.NDArray[np.bool_]] = {}  # places of columns of text to where they hold it
    for place in sorted(found.features, key=lambda place: place == found.weight):  # weights come last
        column = frame.pop(place)
        if column.dtype.kind in "iufb":
            numbers = column.to_numpy(dtype=np.float64)
            is_missing |= np.isnan(numbers) if column.dtype.kind == "f" else False
            columns.append(numbers)
            continue
        numbers, is_text = _read_cells(column, found.style)
        if not is_text.any():
            is_missing |= np.isnan(numbers)
            columns.append(numbers)
        elif wanted.categories == "one_hot" and place != found.weight:
            hot, is_absent = _one_hot(found, place, column)
            is_missing |= is_absent
            columns += hot
        else:
            texts[place] = is_text
    if texts:
        is_text = np.logical_or.reduce(list(texts.values()))
        _check_ends(found, frame, is_text)
        _complain(found, frame.index[int((is_text | is_missing).argmax() if wanted.missing == "refuse" else is_text.argmax())])
    return columns, is_missing


def _read_cells(column: Any, style: Style) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return numbers for the cells of a column that pandas has left as text, and which of them are text all the same."""
    import pandas as pd

    codes, cells = pd.factorize(column.fillna(""))
    words = [str(cell).strip() for cell in cells]
    is_truth = all(word.lower() in TRUTH or word.lower() in MISSING for word in words)
    found = [TRUTH.get(word.lower(), math.nan) if is_truth else style.number(word) for word in words]
    numbers = np.array([math.nan if number is None else number for number in found], dtype=np.float64)
    return numbers[codes], np.array([number is None for number in found], dtype=bool)[codes]


def _one_hot(found: Layout, place: int, column: Any) -> tuple[list[Array], npt.NDArray[np.bool_]]:
    """Return a column of 0 and 1 for each of a column's words, in alphabetical order, and where none stands."""
    cells = _stripped(column.fillna(""))
    words, codes = np.unique(cells, return_inverse=True)
    is_absent = np.isin(np.char.lower(words), list(MISSING))
    kept = np.flatnonzero(~is_absent)
    if len(kept) > MOST_CATEGORIES:
        raise ValueError(
            f"column '{found.names[place]}' holds {len(kept):,} different words, such as '{words[kept[0]]}', too many to code: "
            f"leave it out: {how_to_drop(found, place)}"
        )
    found.notes.append(f"'{found.names[place]}' as {len(kept)} columns of 0 and 1")
    found.words[found.names[place]] = tuple(words[kept].tolist())
    return [(codes == code).astype(np.float64) for code in kept], is_absent[codes]


def _numbers(answers: npt.NDArray[np.str_], style: Style) -> Array | None:
    """Return what cells are as numbers, or None if one of them is none."""
    words, codes = np.unique(answers, return_inverse=True)
    found = [style.number(word) for word in words.tolist()]
    if any(number is None or math.isnan(number) for number in found):
        return None
    return np.array(found, dtype=np.float64)[codes]


def _check_remarks(answers: npt.NDArray[np.str_]) -> None:
    """Refuse labels that may end in a remark: with it they are others."""
    remark = next((label for label in answers.tolist() if "#" in label and re.search(r"\s#", label)), None)
    if remark is not None:
        how = f"{typed('dataset.comment', '#')} leaves out what follows, dataset.comment=none keeps it"
        raise ValueError(f"the target's '{remark}' may end in a remark: {how}")


def _leave_out(found: Layout, is_missing: npt.NDArray[np.bool_], wanted: Wanted) -> None:
    """Say how many rows miss a cell, or which is the first."""
    if wanted.missing == "refuse":
        _complain(found, int(is_missing.argmax()))
    _check_widths(found)
    if is_missing.all():
        raise ValueError("a cell is missing in every row: leave such columns out with dataset.drop")
    count = int(is_missing.sum())
    found.notes.append(f"{count:,} row{'s' if count > 1 else ''} with missing cells left out")


def _check_widths(found: Layout) -> None:
    for line, cells in rows_of(found.text, found.sign):
        _check_width(found, line, cells)


def _check_width(found: Layout, line: int, cells: Sequence[str]) -> None:
    if len(cells) != len(found.names):
        count = f"{len(cells)} cell{'s' if len(cells) != 1 else ''}"
        raise ValueError(f"line {line} has {count}, the first line has {len(found.names)}")


def _complain(found: Layout, number: int) -> NoReturn:
    """Name the cell of a row, by its number among those that are not blank, that cannot be used."""
    rows = (row for row in rows_of(found.text, found.sign) if any(row[1]))
    for line, cells in itertools.islice(rows, number + 1):
        _check_width(found, line, cells)
    for place in (*found.features, found.target):
        cell, is_target = cells[place], place == found.target
        where = f"line {line}, column '{found.names[place]}'"
        leave_out = "" if is_target else f", or leave the column out: {how_to_drop(found, place)}"
        if cell.lower() in MISSING:
            what = f"is missing ('{cell}')" if cell else "is missing"
            raise ValueError(f"{where} {what}: fill it in, remove such rows with dataset.missing=drop{leave_out}")
        if not is_target and found.style.number(cell) is None and cell.lower() not in TRUTH:
            _complain_of_text(found, where, cell, leave_out)
    raise ValueError(f"line {line} holds numbers that are not finite or too large: remove the row")


def _check_ends(found: Layout, frame: Any, is_text: npt.NDArray[np.bool_]) -> None:
    """Refuse a line of units, or of sums: the first or the last is the only one with text above or below numbers."""
    if len(is_text) < 3 or is_text.sum() != 1 or not (is_text[-1] or (is_text[0] and found.is_named)):
        return
    rows = [row for row in rows_of(found.text, found.sign) if any(row[1])]
    line, cells = rows[0 if is_text[0] else -1]
    word = next((cells[place] for place in found.features if found.style.number(cells[place]) is None), "")
    what = "units" if is_text[0] else "a sum"
    raise ValueError(
        f"line {line} holds '{word}', in all other lines numbers stand there: if it is no row, such as {what}, delete it"
    )


def _complain_of_text(found: Layout, where: str, cell: str, leave_out: str) -> NoReturn:
    if DATE.fullmatch(cell):
        raise ValueError(
            f"{where} holds '{cell}', a date or a time: make a number of it, such as days since the first{leave_out}"
        )
    if re.search(r"\s(#|//|%)", cell):
        raise ValueError(f"{where} holds '{cell}': if that is a remark, say {typed('dataset.comment', '#')}{leave_out}")
    if is_numeric(cell) and cell.isascii():
        sign = "a comma" if found.style.decimal == "," else "a point"
        how = f"where {sign} stands before decimals: say dataset.decimal=comma or point, or write all numbers in one way"
        raise ValueError(f"{where} holds '{cell}', {how}{leave_out}")
    if is_amount(cell):
        raise ValueError(f"{where} holds '{cell}', a number with a sign beside it: take the sign out{leave_out}")
    if re.fullmatch(r"\d+:\S+", cell):
        raise ValueError(
            f"{where} holds '{cell}', as in files of LIBSVM: read it with scikit-learn's load_svmlight_file, dataset=arrays"
        )
    named = "" if found.is_named else "; or do names stand in the first line? dataset.header=yes"
    coded = "code it as one, dataset.categories=one_hot does"
    raise ValueError(f"{where} holds '{cell}', not a number: {coded}{leave_out}{named}")
