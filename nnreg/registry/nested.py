"""Techniques inside techniques: which stand where, and what the whole is called, ``lookahead+momentum``."""

from __future__ import annotations

import contextlib
import importlib.util
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

from omegaconf import MISSING, DictConfig, OmegaConf

from nnreg.contracts import CONTRACTS
from nnreg.errors import UserError, one_line
from nnreg.registry import entries
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg.registry.schemas import REQUIRED, Parameter, parameters_of, schema_of

JOINT = "+"
"""Stands between a technique and the one inside of it."""
RATE = "lr"
"""What a wrapper leaves to the technique inside of it."""
COURSES = "vary"
"""Stands between a technique and its number, ``optimizer.vary.momentum``, where the schedule of that number is meant."""


def split_name(name: str) -> tuple[str, str]:
    """Return the technique that a name begins with, and what stands inside of it: "" where its own default does."""
    outer, _, inner = name.partition(JOINT)
    return outer, inner


@cache
def slots_of(entry: Entry) -> Mapping[str, Parameter]:
    """Return the parameters of a technique in which another one stands, by name.

    Raises:
        BrokenPlugin: it cannot be imported, or its signature cannot be a configuration.
    """
    schema_of(entry)
    return {parameter.name: parameter for parameter in parameters_of(entries.load_class(entry)) if parameter.kind is not None}


def main_slot(entry: Entry) -> str | None:
    """Return the parameter that is meant by ``+``, the first in which a technique of the same kind stands, or None."""
    return next((name for name, parameter in slots_of(entry).items() if parameter.kind == entry.kind), None)


def defaults_of(entry: Entry, inner: str = "") -> dict[str, tuple[str, str]]:
    """Return kind and name of what stands in each slot of a technique unless it is told otherwise.

    Args:
        entry: the technique.
        inner: what was asked for by ``+``, or "".

    Raises:
        UserError: something is asked for that there is no slot for.
        BrokenPlugin: a default is no technique, or comes back to itself.
    """
    _check_defaults(entry, ())
    found = {name: (str(parameter.kind), str(parameter.default.default)) for name, parameter in slots_of(entry).items()}
    if not inner:
        return found
    slot = main_slot(entry)
    if slot is None:
        raise UserError(
            f"{entry.kind}={entry.name}{JOINT}{inner}: {entry.name} has no slot for another {entry.kind}, type "
            f"{entry.kind}={entry.name}"
        )
    return found | {slot: (entry.kind, inner)}


def default_node(kind: str, name: str) -> DictConfig:
    """Return the configuration of a technique, and of all inside of it, as it is unless it is told otherwise.

    Args:
        kind: of the technique.
        name: such as ``adam``, or ``lookahead+adam``.

    Raises:
        UnknownTechnique, BrokenPlugin, UserError: there is none, or it cannot be made.
    """
    outer, inner = split_name(name)
    entry = entries.find_technique(kind, outer)
    node: DictConfig = OmegaConf.structured(schema_of(entry))
    for slot, (of, default) in defaults_of(entry, inner).items():
        node[slot] = default_node(of, default)
    return node


_SLOT = re.compile(
    r"^ +(\w+): *['\"]?(?:\w+\.)*(\w+)(?: \| None)?['\"]? *= *(?:\w+\.)*slot\( *['\"]([\w+]+)['\"]", re.MULTILINE
)


def slots_text() -> str:
    """Return a line for each kind that has wrappers: which there are, with what stands in their slots by default.

    It is read from their files, as ``--help`` imports no technique that was not chosen; a slot that is inherited is not found.
    """
    kind_of = {contract.__name__: kind for kind, contract in CONTRACTS.items()}
    lines = []
    for kind in entries.kinds():
        found = []
        for name, entry in entries.techniques(kind).items():
            inside = [(slot, kind_of.get(of, ""), default) for slot, of, default in _SLOT.findall(_text_of(entry))]
            main = next((slot for slot, of, _ in inside if of == kind), None)
            found += [
                f"{name}{JOINT}{default}" if slot == main else f"{name} with {of}@{kind}.{slot}={default}"
                for slot, of, default in inside
            ]
        lines += [f"{kind}: {', '.join(found)}"] if found else []
    return "\n".join(lines)


