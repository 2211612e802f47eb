"""Kind and name to class, from entry points, imported only when asked for.

A kind is an entry-point group: ``nnreg.optimizer`` holds the optimizers. Names are listed without importing anything; ``load``
imports one plugin. Classes of a running program may be registered beside them. This module knows no technique and no
configuration library.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from nnreg.contracts import CONTRACTS, Layer
from nnreg.errors import UserError, instead, one_line

PREFIX = "nnreg."
REGISTERED = "registered in Python"
"""Stands where a distribution would, for a class that a program has registered."""


class UnknownTechnique(UserError):
    """No plugin of that kind has that name."""


class BrokenPlugin(UserError):
    """A plugin is registered but cannot be used; the message names plugin, distribution and cause."""


@dataclass(frozen=True)
class Entry:
    """One registered technique, not yet imported.

    Attributes:
        kind: such as ``optimizer``.
        name: what one types, such as ``adam``.
        targets: where it lives, such as ``nnreg_std.optimizers.adam:Adam``, with the distribution that says so; more
            than one when distributions quarrel over the name.
        own: the class itself where a program has registered it, or None for one that is imported.
    """

    kind: str
    name: str
    targets: tuple[tuple[str, str], ...]
    own: type | None = None

    @property
    def target(self) -> str:
        """Import path, ``module:Class``."""
        return self.targets[0][0]

    @property
    def distribution(self) -> str:
        """Name of the distribution that registered it."""
        return self.targets[0][1]

    @property
    def version(self) -> str:
        """Version of that distribution."""
        return distribution_version(self.distribution)

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}' ({f'{self.distribution} {self.version}'.strip()})"


def kinds() -> tuple[str, ...]:
    """Return every kind somebody registered a technique for, sorted."""
    return tuple(_catalogue())


def slots() -> Mapping[str, str]:
    """Return the places in a run's configuration that hold a technique, with the kind of each.

    Every kind has its own; ``bias`` is a second place for an init: ``init@bias=constant bias.value=0.1``.
    """
    return {kind: kind for kind in kinds()} | {"bias": "init"}


def groups() -> Mapping[str, str]:
    """Return the words that choose a technique, each with its place: ``optimizer`` for itself, ``init@bias`` for ``bias``."""
    return {slot if slot == kind else f"{kind}@{slot}": slot for slot, kind in slots().items()}


def techniques(kind: str) -> Mapping[str, Entry]:
    """Return the techniques of a kind by name, sorted, without importing them; empty for an unknown kind."""
    installed, own = _catalogue().get(kind, {}), registered_techniques(kind)
    return dict(sorted((*installed.items(), *own.items()))) if own else installed


def registered_techniques(kind: str) -> Mapping[str, Entry]:
    """Return those techniques of a kind that this program has registered, by name."""
    return _registered.get(kind, {})


def register_class(technique: type, kind: str | None = None, name: str | None = None) -> Entry:
    """Let a class be chosen by name in this process; one that was registered before by that name is replaced.

    Args:
        technique: the class; one that is installed needs no registration and keeps its name.
        kind: of which it is (default: the contract that it subclasses says so).
        name: by which it is chosen (default: ``my_rule`` for ``MyRule``).

    Raises:
        UserError: it is no class, no technique, lacks a method, or has the name of one that is installed.
    """
    if not isinstance(technique, type):
        raise UserError(f"{technique!r} is no class: give one such as MyRule, which subclasses nnreg.contracts.Optimizer")
    kind = kind or kind_of(technique)
    if kind is None or not (kind in CONTRACTS or _catalogue().get(kind)):
        wrong = f"there is no kind '{kind}'" if kind else f"{technique.__name__} subclasses no contract of a technique"
        raise UserError(f"{wrong}: subclass one of nnreg.contracts, or say kind= one of {', '.join(kinds())}")
    installed, target = _catalogue().get(kind, {}), f"{technique.__module__}:{technique.__qualname__}"
    if (same := next((entry for entry in installed.values() if entry.target == target), None)) is not None:
        return same
    name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", technique.__name__).lower()
    if not name.isidentifier():
        raise UserError(f"a technique is called as a variable is, such as my_rule, got {name!r}")
    if name in installed:
        raise UserError(f"there is {installed[name]} already: nnreg.register({technique.__name__}, name='my_{name}')")
    entry = Entry(kind, name, ((target, REGISTERED),), technique)
    load_class(entry)
    _registered.setdefault(kind, {})[name] = entry
    return entry


def kind_of(technique: type) -> str | None:
    """Return the kind whose contract a class subclasses, None for none; a bare ``Layer`` is an activation."""
    kinds = (kind for kind, contract in CONTRACTS.items() if contract in technique.__mro__)
    return next(kinds, "activation" if Layer in technique.__mro__ else None)


def find_technique(kind: str, name: str) -> Entry:
    """Return one technique, not imported.

    Raises:
        UnknownTechnique: with what is meant, perhaps, and what there is.
    """
    known = techniques(kind)
    if name not in known:
        raise UnknownTechnique(f"there is no {kind} '{name}'{instead(name, known)}")
    return known[name]


def load_class(entry: Entry) -> type:
    """Import a technique and return its class.

    Raises:
        BrokenPlugin: two distributions claim the name, the import fails, or the class lacks a method its kind needs.
    """
    if len(entry.targets) > 1:
        claims = " and ".join(f"{distribution} ({target})" for target, distribution in entry.targets)
        raise BrokenPlugin(f"{entry.kind} '{entry.name}' is claimed by {claims}: uninstall one, or ask an author to rename it")
    module, _, attribute = entry.target.partition(":")
    try:
        loaded: object = entry.own or importlib.import_module(module)
        for part in attribute.split(".") if entry.own is None else ():
            loaded = getattr(loaded, part)
    except (Exception, SystemExit) as error:  # a plugin may fail in any way while it is imported
        raise BrokenPlugin(
            f"{entry} is broken: importing {entry.target} raised {type(error).__name__}: {one_line(error)}"
        ) from error
    if not isinstance(loaded, type):
        raise BrokenPlugin(f"{entry} is broken: {entry.target} is a {type(loaded).__name__}, must be a class")
    contract = _contract_of(entry.kind, loaded)
    missing = [method for method in _abstract_methods(contract) if not callable(getattr(loaded, method, None))]
    missing += sorted(getattr(loaded, "__abstractmethods__", frozenset()) - set(missing))
    if missing:
        raise BrokenPlugin(
            f"{entry} is broken: {attribute} lacks {', '.join(missing)}; subclass nnreg.contracts.{contract.__name__}"
        )
    if not getattr(contract, "_is_protocol", False) and not issubclass(loaded, contract):
        raise BrokenPlugin(f"{entry} is broken: {attribute} must subclass nnreg.contracts.{contract.__name__}")
    return loaded


def required_methods(kind: str) -> tuple[str, ...]:
    """Return the methods that the contract of a kind leaves to the technique; none for a kind without a contract."""
    return _abstract_methods(CONTRACTS.get(kind, object))


def _contract_of(kind: str, loaded: type) -> type:
    """Return what a class of a kind stands on: an activation with ``build`` is a ``Layer``."""
    is_layer = kind == "activation" and callable(getattr(loaded, "build", None))
    return Layer if is_layer else CONTRACTS.get(kind, object)


def _abstract_methods(contract: type) -> tuple[str, ...]:
    declared = [(name, value) for base in reversed(contract.__mro__) for name, value in vars(base).items() if callable(value)]
    return tuple(dict.fromkeys(name for name, value in declared if getattr(value, "__isabstractmethod__", False)))


@cache
def distribution_version(distribution: str) -> str:
    """Return the version of an installed distribution, "" for one that is not: the class at hand is not registered."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


