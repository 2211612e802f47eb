"""The technique under test: which one it is, and how instances of it are made."""

from __future__ import annotations

import re
import unittest
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnreg.contracts import CONTRACTS
from nnreg.registry import entries
from nnreg.registry.entries import Entry
from nnreg.registry.schemas import REQUIRED, parameters_of


@dataclass(frozen=True)
class Subject:
    """A technique under test.

    Args:
        entry: its kind, its name, and where it lives.
        technique: its class.
        settings: parameters to make it with, by name; the others have their defaults.
    """

    entry: Entry
    technique: type
    settings: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Such as ``optimizer``."""
        return self.entry.kind

    def make(self, **changes: Any) -> Any:
        """Return a new instance; ends the check as skipped if the technique has parameters without a default."""
        values = {**self.settings, **changes}
        parameters = parameters_of(self.technique)
        missing = [p.name for p in parameters if p.default is REQUIRED and p.name not in values]
        if missing:
            raise unittest.SkipTest(f"it needs a value for {', '.join(missing)}: nnreg.testing takes one, {missing[0]}=...")
        return self.technique(**values)

    def __str__(self) -> str:
        return f"{self.kind}/{self.entry.name}"


def subject_of(technique: str | type, settings: Mapping[str, Any]) -> Subject:
    """Return a technique to check.

    Args:
        technique: ``kind/name`` as registered, or a class that stands on one of the contracts.
        settings: parameters to make it with.

    Raises:
        UnknownTechnique, BrokenPlugin: it is not registered, or cannot be imported.
        ValueError: the class stands on no contract.
    """
    if isinstance(technique, str):
        kind, _, name = technique.partition("/")
        entry = entries.find_technique(kind, name)
        return Subject(entry, entries.load_class(entry), settings)
    kinds = [kind for kind, contract in CONTRACTS.items() if contract in technique.__mro__]
    if not kinds:
        wanted = ", ".join(contract.__name__ for contract in CONTRACTS.values())
        raise ValueError(f"{technique.__name__} must stand on a contract to be checked by its class: one of {wanted}")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", technique.__name__).lower()
    target = f"{technique.__module__}:{technique.__qualname__}"
    return Subject(Entry(kinds[0], name, ((target, "not registered"),)), technique, settings)
