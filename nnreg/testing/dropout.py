"""What a dropout must do besides what every layer must."""

from __future__ import annotations

import numpy as np

from nnreg.testing.report import Subject, expect, expect_equal, skip
from nnreg.testing.usage import bound

ROWS, UNITS = 40, 50
ONES = np.ones((ROWS, UNITS))


def masks_differ_from_step_to_step(subject: Subject) -> None:
    """Two batches in a row, and two layers with one stream, meet different masks."""
    if subject.technique.is_identity:  # type: ignore[attr-defined]
        skip("it drops nothing")
    layer, _, _ = bound(subject.make(), ROWS, units=UNITS)
    first = layer.forward(ONES.copy(), training=True).copy()
    expect((first != ONES).any(), f"of {ONES.size:,} units it dropped none in training")
    expect((layer.forward(ONES.copy(), training=True) != first).any(), "the second step had the same mask as the first")


def masks_come_from_the_stream_it_was_bound_to(subject: Subject) -> None:
    """Another seed of the run gives other masks, the same seed the same ones."""
    if subject.technique.is_identity:  # type: ignore[attr-defined]
        skip("it drops nothing")
    made = []
    for seed in (0, 0, 1):
        layer, _, _ = bound(subject.make(), ROWS, seed=seed, units=UNITS)
        made.append(layer.forward(ONES.copy(), training=True).copy())
    expect_equal(made[1], made[0], "the same stream gave another mask")
    expect((made[2] != made[0]).any(), "another stream gave the same mask; draw from the rng that bind was given")


def it_adds_no_parameters(subject: Subject) -> None:
    """Dropout has nothing to learn."""
    _, shapes = subject.make().build(UNITS)
    expect(not shapes, f"build asked for {', '.join(shape.name for shape in shapes)}")
