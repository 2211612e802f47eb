"""A constructor becomes a typed, importable, picklable schema: the signature is the configuration.

``nnreg.registry.schemas.optimizer__adam`` is made from the signature of the optimizer ``adam`` when first asked for;
``nnreg.registry.schemas.init__glorot__mode`` is the Enum that stands for its Literal parameter.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnreg.contracts import CONTRACTS, Slot
from nnreg.errors import one_line
from nnreg.registry import entries
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg.settings import Settings, SweepSettings

PLAIN = (bool, int, float, str, bytes)
"""Types of values that a configuration holds as they are."""

SCALARS: Mapping[Any, Any] = {**{kind: kind for kind in PLAIN}, Path: str}
"""What a configuration holds for a value of a type; a path is a word there, so that every saved file stays plain YAML."""


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One constructor argument of a technique.

    Attributes:
        name: as it is typed after the dot in ``optimizer.lr=0.1``.
        annotation: its type as the author wrote it, resolved.
        default: its default value, or REQUIRED.
        settable: whether a configuration can hold it; a function or an array as default cannot.
    """

    name: str
    annotation: Any
    default: Any
    settable: bool

    @property
    def kind(self) -> str | None:
        """Kind of the technique that stands in it, or None: its type is then no contract, or its default no ``slot``."""
        kernel = _without_none(self.annotation)
        is_slot = isinstance(self.default, Slot)
        return next((kind for kind, contract in CONTRACTS.items() if contract is kernel), None) if is_slot else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """Return the values a Literal or Enum allows, else nothing."""
        kernel = _without_none(self.annotation)
        if typing.get_origin(kernel) is Literal:
            return typing.get_args(kernel)
        return tuple(member.name for member in kernel) if _is_enum(kernel) else ()

    @property
    def type_text(self) -> str:
        """Return the type as a reader wants it: ``float``, ``fan_avg | fan_in``, ``optimizer`` where one stands in it."""
        if self.kind is not None:
            return self.kind
        if self.choices:
            none = ["null"] if _without_none(self.annotation) is not self.annotation else []
            return " | ".join([*map(str, self.choices), *none])
        parts = typing.get_args(self.annotation)
        if any(typing.get_origin(part) is Literal for part in parts):  # a type, or some words
            return " | ".join(str(word) for part in parts for word in typing.get_args(part) or (part.__name__,))
        plain = isinstance(self.annotation, type) and not typing.get_args(self.annotation)
        return self.annotation.__name__ if plain else re.sub(r"\b(\w+\.)+(?=\w)", "", str(self.annotation))

    @property
    def is_text(self) -> bool:
        """Whether its values, or all that it holds, are text or paths."""
        kernel = _without_none(self.annotation)
        is_dict = typing.get_origin(kernel) in (dict, Mapping)
        parts = [part for part in typing.get_args(kernel)[is_dict:] if part is not Ellipsis]
        holds = typing.get_origin(kernel) in (list, tuple, Sequence, dict, Mapping) and parts
        return all(part in (str, Path) for part in (parts if holds else [kernel]))

    @property
    def may_be_none(self) -> bool:
        """Whether null is one of its values."""
        return _without_none(self.annotation) is not self.annotation

    def restore(self, value: Any) -> Any:
        """Return a configuration's value as the constructor expects it: words, paths and tuples are something else there.

        Raises:
            ValueError: a tuple of fixed length has another.
        """
        kernel = _without_none(self.annotation)
        length = len(typing.get_args(kernel)) if typing.get_origin(kernel) is tuple else None
        if length and Ellipsis not in typing.get_args(kernel) and isinstance(value, list) and len(value) != length:
            raise ValueError(f"{self.name} must have {length} values, got {len(value)}")
        restored = _restored(value, self.annotation)
        return tuple(restored) if isinstance(self.default, tuple) and isinstance(restored, list) else restored


def parameters_of(technique: type) -> tuple[Parameter, ...]:
    """Return the constructor arguments of a class in order, ``*args`` and ``**kwargs`` left out; a class is read once."""
    return _read_parameters(technique)


@cache
def _read_parameters(technique: type) -> tuple[Parameter, ...]:
    hints = _hints(technique)
    factories = {f.name: f.default_factory for f in _fields(technique) if f.default_factory is not dataclasses.MISSING}
    found = []
    for name, argument in inspect.signature(technique).parameters.items():
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            continue
        default = REQUIRED if argument.default is argument.empty else argument.default
        default = factories[name]() if name in factories else default
        found.append(Parameter(name, hints.get(name, Any), default, _holdable(default)))
    return tuple(found)


