"""Knobs for the parameters of a technique, made from its signature, and the technique made from what they are turned to."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from nnreg.errors import UserError, instead, one_line
from nnreg.registry import entries, palette
from nnreg.registry.building import build_entry
from nnreg.registry.catalogue import Interval, describe, interval_in
from nnreg.registry.nested import JOINT, default_node, slots_of, split_name, whole_name
from nnreg.registry.overrides import quoted
from nnreg.registry.probing import probe
from nnreg.registry.schemas import REQUIRED, Parameter, parameters_of

Form = Literal["range", "box", "list", "text", "fixed"]
Chosen = tuple[str, Mapping[str, Any]]
"""Name of a technique, and its knobs that are turned."""
Scale = Literal["linear", "log", "log_from_zero", "one_minus", "whole"]

MOST_VALUES = 64
LONGEST_TEXT = 400
DEEPEST = 6
"""Techniques inside of each other that a name on the page may have."""
NEAREST_TO_ONE = 1e-5
"""What a knob for a share that survives leaves of 1 - β at its end."""


@dataclass(frozen=True)
class Knob:
    """One parameter of a technique, or of one inside of it, as it is turned on a page.

    Attributes:
        key: as it is typed behind the kind's dot: ``lr``, ``inner.momentum``.
        label: its own name.
        owner: name of the technique that has it.
        symbol: what stands for it in the formula, or "".
        meaning: from the docstring.
        form: a range to slide in, a box to tick, a list to choose from, a text to type; or fixed, for what a page cannot hold.
        scale: how a slider goes from low to high: evenly, by the logarithm (``log_from_zero``: its left end is 0), by that of
            1 - β, or in whole numbers.
        low: least value of the slider; smaller ones may be typed where the technique takes them.
        high: largest value of the slider.
        default: of the technique.
        choices: of a list.
        may_be_none: whether null is one of its values.
        varies: whether it is read anew at each step, so that a schedule may scale it.
    """

    key: str
    label: str
    owner: str
    symbol: str
    meaning: str
    form: Form
    scale: Scale
    low: float
    high: float
    default: Any
    choices: tuple[Any, ...]
    may_be_none: bool
    varies: bool = False


def shown_technique(kind: str, name: str) -> dict[str, Any]:
    """Return what a page shows of a technique: what it does, its formulas from the outside in, its knobs.

    Raises:
        UserError: there is none of that name, or it cannot be imported.
    """
    knobs = knobs_of(kind, name)
    first = _entry(kind, name)
    parts = list(_parts(kind, name))
    return {
        "kind": kind,
        "name": name,
        **colours_of(kind, name),
        "summary": describe(entries.load_class(first)).summary,
        "formulas": [
            {"of": entry.name, "prefix": prefix, "text": describe(entries.load_class(entry)).formula.rstrip()}
            for prefix, entry in parts
        ],
        "distribution": first.distribution,
        "chain": _chain(kind, name),
        "knobs": [asdict(knob) for knob in knobs],
    }


def colours_of(kind: str, name: str) -> dict[str, str]:
    """Return the colour of a technique, what stands for it on dark paper, and its marker."""
    colour = palette.colour(kind, name)
    return {"colour": colour, "dark": palette.on_dark(colour), "marker": palette.shape(kind, name)}


def listed_techniques(kind: str) -> list[dict[str, str]]:
    """Return the techniques of a kind with their colours; none is imported."""
    return [
        {"name": entry.name, **colours_of(kind, entry.name), "distribution": entry.distribution}
        for entry in entries.techniques(kind).values()
    ]


def knobs_of(kind: str, name: str) -> list[Knob]:
    """Return the knobs of a technique and of all inside of it, those of the outer ones first.

    Raises:
        UserError: there is none of that name, or it cannot be imported.
    """
    return [knob for prefix, entry in _parts(kind, name) for knob in _own_knobs(prefix, entry)]


def made_technique(kind: str, name: str, values: Mapping[str, Any]) -> Any:
    """Return a new instance of a technique that was used once on a few numbers, as a run makes it.

    Args:
        kind: of the technique.
        name: such as ``adam`` or ``sam+momentum``.
        values: value by knob; those left out are the defaults.

    Raises:
        UserError: there is no such technique or knob, a value is refused, or the plugin is broken.
    """
    return copy.deepcopy(_made(kind, _named(kind, name), json.dumps(values)))


@lru_cache(maxsize=256)  # a slider moves one technique of several; a process lives no longer than the files of its plugins
def _made(kind: str, name: str, values: str) -> Any:
    entry = _entry(kind, name)
    built = build_entry(entry, node_of(kind, name, json.loads(values)))
    probe(entry, built)
    return built


def turned(technique: Any, key: str, value: Any) -> Any:
    """Return a technique, which is a dataclass, that differs from a given one in one knob, of one inside of it too.

    Raises:
        ValueError: the value is refused.
        TypeError: it is no dataclass, or one that takes its fields otherwise.
    """
    slot, _, rest = key.partition(".")
    return dataclasses.replace(technique, **{slot: turned(getattr(technique, slot), rest, value) if rest else value})


def node_of(kind: str, name: str, values: Mapping[str, Any]) -> DictConfig:
    """Return the configuration of a technique with knobs turned.

    Raises:
        UserError: there is no such technique or knob, or a value is none of a page's.
    """
    node, known = default_node(kind, _named(kind, name)), {knob.key for knob in knobs_of(kind, name)}
    if len(values) > MOST_VALUES:
        raise UserError(f"{kind}={name}: {len(values)} values are more than any technique takes")
    for key, value in values.items():
        if key not in known:
            raise UserError(f"{kind}={name} has no parameter '{one_line(key)}'{instead(str(key), known)}")
        OmegaConf.update(node, key, checked_value(f"{kind}.{key}", value))
    return node


def words_of(kind: str, name: str, values: Mapping[str, Any], place: str = "") -> list[str]:
    """Return the words of a command line that choose a technique and set what is not as it is by default.

    Args:
        kind: of the technique.
        name: of it.
        values: value by knob.
        place: where it stands, that of its kind where nothing is said.
    """
    defaults, place = {knob.key: knob.default for knob in knobs_of(kind, name)}, place or kind
    told = [f"{place}.{key}={quoted(value)}" for key, value in values.items() if value != defaults[key]]
    return [f"{place}={name}", *told]


def checked_value(place: str, value: Any) -> Any:
    """Return a value that came from a page: a number, a short text, a truth, None, or a short list of such.

    Raises:
        UserError: it is something else.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_TEXT and "${" not in value:
        return value
    if isinstance(value, list) and len(value) <= MOST_VALUES and not any(isinstance(each, list | dict) for each in value):
        return [checked_value(place, each) for each in value]
    raise UserError(f"{place} must be a finite number, a short text, true, false or null, got {one_line(repr(value))[:80]}")


