"""Python values as the words of a command line, in Hydra's grammar: ``steps=500``, ``optimizer.lr=0.1``, ``seed=0,1,2``.

And words of a command line as they were meant: Hydra reads ``dataset.target=1.10`` as the number 1.1, where text was typed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from nnreg.contracts import CONTRACTS
from nnreg.errors import UserError
from nnreg.registry import entries
from nnreg.registry.nested import JOINT, main_slot
from nnreg.registry.nested_words import chosen_in, owners_of
from nnreg.registry.schemas import REQUIRED, Parameter, parameters_of
from nnreg.registry.vocabulary import of_kind
from nnreg.settings import OF_A_SWEEP, Settings, SweepSettings

PLAIN = re.compile(r"(?!(true|false|null|nan|inf)$)[a-z_][\w/.+-]*", re.ASCII | re.IGNORECASE)
"""Text that Hydra reads as itself without quotes."""
NUMBER = re.compile(r"[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(e[+-]?[\d_]+)?|[+-]?(inf|nan)|true|false", re.ASCII | re.IGNORECASE)
"""What Hydra may read as something else than text."""
WHOLE = re.compile(r"-?[1-9]\d*|0", re.ASCII)
"""Numbers that are written as they are typed."""
PIECE = re.compile(
    r"""(?P<whole>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\$\{[^}]*\}|\\.)|(?P<open>[\[({])|(?P<close>[\])}])|(?P<comma>,)|.""",
    re.DOTALL,
)
READABLE = re.compile(r"[\w/\-.+$%*@?|: \t]*", re.ASCII)
"""What Hydra reads without quotes."""
COUNTED = re.compile(r"\b(range|interval|glob)\s*\(")
OF_HYDRA = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.name")
LISTS = {field.name for field in dataclasses.fields(Settings) if str(field.type).startswith("list")}
"""Settings that are lists, such as ``hidden``."""


def quoted(value: object) -> str:
    """Return a value in Hydra's override grammar; reading it gives the value back.

    Args:
        value: None, a bool, a number, text, a path, a NumPy scalar or array, or a list, tuple, range or dict of such.

    Raises:
        TypeError: Hydra has no words for it.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | PurePath):
        return _text(str(value))
    if hasattr(value, "tolist"):  # of NumPy or pandas: np.float64(0.1) is a float, and says so in its repr
        return quoted(value.tolist())
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple | range):
        return "[" + ",".join(map(quoted, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!s}:{quoted(inner)}" for key, inner in value.items()) + "}"
    raise TypeError(
        f"{value!r} ({type(value).__name__}) is no value of a setting: give a number, text, None, or a list of such"
    )


def of_run(settings: Mapping[str, Any]) -> list[str]:
    """Return one word a setting; ``optimizer__lr`` stands for ``optimizer.lr``.

    Raises:
        UserError: a value cannot be written.
    """
    return [f"{_key(name)}={_written(name, value)}" for name, value in settings.items()]


def of_sweep(settings: Mapping[str, Any]) -> list[str]:
    """Return one word a setting; a list, tuple, range or array is an axis: each of its elements is tried.

    What says how a sweep is made, such as ``protocol__seeds``, is never tried: a list is its value.

    Raises:
        UserError: an axis is empty, or a value cannot be written.
    """
    kept = {name: value for name, value in settings.items() if _key(name).partition(".")[0] in (*OF_A_SWEEP, "hydra")}
    words = {name: ",".join(_tried(name, value)) for name, value in settings.items() if name not in kept}
    words |= {name: _written(name, value) for name, value in kept.items()}
    return [f"{_key(name)}={words[name]}" for name in settings]


def keep_text(words: Sequence[str]) -> list[str]:
    """Return words in which what is given to a text parameter stands in quotes where Hydra would read something else.

    Args:
        words: as typed: overrides, and options, which stay as they are.
    """
    chosen = chosen_in(words)
    return [_as_typed(word, chosen) for word in words]