_registered: dict[str, dict[str, Entry]] = {}


@cache
def _catalogue() -> Mapping[str, Mapping[str, Entry]]:
    claims: dict[tuple[str, str], dict[str, str]] = {}
    for kind, name, target, distribution in _claims():
        claims.setdefault((kind, name), {}).setdefault(target, distribution)  # identical targets are one, however often listed
    catalogue: dict[str, dict[str, Entry]] = {}
    for (kind, name), targets in sorted(claims.items()):
        catalogue.setdefault(kind, {})[name] = Entry(kind, name, tuple(sorted(targets.items())))
    return catalogue


def _claims() -> Iterator[tuple[str, str, str, str]]:
    """Yield (kind, name, target, distribution); of two copies of a distribution on the path, the first counts.

    Raises:
        UserError: nnreg itself is not installed.
    """
    seen = set()
    for distribution in importlib.metadata.distributions():
        points = [point for point in distribution.entry_points if point.group.startswith(PREFIX)]
        name = distribution.metadata["Name"] if points else ""
        if points and name not in seen:
            seen.add(name)
            yield from ((point.group.removeprefix(PREFIX), point.name, point.value, name) for point in points)
    if "nnreg" not in seen:
        raise UserError("nnreg is not installed: `python -m pip install -e .` in its folder, once; edits count at once then")
