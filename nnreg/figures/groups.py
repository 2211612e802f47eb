"""Runs that belong together in a figure, each group with its name and its technique's colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nnreg.errors import UserError, instead
from nnreg.numerals import chosen
from nnreg.records.card import COMPLETE, flattened, is_number
from nnreg.records.results import Result, Results
from nnreg.registry import entries, palette

ARM = "arm"
FIRST = ("optimizer", "init", "activation", "network", "norm", "dropout", "regularizer", "schedule")
"""Kinds in the order in which one that tells groups apart gives them its colours."""


class Group(NamedTuple):
    """Runs that differ in nothing but the seed, as far as a figure is concerned.

    Attributes:
        label: what they are called.
        value: of the setting that tells them apart.
        colour: of their technique.
        runs: all of them.
        marker: which tells them from other groups where colours do not, as matplotlib names it; "" where there is no other.
    """

    label: str
    value: Any
    colour: str
    runs: Results
    marker: str = ""


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

    A group has colour and marker of its technique, of the kind that tells groups apart; groups of one technique, such as its
    learning rates, have shades of its colour, from dark to light, and a marker each.

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
    head, members = by.partition(".")[0], list(found.values())
    slot = head if head in entries.slots() else _telling(members, first)
    kind, names = entries.slots().get(slot, slot), [_name(runs, slot) for runs in members]
    colours = _colours(kind, names, members, alone)
    markers = [""] * len(members) if alone or len(members) == 1 else _markers(kind, names)
    return [
        Group(_label(by, value), value, colour, runs, marker)
        for (value, runs), colour, marker in zip(found.items(), colours, markers, strict=True)
    ]


def _markers(kind: str, names: Sequence[str]) -> list[str]:
    """Return each technique's marker; where another group has that already, the next that none has."""
    found: list[str] = []
    for name in names:
        own = palette.SHAPES.index(palette.shape(kind, name))
        turned = (*palette.SHAPES[own:], *palette.SHAPES[:own])
        found.append(next((shape for shape in turned if shape not in found), turned[0]))
    return found


def _colours(kind: str, names: Sequence[str], found: Sequence[Results], alone: bool) -> list[str]:
    colours = [palette.colour(kind, name) for name in names]
    alike = Counter(colours)
    if alone or max(alike.values()) == 1:
        return colours
    ladders = {colour: iter(palette.shades(colour, count)) for colour, count in alike.items()}
    order = sorted(range(len(found)), key=lambda place: _rate(found[place]))
    shaded = {place: next(ladders[colours[place]]) for place in order}
    return [shaded[place] for place in range(len(found))]


def _rate(runs: Results) -> float:
    """Return the learning rate that runs share, which lightness tells, or 0."""
    rates = {(run.config.get("optimizer") or {}).get("lr") for run in runs}
    rate = rates.pop()
    return float(rate) if is_number(rate) and not rates else 0.0


def _telling(found: Sequence[Results], first: Sequence[str]) -> str:
    """Return the first kind that tells all groups apart, else the first that tells some apart, else the first."""
    different = {kind: len({_name(runs, kind) for runs in found}) for kind in first}
    some = (kind for kind, count in different.items() if count > 1)
    return next((kind for kind, count in different.items() if count == len(found) > 1), next(some, first[0]))


def _name(runs: Results, kind: str) -> str:
    return str(runs[0].summary["choices"].get(kind, "none"))


def _numbers(values: Mapping[Any, Any] | Sequence[Any]) -> bool:
    return all(map(is_number, values))


def _label(by: str, value: Any) -> str:
    last = by.rpartition(".")[2].replace("_", " ")
    if value == "none":
        return f"no {by}"
    if is_number(value):
        return f"{last} {chosen(value)}"
    if value is None or isinstance(value, bool):
        return f"{last} {value}"
    if isinstance(value, tuple):
        return f"{last} {'-'.join(map(str, value))}"
    return str(value) if by == ARM else str(value).replace("_", " ")


def known(run: Result) -> list[str]:
    """Return the names of everything that was configured of a run."""
    return [ARM, *run.summary["choices"], *(key for key, _ in flattened(run.config))]


def check_metric(runs: Results, metric: str) -> None:
    """Refuse a metric that no run recorded.

    Raises:
        UserError: naming one that is meant.
    """
    recorded = {name for run in runs for name in run.history.metrics}
    if metric not in recorded:
        raise UserError(f"no run recorded '{metric}'{instead(metric, sorted(recorded))}")
