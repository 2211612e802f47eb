"""What an activation that is a layer must do besides what every layer must."""

from __future__ import annotations

import copy

import numpy as np

from nnreg.testing.arrays import DTYPES
from nnreg.testing.report import Subject, expect, expect_close, expect_equal, skip
from nnreg.testing.usage import ROWS, bound, inputs, rows_of, units_of, upstream

MANY = 40  # rows enough that no draw comes twice
FAR = (-1e4, -800.0, -100.0, -20.0, 0.0, 20.0, 100.0, 800.0, 1e4)


def its_outputs_are_as_many_as_it_said(subject: Subject) -> None:
    """What stands behind it was made for the width that ``build`` returned, and dx is as wide as the input."""
    x, layer = inputs(subject), subject.make()
    said, _ = copy.deepcopy(layer).build(x.shape[1])
    layer, _, _ = bound(layer, ROWS)
    for training in (False, True):
        y = layer.forward(x.copy(), training=training)
        expect(y.shape == (ROWS, said), f"build said {said} outputs for {x.shape[1]} inputs, forward returned shape {y.shape}")
    dx = layer.backward(upstream(y))
    expect(dx.shape == x.shape, f"backward returned shape {dx.shape} for inputs of shape {x.shape}")


def a_width_that_it_cannot_take_is_refused_in_words(subject: Subject) -> None:
    """``build`` raises a ValueError that names the number it was given: the person reads it."""
    refused = 0
    for units in range(1, 9):
        try:
            subject.make().build(units)
        except ValueError as reason:
            refused += 1
            expect(str(units) in str(reason), f"{units} units are refused without naming that number: {reason}")
    if not refused:
        skip("it takes any number of units")


def what_it_draws_comes_from_the_stream_it_was_bound_to(subject: Subject) -> None:
    """Where two training passes differ, another seed of the run gives other numbers, the same seed the same ones."""
    x, made = rows_of(MANY, units_of(subject.make())), []
    for seed in (0, 0, 1):
        layer, _, _ = bound(subject.make(), MANY, seed=seed)
        made.append([layer.forward(x.copy(), training=True).copy() for _ in range(2)])
    if (made[0][0] == made[0][1]).all():
        skip("it draws nothing")
    expect_equal(made[1][0], made[0][0], "the same stream gave other outputs")
    expect((made[2][0] != made[0][0]).any(), "another stream gave the same outputs; draw from the rng that bind was given")


def where_it_says_elementwise_each_element_is_on_its_own(subject: Subject) -> None:
    """Diagnostics then ask for its slope, ``backward`` with dy = 1, a second time after the same ``forward``."""
    if not subject.technique.elementwise:  # type: ignore[attr-defined]
        skip("it does not say so: diagnostics leave its slope out")
    x, (layer, parameters, _) = inputs(subject), bound(subject.make(), ROWS)
    y = layer.forward(x.copy(), training=True).copy()
    expect(y.shape == x.shape, f"inputs of shape {x.shape} gave outputs of shape {y.shape}")
    dy = upstream(y)
    dx, grad = layer.backward(dy.copy()).copy(), parameters.grad.copy()
    slope = layer.backward(np.ones_like(y)).copy()
    expect_equal(layer.backward(dy.copy()), dx, "backward asked again gave another dx")
    expect_equal(parameters.grad, grad, "backward asked again wrote another gradient of the parameters")
    expect_close(dx, dy * slope, "dx is not dy times what backward gives for dy = 1", rtol=1e-12, atol=1e-300)


def large_inputs_stay_finite(subject: Subject) -> None:
    """Far out, where exp overflows, outputs and gradients are finite and nothing warns; in both precisions."""
    for dtype in DTYPES:
        layer, parameters, _ = bound(subject.make(), len(FAR), dtype)
        x = np.array([np.roll(FAR, shift)[: units_of(subject.make())] for shift in range(len(FAR))], dtype)
        for training in (False, True):
            y = layer.forward(x, training=training)
            expect(np.isfinite(y).all(), f"forward is not finite for inputs among {FAR}, {dtype.__name__}")
        dx = layer.backward(np.ones_like(y))
        finite = np.isfinite(dx).all() and np.isfinite(parameters.grad).all()
        expect(finite, f"backward is not finite for inputs among {FAR}, {dtype.__name__}")


def a_nan_stays_visible(subject: Subject) -> None:
    """A network that diverged must show it."""
    layer, _, _ = bound(subject.make(), ROWS)
    for training in (False, True):
        y = layer.forward(np.full_like(inputs(subject), np.nan), training=training)
        expect(np.isnan(y).any(), "forward hides NaN, and with it that a run diverged")
