"""Schedules of other numbers than the learning rate: ``vary.optimizer.momentum=cosine``.

It is Hydra's ``+schedule@vary.optimizer.momentum=cosine``: the schedule stands in the configuration under ``vary``, in the
place of the number that it scales, and has its parameters there: ``vary.optimizer.momentum.end=0.1``. A technique lists in
``varies`` which of its numbers are read anew at each step; others are refused, as one that was used once would change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnreg.errors import UserError, instead
from nnreg.registry import entries
from nnreg.registry.nested import COURSES, is_node
from nnreg.registry.schemas import parameters_of

VARY = COURSES
KIND = "schedule"
_CHOICE = re.compile(r"\s*[A-Za-z_][\w\s,]*|(glob|choice)\(.*\)\s*", re.DOTALL)
_WORD = re.compile(r"\+{0,2}vary\.(\w+(?:\.\w+)+)=(.*)", re.DOTALL)


def group_of(place: str) -> str:
    """Return the word that chooses the schedule of a number: ``schedule@vary.optimizer.momentum``."""
    return f"{KIND}@{VARY}.{place}"


def as_schedules(words: Sequence[str]) -> list[str]:
    """Return words in which a schedule of a number is chosen as Hydra wants it; parameters of one stay as they are.

    Args:
        words: as typed: overrides, and options, which stay as they are.

    Raises:
        UserError: a word chooses no schedule, or for no number.
    """
    return [_as_schedule(word) for word in words]


def _as_schedule(word: str) -> str:
    parts = _WORD.fullmatch(word)
    if re.match(r"\+{0,2}vary(\.\w+)?=", word):
        raise UserError(f"{word}: say which number varies, and how, such as {VARY}.optimizer.momentum=cosine")
    if parts is None:
        return f"+{word}" if word.startswith(f"{KIND}@{VARY}.") else word
    place, value = parts.groups()
    if place.count(".") == 1 and not _CHOICE.fullmatch(value):
        raise UserError(f"{word}: a number varies by a schedule, which is chosen by its name: {VARY}.{place}=cosine")
    names = [name.strip() for name in value.split(",")]
    is_choice = place.count(".") == 1 or all(name in entries.techniques(KIND) for name in names) or "glob(" in value
    return f"+{group_of(place)}={value}" if is_choice else word


def course_place(place: str) -> str:
    """Return where among the techniques the schedule of a number stands: ``optimizer.vary.momentum``."""
    slot, _, number = place.partition(".")
    return f"{slot}.{COURSES}.{number}"


def varied_places(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each number that has a schedule, such as ``optimizer.momentum``, with the schedule's configuration."""
    yield from _places(config.get(VARY), "")


def _places(node: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key in node or ():
        below, inner = f"{place}.{key}".lstrip("."), node[key]
        if is_node(inner):
            yield below, inner
        elif isinstance(inner, Mapping) or hasattr(inner, "keys"):
            yield from _places(inner, below)
        else:
            raise UserError(f"{VARY}.{below}={inner} has no schedule to belong to: choose one, {VARY}.{place or below}=cosine")


def flat_courses(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schedules of numbers and their parameters by dotted key, as a comparison sees them."""
    flat: dict[str, Any] = {}
    for place, node in varied_places(config):
        own = {f"{VARY}.{place}.{key}": tuple(value) if isinstance(value, list) else value for key, value in node.items()}
        flat |= {f"{VARY}.{place}": own.pop(f"{VARY}.{place}.name"), **own}
    return flat


def owner_of(place: str, built: Mapping[str, Any]) -> Any:
    """Return the technique whose number is to vary, by its place; refuse what it does not list in ``varies``.

    Args:
        place: of the number, such as ``optimizer.momentum`` or ``optimizer.inner.momentum``.
        built: the techniques of a run by their places.

    Raises:
        UserError: there is none, or the number cannot vary; one line that says what can.
    """
    slot, *inside, name = place.split(".")
    owner = built.get(slot)
    if owner is None:
        raise UserError(f"{VARY}.{place}: there is no {slot} in this run{instead(slot, built)}")
    for field in inside:
        if not hasattr(owner, field):
            raise UserError(f"{VARY}.{place}: {type(owner).__name__} has no {field}")
        owner = getattr(owner, field)
    can, where = tuple(getattr(owner, "varies", ())), ".".join((slot, *inside))
    if name == "lr":
        raise UserError(f"{VARY}.{place}: the learning rate has {KIND}=NAME")
    has = [parameter.name for parameter in parameters_of(type(owner)) if parameter.kind is None]
    if name not in can and name not in has:
        raise UserError(f"{VARY}.{place}: {type(owner).__name__} has no {name}{instead(name, has)}")
    if name not in can:
        others = f": of this {slot}, {', '.join(can)} can" if can else f", nor can any other number of this {slot}"
        raise UserError(
            f"{VARY}.{place}: {name} cannot vary while a run is going{others}; sweep it instead, {where}.{name}=A,B"
        )
    value = getattr(owner, name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{VARY}.{place} scales a number, and {where}.{name} is {value}: give it a number first")
    return owner
