"""``python -m nnreg plugins``: what is registered, and all there is to know about one technique, read from its own source."""

from __future__ import annotations

import enum
import inspect
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import docstring_parser
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nnreg import errors
from nnreg.contracts import Slot
from nnreg.errors import UserError
from nnreg.numerals import as_typed
from nnreg.registry import entries, vocabulary
from nnreg.registry.entries import BrokenPlugin, Entry, load_class, techniques
from nnreg.registry.nested import RATE, main_slot, split_name
from nnreg.registry.schemas import parameters_of, schema_of

HOME = "nnreg"  # the distribution of what is not said to be from another
BROKEN = "[red]BROKEN[/red]"


@dataclass(frozen=True)
class Description:
    """What a technique's documentation says.

    Attributes:
        summary: one line.
        formula: the indented block of the module's or the class's docstring, or "".
        notes: the paragraphs that are neither, such as the source and the conventions.
        meanings: parameter to what it means.
    """

    summary: str
    formula: str
    notes: tuple[str, ...]
    meanings: dict[str, str]


class Interval(NamedTuple):
    """An interval that a parameter's meaning states, such as ``[0, 1)``."""

    text: str
    low: float
    high: float


class Place(NamedTuple):
    """Where a technique is written."""

    file: str
    line: int


def show_plugins(wanted: str | None) -> int:
    """Print the catalogue, the part of it that is one kind, or one technique.

    Args:
        wanted: None, a kind, or ``kind/name``.

    Returns:
        0, or 1 where a plugin is broken.

    Raises:
        UserError: there is no such kind or technique.
    """
    console = Console(highlight=False, soft_wrap=True)
    if wanted is not None and "/" in wanted:
        kind, _, name = wanted.partition("/")
        _known(kind)
        _show_one(console, _technique(kind, split_name(name)[0]))
        return 0
    if wanted is not None:
        _known(wanted)
    return _show_all(console, entries.kinds() if wanted is None else (wanted,))


def describe(technique: type) -> Description:
    """Return what a technique's docstrings say; a technique may keep everything in its class or share with its module."""
    own = inspect.getdoc(technique) or ""
    module = inspect.getdoc(sys.modules[technique.__module__]) or ""
    parsed = docstring_parser.parse(own)
    paragraphs = [part for part in re.split(r"\n\s*\n", "\n\n".join((module, own))) if part.strip()]
    formula = next((textwrap.dedent(part) for part in paragraphs if part.startswith("    ")), "")
    notes = [" ".join(part.split()) for part in paragraphs if re.match(r"(Source|Conventions):", part)]
    meanings = {p.arg_name: " ".join((p.description or "").split()) for p in parsed.params}
    return Description(parsed.short_description or "", formula, tuple(notes), meanings)


_INTERVAL = re.compile(r"\bin ([\[(]\s*[^,\[\]()]+,[^,\[\]()]+[\])])")


def interval_in(meaning: str) -> Interval | None:
    """Return the interval that a parameter's meaning states, ``in (0, inf)``, or None.

    Raises:
        ValueError: an end of it is no number.
    """
    found = _INTERVAL.search(meaning)
    if found is None:
        return None
    low, high = map(float, found[1].strip("[]()").split(","))
    return Interval(found[1], low, high)


def _technique(kind: str, name: str) -> Entry:
    if name not in techniques(kind) and (meant := vocabulary.technique_of(kind, name)) is not None:
        raise UserError(f"there is no {kind} '{name}'; did you mean '{meant}'? Available: {', '.join(techniques(kind))}")
    return entries.find_technique(kind, name)


def _known(kind: str) -> None:
    if not entries.techniques(kind):
        if places := vocabulary.kinds_of(kind):
            typed = " or ".join(f"`python -m nnreg plugins {place}/{vocabulary.technique_of(place, kind)}`" for place in places)
            raise UserError(f"{kind} is {' and '.join(map(vocabulary.of_kind, places))}: {typed} shows it")
        raise UserError(f"there is no kind '{kind}'{errors.instead(kind, entries.kinds())}")


