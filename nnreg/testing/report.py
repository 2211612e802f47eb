"""A check, what came of it, a report of many, and the technique under test."""

from __future__ import annotations

import re
import unittest
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from nnreg.contracts import CONTRACTS, Layer
from nnreg.errors import one_line
from nnreg.numerals import measured
from nnreg.registry import entries
from nnreg.registry.building import make_technique
from nnreg.registry.entries import Entry
from nnreg.registry.nested import JOINT, defaults_of, split_name
from nnreg.registry.schemas import REQUIRED, parameters_of

Outcome = Literal["passed", "failed", "skipped"]
Function = TypeVar("Function", bound="Callable[[Subject], None]")


@dataclass(frozen=True)
class Result:
    """What became of one check.

    Attributes:
        check: its name, words joined by underscores.
        outcome: what became of it.
        reason: why it failed or was skipped; "" if it passed.
    """

    check: str
    outcome: Outcome
    reason: str = ""

    @property
    def sentence(self) -> str:
        """What the check says about the technique, in words."""
        return self.check.replace("_", " ")

    def __str__(self) -> str:
        return f"{self.outcome:7}  {self.sentence}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True)
class Check:
    """One thing that a technique must do. Calling it raises AssertionError, or unittest.SkipTest, which pytest knows too.

    Args:
        function: what is checked; its name says so.
        subject: the technique it is checked on.
        excuse: why not to check it; "" to check it.
    """

    function: Callable[[Subject], None]
    subject: Subject
    excuse: str = ""

    def __str__(self) -> str:
        return self.function.__name__

    def __call__(self) -> None:
        """Check; a numerical warning is a failure, as in a run that treats warnings as errors."""
        if self.excuse:
            skip(self.excuse)
        with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
            warnings.simplefilter("error", RuntimeWarning)
            self.function(self.subject)

    def result(self) -> Result:
        """Check, and return what became of it; whatever the plugin raises is its failure."""
        try:
            self()
        except unittest.SkipTest as reason:
            return Result(str(self), "skipped", one_line(reason))
        except AssertionError as reason:
            return Result(str(self), "failed", one_line(reason))
        except (Exception, SystemExit) as error:
            return Result(str(self), "failed", f"raised {type(error).__name__}: {one_line(error)}")
        return Result(str(self), "passed")


@dataclass(frozen=True)
class Report:
    """What became of every check of a technique.

    Attributes:
        technique: ``kind/name``.
        results: of the checks, in their order.
    """

    technique: str
    results: tuple[Result, ...]

    def of(self, outcome: Outcome) -> tuple[Result, ...]:
        """Return the results with one outcome."""
        return tuple(result for result in self.results if result.outcome == outcome)

    @property
    def ok(self) -> bool:
        """Whether nothing failed, and something ran."""
        return bool(self.of("passed")) and not self.of("failed")

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.of(outcome))} {outcome}" for outcome in ("passed", "failed", "skipped"))
        nothing = "" if self.of("passed") or self.of("failed") else "; nothing ran, which is a failure"
        return "\n".join([f"{self.technique}: {counts}{nothing}", *(f"  {result}" for result in self.results)])


def of_kind(kind: str) -> Callable[[Function], Function]:
    """Mark a check as owed by this kind alone, where the others of its module are owed by another kind, or by several."""

    def marked(function: Function) -> Function:
        function.kind = kind  # type: ignore[attr-defined]
        return function

    return marked


def skip(reason: str) -> NoReturn:
    """End a check that does not apply."""
    raise unittest.SkipTest(reason)


def expect(condition: object, reason: str) -> None:
    """End a check as failed, for a reason, unless a condition holds."""
    if not condition:
        raise AssertionError(reason)


def expect_equal(got: npt.NDArray[Any], wanted: npt.NDArray[Any], what: str) -> None:
    """Demand equality to the last bit; NaN equals NaN."""
    expect_close(got, wanted, what, rtol=0, atol=0)


def expect_close(got: npt.NDArray[Any], wanted: npt.NDArray[Any], what: str, *, rtol: float, atol: float) -> None:
    """Demand |got - wanted| <= atol + rtol |wanted|; the failure names the worst element.

    Args:
        got: what the technique gives, any shape, read.
        wanted: what it should give, the same shape, read.
        what: how the sentence of the failure begins.
        rtol: tolerance relative to ``wanted``.
        atol: tolerance added to it.
    """
    got, wanted = np.asarray(got), np.asarray(wanted)
    expect(got.shape == wanted.shape, f"{what}: got shape {got.shape}, expected {wanted.shape}")
    if np.allclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True):
        return
    with np.errstate(all="ignore"):
        excess = np.abs(got - wanted) - (atol + rtol * np.abs(wanted))
    worst = np.unravel_index(np.nan_to_num(excess, nan=np.inf).argmax(), excess.shape)
    place = f" at {list(map(int, worst))}" if worst else ""
    raise AssertionError(f"{what}: got {measured(float(got[worst]), 9)}{place}, expected {measured(float(wanted[worst]), 9)}")


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

    @property
    def sort(self) -> str:
        """What its checks are chosen by: the kind, or ``layer`` for an activation that is a layer."""
        return "layer" if self.kind == "activation" and issubclass(self.technique, Layer) else self.kind

    def make(self, **changes: Any) -> Any:
        """Return a new instance, slots filled by name or with their defaults.

        It ends the check as skipped if the technique has parameters without a default.
        """
        values = {**self.settings, **changes}
        parameters = parameters_of(self.technique)
        missing = [p.name for p in parameters if p.default is REQUIRED and p.name not in values]
        if missing:
            raise unittest.SkipTest(f"it needs a value for {', '.join(missing)}: nnreg.testing takes one, {missing[0]}=...")
        return make_technique(self.technique, **values)

    def __str__(self) -> str:
        slot = next((p.name for p in parameters_of(self.technique) if p.kind == self.kind), "")
        inner = self.settings.get(slot)
        return f"{self.kind}/{self.entry.name}" + (f"{JOINT}{inner}" if isinstance(inner, str) else "")


def subject_of(technique: str | type, settings: Mapping[str, Any]) -> Subject:
    """Return a technique to check.

    Args:
        technique: ``kind/name`` as registered, also with another inside of it; or a class that stands on a contract.
        settings: parameters to make it with.

    Raises:
        UnknownTechnique, BrokenPlugin: it is not registered, or cannot be imported.
        ValueError: the class stands on no contract.
    """
    if isinstance(technique, str):
        kind, _, name = technique.partition("/")
        name, inner = split_name(name)
        entry = entries.find_technique(kind, name)
        inside = {slot: name for slot, (_, name) in defaults_of(entry, inner).items()} if inner else {}
        return Subject(entry, entries.load_class(entry), {**inside, **settings})
    if (own := entries.kind_of(technique)) is None:
        wanted = ", ".join(contract.__name__ for contract in CONTRACTS.values())
        raise ValueError(f"{technique.__name__} must stand on a contract to be checked by its class: one of {wanted}")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", technique.__name__).lower()
    target = f"{technique.__module__}:{technique.__qualname__}"
    return Subject(Entry(own, name, ((target, "not registered"),)), technique, settings)
