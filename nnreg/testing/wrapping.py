"""What an update rule owes that holds another: the one inside steps, and gets what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Optimizer
from nnreg.registry.schemas import parameters_of
from nnreg.testing.bowl import OnBowl, bowl, descend
from nnreg.testing.report import Subject, expect, skip

STEPS = 30


@dataclass
class Curious(Optimizer):
    """Gradient descent that looks again, draws and keeps a vector, where it is let.

    Args:
        lr: learning rate, in (0, inf).
    """

    looks_again: ClassVar[bool] = True
    state = ("v",)
    steps: ClassVar[int] = 0

    lr: float = 0.01

    @property
    def is_equipped(self) -> bool:
        """Whether it can look and draw."""
        return self._objective is not None and self._rng is not None

    def step(self, t: int, factor: float = 1.0) -> None:
        """Step along the gradient of another look."""
        self.steps += 1  # type: ignore[misc] # this rule's own
        if self.is_equipped:
            self.reevaluate()
            self.rng.random()
        self.state_vectors["v"][...] = self.parameters.grad
        self.parameters.theta[...] -= self.lr * factor * self.parameters.grad


def what_stands_inside_steps(subject: Subject) -> None:
    """Within 30 steps the rule in each slot has been asked for one."""
    rule, inside = _around_curious(subject)
    for name, inner in inside.items():
        expect(inner.steps, f"{type(rule).__name__} took {STEPS} steps and {name} none: call self.{name}.step(t, factor)")


def what_stands_inside_gets_what_it_asks_for(subject: Subject) -> None:
    """The rule in each slot may look again and draw, and is saved under the name of the slot."""
    rule, inside = _around_curious(subject)
    for name, inner in inside.items():
        expect(inner.is_equipped, f"{name} can neither look again nor draw: call super().equip(objective, rng)")
        expect(f"{name}.v" in rule.save(), f"save leaves out what {name} keeps: add to what super().save() returns")


def _around_curious(subject: Subject) -> tuple[Optimizer, dict[str, Curious]]:
    """Return a rule that has taken steps around others; ends the check as skipped for one that holds none."""
    slots = [p.name for p in parameters_of(subject.technique) if p.kind == subject.kind]
    if not slots:
        skip("it holds no other rule")
    inside = {name: Curious() for name in slots}  # type: ignore[abstract] # a rule that overrides step needs no update
    parameters = bowl()
    rule: Optimizer = subject.make(**inside)
    rule.bind(parameters)
    rule.equip(OnBowl(parameters), np.random.default_rng(0))
    descend(rule, parameters, steps=STEPS)
    return rule, inside
