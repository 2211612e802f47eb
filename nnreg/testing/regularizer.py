"""What every regularizer must do, whatever its penalty."""

from __future__ import annotations

import numpy as np

from nnreg.testing.arrays import DTYPES, expect_gradient, gradient, watched
from nnreg.testing.report import Subject, expect, expect_close, expect_equal

WEIGHTS = np.random.default_rng(0).standard_normal(9)


def the_gradient_agrees_with_central_differences(subject: Subject) -> None:
    """``add_gradient`` adds the derivative of ``penalty``, in float64, off the kinks."""
    regularizer, grad = subject.make(), np.zeros(9)
    returned = regularizer.add_gradient(WEIGHTS.copy(), grad)
    expect(returned is None, "add_gradient must add to grad in place and return None")
    # A penalty may be tiny beside 1: a million times as strong it is measured as well as any.
    measured = gradient(lambda weights: 1e6 * float(regularizer.penalty(weights)), WEIGHTS)
    expect_gradient(1e6 * grad, measured, "a million times add_gradient is not a million times the derivative of penalty")


def the_gradient_is_added_to_what_is_there(subject: Subject) -> None:
    """The gradient of the loss is in ``grad`` already."""
    alone, added = np.zeros(9), np.arange(9.0)
    subject.make().add_gradient(WEIGHTS.copy(), alone)
    subject.make().add_gradient(WEIGHTS.copy(), added)
    expect_close(added, np.arange(9) + alone, "add_gradient replaced what was in grad", rtol=1e-12, atol=1e-12)


def penalty_and_gradient_only_read_the_weights(subject: Subject) -> None:
    """Only ``decay`` may write to them."""
    weights = WEIGHTS.copy()
    subject.make().penalty(weights)
    subject.make().add_gradient(weights, np.zeros(9))
    expect_equal(weights, WEIGHTS, "the weights were written to")


def a_penalty_is_a_number_never_negative_and_zero_for_nothing(subject: Subject) -> None:
    """No weights, or weights of zero, cost nothing."""
    penalty = subject.make().penalty
    for weights in (WEIGHTS, 1e3 * WEIGHTS, WEIGHTS[:1]):
        value = penalty(weights.copy())
        expect(type(value) is float, f"penalty returned a {type(value).__name__}; it must return a float")
        expect(0 <= value < np.inf, f"penalty returned {value}")
    for nothing in (np.zeros(7), np.empty(0)):
        expect(penalty(nothing) == 0, f"penalty of {nothing.size} weights of zero is {penalty(nothing)}")


def decay_only_shrinks(subject: Subject) -> None:
    """A decoupled decay pulls towards zero, in place and not past it; at learning rate 0 it does nothing."""
    for lr in (0.0, 1e-3, 0.1):
        weights = WEIGHTS.copy()
        expect(subject.make().decay(weights, lr) is None, "decay must write to the weights in place and return None")
        expect((np.abs(weights) <= np.abs(WEIGHTS)).all(), f"decay at learning rate {lr} made weights longer")
        expect((weights * WEIGHTS >= 0).all(), f"decay at learning rate {lr} pulled weights past zero")
        expect(lr > 0 or (weights == WEIGHTS).all(), "decay at learning rate 0 changed the weights")


def no_weights_are_fine(subject: Subject) -> None:
    """A network may have nothing that decays."""
    regularizer, nothing = subject.make(), np.empty(0)
    regularizer.add_gradient(nothing, np.empty(0))
    regularizer.decay(nothing, 0.1)


def it_keeps_the_precision(subject: Subject) -> None:
    """Every intermediate result has the dtype of the run."""
    for dtype in DTYPES:
        with watched(dtype) as array:
            weights, grad, regularizer = array(20), array(20), subject.make()
            regularizer.penalty(weights)
            regularizer.add_gradient(weights, grad)
            regularizer.decay(weights, 0.1)
