"""What every optimizer must do, whatever its formula."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np

from nnreg.contracts import Array, Optimizer
from nnreg.engine.network import Parameters
from nnreg.numerals import chosen, percent
from nnreg.testing.arrays import DTYPES, watched
from nnreg.testing.bowl import CURVATURE, SHAPES, OnBowl, bowl, centred_bowl, descend, driving, one_layer
from nnreg.testing.report import Subject, expect, expect_close, expect_equal, skip

BOWL_STEPS = 3000
LR_FACTORS = (1, 10, 0.1, 100)


def it_changes_the_parameters_in_place(subject: Subject) -> None:
    """Steps write into the buffer that layers hold views of; nothing is rebound, nothing returned."""
    theta, grad = np.zeros(12), np.linspace(-1, 1, 12)
    one = one_layer(theta, grad, (4, 3))
    view = SimpleNamespace(**vars(one))  # a namespace, so that rebinding is possible and seen
    rule = driving(subject, view, objective=OnBowl(view, slope=1.0))
    for t in (1, 2, 3):
        expect(rule.step(t) is None, "step must return None")  # type: ignore[func-returns-value]
    expect(view.theta is theta and view.named is one.named, "parameters.theta was rebound; write into it: theta -= ...")
    expect(theta.any(), "3 steps left theta as it was; update must write in place (theta -= ..., not theta = theta - ...)")


def it_only_reads_the_gradient(subject: Subject) -> None:
    """The gradient belongs to the network; clipping and diagnostics look at it too.

    A rule that looks again leaves that of its last look, or puts back that of the step.
    """
    parameters = bowl()
    parameters.grad[...] = 1
    objective = OnBowl(parameters)
    rule = driving(subject, parameters, objective=objective)
    for t in (1, 2):
        before = parameters.grad.copy()
        rule.step(t)
        is_back = np.array_equal(parameters.grad, before)
        expect_equal(parameters.grad, before if is_back else objective.written, "the gradient was written to")


def instances_do_not_share_their_state(subject: Subject) -> None:
    """Two networks trained side by side go where each would have gone alone."""
    alone, here, there = bowl(), bowl(), bowl(seed=1)
    descend(driving(subject, alone), alone, steps=6)
    one, other = driving(subject, here), driving(subject, there)
    for t in range(1, 7):
        descend(one, here, steps=1, first=t)
        descend(other, there, steps=1, first=t)
    expect_equal(here.theta, alone.theta, "a second instance, driving another network, changed where this one went")


def it_drives_one_network(subject: Subject) -> None:
    """Binding an instance twice is refused with a ValueError: its state belongs to one network."""
    rule = driving(subject, bowl())
    try:
        rule.bind(bowl())
    except ValueError:
        return
    raise AssertionError("bind must refuse a second network with a ValueError; call super().bind(parameters) first")


def the_slices_of_the_buffer_do_not_matter(subject: Subject) -> None:
    """However the flat buffer is cut into slices, the result is the same to the last bit."""
    if subject.technique.step is not Optimizer.step:  # type: ignore[attr-defined]
        skip("it overrides step, to work on whole layers")
    whole = bowl()
    descend(driving(subject, whole), whole, steps=4)
    for size in (1, 7, 64):
        sliced, rule = bowl(), subject.make()
        rule.slice_size = size
        rule.bind(sliced)
        descend(rule, sliced, steps=4)
        expect_equal(sliced.theta, whole.theta, f"updated in slices of {size} it went elsewhere; a slice knows only itself")


def it_keeps_the_precision(subject: Subject) -> None:
    """Parameters, state and every intermediate result have the dtype of the run.

    State that is no number a parameter, such as a sum or a small table, may be float64, and so may what is computed from
    ``np.asarray(gradient, np.float64)``, such as eigenvectors: that is meant.
    """
    for dtype in DTYPES:
        with watched(dtype) as array:
            one = one_layer(array(24), array(24), (6, 4))
            rule = driving(subject, one)
            for t in (1, 2, 3):
                rule.step(t, factor=0.5)
        for name, vector in rule.save().items():
            kept = vector.dtype == dtype or vector.dtype.kind != "f" or vector.size != one.theta.size
            expect(kept, f"the state '{name}' is {vector.dtype} in a {dtype.__name__} run")


def a_saved_state_continues_the_identical_trajectory(subject: Subject) -> None:
    """Stopped after any step, saved, loaded into a new instance and continued: not one bit differs."""
    for before in (0, 1, 5):
        straight, stopped, resumed = bowl(), bowl(), bowl(seed=9)
        descend(driving(subject, straight), straight, steps=before + 4)
        rng = np.random.default_rng(0)
        first = driving(subject, stopped, rng=rng)
        descend(first, stopped, steps=before)
        resumed.theta[...] = stopped.theta
        second = driving(subject, resumed, rng=rng)  # which stands where it stood, as in a run that goes on
        second.load(first.save())
        descend(second, resumed, steps=4, first=before + 1)
        expect_equal(resumed.theta, straight.theta, f"continued from what save returned after step {before} it went elsewhere")


def what_save_returned_stays_as_it_was(subject: Subject) -> None:
    """A checkpoint is a copy: later steps do not reach it."""
    parameters = bowl()
    rule = driving(subject, parameters)
    descend(rule, parameters, steps=2)
    saved = rule.save()
    copies = {name: np.array(vector, copy=True) for name, vector in saved.items()}
    descend(rule, parameters, steps=2, first=3)
    for name, copied in copies.items():
        expect_equal(np.asarray(saved[name]), copied, f"a later step changed the saved '{name}'; save must return copies")


def a_schedule_scales_the_learning_rate(subject: Subject) -> None:
    """``step(1, factor=0.5)`` is a step with half the learning rate."""
    moved: list[Array] = []
    lr = subject.make().rate
    for settings, factor in (({}, 0.5), ({"lr": lr * 0.5}, 1.0)):
        parameters = bowl()
        parameters.grad[...] = CURVATURE
        driving(subject, parameters, **settings).step(1, factor)
        moved.append(parameters.theta)
    expect_close(moved[0], moved[1], "factor=0.5 is not half the learning rate; use the lr given to update", rtol=1e-12, atol=0)


def gradients_of_any_size_leave_the_parameters_finite(subject: Subject) -> None:
    """No division by zero where the gradient vanishes, no overflow where it is large; in float32."""
    for size in (0.0, 1e-30, 1e15):
        parameters = bowl(np.float32)
        parameters.grad[...] = size
        rule = driving(subject, parameters, objective=OnBowl(parameters, slope=size))
        for t in (1, 2, 3):
            rule.step(t)
        expect(np.isfinite(parameters.theta).all(), f"a gradient of {chosen(size)} made parameters that are not finite")


def inputs_and_units_without_gradient_leave_the_parameters_finite(subject: Subject) -> None:
    """Weights of an input that is always zero, such as a corner of pictures, and of a unit that is never active; in float32."""
    parameters = bowl(np.float32)
    rule = driving(subject, parameters)
    for t in range(1, 11):
        parameters.grad[...] = 1e-3 * parameters.theta
        for shape in SHAPES:
            grad = parameters.named[shape.name].grad
            grad[: len(grad) // 2], grad[..., :2] = 0, 0
        rule.step(t)
    expect(np.isfinite(parameters.theta).all(), "rows and columns without gradient made parameters that are not finite")


def no_parameters_and_a_single_one_are_fine(subject: Subject) -> None:
    """The smallest networks: nothing to train, and one number."""
    for count in (0, 1):
        parameters = Parameters([SHAPES[0]._replace(shape=(count, 1))], np.float64)
        parameters.theta[...] = 0.3
        rule = driving(subject, parameters)
        for t in (1, 2):
            parameters.grad[...] = parameters.theta
            rule.step(t)
        rule.load(rule.save())
        expect(np.isfinite(parameters.theta).all(), f"with {count} parameters it gave a result that is not finite")


def it_finds_the_bottom_of_a_bowl(subject: Subject) -> None:
    """On a well-scaled convex surface the loss falls a hundredfold, with the default lr or a power of ten beside it.

    A rule that keeps the mean of rows or columns of weights may begin where that is zero.
    """
    lr, best = subject.make().rate, 1.0
    for beginning, factor in itertools.product((bowl, centred_bowl), LR_FACTORS):
        parameters = beginning()
        start = CURVATURE @ parameters.theta**2
        rule = driving(subject, parameters, lr=lr * factor)
        for t in range(1, BOWL_STEPS + 1):
            descend(rule, parameters, steps=1, first=t)
            left = CURVATURE @ parameters.theta**2 / start
            if left < 0.01:
                return
            if not left < 1e6:
                break
            best = min(best, float(left))
    rates = ", ".join(chosen(lr * factor) for factor in LR_FACTORS)
    raise AssertionError(f"in {BOWL_STEPS} steps with lr {rates} the loss came down to {percent(best, 0)} of its start at best")
