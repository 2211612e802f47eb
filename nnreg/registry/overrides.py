"""Python values as the words of a command line, in Hydra's grammar: ``steps=500``, ``optimizer.lr=0.1``, ``seed=0,1,2``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from nnreg.errors import UserError
from nnreg.settings import OF_A_SWEEP, Settings

PLAIN = re.compile(r"(?!(true|false|null|nan|inf)$)[a-z_][\w/.-]*", re.ASCII | re.IGNORECASE)
"""Text that Hydra reads as itself without quotes."""
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
