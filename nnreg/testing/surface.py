"""What every surface must do, whatever its shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnreg.contracts import Array
from nnreg.contracts.objective import is_noisy
from nnreg.numerals import measured
from nnreg.testing.arrays import DTYPES, expect_gradient, slopes
from nnreg.testing.report import Subject, expect, expect_close, expect_equal, skip


def the_gradient_agrees_with_central_differences(subject: Subject) -> None:
    """``gradient`` is the derivative of ``value`` all over the domain, in float64, off the kinks."""
    surface = subject.make()
    points = _points(surface)
    found = np.stack([_slope(surface, points, axis) for axis in range(points.shape[-1])], axis=-1)
    scale = 1 + np.abs(found).max(axis=-1, where=np.isfinite(found), initial=0)[:, None]
    expect_gradient(surface.gradient(points) / scale, found / scale, "gradient is not the derivative of value")


def points_may_come_in_any_shape(subject: Subject) -> None:
    """One point, a row, a grid or none: (..., n) gives values (...,) and gradients (..., n), the same numbers."""
    surface = subject.make()
    points = _points(surface)[:24]
    values, gradients = surface.value(points), surface.gradient(points)
    for shape in ((), (1,), (4, 6), (2, 3, 4), (0,)):
        count = int(np.prod(shape))
        some = points[:count].reshape(*shape, points.shape[-1])
        for what, got, wanted in (("value", surface.value(some), values), ("gradient", surface.gradient(some), gradients)):
            expected = wanted[:count].reshape(some.shape if what == "gradient" else shape)
            expect_close(np.asarray(got), expected, f"{what} of points {some.shape}", rtol=1e-10, atol=1e-12)


def it_only_reads_the_points(subject: Subject) -> None:
    """The path of a descent is the caller's."""
    surface = subject.make()
    points = _points(surface)
    before = points.copy()
    surface.value(points)
    surface.gradient(points)
    expect_equal(points, before, "it wrote to the points")


def it_keeps_the_precision(subject: Subject) -> None:
    """Points in float32 give float32."""
    surface = subject.make()
    for dtype in DTYPES:
        points = _points(surface).astype(dtype)
        for method in (surface.value, surface.gradient):
            found = np.asarray(method(points)).dtype
            expect(found == dtype, f"{method.__name__} returned {found} for {dtype.__name__} points")


def its_map_is_in_order(subject: Subject) -> None:
    """The domain runs from low to high, and start and minima lie in it."""
    surface = subject.make()
    for low, high in surface.domain:
        expect(low < high, f"the domain {surface.domain} must run from low to high")
    for name, point in (("start", surface.start), *(("minimum", minimum) for minimum in surface.minima)):
        inside = all(low <= at <= high for at, (low, high) in zip(point, surface.domain, strict=True))
        expect(inside, f"the {name} {tuple(point)} lies outside the domain {surface.domain}")


def its_minima_are_the_lowest_points(subject: Subject) -> None:
    """All minima have one value, no point of the domain is lower, and the surface is level there, unless it has a kink."""
    surface = subject.make()
    if not surface.minima:
        skip("it has no global minimum")
    minima = np.array(surface.minima, float)
    values = surface.value(minima)
    scale = float(np.abs(surface.value(_points(surface))).max())
    expect_close(values, np.full(len(minima), values.min()), "the minima differ in value", rtol=0, atol=1e-6 * scale)
    lowest = surface.value(_points(surface, 10_000)).min()
    expect(
        lowest >= values.min() - 1e-9 * scale,
        f"the domain has a point of value {measured(lowest, 6)}, a minimum {measured(values.min(), 6)}",
    )
    found = np.stack([_slope(surface, minima, axis) for axis in range(minima.shape[-1])], axis=-1)
    tilt = np.abs(found).max(where=np.isfinite(found), initial=0)
    expect(tilt <= 1e-3 * (1 + scale), f"the slope at a minimum is {measured(tilt)}")


def its_largest_curvature_is_that_of_its_hessian(subject: Subject) -> None:
    """Where it says one, every point of the domain has it: plain descent is stable for a learning rate below 2 / L."""
    surface = subject.make()
    if surface.largest_curvature is None:
        skip("its curvature is not the same everywhere")
    points, step = _points(surface)[:20], 1e-4
    columns = [
        surface.gradient(points + step * unit) - surface.gradient(points - step * unit) for unit in np.eye(points.shape[-1])
    ]
    largest = np.linalg.eigvalsh(np.stack(columns, axis=-1) / (2 * step)).max(axis=-1)
    wanted = np.full(len(points), float(surface.largest_curvature))
    expect_close(largest, wanted, "the Hessian's largest eigenvalue is not largest_curvature", rtol=1e-5, atol=1e-8)


def its_noise_averages_out(subject: Subject) -> None:
    """Slopes that are drawn from a generator differ from draw to draw, and are on average those without one."""
    surface = subject.make()
    if not is_noisy(surface):
        skip("its slopes are not drawn")
    points, rng = np.repeat(_points(surface, 3)[:, None], 4000, axis=1), np.random.default_rng(0)
    drawn, expected = surface.gradient(points, rng=rng), surface.gradient(points)
    spread = drawn.std(axis=1)
    expect(np.ptp(drawn, axis=1).any(), "gradient is given a generator and draws nothing from it")
    error = np.abs(drawn.mean(axis=1) - expected[:, 0])
    allowed = 6 * spread / np.sqrt(4000) + 1e-12
    expect(
        (error <= allowed).all(),
        f"the mean of 4,000 drawn slopes is {measured(error.max())} away from what gradient says without a generator",
    )


def _points(surface: Any, count: int = 60) -> Array:
    low, high = np.array(surface.domain, float).T
    return np.random.default_rng(0).uniform(low, high, (count, len(low)))


def _slope(surface: Any, points: Array, axis: int) -> Array:
    """Return the measured slope along one axis at every point."""

    def along(coordinate: Array) -> Array:
        moved = points.copy()
        moved[:, axis] = coordinate
        return np.asarray(surface.value(moved))

    return slopes(along, points[:, axis])