def _text_of(entry: Entry) -> str:
    """Return the text of the module that a technique is written in, without importing it or its package; "" if not found."""
    module = entry.target.partition(":")[0]
    top, *inner = module.split(".")
    with contextlib.suppress(ImportError, ValueError, OSError):
        spec = importlib.util.find_spec(top)
        folders = list(spec.submodule_search_locations or ()) if spec is not None else []
        paths = (
            [Path(folder, *inner) for folder in folders] if inner else [Path(str(spec.origin)).with_suffix("")] if spec else []
        )
        files = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
        return files[0].read_text(encoding="utf-8") if files else ""
    return ""


def _check_defaults(entry: Entry, outside: tuple[Entry, ...]) -> None:
    """Refuse a technique whose default inside of it is none, or, however deep, the technique itself."""
    if entry in outside:
        chain = " in ".join(each.name for each in reversed((*outside, entry)))
        raise BrokenPlugin(f"{outside[0]} is broken: by default it stands in itself ({chain}); a slot must name another")
    for name, parameter in slots_of(entry).items():
        inner = entries.techniques(str(parameter.kind)).get(split_name(parameter.default.default)[0])
        if inner is None:
            raise BrokenPlugin(
                f"{entry} is broken: by default its {name} is the {parameter.kind} '{one_line(parameter.default.default)}', "
                "which there is not"
            )
        _check_defaults(inner, (*outside, entry))