def _as_typed(word: str, chosen: Mapping[str, Sequence[str]]) -> str:
    parts = re.fullmatch(r"(\+{0,2}([a-zA-Z][\w.]*))=(.*)", word, re.DOTALL)
    if parts is None or PLAIN.fullmatch(parts[3]) or WHOLE.fullmatch(parts[3]) or not parts[3]:
        return word
    meant = [Parameter(parts[2], str, "", settable=True)] if parts[2] in OF_HYDRA else _parameters(parts[2], chosen)
    is_text = bool(meant) and all(parameter.is_text for parameter in meant)
    choices = {str(choice) for parameter in meant for choice in parameter.choices}
    if (not is_text and not choices) or COUNTED.search(parts[3]):
        return word
    has_none = any(parameter.may_be_none for parameter in meant)
    is_one = all(parameter.annotation in (str, str | None) for parameter in meant)
    kept = f"{parts[1]}={_kept(parts[3], None if is_text else choices, has_none=has_none)}"
    return f"{parts[1]}={_text(parts[3])}" if is_text and is_one and not _is_readable(kept) else kept


def _parameters(key: str, chosen: Mapping[str, Sequence[str]]) -> list[Parameter]:
    """Return the parameters that a key may stand for: of the techniques that were chosen, else of all that have one."""
    slot, _, rest = key.partition(".")
    if slot not in entries.slots():
        owners, name = ([SweepSettings], rest.partition(".")[0]) if slot == "sweep" else ([Settings], slot)
        return [parameter for owner in owners for parameter in parameters_of(owner) if parameter.name == name]
    meant = []
    for entry, name in owners_of(key, chosen):
        with contextlib.suppress(Exception):  # a broken plugin is complained about where it is used
            meant += [parameter for parameter in parameters_of(entries.load_class(entry)) if parameter.name == name]
    return meant


def _kept(value: str, choices: set[str] | None, *, has_none: bool) -> str:
    """Return a value with quotes around each of its elements that Hydra would take for something else."""
    made, element, depth, is_whole = "", "", list[str](), False

    def ended() -> str:
        text = element.strip()
        name, colon, inner = text.partition(":") if depth[-1:] == ["{"] else ("", "", text)
        inner = inner.strip()
        is_named = "(" in depth and re.match(r"\w+\s*=", inner)  # an argument of Hydra's own function
        is_null = inner.lower() == "null" and not has_none
        is_other = bool(NUMBER.fullmatch(inner)) and not WHOLE.fullmatch(inner)
        is_meant = inner in choices if choices is not None else is_null or is_other or not READABLE.fullmatch(inner)
        if is_whole or is_named or not inner or not is_meant:
            return element
        return element.replace(text, f"{name}{colon}{_text(inner)}")

    for piece in PIECE.finditer(value):
        kind = piece.lastgroup
        if kind in (None, "whole"):
            element, is_whole = element + piece[0], is_whole or kind == "whole"
            continue
        made += (element if kind == "open" else ended()) + piece[0]
        element, is_whole = "", False
        depth = [*depth, piece[0]] if kind == "open" else depth[:-1] if kind == "close" else depth
    return made + ended()


def _is_readable(word: str) -> bool:
    """Tell whether Hydra can make sense of a word."""
    if READABLE.fullmatch(word.partition("=")[2]):
        return True
    try:
        OverridesParser.create().parse_overrides([word])
    except HydraException:
        return False
    return True


def _tried(name: str, value: object) -> Iterator[str]:
    """Yield the values of an axis."""
    found = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(found, set | frozenset):
        raise UserError(f"{name}={value!r}: a set has no order: give a list of what to try")
    values: Sequence[object] = found if isinstance(found, list | tuple | range) else (found,)
    if not values:
        raise UserError(f"{name}={value!r} is a sweep over nothing: give at least one value")
    if name in LISTS and values is found and any(isinstance(one, int | float) for one in values):
        raise UserError(
            f"{name}={value!r}: a list in a sweep is what is tried; one that is always the same is {name}=[{value!r}]"
        )
    for one in values:
        yield _written(name, one)


def _written(name: str, value: object) -> str:
    try:
        return quoted(value)
    except TypeError as error:
        raise UserError(f"{name}: {error}") from error


def _key(name: str) -> str:
    return name.replace("__", ".")


