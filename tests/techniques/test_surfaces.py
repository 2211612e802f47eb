"""Surfaces: each built-in one against values from its source, and what every registered one must do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from nnreg.engine.descent import descend
from nnreg.registry import entries
from nnreg.registry.building import make_technique
from nnreg_std.optimizers.adagrad import AdaGrad
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.surfaces.ackley import Ackley
from nnreg_std.surfaces.beale import Beale
from nnreg_std.surfaces.himmelblau import Himmelblau
from nnreg_std.surfaces.noisy import Noisy
from nnreg_std.surfaces.noisy_quadratic import NoisyQuadratic
from nnreg_std.surfaces.plateau import Plateau
from nnreg_std.surfaces.quadratic import Quadratic
from nnreg_std.surfaces.rastrigin import Rastrigin
from nnreg_std.surfaces.rosenbrock import Rosenbrock
from nnreg_std.surfaces.rotated_quadratic import RotatedQuadratic
from nnreg_std.surfaces.saddle import Saddle
from nnreg_std.surfaces.spectrum import Spectrum

PLANE = np.random.default_rng(0).uniform(-3, 3, (50, 2))


@pytest.mark.parametrize(
    ("surface", "point", "value"),
    [
        (Quadratic(), (-7, 2), 6.45),
        (RotatedQuadratic(100, 90), (2, 10), 5.0),  # u = 10, v = -2
        (Rosenbrock(), (-1.2, 1), 24.2),
        (Beale(), (1, 1), 14.203125),
        (Himmelblau(), (0, 0), 170),
        (Himmelblau(), (-0.270845, -0.923039), 181.616522),  # the hill between the minima
        (Rastrigin(), (0.5, 0.5), 40.5),
        (Rastrigin(), (-1, 2), 5),
        (Ackley(), (1, 1), 20 - 20 * math.exp(-0.2)),
        (Ackley(), (0.5, 0), 20 + math.e - 20 * math.exp(-0.1 / math.sqrt(2)) - 1),
        (Saddle(), (0, 0), 0),
        (Saddle(), (2, -1), 1.75),
        (Plateau(), (1, 1), 1 - 1 / math.e),
    ],
    ids=str,
)
def test_the_height_at_a_known_point(surface, point, value):
    assert surface.value(np.array(point, float)) == pytest.approx(value, rel=1e-6, abs=1e-15)


def test_the_turned_valley_is_the_straight_one_at_angle_zero():
    turned, straight = RotatedQuadratic(20, 0), Quadratic()
    np.testing.assert_allclose(turned.value(PLANE), straight.value(PLANE), rtol=1e-12)
    np.testing.assert_allclose(turned.gradient(PLANE), straight.gradient(PLANE), rtol=1e-12)
    assert (turned.start, turned.largest_curvature) == (straight.start, straight.largest_curvature)


@given(condition=st.floats(1, 1e4), angle=st.floats(-180, 180))
def test_a_turned_valley_has_the_condition_number_and_the_direction_asked_for(condition, angle):
    surface = RotatedQuadratic(condition, angle)
    hessian = surface.gradient(np.eye(2))  # of a quadratic form: the gradient is the Hessian times the point
    curvatures, axes = np.linalg.eigh(hessian)
    np.testing.assert_allclose(curvatures, (2 / condition, 2), rtol=1e-8)
    along = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    assert condition < 1.01 or abs(along @ axes[:, 0]) == pytest.approx(1)


@given(angle=st.floats(-180, 180))
def test_rules_without_axes_walk_the_same_path_in_a_turned_valley(angle):
    turn = np.radians(angle)
    back = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for rule in (lambda: SGD(0.9), lambda: Momentum(0.1)):
        straight = descend(rule(), RotatedQuadratic(20, 0), steps=20)
        np.testing.assert_allclose(descend(rule(), RotatedQuadratic(20, angle), steps=20) @ back, straight, atol=1e-9)


def test_a_rule_with_a_scale_for_each_axis_loses_its_advantage_in_a_turned_valley():
    heights = {}
    for angle in (0, 45):
        surface = RotatedQuadratic(1000, angle)
        heights[angle] = surface.value(descend(AdaGrad(1.5), surface, steps=100)[-1])
    assert heights[45] > 10 * heights[0]


def test_the_tip_of_the_funnel_is_exactly_zero_and_its_gradient_is_said_to_be():
    for tip in (np.zeros(2), np.array([-0.0, 0.0]), np.zeros((3, 2), np.float32)):
        assert not Ackley().value(tip).any()
        assert not Ackley().gradient(tip).any()


@pytest.mark.parametrize("tiny", [1e-3, 1e-30, 1e-200, 1e-307])
def test_beside_the_tip_the_funnel_is_a_cone(tiny):
    slope = Ackley().gradient(np.array([tiny, 0.0]))
    assert slope[0] == pytest.approx(2 * math.sqrt(2), rel=0.05)
    assert slope[1] == 0


def test_on_the_ridge_gradient_descent_ends_in_the_saddle_and_beside_it_a_minimum():
    on, beside = (descend(SGD(0.1), Saddle(), steps=400, start=start)[-1] for start in ((1, 0), Saddle().start))
    np.testing.assert_allclose(on, (0, 0), atol=1e-12)
    np.testing.assert_allclose(beside, (0, 1), atol=1e-6)


def test_on_the_plateau_the_length_of_the_gradient_matters_to_sgd_and_not_to_adam():
    sgd, adam = (Plateau().value(descend(rule, Plateau(), steps=60)[-1]) for rule in (SGD(0.3), Adam(0.3)))
    assert sgd > 0.99
    assert adam < 0.05


@pytest.mark.parametrize("minimum", range(4))
def test_from_each_quarter_another_of_himmelblaus_minima_is_found(minimum):
    surface = Himmelblau()
    x, y = surface.minima[minimum]
    end = descend(SGD(0.005), surface, steps=500, start=(np.sign(x) * 4, np.sign(y) * 2.5))[-1]
    np.testing.assert_allclose(end, (x, y), atol=1e-6)


def test_gradient_descent_is_caught_in_a_dent_of_rastrigin():
    end = descend(SGD(0.001), Rastrigin(), steps=2000)[-1]
    assert np.abs(Rastrigin().gradient(end)).max() < 1e-6
    assert Rastrigin().value(end) > 5


# What every registered surface must do, whatever its shape.


every_surface = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in entries.techniques("surface").items()]
)
H = 1e-5


def make(entry):
    return make_technique(entries.load_class(entry))


def inside(surface, share):
    """The point of the domain at a share (along x, along y, and so on in turn) of its sides."""
    low, high = np.array(surface.domain).T
    return low + np.resize(share, low.shape) * (high - low)


def points_inside(surface, *shape):
    low, high = np.array(surface.domain).T
    return np.random.default_rng(0).uniform(low, high, (*shape, len(low)))


shares = st.tuples(st.floats(0, 1), st.floats(0, 1))


@every_surface
@given(share=shares)
def test_the_gradient_agrees_with_central_differences_everywhere_in_the_domain(entry, share):
    surface = make(entry)
    point = inside(surface, share)
    assume(all(np.linalg.norm(point - minimum) > 0.01 for minimum in surface.minima))  # a minimum may be a kink
    units = H * np.eye(len(point))
    ahead, behind = surface.value(point + units), surface.value(point - units)
    rounding = 1e-15 / H * np.abs(ahead).max()
    np.testing.assert_allclose(surface.gradient(point), (ahead - behind) / (2 * H), rtol=1e-6, atol=1e-5 + rounding)


@every_surface
@given(share=shares)
def test_no_point_of_the_domain_is_lower_than_a_minimum(entry, share):
    surface = make(entry)
    lowest = surface.value(np.array(surface.minima)).max()
    assert surface.value(inside(surface, share)) >= lowest - 1e-12


@every_surface
def test_the_minima_are_equally_deep_and_flat(entry):
    surface = make(entry)
    minima = np.array(surface.minima)
    assert len({tuple(minimum) for minimum in surface.minima}) == len(surface.minima) > 0
    assert np.ptp(surface.value(minima)) < 1e-12
    assert np.abs(surface.gradient(minima)).max() < 1e-12


@every_surface
@given(angle=st.floats(0, 2 * np.pi), share=st.floats(0.001, 0.05))
def test_around_a_minimum_it_rises(entry, angle, share):
    surface = make(entry)
    size = np.ptp(np.array(surface.domain), axis=1).min()
    for minimum in np.array(surface.minima):
        around = minimum + share * size * np.resize([np.cos(angle), np.sin(angle)], minimum.shape)
        assert surface.value(around) > surface.value(minimum)


@every_surface
def test_the_domain_holds_start_and_minima_and_the_start_is_on_a_slope(entry):
    surface = make(entry)
    low, high = np.array(surface.domain).T
    for point in (surface.start, *surface.minima):
        assert (low < point).all()
        assert (point < high).all()
    assert np.abs(surface.gradient(np.array(surface.start))).max() > 1e-4
    assert surface.value(np.array(surface.start)) > surface.value(np.array(surface.minima[0])) + 0.1


@every_surface
@given(shape=array_shapes(max_dims=3, max_side=4), seed=st.integers(0, 99))
def test_points_in_an_array_of_any_shape_are_each_on_their_own(entry, shape, seed):
    surface = make(entry)
    low, high = np.array(surface.domain).T
    points = np.random.default_rng(seed).uniform(low, high, (*shape, len(low)))
    values, gradients = surface.value(points), surface.gradient(points)
    assert values.shape == shape
    assert gradients.shape == points.shape
    for place in np.ndindex(shape):
        np.testing.assert_allclose(values[place], surface.value(points[place]), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(gradients[place], surface.gradient(points[place]), rtol=1e-12, atol=1e-12)


@every_surface
@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_no_points_at_all_are_fine(entry, shape):
    points = np.empty((*shape, len(make(entry).start)))
    assert make(entry).value(points).shape == shape
    assert make(entry).gradient(points).shape == points.shape


@every_surface
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (5,)])
def test_the_precision_of_the_points_is_kept(entry, dtype, shape):
    surface = make(entry)
    points = np.broadcast_to(np.array(surface.start, dtype), (*shape, len(surface.start)))
    assert surface.value(points).dtype == surface.gradient(points).dtype == dtype


@every_surface
def test_the_points_are_only_read(entry):
    surface = make(entry)
    points = points_inside(surface, 4)
    points.flags.writeable = False
    before = points.copy()
    surface.value(points)
    assert not np.shares_memory(surface.gradient(points), points)
    np.testing.assert_array_equal(points, before)


@every_surface
def test_a_constant_largest_curvature_is_the_largest_eigenvalue_of_the_hessian_everywhere(entry):
    surface = make(entry)
    for point in points_inside(surface, 20):
        steps = 1e-4 * np.eye(len(point))
        hessian = (surface.gradient(point + steps) - surface.gradient(point - steps)) / 2e-4
        np.testing.assert_allclose(hessian, hessian.T, rtol=1e-4, atol=1e-4)
        if surface.largest_curvature is not None:
            assert np.linalg.eigvalsh(hessian)[-1] == pytest.approx(surface.largest_curvature)


@pytest.mark.parametrize("name", ["himmelblau", "rotated_quadratic"])  # every one is built by the checks of nnreg.testing
def test_it_can_be_chosen(name, nnreg):
    answer = nnreg("--cfg", "job", f"surface={name}")
    assert answer.code == 0
    assert f"name: {name}" in answer.out


# Noise: the closed form of where plain descent ends, and what is drawn.


@pytest.mark.long
@pytest.mark.parametrize("rate", [0.05, 0.4, 0.9])
def test_plain_descent_on_a_noisy_quadratic_ends_in_a_cloud_of_the_size_that_is_known(rate):
    surface = NoisyQuadratic(condition=4.0, noise=0.7)
    path = descend(SGD(rate), surface, steps=40_000, noise=np.random.default_rng(3))[2_000:]
    for axis, curvature in enumerate((2 / 4.0, 2.0)):
        contraction = rate * curvature
        assert path[:, axis].var() == pytest.approx(0.7**2 * contraction / (2 - contraction), rel=0.15)
        assert path[:, axis].mean() == pytest.approx(0, abs=0.1)


def test_without_noise_it_is_the_rotated_quadratic_that_lies_along_an_axis():
    points = np.random.default_rng(0).standard_normal((5, 2))
    plain = RotatedQuadratic(20.0, 0.0)
    np.testing.assert_allclose(NoisyQuadratic().value(points), plain.value(points))
    np.testing.assert_allclose(NoisyQuadratic().gradient(points), plain.gradient(points))
    np.testing.assert_array_equal(
        descend(SGD(0.1), NoisyQuadratic(noise=0.0), steps=20), descend(SGD(0.1), NoisyQuadratic(noise=0.0), steps=20)
    )


def test_a_seed_decides_the_noise_and_a_rule_that_looks_again_sees_the_same():
    paths = [descend(SGD(0.1), NoisyQuadratic(), steps=9, noise=np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(paths[0], paths[1])
    assert (paths[0][1:] != paths[2][1:]).any()

    class Twice(SGD):
        looks_again = True

        def step(self, t, factor=1.0):
            first = self.parameters.grad.copy()
            self.reevaluate()
            np.testing.assert_array_equal(self.parameters.grad, first)
            super().step(t, factor)

    again = descend(Twice(0.1), NoisyQuadratic(), steps=9, noise=np.random.default_rng(0))
    np.testing.assert_array_equal(again, paths[0])


# Any number of dimensions: the closed form of plain descent, and the spectra.


@pytest.mark.parametrize("shape", ["log", "linear", "power"])
@pytest.mark.parametrize(("dimension", "condition"), [(1, 100.0), (2, 1.0), (3, 1e12), (20, 100.0), (1000, 1e4)])
def test_plain_descent_on_a_spectrum_follows_its_closed_form(shape, dimension, condition):
    surface = Spectrum(dimension, condition, shape)
    path = descend(SGD(1.5), surface, steps=40)
    expected = (1 - 1.5 * surface.curvatures) ** np.arange(41)[:, None]  # (1 - lr λᵢ)ᵗ from 1
    assert path.shape == (41, dimension)
    np.testing.assert_allclose(path, expected, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(surface.value(path), 0.5 * expected**2 @ surface.curvatures, rtol=1e-9)


def test_above_two_over_its_largest_curvature_plain_descent_on_a_spectrum_diverges():
    below, above = (np.abs(descend(SGD(lr), Spectrum(), steps=50)[-1, -1]) for lr in (1.99, 2.01))
    assert below < 1 < above


def test_the_spectra_are_those_of_their_formulas():
    np.testing.assert_allclose(Spectrum(4, 1000.0, "log").curvatures, (0.001, 0.01, 0.1, 1))
    np.testing.assert_allclose(Spectrum(4, 10.0, "linear").curvatures, (0.1, 0.4, 0.7, 1))
    np.testing.assert_allclose(Spectrum(100, 100.0, "power").curvatures, 1 / np.arange(100.0, 0, -1))  # Zhang et al. (2019)


def test_in_single_precision_a_spectrum_is_descended_as_in_double():
    single, double = (descend(Adam(0.1), Spectrum(), steps=60, dtype=dtype) for dtype in (np.float32, np.float64))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, atol=1e-4)


def test_noise_around_a_surface_is_as_large_as_it_says_and_nothing_on_average():
    surface, points = Noisy(Rosenbrock(), noise=0.5), np.tile(PLANE[:1], (40_000, 1))
    errors = surface.gradient(points, rng=np.random.default_rng(0)) - Rosenbrock().gradient(points)
    np.testing.assert_allclose(errors.mean(axis=0), 0, atol=4 * 0.5 / 200)
    np.testing.assert_allclose(errors.std(axis=0), 0.5, rtol=0.02)
    np.testing.assert_array_equal(surface.gradient(PLANE), Rosenbrock().gradient(PLANE))
    assert (surface.start, surface.domain, surface.minima) == (Rosenbrock.start, Rosenbrock.domain, Rosenbrock.minima)


@pytest.mark.long
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_plain_descent_through_noise_ends_in_the_cloud_of_an_autoregression(rate):
    """x ← (1 − ηh)x − ηε has the variance ησ² / (h(2 − ηh)), as every AR(1) has."""
    surface = Noisy(Quadratic(), noise=0.3)
    path = descend(SGD(lr=rate), surface, steps=60_000, noise=np.random.default_rng(1))[2000:]
    curvatures = np.array([0.1, 2.0])
    np.testing.assert_allclose(path.var(axis=0), rate * 0.3**2 / (curvatures * (2 - rate * curvatures)), rtol=0.15)


def test_a_noisy_surface_inside_adds_its_own_noise():
    points = np.zeros((40_000, 2))
    surface = Noisy(NoisyQuadratic(condition=1.0, noise=1.0), noise=1.0)
    np.testing.assert_allclose(surface.gradient(points, rng=np.random.default_rng(2)).var(axis=0), 2.0**2 + 1.0, rtol=0.03)
