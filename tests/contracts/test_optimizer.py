"""What the base of every rule does for rules that wrap others, look again, draw, and keep more than vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from nnreg.contracts import Array, Optimizer, Shape, slot
from nnreg.engine.network import Parameters
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.sgd import SGD


@dataclass
class Halfway(Optimizer):
    """Goes half of the inner rule's way."""

    lr: float | None = None  # type: ignore[assignment] # the inner rule's
    inner: Optimizer = slot("momentum")
    scratch: ClassVar = ("before",)
    scalars: ClassVar = ("steps", "length")

    def step(self, t: int, factor: float = 1.0) -> None:
        theta, before = self.parameters.theta, self.scratch_vectors["before"]
        before[...] = theta
        self.inner.step(t, factor)
        theta += before
        theta /= 2
        self.steps = t
        self.length += float(np.abs(theta - before).sum())


class Bowl:
    """½‖θ‖² at the parameters as they stand."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def loss_and_gradient(self) -> float:
        self.parameters.grad[...] = self.parameters.theta
        return self.loss()

    def loss(self) -> float:
        return 0.5 * float(self.parameters.theta @ self.parameters.theta)


def made() -> Parameters:
    parameters = Parameters([Shape("W1", (2, 3), decays=True)], np.float64)
    parameters.theta[...] = np.arange(1.0, 7.0)
    return parameters


def descend(rule: Optimizer, parameters: Parameters, first: int, last: int) -> Array:
    for t in range(first, last + 1):
        parameters.grad[...] = parameters.theta
        rule.step(t)
    return parameters.theta


def test_a_wrapper_needs_no_formula_of_its_own_and_has_the_inner_rules_rate() -> None:
    rule, parameters = Halfway(inner=SGD(lr=0.5)), made()
    rule.bind(parameters)
    assert rule.rate == 0.5
    np.testing.assert_allclose(descend(rule, parameters, 1, 1), 0.75 * np.arange(1.0, 7.0))


def test_a_rate_given_to_wrappers_replaces_that_of_the_innermost_rule() -> None:
    rule = Halfway(lr=0.1, inner=Halfway(inner=SGD(lr=0.5)))
    assert [each.rate for each in rule.rules()] == [0.1, 0.1, 0.1]


def test_a_wrapper_made_without_a_rule_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match=r"inner must be a technique that was made before, \w+\(inner=\.\.\.\)"):
        Halfway()


def test_state_of_all_rules_and_numbers_continue_where_they_stood() -> None:
    straight, stopped, resumed = made(), made(), made()
    rule = Halfway(inner=Halfway(inner=Momentum(lr=0.1)))
    rule.bind(straight)
    wanted = descend(rule, straight, 1, 6)
    first, second = (Halfway(inner=Halfway(inner=Momentum(lr=0.1))) for _ in range(2))
    first.bind(stopped)
    descend(first, stopped, 1, 3)
    saved = first.save()
    assert {"steps", "inner.steps", "inner.inner.v"} <= saved.keys()
    second.bind(resumed)
    second.load(saved)
    resumed.theta[...] = stopped.theta
    np.testing.assert_array_equal(descend(second, resumed, 4, 6), wanted)
    assert (second.steps, second.length) == (6, rule.length)
    assert type(second.steps) is int


def test_a_state_that_another_nesting_has_saved_is_refused() -> None:
    rule, other = Halfway(inner=Momentum(lr=0.1)), Momentum(lr=0.1)
    rule.bind(made())
    other.bind(made())
    with pytest.raises(ValueError, match="does not fit Momentum"):
        other.load(rule.save())
    with pytest.raises(ValueError, match="does not fit Halfway"):
        rule.load(other.save())


@dataclass
class Extragradient(Optimizer):
    """Takes the gradient where a first step leads."""

    lr: float = 0.5
    looks_again: ClassVar = True

    def step(self, t: int, factor: float = 1.0) -> None:
        theta, grad = self.parameters.theta, self.parameters.grad
        before = theta.copy()
        theta -= self.lr * grad
        self.reevaluate()
        theta[...] = before - self.lr * grad + 0 * self.rng.standard_normal()


def test_what_an_inner_rule_asks_for_reaches_it_through_its_wrapper() -> None:
    parameters = made()
    rule = Halfway(inner=Extragradient())
    rule.bind(parameters)
    rule.equip(Bowl(parameters), np.random.default_rng(0))
    assert any(each.looks_again for each in rule.rules())
    descend(rule, parameters, 1, 1)  # half of the way to θ − ½(θ − ½θ) = ¾θ
    np.testing.assert_allclose(parameters.theta, 0.875 * np.arange(1.0, 7.0))


def test_a_rule_that_looks_again_unasked_is_told_to_say_so() -> None:
    rule = Extragradient()
    rule.bind(made())
    with pytest.raises(ValueError, match="looks_again = True"):
        rule.reevaluate()
    with pytest.raises(ValueError, match="equip it first"):
        _ = rule.rng


@dataclass
class Mean(Optimizer):
    """Is evaluated at zero."""

    lr: float = 0.5

    def update(self, theta: Array, g: Array, *, t: int, lr: float) -> None:
        theta -= lr * g

    def evaluation_parameters(self, out: Array) -> bool:
        out[...] = 0
        return True


def test_a_wrapper_is_evaluated_where_its_inner_rule_says() -> None:
    out = np.ones(6)
    assert not Halfway(inner=SGD(lr=0.1)).evaluation_parameters(out)
    assert Halfway(inner=Mean()).evaluation_parameters(out)
    assert not out.any()
