"""Writes the tables of the documentation that are read from docstrings: ``python -m tests.docs.reference_pages``."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import docstring_parser
from omegaconf import MISSING

from nnreg import settings
from nnreg.figures import FIGURES
from nnreg.figures.spec import Common
from nnreg.records.card import TRACKING
from nnreg.registry.schemas import Parameter, parameters_of
from nnreg.settings import ACTIVATIONS, DESCEND, TRAIN, Settings, SweepSettings, is_setting_of
from nnreg.studies.claims import MEASURES

DOCS = Path(__file__).resolve().parents[2] / "docs"
TASKS = (TRAIN, DESCEND, ACTIVATIONS)
NOT_OF_A_RESULT: Mapping[str, Sequence[str]] = {
    "animate": [DESCEND],
    **dict.fromkeys(TRACKING, TASKS),
}
"""Settings that decide no number of a run, and so are not among those that matter to its task."""
TYPES: Mapping[str, str] = {
    "int": "whole number",
    "float": "number",
    "str": "text",
    "dict[str, str]": "texts by name",
    "int | auto": "`auto`, whole number",
}
BLOCK = "<!-- {name}: written by `python -m tests.docs.reference_pages` -->\n"
END = "<!-- end -->"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (heading, *rows)]
    first, *others = ["| " + " | ".join(line) + " |\n" for line in lines]
    return "".join([first, "|" + "---|" * len(heading) + "\n", *others])


def meanings(documented: object) -> dict[str, str]:
    """Return the arguments of a docstring, each with its meaning on one line."""
    parsed = docstring_parser.parse(inspect.getdoc(documented) or "")
    return {each.arg_name: _plain(each.description or "") for each in parsed.params}


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split()).rstrip(".")


def intervals(of: type, **optional: Any) -> dict[str, str]:
    """Return between which bounds settings are checked; ``optional`` gives those a value that are checked only then."""
    found: dict[str, str] = {}
    with mock.patch.object(settings, "check_range", lambda _, **bounds: found.update(bounds)):
        of(**optional)
    return found


def value(default: Any) -> str:
    """Return a default as it is typed."""
    if default is None:
        return "null"
    return str(default).lower() if isinstance(default, bool) else str(default).replace(" ", "")


def allowed(parameter: Parameter, bounds: str | None) -> str:
    """Return which values a setting takes, in words."""
    words = parameter.type_text.removesuffix(" | None")
    null = ", null" if words != parameter.type_text else ""
    if parameter.choices:
        return ", ".join(f"`{choice}`" for choice in parameter.choices)
    if words == "bool":
        return "true, false"
    if many := re.fullmatch(r"list\[(\w+)\]", words):
        return f"list of {'word' if many[1] == 'str' else TYPES[many[1]]}s{null}"
    return f"{TYPES[words]}{f' in {bounds}' if bounds else ''}{null}"


def of_runs() -> str:
    """Return the table of the settings of a run."""
    bounds = intervals(Settings, train_size=1, clip_value=1.0, clip_norm=1.0, patience=1, validate_every=1)
    rows, meant = [], meanings(Settings)
    for each in parameters_of(Settings):
        name, takes = each.name, allowed(each, bounds.get(each.name))
        of = NOT_OF_A_RESULT.get(name) or [task for task in TASKS if is_setting_of(task, name)]
        which = "all" if len(of) == len(TASKS) else ", ".join(of)
        rows.append((f"`{name}`", f"`{value(each.default)}`", takes, which, meant[name]))
    return table(("setting", "default", "values", "task", "meaning"), rows)


def of_sweeps() -> str:
    """Return the table of the settings of a sweep."""
    bounds, meant = intervals(SweepSettings), meanings(SweepSettings)
    rows = (
        (f"`sweep.{each.name}`", f"`{value(each.default)}`", allowed(each, bounds.get(each.name)), meant[each.name])
        for each in parameters_of(SweepSettings)
    )
    return table(("setting", "default", "values", "meaning"), rows)


def of_figures() -> str:
    """Return the table of what each kind of figure may be told."""
    rows = []
    for kind, where in FIGURES.items():
        words = getattr(importlib.import_module(f"nnreg.figures.{where.module}"), where.words)
        common = {field.name for field in dataclasses.fields(Common)}
        for field in (field for field in dataclasses.fields(words) if field.name not in common):
            default = "must be given" if field.default is MISSING else f"`{_default(field)}`"
            rows.append((f"`{kind}`", f"`{field.name}`", default, meanings(words)[field.name]))
    return table(("kind", "word", "default", "meaning"), rows)


def _default(field: dataclasses.Field[Any]) -> str:
    return value(field.default_factory() if field.default is dataclasses.MISSING else field.default)  # type: ignore[misc]


def of_measures() -> str:
    """Return the table of what a claim can measure."""
    rows = []
    for name, measure in MEASURES.items():
        asked = [each.name for each in inspect.signature(measure).parameters.values() if each.kind is not each.VAR_KEYWORD][1:]
        meant = _plain((inspect.getdoc(measure) or "").split("\n\n")[0]).removeprefix("Return ")
        rows.append((f"`{name}({', '.join(asked)})`", "no" if "over" in asked else "yes", meant))
    return table(("measure", "a number a seed", "what"), rows)


PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "settings.md": {"settings": of_runs, "settings of a sweep": of_sweeps},
    "studies.md": {"figures": of_figures, "measures": of_measures},
}


def written(page: str) -> str:
    """Return a page with its tables as they should be.

    Raises:
        ValueError: the page has no place for one.
    """
    text = (DOCS / page).read_text(encoding="utf-8")
    for name, make in PAGES[page].items():
        start = BLOCK.format(name=name)
        head, found, rest = text.partition(start)
        _, closed, tail = rest.partition(END)
        if not found or not closed:
            raise ValueError(f"{page} has no place for {name}: {start.strip()} and {END}")
        text = f"{head}{start}\n{make()}\n{END}{tail}"
    return text


def main() -> None:
    """Write all pages."""
    for page in PAGES:
        (DOCS / page).write_text(written(page), encoding="utf-8")


if __name__ == "__main__":
    main()
