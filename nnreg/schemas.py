"""The stable, importable home of every configuration schema, so that composed configurations pickle.

``nnreg.schemas.optimizer__adam`` is made from the signature of the optimizer ``adam`` when first asked for;
``nnreg.schemas.init__glorot__mode`` is the Enum that stands for its Literal parameter.
"""

from __future__ import annotations

import typing
from functools import cache
from typing import Any

from nnreg import registry, signature
from nnreg.errors import one_line
from nnreg.registry import BrokenPlugin, Entry
from nnreg.settings import Settings, SweepSettings


@cache
def of(entry: Entry) -> type:
    """Return the schema of a technique: its name, then its parameters.

    Raises:
        BrokenPlugin: the plugin cannot be imported, or its signature cannot be a configuration.
    """
    technique = registry.load_class(entry)
    try:
        return signature.schema(technique, f"{entry.kind}__{entry.name}", __name__, fixed={"name": entry.name})
    except Exception as error:  # a default factory is the plugin's code, and some classes have no signature
        raise BrokenPlugin(
            f"{entry} is broken: reading its signature raised {type(error).__name__}: {one_line(error)}"
        ) from error


@cache
def settings() -> type:
    """Return the schema of a run's settings."""
    return signature.schema(Settings, "settings__run", __name__)


@cache
def sweep() -> type:
    """Return the schema of the settings of a sweep."""
    return signature.schema(SweepSettings, "settings__sweep", __name__)


def __getattr__(name: str) -> Any:
    kind, _, rest = name.partition("__")
    technique, _, parameter = rest.partition("__")
    if kind == "settings":
        made = sweep() if technique == "sweep" else settings()
    elif technique in registry.techniques(kind):
        made = of(registry.techniques(kind)[technique])
    else:
        raise AttributeError(f"module {__name__} has no schema {name}")
    return _enum_of(made, parameter) if parameter else made


def _enum_of(schema: type, parameter: str) -> Any:
    hint = typing.get_type_hints(schema).get(parameter)
    found = next((kernel for kernel in (hint, *typing.get_args(hint)) if getattr(kernel, "__module__", "") == __name__), None)
    if found is None:
        raise AttributeError(f"module {__name__} has no Enum for {schema.__name__}.{parameter}")
    return found
