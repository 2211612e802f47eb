"""What every initialiser must do, whatever its distribution; its statistics are its own tests' business."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array
from nnreg.testing.arrays import DTYPES
from nnreg.testing.report import Subject, expect, expect_equal

SHAPES = ((30, 20), (20, 30), (7, 7), (9, 1), (1, 9), (1, 1))
SEEDS = range(5)
TOLERANCE = 0.1  # of the spread of 30,000 weights: ten times and more what chance makes of it


def it_writes_every_weight_in_place(subject: Subject) -> None:
    """Any shape, a bias (1, fan_out) among them, is filled with finite numbers in its own memory; nothing is returned."""
    for shape in SHAPES:
        for dtype in DTYPES:
            weight = np.full(shape, np.nan, dtype)
            returned = subject.make().fill(weight, np.random.default_rng(0))
            expect(returned is None, f"fill returned a {type(returned).__name__}; it must write to 'weight' and return None")
            expect(np.isfinite(weight).all(), f"fill left {dtype.__name__} weights of shape {shape} unwritten or not finite")


def it_fills_a_view_and_nothing_beside_it(subject: Subject) -> None:
    """The weights are a part of a larger buffer, and the rest of it is somebody else's."""
    buffer = np.full(60, -7.0)
    subject.make().fill(buffer[10:40].reshape(6, 5), np.random.default_rng(0))
    expect((buffer[:10] == -7).all() and (buffer[40:] == -7).all(), "it wrote outside the weights it was given")
    expect_equal(buffer[10:40].reshape(6, 5), _filled(subject, (6, 5)), "a view was filled with other numbers than an array")


def a_stream_goes_on_from_layer_to_layer(subject: Subject) -> None:
    """Instances are alike, and two layers filled from one stream get different weights, unless the rule is no random one."""
    rng, init = np.random.default_rng(3), subject.make()
    first, second = np.empty((6, 6)), np.empty((6, 6))
    init.fill(first, rng)
    init.fill(second, rng)
    expect_equal(first, _filled(subject, (6, 6), seed=3), "a new instance with the same seed fills with other numbers")
    random = (_filled(subject, (6, 6), seed=4) != first).any()
    expect(not random or (first != second).any(), "two layers filled from one stream are identical; draw from rng each time")


def the_spread_does_not_depend_on_the_seed(subject: Subject) -> None:
    """The standard deviation of a large layer is a property of the rule, not of chance; within 10 %."""
    spreads = [_filled(subject, (200, 150), seed=seed).std() for seed in SEEDS]
    low, high = min(spreads), max(spreads)
    found = f"the standard deviation of 200 by 150 weights went from {low:.3g} to {high:.3g} over {len(SEEDS)} seeds"
    expect(high - low <= TOLERANCE * high, found)


def wider_layers_do_not_get_larger_weights(subject: Subject) -> None:
    """A sum over more inputs must not grow: four times the width, and the spread stays or falls."""
    narrow, wide = _filled(subject, (50, 40)).std(), _filled(subject, (200, 160)).std()
    expect(
        wide <= (1 + TOLERANCE) * narrow + 1e-12,  # NumPy's std of equal numbers need not be zero
        f"the standard deviation grew from {narrow:.3g} at (50, 40) to {wide:.3g} at (200, 160)",
    )


def _filled(subject: Subject, shape: tuple[int, int], dtype: npt.DTypeLike = np.float64, seed: int = 0) -> Array:
    weight = np.full(shape, np.nan, dtype)
    subject.make().fill(weight, np.random.default_rng(seed))
    return weight
