"""What every registered surface must do, whatever its shape."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from nnreg.registry import entries

every_surface = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in entries.techniques("surface").items()]
)
H = 1e-5


def make(entry):
    return entries.load_class(entry)()


def inside(surface, share):
    """The point of the domain at a share (along x, along y) of its sides."""
    low, high = np.array(surface.domain).T
    return low + np.array(share) * (high - low)


shares = st.tuples(st.floats(0, 1), st.floats(0, 1))


@every_surface
@given(share=shares)
def test_the_gradient_agrees_with_central_differences_everywhere_in_the_domain(entry, share):
    surface = make(entry)
    point = inside(surface, share)
    assume(all(np.hypot(*(point - minimum)) > 0.01 for minimum in surface.minima))  # a minimum may be a kink
    ahead, behind = surface.value(point + H * np.eye(2)), surface.value(point - H * np.eye(2))
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
        around = minimum + share * size * np.array([np.cos(angle), np.sin(angle)])
        assert surface.value(around) > surface.value(minimum)


@every_surface
def test_the_domain_holds_start_and_minima_and_the_start_is_on_a_slope(entry):
    surface = make(entry)
    (left, right), (bottom, top) = surface.domain
    for x, y in (surface.start, *surface.minima):
        assert left < x < right
        assert bottom < y < top
    assert np.abs(surface.gradient(np.array(surface.start))).max() > 1e-4
    assert surface.value(np.array(surface.start)) > surface.value(np.array(surface.minima[0])) + 0.1


@every_surface
@given(shape=array_shapes(max_dims=3, max_side=4), seed=st.integers(0, 99))
def test_points_in_an_array_of_any_shape_are_each_on_their_own(entry, shape, seed):
    surface = make(entry)
    points = inside(surface, np.random.default_rng(seed).random((*shape, 2)))
    values, gradients = surface.value(points), surface.gradient(points)
    assert values.shape == shape
    assert gradients.shape == (*shape, 2)
    for place in np.ndindex(shape):
        np.testing.assert_allclose(values[place], surface.value(points[place]), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(gradients[place], surface.gradient(points[place]), rtol=1e-12, atol=1e-12)


@every_surface
@pytest.mark.parametrize("shape", [(0, 2), (3, 0, 2)])
def test_no_points_at_all_are_fine(entry, shape):
    assert make(entry).value(np.empty(shape)).shape == shape[:-1]
    assert make(entry).gradient(np.empty(shape)).shape == shape


@every_surface
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2,), (5, 2)])
def test_the_precision_of_the_points_is_kept(entry, dtype, shape):
    surface = make(entry)
    points = np.broadcast_to(np.array(surface.start, dtype), shape)
    assert surface.value(points).dtype == surface.gradient(points).dtype == dtype


@every_surface
def test_the_points_are_only_read(entry):
    surface = make(entry)
    points = inside(surface, np.random.default_rng(0).random((4, 2)))
    points.flags.writeable = False
    before = points.copy()
    surface.value(points)
    assert not np.shares_memory(surface.gradient(points), points)
    np.testing.assert_array_equal(points, before)


@every_surface
def test_a_constant_largest_curvature_is_the_largest_eigenvalue_of_the_hessian_everywhere(entry):
    surface = make(entry)
    for point in inside(surface, np.random.default_rng(0).random((20, 2))):
        steps = 1e-4 * np.eye(2)
        hessian = (surface.gradient(point + steps) - surface.gradient(point - steps)) / 2e-4
        np.testing.assert_allclose(hessian, hessian.T, rtol=1e-4, atol=1e-4)
        if surface.largest_curvature is not None:
            assert np.linalg.eigvalsh(hessian)[-1] == pytest.approx(surface.largest_curvature)


@pytest.mark.parametrize("name", ["himmelblau", "rotated_quadratic"])  # every one is built by the checks of nnreg.testing
def test_it_can_be_chosen(name, nnreg):
    answer = nnreg("--cfg", "job", f"surface={name}")
    assert answer.code == 0
    assert f"name: {name}" in answer.out