def is_node(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Tell whether a value of a configuration is a technique with its parameters."""
    return isinstance(value, Mapping | DictConfig) and isinstance(value.get("name"), str)


def whole_name(kind: str, node: Any, chosen: Mapping[str, Any] | None = None, place: str = "") -> str:
    """Return what a technique is called, with those inside of it: ``lookahead+momentum``.

    Args:
        kind: of the technique.
        node: its configuration.
        chosen: option by Hydra's group, such as ``optimizer@optimizer.inner``: a YAML of the user's is called as it was chosen.
        place: of the node in the configuration, such as ``optimizer``.
    """
    node = node if isinstance(node, Mapping | DictConfig) else {}
    option = split_name(str((chosen or {}).get(kind if place in (kind, "") else f"{kind}@{place}", "")))[0]
    name = str(node.get("name") or option)
    shown = option if option and option not in entries.techniques(kind) else name
    slot = _main_slot(kind, node)
    return f"{shown}{JOINT}{whole_name(kind, node[slot], chosen, f'{place}.{slot}')}" if slot is not None else shown


def chosen_names(chosen: Mapping[str, Any], config: Any) -> dict[str, str]:
    """Return what the technique in each place of a configuration is called, however it was chosen.

    Args:
        chosen: option by Hydra's group.
        config: the configuration.
    """
    kinds = entries.slots()
    places = [slot for group, slot in entries.groups().items() if group in chosen]
    return {slot: whole_name(kinds[slot], config.get(slot), chosen, slot) for slot in places}


def whole_node(kind: str, name: str, node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a technique, and of all inside of it, with defaults filled in, in plain containers.

    A learning rate that a technique passes on to the one inside stands there, so that both spellings are one configuration.

    Args:
        kind: of the technique.
        name: of the technique, where the node does not say it.
        node: its configuration in plain containers.
    """
    outer, inner = split_name(str(node.get("name") or name))
    given = {key: value for key, value in node.items() if value != MISSING}
    filled: dict[str, Any] = {"name": outer}
    if (entry := entries.techniques(kind).get(outer)) is not None:
        with contextlib.suppress(UserError):  # a broken plugin is complained about where it is used
            inside = defaults_of(entry, inner)
            for parameter in parameters_of(entries.load_class(entry)):
                value = given.get(parameter.name, parameter.default)
                if parameter.name in inside and value is not None:
                    filled[parameter.name] = whole_node(*inside[parameter.name], value if is_node(value) else {})
                elif parameter.settable and value is not REQUIRED:
                    filled[parameter.name] = _own(value)
            filled = passed_on(entry, filled)
    return filled | {key: value for key, value in given.items() if key not in filled}


def _own(value: Any) -> Any:
    """Return a value that nobody else writes into: a default is the same object in every configuration."""
    return [*value] if isinstance(value, list | tuple) else {**value} if isinstance(value, dict) else value


def passed_on(entry: Entry, node: Mapping[str, Any], rate: float | None = None) -> dict[str, Any]:
    """Return a configuration in which the learning rate of a wrapper, or one given, stands with what is wrapped."""
    rate = node.get(RATE) if rate is None else rate
    inside = [name for name, parameter in slots_of(entry).items() if parameter.kind == entry.kind and is_node(node.get(name))]
    if rate is None:
        return dict(node)
    if not inside or not any(p.name == RATE and p.default is None for p in parameters_of(entries.load_class(entry))):
        return {**node, RATE: rate}
    rules = {name: entries.find_technique(entry.kind, node[name]["name"]) for name in inside}
    return {**node, RATE: None} | {name: passed_on(rule, node[name], rate) for name, rule in rules.items()}


def flat_node(place: str, kind: str, node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a technique and of those inside of it by dotted key, as a comparison sees them.

    The learning rate of a wrapper is that of the rule inside, and stands once. The technique in the slot that ``+`` means is
    named by the name of the whole, any other by its place.

    Args:
        place: of the node, such as ``optimizer``.
        kind: of the technique, "" where it is not known.
        node: its configuration in plain containers.
    """
    inside = {key: value for key, value in node.items() if is_node(value)}
    flat = {f"{place}.{key}": value for key, value in node.items() if key != "name" and key not in inside}
    main = _main_slot(kind, node)
    for key, value in inside.items():
        inner = flat_node(f"{place}.{key}", kind if key == main else "", value)
        if key != main:
            flat[f"{place}.{key}"] = value["name"]
        elif RATE in node and node[RATE] is None and f"{place}.{key}.{RATE}" in inner:
            flat[f"{place}.{RATE}"] = inner.pop(f"{place}.{key}.{RATE}")
        flat |= inner
    return flat


def held_by(kind: str, node: Mapping[str, Any], parameter: str) -> tuple[str, Mapping[str, Any], str] | None:
    """Return whose parameter is meant by a dotted name: kind and node of the technique, and the last word; None for nobody's.

    ``inner.momentum`` is that of what stands inside; ``lr`` of a wrapper that leaves it to the technique inside is that one's.

    Args:
        kind: of the technique.
        node: its configuration.
        parameter: such as ``momentum`` or ``inner.momentum``.
    """
    slot, _, rest = parameter.partition(".")
    entry = entries.techniques(kind).get(str(node.get("name")))
    inside = slots_of(entry) if entry is not None else {}
    if rest:
        return held_by(str(inside[slot].kind), node[slot], rest) if slot in inside and is_node(_child(node, slot)) else None
    main = _main_slot(kind, node)
    if parameter == RATE and main is not None and RATE in node and _child(node, RATE) is None:
        return held_by(kind, node[main], RATE)
    return (kind, node, parameter) if parameter in node else None


def rate_of(node: Mapping[str, Any]) -> Any:
    """Return the learning rate of a technique in plain containers: its own, or that of what it wraps; None for none."""
    inside = next((value for value in node.values() if is_node(value)), {})
    return node.get(RATE) if node.get(RATE) is not None or not inside else rate_of(inside)


def techniques_inside(place: str, node: Any) -> dict[str, str]:
    """Return the name of a technique by its place, and of all inside of it: ``{"optimizer": ..., "optimizer.inner": ...}``."""
    if not is_node(node):
        return {}
    found = {place: str(node["name"])}
    for key in node:
        found |= techniques_inside(f"{place}.{key}", _child(node, key))
    return found


def entry_at(place: str, named: Mapping[str, str]) -> Entry | None:
    """Return the technique in a place, given the names in it and in those around it; None for an unknown one."""
    return entries.techniques(kind_at(place, named)).get(named.get(place, ""))


def kind_at(place: str, named: Mapping[str, str]) -> str:
    """Return the kind of the technique in a place, given the names in those around it; "" where it is not known."""
    outside, _, slot = place.rpartition(".")
    if not outside:
        return entries.slots().get(place, "")
    if f".{COURSES}." in place:
        return "schedule"
    holder = entry_at(outside, named)
    with contextlib.suppress(UserError):
        if holder is not None and slot in slots_of(holder):
            return str(slots_of(holder)[slot].kind)
    return ""


def _main_slot(kind: str, node: Mapping[str, Any]) -> str | None:
    """Return in which slot of a node another technique of the kind stands that is meant by ``+``, or None."""
    entry = entries.techniques(kind).get(str(node.get("name")))
    if entry is None:  # not installed here, or of a kind that is not known
        return next((str(key) for key in node if is_node(_child(node, key))), None)
    with contextlib.suppress(UserError):
        slot = main_slot(entry)
        return slot if slot is not None and is_node(_child(node, slot)) else None
    return None


def _child(node: Mapping[str, Any], key: Any) -> Any:
    """Return a value of a node, None for one that is still missing."""
    return None if isinstance(node, DictConfig) and OmegaConf.is_missing(node, key) else node.get(key)
