"""What every regularizer must do, whatever its penalty and whatever it acts on."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnreg.contracts import Array
from nnreg.contracts.objective import projection_of, target_of
from nnreg.numerals import chosen
from nnreg.testing.arrays import DTYPES, expect_gradient, gradient, watched
from nnreg.testing.report import Subject, expect, expect_close, expect_equal, skip
from nnreg.testing.usage import layers_of, regularized

WEIGHTS = np.random.default_rng(0).standard_normal(9)


def the_gradient_agrees_with_central_differences(subject: Subject) -> None:
    """``add_gradient`` adds the derivative of ``penalty``, in float64, off the kinks."""
    regularizer, grad = subject.make(), np.zeros(9)
    returned = _add_gradient(regularizer, WEIGHTS.copy(), grad)
    expect(returned is None, "add_gradient must add to grad in place and return None")
    # A penalty may be tiny beside 1: a million times as strong it is measured as well as any.
    measured = gradient(lambda weights: 1e6 * float(_penalty(regularizer, weights)), WEIGHTS)
    expect_gradient(1e6 * grad, measured, "a million times add_gradient is not a million times the derivative of penalty")


def the_gradient_is_added_to_what_is_there(subject: Subject) -> None:
    """The gradient of the loss is in ``grad`` already."""
    alone, added = np.zeros(9), np.arange(9.0)
    _add_gradient(subject.make(), WEIGHTS.copy(), alone)
    _add_gradient(subject.make(), WEIGHTS.copy(), added)
    expect_close(added, np.arange(9) + alone, "add_gradient replaced what was in grad", rtol=1e-12, atol=1e-12)


def penalty_and_gradient_only_read_the_weights(subject: Subject) -> None:
    """Only ``decay`` and ``project`` may write to them."""
    weights = WEIGHTS.copy()
    _penalty(subject.make(), weights)
    _add_gradient(subject.make(), weights, np.zeros(9))
    expect_equal(weights, WEIGHTS, "the weights were written to")


def a_penalty_is_a_number_never_negative_and_zero_for_nothing(subject: Subject) -> None:
    """No weights, or weights of zero, cost nothing; to what acts on layers weights of zero may be the worst of all."""
    regularizer = subject.make()
    for weights in (WEIGHTS, 1e3 * WEIGHTS, WEIGHTS[:3]):
        value = _penalty(regularizer, weights.copy())
        expect(type(value) is float, f"penalty returned a {type(value).__name__}; it must return a float")
        expect(0 <= value < np.inf, f"penalty returned {value}")
    for nothing in (np.zeros(9), np.empty(0))[target_of(regularizer) == "layers" :]:
        value = _penalty(regularizer, nothing)
        expect(value == 0, f"penalty of {nothing.size} weights of zero is {value}")


def a_penalty_of_outputs_is_a_mean_over_the_rows(subject: Subject) -> None:
    """A batch of every row twice costs what a batch of every row once does."""
    regularizer = subject.make()
    if target_of(regularizer) != "outputs":
        skip("it acts on weights")
    outputs = WEIGHTS.reshape(3, 3)
    once, twice = (float(regularizer.penalty(np.tile(outputs, (times, 1)))) for times in (1, 2))
    what = "the penalty of every row twice is not that of every row once"
    expect_close(np.array(twice), np.array(once), what, rtol=1e-9, atol=0)


def decay_only_shrinks(subject: Subject) -> None:
    """A decoupled decay pulls towards zero, in place and not past it; at learning rate 0 it does nothing."""
    for lr in (0.0, 1e-3, 0.1):
        weights = WEIGHTS.copy()
        expect(subject.make().decay(weights, lr) is None, "decay must write to the weights in place and return None")
        expect((np.abs(weights) <= np.abs(WEIGHTS)).all(), f"decay at learning rate {lr} made weights longer")
        expect((weights * WEIGHTS >= 0).all(), f"decay at learning rate {lr} pulled weights past zero")
        expect(lr > 0 or (weights == WEIGHTS).all(), "decay at learning rate 0 changed the weights")


def a_projection_leaves_alone_what_is_where_it_may_be(subject: Subject) -> None:
    """What was projected once is projected to itself, whatever the size of the weights; it is written in place."""
    project = projection_of(subject.make())
    if project is None:
        skip("it does not project")
    for scale in (1.0, 1e3):
        once = scale * WEIGHTS
        expect(project(layers_of(once)) is None, "project must write to the weights in place and return None")
        expect(np.isfinite(once).all(), f"project made {once} of weights of size {chosen(scale)}")
        twice = once.copy()
        project(layers_of(twice))
        expect_close(twice, once, "project moved weights that it had projected", rtol=1e-9, atol=1e-12)


def no_weights_are_fine(subject: Subject) -> None:
    """A network may have nothing that decays."""
    regularizer, nothing = subject.make(), np.empty(0)
    _add_gradient(regularizer, nothing, np.empty(0))
    regularizer.decay(nothing, 0.1)
    if project := projection_of(regularizer):
        project({})


def it_keeps_the_precision(subject: Subject) -> None:
    """Every intermediate result has the dtype of the run."""
    for dtype in DTYPES:
        with watched(dtype) as array:
            weights, grad, regularizer = array(21), array(21), subject.make()
            _penalty(regularizer, weights)
            _add_gradient(regularizer, weights, grad)
            regularizer.decay(weights, 0.1)
            if project := projection_of(regularizer):
                project(layers_of(weights))


def _penalty(regularizer: Any, weights: Array) -> Any:
    return regularizer.penalty(regularized(regularizer, weights))


def _add_gradient(regularizer: Any, weights: Array, grad: Array) -> Any:
    return regularizer.add_gradient(regularized(regularizer, weights), regularized(regularizer, grad))