def _show_all(console: Console, kinds: tuple[str, ...]) -> int:
    entries = [entry for kind in kinds for entry in techniques(kind).values()]
    rows = [("kind", "name"), *((e.kind, e.name) for e in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    summaries = ["summary", *_summaries(entries)]
    for row, summary in zip(rows, summaries, strict=True):  # by hand: a table would fold or cut what is searched
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for number, line in enumerate(_folded(console, summary, len(cells) + 2)):
            begun = escape(cells) if not number else " " * len(cells)
            console.print(f"{begun}  {line}", style="bold" if row is rows[0] else None)
    counted = Counter(f"{entry.distribution} {entry.version}".strip() for entry in entries)
    console.print("\nfrom " + ", ".join(f"{escape(name)} ({count})" for name, count in counted.most_common()))
    console.print("[dim]python -m nnreg plugins KIND/NAME shows parameters, formula and source of one[/dim]")
    return 1 if any(summary.startswith(BROKEN) for summary in summaries) else 0


def _folded(console: Console, summary: str, indent: int) -> list[str]:
    """Return a summary in lines that fit beside its name in a terminal; elsewhere it stays a line, which is searched."""
    if not console.is_terminal:
        return [summary]
    return textwrap.wrap(summary, max(console.width - indent, 20), break_long_words=False, break_on_hyphens=False) or [""]


def _summaries(entries: list[Entry]) -> list[str]:
    first: dict[tuple[str, str], str] = {}
    lines = []
    for entry in entries:
        try:
            schema_of(entry)
            alias = first.setdefault((entry.kind, entry.target), entry.name)
            said = describe(load_class(entry)).summary if alias == entry.name else f"same as {alias}"
            theirs = f" ({entry.distribution} {entry.version})" if entry.distribution != HOME else ""
            lines.append(escape(f"{said}{theirs}"))
        except BrokenPlugin as error:
            lines.append(f"{BROKEN} {escape(str(error))}")
    return lines


def _show_one(console: Console, entry: Entry) -> None:
    schema_of(entry)
    technique = entries.load_class(entry)
    description, place = describe(technique), _place(technique)
    console.print(f"[bold]{entry.kind}/{entry.name}[/bold]  {technique.__name__}, {entry.distribution} {entry.version}")
    console.print(escape(description.summary))
    if description.formula:
        console.print("\n" + escape(textwrap.indent(description.formula, "    ")))
    console.print()
    _print_parameters(console, entry, technique, description)
    _print_search(console, entry, technique)
    for note in description.notes:
        console.print("\n" + escape(textwrap.fill(note, min(100, console.width))), soft_wrap=True)
    console.print(f"\n[bold]written in[/bold]  {escape(place.file)}:{place.line}")


def _print_parameters(console: Console, entry: Entry, technique: type, description: Description) -> None:
    parameters = parameters_of(technique)
    if not parameters:
        console.print(f"no parameters: {entry.kind}={entry.name}")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("parameter", no_wrap=True)
    for column in ("type", "default"):
        table.add_column(column, max_width=30)
    table.add_column("meaning", overflow="fold")
    for parameter in parameters:
        meaning = description.meanings.get(parameter.name, "") + ("" if parameter.settable else " (set in code only)")
        cells = (f"{entry.kind}.{parameter.name}", parameter.type_text, _typed(parameter.default), meaning)
        table.add_row(*map(escape, cells))
    console.print(table, soft_wrap=False)


def _print_search(console: Console, entry: Entry, technique: type) -> None:
    """Say where sweeps that tune look for the best value."""
    found = getattr(technique, "search", None)
    declared = found if isinstance(found, Mapping) else {}
    main = main_slot(entry)
    if (
        main is not None
        and any(p.name == RATE and p.default is None for p in parameters_of(technique))
        and RATE not in declared
    ):
        console.print(f"\n[bold]searched[/bold]    {entry.kind}.{RATE} where the technique in {entry.kind}.{main} says")
    for name, (low, high) in declared.items():
        console.print(
            f"\n[bold]searched[/bold]    {entry.kind}.{name} from {as_typed(low)} to {as_typed(high)} "
            "(protocol=tune_then_seeds)"
        )


def _typed(value: object) -> str:
    """Return a default value as one would type it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_typed, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_typed(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, enum.Enum):
        return value.name
    return value.default if isinstance(value, Slot) else str(getattr(value, "__name__", value))


def _place(technique: type) -> Place:
    try:
        return Place(inspect.getsourcefile(technique) or "?", inspect.getsourcelines(technique)[1])
    except (OSError, TypeError):  # written at a prompt, or compiled
        return Place("?", 0)
