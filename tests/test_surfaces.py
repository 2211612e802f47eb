"""Each built-in surface against values from its source, and what makes it worth descending."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.engine.descent import descend
from nnreg_std.optimizers.adagrad import AdaGrad
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.surfaces.ackley import Ackley
from nnreg_std.surfaces.beale import Beale
from nnreg_std.surfaces.himmelblau import Himmelblau
from nnreg_std.surfaces.plateau import Plateau
from nnreg_std.surfaces.quadratic import Quadratic
from nnreg_std.surfaces.rastrigin import Rastrigin
from nnreg_std.surfaces.rosenbrock import Rosenbrock
from nnreg_std.surfaces.rotated_quadratic import RotatedQuadratic
from nnreg_std.surfaces.saddle import Saddle

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
