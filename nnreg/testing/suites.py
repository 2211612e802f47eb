"""Which checks a technique of a kind is put to, and the three ways of running them."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

from nnreg.testing import (
    activation,
    activation_layer,
    asking,
    augmentation,
    dataset,
    every,
    init,
    layer,
    loss,
    network,
    optimizer,
    regularizer,
    sampler,
    schedule,
    surface,
    wrapping,
)
from nnreg.testing.report import Check, Report, Subject, subject_of

SUITES: Mapping[types.ModuleType, tuple[str, ...]] = {
    optimizer: ("optimizer",),
    asking: ("optimizer",),
    wrapping: ("optimizer",),
    init: ("init",),
    activation: ("activation",),
    activation_layer: ("layer",),
    layer: ("norm", "dropout", "layer"),
    network: ("network",),
    regularizer: ("regularizer",),
    schedule: ("schedule",),
    loss: ("loss",),
    dataset: ("dataset",),
    surface: ("surface",),
    sampler: ("sampler",),
    augmentation: ("augmentation",),
}
"""Modules of checks, and the kinds that owe each check there which is not marked as of one kind; those of ``every`` all owe.
An activation that is a layer owes those of a ``layer``."""


def checks(technique: str | type, *, without: Mapping[str, str] | None = None, **settings: Any) -> list[Check]:
    """Return every check for a technique: what all kinds owe, then what its own kind does.

    Args:
        technique: ``kind/name`` as registered, or the class itself.
        without: checks to skip, by name, each with the reason, such as ``{"it_finds_the_bottom_of_a_bowl": "a random walk"}``.
        **settings: parameters to make the technique with, where its defaults are not what should be checked.

    Raises:
        UnknownTechnique, BrokenPlugin: it is not registered, or cannot be imported.
        ValueError: ``without`` names a check that does not exist, or the class stands on no contract.
    """
    subject = subject_of(technique, settings)
    functions = [
        check
        for module, kinds in ((every, (subject.sort,)), *SUITES.items())
        for check in _public_functions(module)
        if subject.sort in (getattr(check, "kind", None) or kinds)
    ]
    excused = without or {}
    unknown = sorted(set(excused) - {function.__name__ for function in functions})
    if unknown:
        raise ValueError(f"there is no check called {', '.join(unknown)} for {subject.kind}")
    return [Check(function, subject, excused.get(function.__name__, "")) for function in functions]


def suite(technique: str | type, *, without: Mapping[str, str] | None = None, **settings: Any) -> Callable[[Check], None]:
    """Return a pytest test with one case for each check; assign it to a name that begins with ``test``.

    The arguments, and what is raised, are those of ``checks``.
    """
    import pytest  # an extra: only who calls this has it

    @pytest.mark.parametrize("check", checks(technique, without=without, **settings), ids=str)
    def conforms(check: Check) -> None:
        check()

    return conforms


def run(technique: str | type, *, without: Mapping[str, str] | None = None, **settings: Any) -> Report:
    """Run every check of a technique, and report; printing the report shows what ran and what was skipped.

    The arguments, and what is raised, are those of ``checks``.
    """
    every_check = checks(technique, without=without, **settings)
    return Report(str(every_check[0].subject), tuple(check.result() for check in every_check))


def _public_functions(module: types.ModuleType) -> list[Callable[[Subject], None]]:
    return [
        value
        for name, value in vars(module).items()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
