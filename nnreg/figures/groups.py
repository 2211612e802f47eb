"""Runs that belong together in a figure, each group with its name and its technique's colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb

from nnreg.errors import UserError, instead
from nnreg.records.card import COMPLETE, flattened, is_number
from nnreg.records.results import Result, Results
from nnreg.registry import entries, palette

ARM = "arm"
FIRST = ("optimizer", "init", "activation", "network", "norm", "dropout", "regularizer", "schedule")
"""Kinds in the order in which one that tells groups apart gives them its colours."""
MOST_SHADES = 5  # of one colour that can be told apart


class Group(NamedTuple):
    """Runs that differ in nothing but the seed, as far as a figure is concerned."""

    label: str
    value: Any
    colour: str
    runs: Results


def ended(results: Results) -> Results:
    """Return the runs that ended as a result: finished, diverged or failed to train.

    Raises:
        UserError: there is none.
    """
    found = Results(run for run in results if run.summary["status"] in COMPLETE)
    if not len(found):
        raise UserError("nothing can be drawn: no run has finished")
    return found


def groups(results: Results, by: str, *, alone: bool = False, first: Sequence[str] = FIRST) -> list[Group]:
    """Return the groups that a setting makes, in order of appearance; numbers ascending.

    A group has the colour of its technique, of the kind that tells groups apart; groups of one technique have shades of its
    colour, numbers in one picture a scale from dark to light.

    Args:
        results: runs.
        by: the setting.
        alone: whether each group has a picture of its own: it needs no shade then.
        first: kinds in the order in which they are asked whether they tell groups apart.

    Raises:
        UserError: the runs have no such setting.
    """
    try:
        found = results.by(by)
    except (KeyError, TypeError) as error:
        raise UserError(f"the runs have no setting '{by}'{instead(by, known(results[0]))}") from error
    if _numbers(found):
        found = dict(sorted(found.items()))
    if by not in entries.slots() and _numbers(found) and len(found) > 2 and not alone:
        colours = [to_hex(colormaps["viridis"](place)) for place in np.linspace(0.0, 0.88, len(found))]
    else:
        colours = _colours(by, list(found.values()), alone, first)
    return [Group(_label(by, value), value, colour, runs) for (value, runs), colour in zip(found.items(), colours, strict=True)]


def technique_colour(kind: str, name: str) -> str:
    """Return a technique's colour; the technique that changes nothing is grey."""
    return palette.UNKNOWN if name in ("none", "constant") and kind != "init" else palette.colour(kind, name)


def _colours(by: str, found: Sequence[Results], alone: bool, first: Sequence[str]) -> list[str]:
    head = by.partition(".")[0]
    kind = head if head in entries.slots() else _telling(found, first)
    names = [_name(runs, kind) for runs in found]
    colours = [technique_colour(entries.slots().get(kind, kind), name) for name in names]
    alike = Counter(colours)
    if alone or max(alike.values()) == 1:
        return colours
    if max(alike.values()) > MOST_SHADES:
        return [palette.COLOURS[index % len(palette.COLOURS)] for index in range(len(found))]
    ladders = {colour: iter(shades(colour, count)) for colour, count in alike.items()}
    return [next(ladders[colour]) for colour in colours]


def _telling(found: Sequence[Results], first: Sequence[str]) -> str:
    """Return the first kind that tells all groups apart, else the first that tells some apart, else the first."""
    different = {kind: len({_name(runs, kind) for runs in found}) for kind in first}
    some = (kind for kind, count in different.items() if count > 1)
    return next((kind for kind, count in different.items() if count == len(found) > 1), next(some, first[0]))


def _name(runs: Results, kind: str) -> str:
    return str(runs[0].summary["choices"].get(kind, "none"))


def shades(colour: str, count: int) -> list[str]:
    """Return shades of a colour, from dark to light; the colour itself where one is enough."""
    if count == 1:
        return [colour]
    mixed = []
    for place in np.linspace(-0.45, 0.5, count):
        paper = 1.0 if place > 0 else 0.0
        red, green, blue = ((1 - abs(place)) * part + abs(place) * paper for part in to_rgb(colour))
        mixed.append(to_hex((red, green, blue)))
    return mixed


def _numbers(values: Mapping[Any, Any] | Sequence[Any]) -> bool:
    return all(map(is_number, values))


def _label(by: str, value: Any) -> str:
    last = by.rpartition(".")[2].replace("_", " ")
    if value == "none":
        return f"no {by}"
    if isinstance(value, float):
        return f"{last} {value:.3g}"
    if isinstance(value, int) or value is None:
        return f"{last} {value}"
    if isinstance(value, tuple):
        return f"{last} {'-'.join(map(str, value))}"
    return str(value) if by == ARM else str(value).replace("_", " ")


def known(run: Result) -> list[str]:
    """Return the names of everything that was configured of a run."""
    return [ARM, *run.summary["choices"], *(key for key, _ in flattened(run.config))]