def _text(text: str) -> str:
    if PLAIN.fullmatch(text):
        return text
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)  # a backslash is itself, except before a quote
    return "'" + re.sub(r"(\\+)$", r"\1\1", escaped) + "'"


def named(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which techniques are called by name: ``optimizer=MyRule(lr=0.1)`` is a name and ``optimizer__lr=0.1``.

    A class that no distribution has is registered on the way.

    Raises:
        UserError: a class is no technique of its kind, or what an instance was made with cannot be told.
    """
    groups = {slot: group for group, slot in entries.groups().items()}
    found: dict[str, Any] = {}
    for key, value in settings.items():
        several = value if isinstance(value, list | tuple) else [value]
        kind = entries.slots().get(key) or _kind_inside(key, several)
        if kind is None or not any(_is_technique(one, kind) for one in several):
            if kind is not None:
                _check_kind(key, kind, several)
            found[key] = value
            continue
        names = [_named(one, kind) for one in several]
        parameters = [_made_with(key, one, kind) for one in several]
        if len(several) > 1 and any(parameters):
            raise UserError(f"{key}: of several techniques give the classes, and what differs as {key}__PARAMETER=[...]")
        found[groups.get(key, f"{kind}@{_key(key)}")] = names if isinstance(value, list | tuple) else names[0]
        found |= parameters[0]
        if twice := next((name for name in parameters[0] if name in settings), None):
            raise UserError(f"{_key(twice)} is given twice: in {key} and as a keyword")
    return found


def _check_kind(key: str, kind: str, several: Sequence[object]) -> None:
    """Refuse a technique in the place of one of another kind."""
    for made in map(_class_of, several):
        if (other := entries.kind_of(made)) is not None:
            raise UserError(f"{key} takes {of_kind(kind)}, and {made.__name__} is {of_kind(other)}")


def _class_of(value: object) -> type:
    return value if isinstance(value, type) else type(value)


def _is_technique(value: object, kind: str) -> bool:
    made = _class_of(value)
    wanted = entries.required_methods(kind)
    return made.__module__ != "builtins" and bool(wanted) and any(hasattr(made, method) for method in wanted)


def _kind_inside(key: str, several: Sequence[object]) -> str | None:
    """Return the kind of what is given for a slot, as in ``optimizer__inner=Momentum()``; None for other values."""
    if _key(key).partition(".")[0] not in entries.slots() or "." not in _key(key):
        return None
    classes = [*map(_class_of, several)]
    return next((kind for kind, contract in CONTRACTS.items() if any(contract in made.__mro__ for made in classes)), None)


def _named(value: object, kind: str) -> object:
    """Return the name of a class, or of an instance with what it holds: ``lookahead+momentum``."""
    if not _is_technique(value, kind):
        return value
    entry = entries.register_class(_class_of(value), kind)
    slot = main_slot(entry)
    inner = getattr(value, slot, None) if slot is not None and not isinstance(value, type) else None
    return entry.name if inner is None else f"{entry.name}{JOINT}{_named(inner, kind)}"


def _made_with(slot: str, value: object, kind: str) -> dict[str, Any]:
    """Return what an instance was made with, and what it holds, as far as it is not the default."""
    if isinstance(value, type) or not _is_technique(value, kind):
        return {}
    found: dict[str, Any] = {}
    main = main_slot(entries.register_class(type(value), kind))
    for parameter in parameters_of(type(value)):
        if not hasattr(value, parameter.name):
            raise UserError(
                f"{type(value).__name__} does not keep its {parameter.name}, which is to be recorded: give the class, as in "
                f"{slot}={type(value).__name__}, {slot}__{parameter.name}=VALUE"
            )
        kept = getattr(value, parameter.name)
        if parameter.kind is not None and kept is not None:
            if parameter.name != main:
                found[f"{parameter.kind}@{_key(slot)}.{parameter.name}"] = _named(kept, parameter.kind)
            found |= _made_with(f"{slot}__{parameter.name}", kept, parameter.kind)
        elif parameter.settable and (parameter.default is REQUIRED or repr(kept) != repr(parameter.default)):
            found[f"{slot}__{parameter.name}"] = getattr(kept, "name", kept) if isinstance(kept, enum.Enum) else kept
    return found
