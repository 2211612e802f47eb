"""Optimizers on surfaces, to six decimals of a published study, and surfaces as pictures need them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.contracts import Surface
from nnreg.engine.descent import around, descend, measure
from nnreg.registry import entries
from nnreg.registry.building import make_technique
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.surfaces.himmelblau import Himmelblau
from nnreg_std.surfaces.quadratic import Quadratic
from nnreg_std.surfaces.rosenbrock import Rosenbrock
from nnreg_std.surfaces.saddle import Saddle

every_optimizer = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in entries.techniques("optimizer").items()]
)


def made(kind, name, **settings):
    return make_technique(entries.load_class(entries.find_technique(kind, name)), **settings)


def published(rule, steps=30):
    """A descent of the study: the surface's own start and float64 are the defaults."""
    return descend(rule, made("surface", "quadratic"), steps=steps)


@pytest.mark.parametrize(
    ("name", "settings", "x", "y"),
    [
        ("sgd", {"lr": 0.95}, -0.350393, 0.084782),
        ("sgd", {"lr": 0.2}, -3.818390, 0),
        ("momentum", {"lr": 0.1, "momentum": 0.9}, 0.896414, 0.088086),
        ("momentum", {"lr": 0.2, "momentum": 0.8}, 0.204703, 0.006059),
        ("momentum", {"lr": 0.95, "momentum": 0.1}, -0.238535, 0.000006),
        ("adagrad", {"lr": 1.5}, -0.120162, 0),
        ("adam", {"lr": 0.3, "eps": 1e-7, "epsilon_hat": True}, 0.136007, 0.318245),
    ],
)
def test_thirty_updates_end_where_the_published_study_ends(name, settings, x, y):
    np.testing.assert_allclose(published(made("optimizer", name, **settings))[-1], (x, y), rtol=0, atol=6e-7)


def test_without_friction_momentum_never_settles():
    np.testing.assert_allclose(published(Momentum(0.2, 1.0))[-1], (2.703, 1.503), rtol=0, atol=6e-4)
    assert np.abs(published(Momentum(0.2, 1.0), steps=3000)[-300:]).max() > 1


def test_sgd_changes_sides_of_the_valley_at_every_update_that_is_drawn():
    drawn = published(SGD(0.95))[:30, 1]
    assert sum(before * after < 0 for before, after in pairwise(drawn)) == 29


def test_sgd_diverges_when_its_learning_rate_exceeds_two_over_the_largest_curvature():
    limit = 2 / Quadratic().largest_curvature
    assert limit == 1
    below, above = (np.abs(published(SGD(lr * limit), steps=300)[:, 1]) for lr in (0.99, 1.01))
    assert (np.diff(below) < 0).all()
    assert (np.diff(above) > 0).all()


def test_a_descent_that_diverges_is_a_result():
    path = published(SGD(30.0), steps=400)
    assert np.isfinite(path[:50]).all()
    assert not np.isfinite(path[-1, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_path_has_the_start_and_every_update_in_the_precision_asked_for(dtype):
    path = descend(Adam(0.1), Rosenbrock(), steps=7, start=(0.5, -0.25), dtype=dtype)
    assert path.shape == (8, 2)
    assert path.dtype == dtype
    np.testing.assert_array_equal(path[0], (0.5, -0.25))


def test_no_updates_are_a_path_too():
    np.testing.assert_array_equal(descend(SGD(), Quadratic(), steps=0), [Quadratic().start])


def test_the_schedule_is_asked_for_every_update_from_one_and_scales_its_learning_rate():
    asked = []
    slowed = descend(SGD(0.4), Himmelblau(), steps=5, schedule=lambda t: asked.append(t) or 0.025)
    assert asked == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(slowed, descend(SGD(0.01), Himmelblau(), steps=5), rtol=1e-12)


def test_a_rule_descends_once():
    rule = SGD()
    descend(rule, Quadratic(), steps=1)
    with pytest.raises(ValueError, match="already drives"):
        descend(rule, Quadratic(), steps=1)


@every_optimizer
def test_every_rule_goes_down_and_never_the_same_way_differently(entry):
    first, second = (descend(make_technique(entries.load_class(entry)), Quadratic(), steps=50) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    heights = Quadratic().value(first)
    assert heights[-1] < heights[0]


# Surfaces as pictures need them: contours spaced in the logarithm, windows that show what matters.


SURFACES = {name: make_technique(entries.load_class(entry)) for name, entry in entries.techniques("surface").items()}
every_surface = pytest.mark.parametrize(
    "surface", [pytest.param(surface, id=name) for name, surface in SURFACES.items() if len(surface.start) == 2]
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
