"""Words that choose a technique inside another one: ``optimizer.inner=momentum`` is Hydra's ``optimizer@optimizer.inner``.

They are told from values of parameters before Hydra reads them. ``optimizer.lr=0.1`` is no name: nothing is imported for it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nnreg.errors import UserError
from nnreg.registry import entries
from nnreg.registry.entries import Entry
from nnreg.registry.nested import JOINT, main_slot, slots_of, split_name

_WORD = re.compile(r"(\+{0,2})(?:(\w+)@)?(\w+(?:\.\w+)*)=(.*)", re.DOTALL)
_NAME = r"\s*[a-z_]\w*(?:\+\w+)*\s*"
_NAMES = re.compile(rf"\s*(?:choice\()?({_NAME}(?:,{_NAME})*)\)?\s*", re.ASCII | re.IGNORECASE)
_GLOB = re.compile(r"\s*glob\(.*\)\s*", re.DOTALL)
_NO_NAMES = {"null", "none", "true", "false", "nan", "inf"}


class _Held(NamedTuple):
    """What may stand in a place: the technique, None for one that is not known here, and what was asked for inside of it."""

    option: str
    entry: Entry | None
    inner: str


Chosen = Mapping[str, Sequence[str]]


def as_choices(words: Sequence[str]) -> list[str]:
    """Return words in which a technique for a slot is chosen as Hydra wants it: ``optimizer@optimizer.inner=momentum``.

    ``bias=constant`` is ``init@bias=constant``.

    Args:
        words: as typed: overrides, and options, which stay as they are.

    Raises:
        UserError: of several techniques that are swept one has no such slot.
    """
    chosen = chosen_in(words)
    return [_as_choice(word, chosen) for word in words]


def chosen_in(words: Sequence[str]) -> dict[str, list[str]]:
    """Return what some words choose, by place: ``optimizer``, ``bias``, ``optimizer.inner``; all of a kind for a glob."""
    found: dict[str, list[str]] = {}
    for word in words:
        if (parts := _WORD.fullmatch(word)) is None:
            continue
        _, group, key, value = parts.groups()
        kind = group or entries.slots().get(key)
        if kind is not None and _GLOB.fullmatch(value):
            found[key] = list(entries.techniques(kind))
        elif names := _names(value):
            found[key] = names
    return found


def owners_of(key: str, chosen: Chosen) -> Iterator[tuple[Entry, str]]:
    """Yield technique and parameter that a dotted key may mean: ``optimizer.inner.lr`` is ``lr`` of what stands inside."""
    head, *path = key.split(".")
    options = list(_held(head, chosen))
    if any(held.entry is None for held in options):  # a YAML of the user's may be made of any
        options = list(_held(head, {}))
    yield from _owners(head, options, path, chosen)


def completed(word: str, words: Sequence[str]) -> list[str]:
    """Return how a word may go on that names a technique inside another: ``optimizer=lookahead+`` or ``optimizer.inner=``.

    Args:
        word: as far as it is typed.
        words: typed before it.
    """
    key, assigned, value = word.partition("=")
    outer, joint, begun = value.rpartition(JOINT)
    place, _, slot = key.rpartition(".")
    chosen, kind = chosen_in(words), entries.slots().get(entries.groups().get(key, "")) if joint else None
    if place in chosen:
        held = (_slots(each.entry) for each in _held(place, chosen) if each.entry is not None)
        kind = next((slots[slot] for slots in held if slot in slots), kind)
    around = entries.techniques(kind or "").get(outer.rpartition(JOINT)[2])
    is_slot = not joint or (around is not None and kind in _slots(around).values())
    names = entries.techniques(kind or "") if assigned and is_slot else ()
    return [f"{key}={outer}{joint}{name}" for name in names if name.startswith(begun)]


def without_slot(key: str) -> str:
    """Return what is wrong with a choice for a slot that what was chosen around it does not have; "" of any other key."""
    parts = re.fullmatch(r"(\w+)@((\w+)[\w.]*)\.(\w+)", key)
    if parts is None or parts[3] not in entries.slots():
        return ""
    kind, place, _, slot = parts.groups()
    known = [f"{place}={name}" for name, entry in entries.techniques(kind).items() if slot in _slots(entry)]
    choose = f": choose one that has, such as {known[0]}" if known and place in entries.slots() else ""
    return f"what is chosen in {place} has no slot '{slot}' for another {kind}{choose}"


def unfit_name(kind: str, name: str, options: Sequence[str]) -> str:
    """Return what is wrong with a name beside its ``+``; "" where that is not the mistake.

    Args:
        kind: of the technique.
        name: as it was typed, which is no option.
        options: that there are.
    """
    outer, inner = split_name(name)
    if JOINT in name and "" in (names := name.split(JOINT)):
        return f"{kind}={name}: a name is missing beside the {JOINT}, type {kind}={JOINT.join(filter(None, names)) or 'NAME'}"
    if inner and outer in options:  # of a YAML it is not known what may stand in it
        return f"{kind}={name}: {outer} is a YAML: type {kind}={outer}, and for what is to stand in it {kind}.SLOT={inner}"
    return ""


def _owners(place: str, options: Sequence[_Held], path: Sequence[str], chosen: Chosen) -> Iterator[tuple[Entry, str]]:
    for held in options:
        if held.entry is not None and path:
            if path[1:] and path[0] in _slots(held.entry):
                inside = list(_inside(held, place, path[0], chosen))
                yield from _owners(f"{place}.{path[0]}", inside, path[1:], chosen)
            else:
                yield held.entry, path[0]


def _as_choice(word: str, chosen: Chosen) -> str:
    parts = _WORD.fullmatch(word)
    if parts is not None and _is_second_place(parts[3]) and not parts[2] and (_names(parts[4]) or _GLOB.fullmatch(parts[4])):
        return f"{entries.slots()[parts[3]]}@{parts[3]}={parts[4]}"
    if parts is None or "." not in parts[3] or parts[3].partition(".")[0] not in entries.slots():
        return word
    _, group, key, value = parts.groups()
    place, _, slot = key.rpartition(".")
    if not (_names(value) or _GLOB.fullmatch(value)) or not (group or place in chosen or _is_technique(value)):
        return word
    with_slot: list[_Held] = []
    without: list[_Held] = []
    options = list(_held(place, chosen))
    is_any = any(held.entry is None for held in options)  # a YAML of the user's may be made of any
    for held in _held(place, {}) if is_any else options:
        if held.entry is not None:
            (with_slot if slot in _slots(held.entry) else without).append(held)
    if not with_slot:
        return word
    if without and place in chosen and not is_any:
        raise UserError(_of_some(word, place, slot, with_slot, without, chosen))
    if group is not None:
        return word
    kind = next(_slots(held.entry)[slot] for held in with_slot if held.entry is not None)
    return f"{kind}@{key}={value}"


def _is_second_place(key: str) -> bool:
    """Tell whether a key is a place beside that of its kind, such as ``bias``, of which Hydra knows ``init@bias``."""
    return entries.slots().get(key, key) != key


def _of_some(word: str, place: str, slot: str, with_slot: list[_Held], without: list[_Held], chosen: Chosen) -> str:
    """Say how techniques are swept of which some hold another and some do not."""
    inside = chosen.get(f"{place}.{slot}", ["NAME"])
    options: list[str] = []
    for option in chosen[place]:
        held = next((each for each in with_slot if each.option == option), None)
        is_main = held is not None and held.entry is not None and main_slot(held.entry) == slot
        options += [f"{split_name(option)[0]}{JOINT}{inner}" for inner in inside] if is_main else [option]
    lacking = ", ".join(dict.fromkeys(held.option for held in without))
    return f"{word}: {lacking} {'has' if len(without) == 1 else 'have'} no slot '{slot}': type {place}={','.join(options)}"


def _held(place: str, chosen: Chosen) -> Iterator[_Held]:
    """Yield what may stand in a place."""
    outside, _, slot = place.rpartition(".")
    if not outside:
        kind = entries.slots().get(place, "")
        for option in chosen.get(place) or entries.techniques(kind):
            yield _found(kind, option)
        return
    for holder in _held(outside, chosen):
        yield from _inside(holder, outside, slot, chosen)


def _inside(holder: _Held, place: str, slot: str, chosen: Chosen) -> Iterator[_Held]:
    """Yield what may stand in a slot of what may stand in a place."""
    if holder.entry is None or slot not in _slots(holder.entry):
        return
    parameter = slots_of(holder.entry)[slot]
    default = holder.inner if holder.inner and main_slot(holder.entry) == slot else parameter.default.default
    for option in chosen.get(f"{place}.{slot}") or [default]:
        yield _found(str(parameter.kind), option)


def _found(kind: str, option: str) -> _Held:
    outer, inner = split_name(option)
    return _Held(option, entries.techniques(kind).get(outer), inner)


def _slots(entry: Entry) -> dict[str, str]:
    """Return the kind of each slot of a technique; none of a broken one, which is complained about where it is used."""
    with contextlib.suppress(UserError):
        return {name: str(parameter.kind) for name, parameter in slots_of(entry).items()}
    return {}


def _names(value: str) -> list[str]:
    """Return what may be names of techniques in a value; nothing where one cannot be."""
    parts = _NAMES.fullmatch(value)
    names = [name.strip() for name in parts[1].split(",")] if parts else []
    return [] if any(name.lower() in _NO_NAMES for name in names) else names


def _is_technique(value: str) -> bool:
    """Tell whether one of some names is that of a technique, of whatever kind."""
    return any(split_name(name)[0] in entries.techniques(kind) for name in _names(value) for kind in entries.kinds())
