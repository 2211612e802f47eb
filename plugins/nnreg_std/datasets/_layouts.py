"""How a table of text is laid out: what stands between its cells, how its numbers are written, whether names come first."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

Header = Literal["auto", "yes", "no"]
Decimal = Literal["auto", "point", "comma"]
Thousands = Literal["auto", "none", "comma", "point", "space", "apostrophe"]

SIGNS: Mapping[str, str] = {"tab": "\t", "semicolon": ";", "pipe": "|", "comma": ",", "space": " "}
GROUPS: Mapping[str, str] = {"none": "", "comma": ",", "point": ".", "space": " \u00a0\u202f", "apostrophe": "'’"}
WRITTEN: Mapping[str, str] = {r"\t": "tab"}
"""Delimiters as other programs have them typed."""
COMMENTS = ("#", "%", "//")
ERRORS = ("#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!", "#calc!", "#spill!", "#nv", "#wert!", "#bezug!", "#zahl!")
MISSING = frozenset(
    ("", "na", "n/a", "nan", "null", "?", "<na>", "#n/a", "#na", "#n/a n/a", "-nan", "1.#qnan", "-1.#ind", "1.#ind", "-1.#qnan")
) | set(ERRORS)  # in any case; what pandas takes for missing, and what a spreadsheet writes where a formula failed
NONE = frozenset((".", "-", "--", "*", "none"))  # missing among numbers; a label may be called so
TRUTH = {"true": 1.0, "false": 0.0}
SAMPLE = 10_000  # rows that a layout is judged by,
CELLS = 50_000  # or fewer, with so many cells
LONGEST = 2**30  # signs of a cell: texts that are left out may be long

Row = tuple[int, list[str]]
"""Number of a line in the file, from 1, and its cells."""

NUMBER = re.compile(r"[+\-−]?(\d[\d.,'’ \u00a0\u202f]*|[.,]\d+)(e[+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE)
BESIDE = "$€£¥%‰() \u00a0"
"""Signs beside an amount: of money, per cent, or brackets, as accountants write what is owed."""
DRAWN = frozenset(" \t|+:=-")
"""Of what lines are made that are drawn between rows, by programs that print tables for people."""
FAILED = re.compile(r'\s*"?#(n/?a|nv|[\w/]+[!?])"?\s*[,;|\t]', re.IGNORECASE)
"""A line that begins with what a spreadsheet writes where a formula failed; no remark, although it begins with its sign."""


class Style(NamedTuple):
    """How numbers are written."""

    decimal: str = "."
    thousands: str = ""

    def number(self, cell: str) -> float | None:
        """Return what a cell says as a number, a missing one as NaN; None for text."""
        text = cell.strip().replace("−", "-")
        if text.lower() in MISSING or text.lower() in NONE:
            return float("nan")
        if self.thousands:
            sign = re.escape(self.thousands)
            if re.fullmatch(
                rf"[+-]?\d{{1,3}}([{sign}]\d{{3}})+({re.escape(self.decimal)}\d*)?(e[+-]?\d+)?", text, re.IGNORECASE
            ):
                text = re.sub(f"[{sign}]", "", text)
        if self.decimal != ".":
            text = "_" if "." in text else text.replace(self.decimal, ".")
        if "_" in text or not text.isascii():
            return None
        try:
            return float(text)
        except ValueError:
            return None


def clean(text: str, skip: int, comment: str) -> tuple[str, int, list[str], str | None]:
    """Return the text with blank lines for what is no row, and so with the same line numbers.

    Args:
        text: of the file.
        skip: lines at the top that do not belong to the table.
        comment: sign from which on a line is a remark; "none"; "auto": lines that begin with one of three signs.

    Returns:
        Text, the number of lines with a remark, the last remark before the first row, and the sign that Excel's ``sep=``
        names.
    """
    sign, block, number = None, list[str](), 0
    if skip:
        rest = text.split("\n", skip)
        text = "\n" * skip + (rest[skip] if len(rest) > skip else "")
    if named := re.match(r'(\s*)"?sep=(.)"?[ \t;,]*(?=\n)', text, re.IGNORECASE):
        sign, text = named[2], "\n" * named[1].count("\n") + text[named.end() :]
    if comment == "none":
        return text, 0, [], sign
    begun = [mark for mark in (COMMENTS if comment == "auto" else (comment,)) if _has_remarks(text, mark, comment)]
    has_rules = comment == "auto" and ("---" in text or "===" in text)
    if not begun and not has_rules:
        return text, 0, [], sign
    made, is_top = [], True
    for line in text.split("\n"):
        mark = next((mark for mark in begun if line.lstrip().startswith(mark)), None)
        if has_rules and ("---" in line or "===" in line) and DRAWN.issuperset(line):
            made.append("")
            continue
        if mark is not None and not (comment == "auto" and FAILED.match(line)):
            number += 1
            block = [line.strip().lstrip(mark).strip()] if is_top else block
            made.append("")
            continue
        is_top = is_top and not line.strip()
        kept = line if comment == "auto" else _cut(line, comment)
        number += kept != line
        made.append(kept)
    return "\n".join(made), number, block, sign


def _has_remarks(text: str, mark: str, comment: str) -> bool:
    """Tell whether lines begin with a mark because they are remarks: where most do, they are rows of a table."""
    if mark not in text:
        return False
    if comment != "auto":
        return True
    lines = [line for line in itertools.islice(text.split("\n"), SAMPLE) if line.strip()]
    begun = [line.lstrip().startswith(mark) and not FAILED.match(line) for line in lines]
    top = sum(1 for _ in itertools.takewhile(bool, begun))
    return sum(begun) > 0 and 2 * (sum(begun) - top) < len(lines) - top


def _cut(line: str, sign: str) -> str:
    """Return a line up to a sign outside of quotes."""
    is_inside = False
    for place, letter in enumerate(line):
        is_inside ^= letter == '"'
        if not is_inside and line.startswith(sign, place):
            return line[:place].rstrip()
    return line


def rows_of(text: str, sign: str) -> Iterator[Row]:
    """Yield the lines that are not blank, cells as they stand."""
    csv.field_size_limit(LONGEST)
    lines = _lines(text) if sign != " " else (" ".join(line.split()) for line in _lines(text))
    reader = csv.reader(lines, delimiter=sign, skipinitialspace=True)
    for cells in reader:
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield reader.line_num, [cell.strip() for cell in cells]


def sample_of(text: str, sign: str) -> list[Row]:
    """Return the first rows, as many as a layout is judged by."""
    sample, cells = list[Row](), 0
    for row in itertools.islice(rows_of(text, sign), SAMPLE):
        sample.append(row)
        cells += len(row[1])
        if cells > CELLS and len(sample) >= 100:
            break
    return sample


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def find_sign(text: str) -> str | None:
    """Return what stands between cells: with it most lines have as many, and most of those are numbers. None: one column."""
    best, chosen = (False, 0.0, 0.0, 0.0), None
    for sign in SIGNS.values():
        if sign not in text:
            continue
        rows = [cells for _, cells in itertools.islice(rows_of(text, sign), 500)]
        body = rows[1:] or rows
        width, count = Counter(map(len, body)).most_common(1)[0] if body else (1, 0)
        if width < 2:
            continue
        cells = [cell for row in body if len(row) == width for cell in row]
        numbers = sum(is_numeric(cell) or is_amount(cell) for cell in cells) / len(cells)
        score = (count >= 0.9 * len(body), numbers, count / len(body), float(len(rows[0]) == width))
        if score > best:
            best, chosen = score, sign
    return chosen


def is_numeric(cell: str) -> bool:
    """Tell whether a cell is a number in some way of writing, a truth value, or missing."""
    return bool(NUMBER.fullmatch(cell)) or cell.lower() in MISSING or cell.lower() in TRUTH or cell.lower() in NONE


def is_amount(cell: str) -> bool:
    """Tell whether a cell is a number but for signs beside it."""
    bare = cell.strip(BESIDE)
    return bare != cell.strip() and any(map(str.isdigit, bare)) and bool(NUMBER.fullmatch(bare))


EXPONENT = r"(e[+-]?\d+)?"
GROUPED = {sign: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(sign)}\d{{3}})+") for sign in ",."}
MORE = {sign: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(sign)}\d{{3}}){{2,}}") for sign in ",."}
BOTH = {  # thousands, then decimals
    (",", "."): re.compile(rf"[+-]?[1-9]\d{{0,2}}(,\d{{3}})+\.\d*{EXPONENT}", re.IGNORECASE),
    (".", ","): re.compile(rf"[+-]?[1-9]\d{{0,2}}(\.\d{{3}})+,\d*{EXPONENT}", re.IGNORECASE),
}
PLAIN = {sign: re.compile(rf"[+-]?(\d+{re.escape(sign)}\d*|{re.escape(sign)}\d+){EXPONENT}", re.IGNORECASE) for sign in ",."}
SPACED = {word: re.compile(rf"[+-]?[1-9]\d{{0,2}}([{GROUPS[word]}]\d{{3}})+(?:([.,])\d*)?") for word in ("space", "apostrophe")}


def find_style(columns: Sequence[Sequence[str]], decimal: Decimal, thousands: Thousands) -> Style:
    """Return how numbers are written, judged by columns in which nothing but numbers stands.

    Raises:
        ValueError: they may mean two things; which settings say what.
    """
    cells = dict.fromkeys(cell.replace("−", "-") for column in columns if all(map(is_numeric, column)) for cell in column)
    spaced = [cell for cell in cells if not cell.isascii() or " " in cell or "'" in cell]
    grouped = next((word for word, form in SPACED.items() if any(map(form.fullmatch, spaced))), "none")
    given = {"point": ".", "comma": ","}.get(decimal)
    sure: dict[str, str] = {}  # decimal sign to a cell that shows it
    doubt = ""
    sure |= {match[2]: cell for cell in spaced for form in SPACED.values() if (match := form.fullmatch(cell)) and match[2]}
    for cell in (cell for cell in cells if "," in cell or cell.count(".") > 1):
        ends = [end for (_, end), form in BOTH.items() if form.fullmatch(cell)]
        ends += [other for sign, other in ((",", "."), (".", ",")) if MORE[sign].fullmatch(cell)]
        ends += [","] if PLAIN[","].fullmatch(cell) and not GROUPED[","].fullmatch(cell) else []
        sure |= dict.fromkeys(ends, cell)
        doubt = doubt or (cell if GROUPED[","].fullmatch(cell) and not ends else "")
    if given is None and thousands in ("comma", "point"):
        given = "." if thousands == "comma" else ","
    if given is None and len(sure) == 2:
        raise ValueError(
            f"numbers are written in two ways, '{sure['.']}' and '{sure[',']}': say dataset.decimal=comma or point"
        )
    end = given or next(iter(sure), ".")
    if given is None and not sure and doubt:
        raise ValueError(
            f"'{doubt}' may be {doubt.replace(',', '.')} or {doubt.replace(',', '')}: say dataset.decimal=comma, or "
            "dataset.thousands=comma"
        )
    other = "," if end == "." else "."
    if GROUPS.get(thousands) == end:
        raise ValueError(f"a {'comma' if end == ',' else 'point'} cannot stand before decimals and between thousands")
    if thousands == "auto":
        has_groups = any(
            other in cell and (BOTH[other, end].fullmatch(cell) or GROUPED[other].fullmatch(cell)) for cell in cells
        )
        return Style(end, other if has_groups else GROUPS[grouped])
    return Style(end, GROUPS[thousands])


def names_come_first(rows: Sequence[Sequence[str]], target: str, drop: Sequence[str]) -> bool:
    """Tell whether the first of some rows names the columns.

    Raises:
        ValueError: it may or may not; which settings say so.
    """
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not rest:
        return not any(is_numeric(cell) and cell for cell in first)
    columns = list(zip(*rest, strict=True))
    numeric = [all(map(is_numeric, column)) for column in columns]
    above = [is_number and not is_numeric(cell) for cell, is_number in zip(first, numeric, strict=True)]
    answer = _place(target, len(first))
    if any(name in first and not _is_place(name, len(first)) for name in (target, *drop)):
        return True
    if any(above):
        if answer is None or above[answer] or 2 * sum(above) >= len(first) or not any(map(is_numeric, filter(None, first))):
            return True
        raise ValueError(_doubt(f"'{first[above.index(True)]}' stands above numbers, the rest of the first line is numbers"))
    if _counts_up(first):
        cells = [cell for row in rest for cell in row]
        if rest[0] == [str(int(cell) + len(first)) for cell in first if cell] or (
            len(first) == 2 and all(map(str.isdecimal, cells))
        ):
            raise ValueError(_doubt(f"it is {', '.join(first)}"))
        return True
    texts = [place for place, is_number in enumerate(numeric) if not is_number and not is_numeric(first[place])]
    unseen = [place for place in texts if first[place] not in columns[place]]
    if len(texts) > 1 or not texts:
        if not texts and _evenly_spaced(first) and all("." in cell for row in rest for cell in row):
            raise ValueError(_doubt(f"it has whole numbers at equal distances, {', '.join(first[:3])}, above others"))
        return bool(texts) and len(unseen) == len(texts)
    if not unseen:
        return False
    if _counts_up([cell for place, cell in enumerate(first) if place != unseen[0]]):
        return True
    if not any(is_numeric(cell) and cell for place, cell in enumerate(first) if place != unseen[0]):
        return True
    raise ValueError(_doubt(f"'{first[unseen[0]]}' stands once in its column"))


def _doubt(why: str) -> str:
    return f"the first line may name the columns ({why}): say dataset.header=yes or dataset.header=no"


def _place(target: str, width: int) -> int | None:
    return range(width)[int(target)] if _is_place(target, width) else None


def _is_place(name: str, width: int) -> bool:
    return bool(re.fullmatch(r"-?\d+", name)) and -width <= int(name) < width


def _counts_up(cells: Sequence[str]) -> bool:
    """Tell whether cells are 0, 1, 2 ..., as pandas numbers columns, the first of them blank perhaps."""
    numbers = list(cells[1:] if cells and cells[0] == "" else cells)
    return len(numbers) > 1 and numbers == [str(place) for place in range(len(numbers))]


def _evenly_spaced(cells: Sequence[str]) -> bool:
    if len(cells) < 3 or not all(re.fullmatch(r"-?\d+", cell) for cell in cells):
        return False
    steps = {int(after) - int(before) for before, after in itertools.pairwise(cells)}
    return len(steps) == 1 and steps != {0}
