"""Surfaces as pictures need them: contours spaced in the logarithm, windows that show what matters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.contracts import Surface
from nnreg.engine.descent import around, measure
from nnreg.registry import entries
from nnreg_std.surfaces.quadratic import Quadratic
from nnreg_std.surfaces.saddle import Saddle

every_surface = pytest.mark.parametrize(
    "surface", [pytest.param(entries.load_class(entry)(), id=name) for name, entry in entries.techniques("surface").items()]
)


class Slope(Surface):
    """A plane, which has no minimum."""

    start, domain, minima = (0.0, 0.0), ((-1.0, 1.0), (-2.0, 2.0)), ()

    def value(self, points):
        return points[..., 0]

    def gradient(self, points):
        return np.broadcast_to([1.0, 0.0], points.shape)


class Flat(Slope):
    """The same height everywhere."""

    def value(self, points):
        return np.zeros(points.shape[:-1])


def test_heights_are_the_surface_s_own():
    terrain = measure("quadratic", Quadratic())
    row, column = 17, 201
    assert terrain.z[row, column] == pytest.approx(terrain.x[column] ** 2 / 20 + terrain.y[row] ** 2)
    assert (terrain.x[0], terrain.x[-1], terrain.y[0], terrain.y[-1]) == (-10, 10, -10, 10)
    assert terrain.largest_curvature == 2


@every_surface
def test_contours_are_evenly_spaced_in_the_logarithm_of_the_height_above_the_lowest_point(surface):
    terrain = measure("any", surface)
    ratios = np.diff(np.log(terrain.levels - terrain.lowest))
    assert len(terrain.levels) > 10
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-6)
    assert terrain.z.min() < terrain.levels[0]
    assert terrain.levels[-1] < terrain.z.max()


def test_a_surface_below_zero_has_contours_too():
    terrain = measure("saddle", Saddle())
    assert terrain.lowest == pytest.approx(-0.25)
    assert terrain.levels[0] < 0 < terrain.levels[-1]


def test_a_surface_without_minimum_or_without_slope_can_be_measured():
    assert len(measure("slope", Slope()).levels) > 10
    assert not len(measure("flat", Flat()).levels)


points = arrays(float, st.tuples(st.integers(1, 20), st.just(2)), elements=st.floats(allow_nan=True, allow_infinity=True))


@given(points)
def test_a_window_holds_every_point_of_the_domain_and_never_more_than_the_domain(path):
    surface = Quadratic()
    (left, right), (low, high) = around(surface, path)
    assert -10 <= left < right <= 10
    assert -10 <= low < high <= 10
    inside = path[(np.abs(path) <= 10).all(axis=1)]
    assert ((inside >= (left, low)) & (inside <= (right, high))).all()
    assert left <= 0 <= right
    assert low <= 0 <= high


def test_a_path_along_an_axis_is_not_shown_in_a_slit():
    (left, right), (low, high) = around(Quadratic(), np.array([[-7.0, 0.0], [0.0, 0.0]]))
    assert (high - low) > (right - left) / 3


def test_without_any_point_to_show_the_window_is_the_domain():
    assert around(Slope(), np.array([[np.nan, 0.0], [9.0, 9.0]])) == Slope.domain
