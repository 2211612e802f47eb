"""What every initialiser must do, whatever its distribution; its statistics are its own tests' business."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array
from nnreg.contracts.init import settle_of
from nnreg.engine.settling import Filled
from nnreg.numerals import measured
from nnreg.testing.arrays import DTYPES
from nnreg.testing.report import Subject, expect, expect_equal, skip
from nnreg.testing.usage import filled, network_for_inits, rows_of

SHAPES = ((30, 20), (20, 30), (7, 7), (9, 1), (1, 9), (1, 1))
SEEDS = range(5)
TOLERANCE = 0.1  # of the spread of 30,000 weights: ten times and more what chance makes of it


def it_writes_every_weight_in_place(subject: Subject) -> None:
    """Any shape, a bias (1, fan_out) among them, is filled with finite numbers in its own memory; nothing is returned."""
    for shape in SHAPES:
        for dtype in DTYPES:
            weight = np.full(shape, np.nan, dtype)
            returned = filled(subject.make(), weight, np.random.default_rng(0))
            expect(returned is None, f"fill returned a {type(returned).__name__}; it must write to 'weight' and return None")
            expect(np.isfinite(weight).all(), f"fill left {dtype.__name__} weights of shape {shape} unwritten or not finite")


def it_fills_a_view_and_nothing_beside_it(subject: Subject) -> None:
    """The weights are a part of a larger buffer, and the rest of it is somebody else's."""
    buffer = np.full(60, -7.0)
    filled(subject.make(), buffer[10:40].reshape(6, 5), np.random.default_rng(0))
    expect((buffer[:10] == -7).all() and (buffer[40:] == -7).all(), "it wrote outside the weights it was given")
    expect_equal(buffer[10:40].reshape(6, 5), _filled(subject, (6, 5)), "a view was filled with other numbers than an array")


def a_stream_goes_on_from_layer_to_layer(subject: Subject) -> None:
    """Instances are alike, and two layers filled from one stream get different weights, unless the rule is no random one."""
    rng, init = np.random.default_rng(3), subject.make()
    first, second = np.empty((6, 6)), np.empty((6, 6))
    filled(init, first, rng)
    filled(init, second, rng)
    expect_equal(first, _filled(subject, (6, 6), seed=3), "a new instance with the same seed fills with other numbers")
    random = (_filled(subject, (6, 6), seed=4) != first).any()
    expect(not random or (first != second).any(), "two layers filled from one stream are identical; draw from rng each time")


def the_spread_does_not_depend_on_the_seed(subject: Subject) -> None:
    """The standard deviation of a large layer is a property of the rule, not of chance; within 10 %."""
    spreads = [_filled(subject, (200, 150), seed=seed).std() for seed in SEEDS]
    low, high = min(spreads), max(spreads)
    found = (
        f"the standard deviation of 200 by 150 weights went from {measured(low)} to {measured(high)} over {len(SEEDS)} seeds"
    )
    expect(high - low <= TOLERANCE * high, found)


def wider_layers_do_not_get_larger_weights(subject: Subject) -> None:
    """A sum over more inputs must not grow: four times the width, and the spread stays or falls."""
    narrow, wide = _filled(subject, (50, 40)).std(), _filled(subject, (200, 160)).std()
    expect(
        wide <= (1 + TOLERANCE) * narrow + 1e-12,  # NumPy's std of equal numbers need not be zero
        f"the standard deviation grew from {measured(narrow)} at (50, 40) to {measured(wide)} at (200, 160)",
    )


def any_place_will_do(subject: Subject) -> None:
    """Where it takes the place, the first layer, the last, the only one and a bias are filled with finite numbers too."""
    if "place" not in inspect.signature(subject.technique.fill).parameters:  # type: ignore[attr-defined]
        skip("it takes no place")
    for layer, layers in ((1, 1), (1, 4), (4, 4)):
        for shape in ((6, 4), (1, 4)):
            weight = np.full(shape, np.nan)
            filled(subject.make(), weight, np.random.default_rng(0), layer, layers)
            what = f"fill left weights of shape {shape} in layer {layer} of {layers} unwritten or not finite"
            expect(np.isfinite(weight).all(), what)


def settling_writes_finite_numbers_and_leaves_the_batch_alone(subject: Subject) -> None:
    """Where it settles a filled network, all arrays are finite afterwards, in place; nothing is returned; twice is the same."""
    wanted = settle_of(subject.make())
    if wanted is None:
        skip("it settles nothing")
    ends = []
    for _ in range(2):
        init, network, batch = subject.make(), network_for_inits(), rows_of(16, 6)
        network.initialise(init, np.random.default_rng(0))
        given = batch.copy()
        settle: Callable[..., object] = init.settle
        returned = settle(Filled(network, np.random.default_rng(1)), given)
        expect(returned is None, f"settle returned a {type(returned).__name__}; it must write to the network's arrays")
        expect_equal(given, batch, "settle wrote to the batch")
        theta = network.parameters.theta
        expect(np.isfinite(theta).all(), "settle left numbers that are not finite")
        ends.append(theta)
    expect_equal(ends[1], ends[0], "settling the same network twice gave other numbers")


def _filled(subject: Subject, shape: tuple[int, int], dtype: npt.DTypeLike = np.float64, seed: int = 0) -> Array:
    weight = np.full(shape, np.nan, dtype)
    filled(subject.make(), weight, np.random.default_rng(seed))
    return weight