def checked_whole(name: str, value: Any, low: int, high: int) -> int:
    """Return a whole number that came from a page.

    Raises:
        UserError: it is something else.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UserError(f"{name} must be a whole number from {low} to {high}")
    return value


def checked_choice(kind: str, said: Any) -> Chosen:
    """Return the technique that came from a page: ``{"name": "adam", "values": {"lr": 0.1}}``.

    Raises:
        UserError: it is something else.
    """
    values = said.get("values", {}) if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(said.get("name"), str) or not isinstance(values, dict):
        raise UserError(f"{kind} must be chosen by name")
    return said["name"], values


def _named(kind: str, name: Any) -> str:
    """Return a name that came from a page, refused where it is none."""
    if not isinstance(name, str) or len(name) > LONGEST_TEXT or name.count(JOINT) >= DEEPEST:
        raise UserError(f"{kind} must be the name of a technique, such as {next(iter(entries.techniques(kind)), 'none')}")
    return name


def _entry(kind: str, name: str) -> entries.Entry:
    return entries.find_technique(kind, split_name(_named(kind, name))[0])


def _parts(kind: str, name: str) -> Iterator[tuple[str, entries.Entry]]:
    """Yield the techniques that a name stands for, from the outside in, each behind the prefix of its keys."""
    yield from _inside("", kind, default_node(kind, _named(kind, name)))


def _inside(prefix: str, kind: str, node: DictConfig) -> Iterator[tuple[str, entries.Entry]]:
    entry = entries.find_technique(kind, str(node["name"]))
    yield prefix, entry
    for slot, parameter in slots_of(entry).items():
        yield from _inside(f"{prefix}{slot}.", str(parameter.kind), node[slot])


def _chain(kind: str, name: str) -> list[str]:
    """Return the technique, and what stands in the slot of each that ``+`` means, defaults too."""
    return whole_name(kind, default_node(kind, name)).split(JOINT)


def _own_knobs(prefix: str, entry: entries.Entry) -> Iterator[Knob]:
    technique = entries.load_class(entry)
    said, declared = describe(technique), getattr(technique, "search", {})
    searched = declared if isinstance(declared, Mapping) else {}
    for parameter in parameters_of(technique):
        if parameter.kind is not None or not parameter.settable or _is_left_inside(entry, parameter):
            continue
        meaning = said.meanings.get(parameter.name, "")
        form, scale, low, high = _turned(parameter, interval_in(meaning), searched.get(parameter.name))
        yield Knob(
            key=f"{prefix}{parameter.name}",
            label=parameter.name,
            owner=entry.name,
            symbol=symbol_in(meaning, said.formula),
            meaning=meaning,
            form=form,
            scale=scale,
            low=low,
            high=high,
            default=_plain(parameter.default),
            choices=parameter.choices,
            may_be_none=parameter.may_be_none,
            varies=parameter.name in getattr(technique, "varies", ()),
        )


def _is_left_inside(entry: entries.Entry, parameter: Parameter) -> bool:
    """Tell whether a parameter is the learning rate that a wrapper leaves to the technique inside, which has a knob for it."""
    return parameter.name == "lr" and parameter.default is None and bool(slots_of(entry))


def _plain(default: Any) -> Any:
    if default is REQUIRED:
        return None
    if isinstance(default, tuple | list):
        return [_plain(each) for each in default]
    return (
        default if isinstance(default, bool | int | float | str) or default is None else str(getattr(default, "name", default))
    )


def _turned(
    parameter: Parameter, stated: Interval | None, searched: tuple[float, float] | None
) -> tuple[Form, Scale, float, float]:
    """Return the form of a knob, and the scale and ends of its slider."""
    kinds = {text.strip() for text in parameter.type_text.split("|")} - {"None"}
    if kinds == {"bool"}:
        return "box", "linear", 0.0, 1.0
    if parameter.choices:
        return "list", "linear", 0.0, 0.0
    if kinds and kinds <= {"int", "float"}:
        default = parameter.default if isinstance(parameter.default, int | float) else None
        scale, low, high = slider(default, stated, searched, is_whole=kinds == {"int"})
        return "range", scale, low, high
    is_typed = parameter.is_text or kinds <= {"str"}
    return ("text" if is_typed and not isinstance(parameter.default, tuple | list | dict) else "fixed"), "linear", 0.0, 0.0


def slider(
    default: float | None, stated: Interval | None, searched: tuple[float, float] | None, *, is_whole: bool = False
) -> tuple[Scale, float, float]:
    """Return how a slider goes, and from where to where.

    Where a technique says what is worth searching, the slider goes a decade further to both sides: what lies beyond is worth
    seeing too. A share that survives, in [0, 1) and by default more than a half, goes by the logarithm of what does not.

    Args:
        default: of the parameter, None for none.
        stated: the interval of its docstring, or None.
        searched: the range of ``search``, or None.
        is_whole: whether it is a whole number.
    """
    scale, low, high = _slider(default, stated, searched, is_whole=is_whole)
    if stated is not None and scale == "linear":  # an end that is left out is not offered
        low += (high - low) / 1000 * (stated.text[0] == "(" and low == stated.low)
        high -= (high - low) / 1000 * (stated.text[-1] == ")" and high == stated.high)
    return scale, float(f"{low:.4g}"), float(f"{high:.5g}")


def _slider(
    default: float | None, stated: Interval | None, searched: tuple[float, float] | None, *, is_whole: bool
) -> tuple[Scale, float, float]:
    least, most = (stated.low, stated.high) if stated is not None else (-math.inf, math.inf)
    middle = default if default is not None else math.sqrt(searched[0] * searched[1]) if searched else max(least, 1.0)
    if is_whole:
        low = least if math.isfinite(least) else min(0.0, 2 * middle)
        return "whole", low, most if math.isfinite(most) else max(10.0, 4 * middle, low + 10)
    if searched is not None and searched[0] > 0:
        return "log", max(searched[0] / 10, least), min(searched[1] * 10, most)
    if most == 1 and least >= 0 and middle > 0.5:
        return "one_minus", 0.0, 1 - NEAREST_TO_ONE
    if math.isfinite(least) and math.isfinite(most):
        return ("log" if least > 0 and most > 1000 * least else "linear"), least, most
    if least >= 0:
        scale: Scale = "log_from_zero" if stated is not None and stated.text.startswith("[0") else "log"
        return scale, max(middle / 100, least) or 1e-4, min(middle * 100, most) or min(10.0, most)
    reach = 2 * abs(middle) or 1.0
    return "linear", max(-reach, least), min(reach, most)


_WORD = re.compile(r"[^\s,;:.()]+")


def symbol_in(meaning: str, formula: str) -> str:
    """Return the sign that stands for a parameter in a formula: the first short word of its meaning that the formula has.

    ``learning rate η, ...`` is η, ``share m of the velocity`` is m; "" where the formula has none of the words.
    """
    for word in map(str, _WORD.findall(meaning)):
        is_sign = (len(word) <= 3 and not word.isascii()) or (len(word) == 1 and word != "a")
        if is_sign and word in signs_of(formula):
            return word
    return ""


_SIGN = re.compile(r"[^\W\d_][₀-₉ₜᵗ′⁺⁻̂̄]*")


def signs_of(formula: str) -> set[str]:
    """Return the single letters, with what is written at their feet, that a formula has."""
    return set(_SIGN.findall(formula))