def schema(technique: type, name: str, module: str, fixed: Mapping[str, str] = types.MappingProxyType({})) -> type:
    """Return a dataclass that OmegaConf can type-check a technique's parameters with.

    Args:
        technique: the class whose signature is read.
        name: name of the dataclass; enums made for Literal parameters are called ``<name>__<parameter>``.
        module: where ``name`` can be imported from, so that configurations pickle.
        fixed: extra string fields put first.

    Raises:
        ValueError: a parameter has the name of a fixed field.
    """
    fields: list[tuple[str, Any, Any]] = [(key, str, dataclasses.field(default=value)) for key, value in fixed.items()]
    for parameter in parameters_of(technique):
        if parameter.name in fixed:
            raise ValueError(f"the parameter '{parameter.name}' must be called otherwise, nnreg keeps something else there")
        if parameter.kind is not None:  # what stands there comes as a node of its own
            fields.append((parameter.name, Any, dataclasses.field(default=MISSING)))
        elif parameter.settable:
            fields.append(_field(parameter, _config_type(parameter, f"{name}__{parameter.name}", module)))
    made = dataclasses.make_dataclass(name, fields)
    made.__module__ = module
    return made


def _restored(value: Any, annotation: Any) -> Any:
    kernel = _without_none(annotation)
    origin, items = typing.get_origin(kernel) or kernel, typing.get_args(kernel) or (Any,)
    if isinstance(value, enum.Enum) and not _is_enum(kernel):
        return value.value
    if kernel is Path and isinstance(value, str):
        return Path(value)
    if isinstance(value, dict):
        return {key: _restored(inner, items[-1]) for key, inner in value.items()}
    if not isinstance(value, list):
        return value
    each = items if origin is tuple and len(items) == len(value) and Ellipsis not in items else [items[0]] * len(value)
    restored = [_restored(inner, item) for inner, item in zip(value, each, strict=True)]
    return tuple(restored) if origin is tuple else restored


def _field(parameter: Parameter, kernel: Any) -> tuple[str, Any, Any]:
    """Return a dataclass field as strict as the default lets it be: the author may have written ``lr: float = None``."""
    optional: Any = typing.Optional[kernel]  # noqa: UP045 - kernel is a run-time value
    may_be_none = _without_none(parameter.annotation) is not parameter.annotation
    for annotation in (optional,) if may_be_none else (kernel, optional):
        field = (parameter.name, annotation, _config_default(parameter, annotation))
        if _is_plain(annotation, parameter.default) or _accepted(field):
            return field
    return parameter.name, Any, _config_default(parameter, Any)


def _config_type(parameter: Parameter, name: str, module: str) -> Any:
    """Map an annotation without its None to one that OmegaConf takes: Literal to an Enum, what it rejects to Any."""
    kernel: Any = _without_none(parameter.annotation)
    origin, items = typing.get_origin(kernel), [item for item in typing.get_args(kernel) if item is not Ellipsis]
    if origin is Literal:
        return _enum(name, parameter.choices, module)
    if origin in (list, tuple, Sequence):
        uniform = items and items[0] in SCALARS and all(item == items[0] for item in items)
        return types.GenericAlias(list, (SCALARS[items[0]],)) if uniform else Any
    if origin in (dict, Mapping):
        checkable = len(items) == 2 and items[0] in (str, int) and items[1] in SCALARS
        return types.GenericAlias(dict, (items[0], SCALARS[items[1]])) if checkable else Any
    return kernel if _is_enum(kernel) else SCALARS.get(kernel, Any) if isinstance(kernel, type) else Any


def _enum(name: str, choices: tuple[Any, ...], module: str) -> Any:
    """Return an Enum of words and whole numbers; Any for other choices, and for words that no member may be called."""
    members = {str(choice): choice for choice in choices}
    if len(members) < len(choices) or not all(type(choice) in (str, int) for choice in choices):
        return Any
    make: Any = enum.Enum  # made at run time: a type checker wants a literal name
    try:
        return make(name, members, module=module, qualname=name)
    except ValueError:
        return Any


def _is_plain(annotation: Any, default: Any) -> bool:
    """Tell whether a default is just what its annotation says, which OmegaConf need not be asked of: that is slow."""
    kernel = _without_none(annotation)
    is_known = any(kernel is kind for kind in PLAIN)  # an annotation may be of any kind, also one without a hash
    return is_known and (type(default) is kernel or (default is None and kernel is not annotation))


def _accepted(field: tuple[str, Any, Any]) -> bool:
    """Return whether OmegaConf takes a field's annotation together with its default."""
    try:
        OmegaConf.structured(dataclasses.make_dataclass("Candidate", [field]))
    except OmegaConfBaseException:
        return False
    return True


def _config_default(parameter: Parameter, annotation: Any) -> Any:
    if parameter.default is REQUIRED:
        return dataclasses.field(default=MISSING)
    default = parameter.default
    kernel = _without_none(annotation)
    if _is_enum(kernel) and not isinstance(default, enum.Enum):
        default = kernel.__members__.get(str(default), default)
    default = _worded(default)
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: default)
    return dataclasses.field(default=default)


def _worded(value: Any) -> Any:
    """Return a default with lists for tuples and words for paths."""
    if isinstance(value, list | tuple):
        return [_worded(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _worded(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, Path) else value


def _holdable(default: Any) -> bool:
    if default is REQUIRED or default is None or type(default) in PLAIN or isinstance(default, Slot):
        return True
    try:
        OmegaConf.create({"value": _worded(default)})
    except OmegaConfBaseException:
        return False
    return not (dataclasses.is_dataclass(default) or isinstance(default, type))


def _without_none(annotation: Any) -> Any:
    """Return X for ``X | None``, anything else as it is."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [argument for argument in typing.get_args(annotation) if argument is not types.NoneType]
        if len(rest) == 1 and len(rest) < len(typing.get_args(annotation)):
            return rest[0]
    return annotation


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, enum.Enum)


def _fields(technique: type) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(technique) if dataclasses.is_dataclass(technique) else ()


def _hints(technique: type) -> dict[str, Any]:
    """Return resolved annotations; one that names what only a type checker imports is left out, the others stay."""
    source = technique if dataclasses.is_dataclass(technique) else technique.__init__  # type: ignore[misc]
    try:
        return typing.get_type_hints(source)
    except Exception:  # whatever an unresolvable annotation raises
        return dict(_resolvable_hints(technique))


def _resolvable_hints(technique: type) -> Iterator[tuple[str, Any]]:
    names = vars(sys.modules[technique.__module__])
    for name, argument in inspect.signature(technique).parameters.items():
        alone = types.SimpleNamespace(__annotations__={name: argument.annotation})
        with contextlib.suppress(Exception):
            yield name, typing.get_type_hints(alone, names)[name]


def meant_as_text(value: Any) -> str:
    """Return what is wrong with a value of a text parameter: "" for text, and for a whole number, which is written one way."""
    if not isinstance(value, bool | float):
        return ""
    return f"{value} is no text: put what was meant into quotes, such as '{value}': 1.10, 1e3 and yes are read otherwise"


@cache
def schema_of(entry: Entry) -> type:
    """Return the schema of a technique: its name, then its parameters.

    Raises:
        BrokenPlugin: the plugin cannot be imported, or its signature cannot be a configuration.
    """
    technique = entries.load_class(entry)
    try:
        return schema(technique, f"{entry.kind}__{entry.name}", __name__, fixed={"name": entry.name})
    except Exception as error:  # a default factory is the plugin's code, and some classes have no signature
        raise BrokenPlugin(
            f"{entry} is broken: reading its signature raised {type(error).__name__}: {one_line(error)}"
        ) from error


@cache
def settings() -> type:
    """Return the schema of a run's settings."""
    return schema(Settings, "settings__run", __name__)


@cache
def sweep() -> type:
    """Return the schema of the settings of a sweep."""
    return schema(SweepSettings, "settings__sweep", __name__)


def __getattr__(name: str) -> Any:
    kind, _, rest = name.partition("__")
    technique, _, parameter = rest.partition("__")
    if kind == "settings":
        made = sweep() if technique == "sweep" else settings()
    elif kind and technique in entries.techniques(kind):  # an import asks for __path__, before plugins may be looked for
        made = schema_of(entries.techniques(kind)[technique])
    else:
        raise AttributeError(f"module {__name__} has no schema {name}")
    return _enum_of(made, parameter) if parameter else made


def _enum_of(schema: type, parameter: str) -> Any:
    hint = typing.get_type_hints(schema).get(parameter)
    found = next((kernel for kernel in (hint, *typing.get_args(hint)) if getattr(kernel, "__module__", "") == __name__), None)
    if found is None:
        raise AttributeError(f"module {__name__} has no Enum for {schema.__name__}.{parameter}")
    return found
