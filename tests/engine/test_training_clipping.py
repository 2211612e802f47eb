import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.engine.history import TRAIN_LOSS
from nnreg.engine.training import clipper
from nnreg.records.folder import read_history

pytestmark = pytest.mark.usefixtures("undrawn")

gradients = arrays(np.float64, st.integers(1, 8), elements=st.floats(-1e6, 1e6))


def clipped(grad, value=None, norm=None):
    grad = np.array(grad)
    assert clipper(value, norm)(grad) is None
    return grad


@given(grad=gradients)
def test_without_a_bound_the_gradient_stays_as_it_is(grad):
    np.testing.assert_array_equal(clipped(grad), grad)


@given(grad=gradients, bound=st.floats(1e-3, 1e7))
def test_no_component_exceeds_the_value_and_the_small_ones_are_kept(grad, bound):
    after = clipped(grad, value=bound)
    assert (np.abs(after) <= bound).all()
    np.testing.assert_array_equal(after, [min(max(g, -bound), bound) for g in grad])


@given(grad=gradients, bound=st.floats(1e-3, 1e7))
def test_the_length_does_not_exceed_the_norm_and_the_direction_is_kept(grad, bound):
    length = math.hypot(*grad)
    after = clipped(grad, norm=bound)
    if length <= bound * (1 - 1e-12):
        np.testing.assert_array_equal(after, grad)
    else:
        np.testing.assert_allclose(after, grad * (bound / length), rtol=1e-12, atol=1e-300)


@given(grad=gradients, value=st.floats(1e-3, 1e7), norm=st.floats(1e-3, 1e7))
def test_both_bounds_hold_the_value_first(grad, value, norm):
    np.testing.assert_array_equal(clipped(grad, value, norm), clipped(clipped(grad, value=value), norm=norm))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [-1.0, -0.9, -0.6, 0.6, 0.9, 0.999])
def test_squares_that_no_float_can_hold_are_no_obstacle(dtype, exponent):
    limits = np.finfo(dtype)
    end = limits.max if exponent > 0 else limits.smallest_normal
    size = float(end) ** abs(exponent) * (1 if exponent > 0 else 1e3)
    grad = np.array([3, -4, 0] * 40, dtype) / 5 * dtype(size)
    norm = size / 7
    after = clipped(grad, norm=norm)
    assert after.dtype == dtype
    assert math.hypot(*(after.astype(float) / norm)) == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(after[1::3] / after[0::3], -4 / 3, rtol=1e-5)


def test_the_largest_float32_gradient_becomes_one_of_length_one():
    after = clipped(np.full(100_000, np.finfo(np.float32).max), norm=1.0)
    assert after.dtype == np.float32
    assert np.linalg.norm(after.astype(np.float64)) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_stays_so_for_the_run_to_diverge(broken):
    grad = np.array([1.0, broken, 2.0])
    np.testing.assert_array_equal(clipped(grad, norm=1.0), grad)
    assert math.isnan(clipped([1.0, math.nan], value=1.0, norm=0.5)[1])


@pytest.mark.parametrize("size", [0, 5])
def test_nothing_at_all_stays_nothing(size):
    np.testing.assert_array_equal(clipped(np.zeros(size), 1.0, 1.0), np.zeros(size))


def test_the_array_is_written_in_place():
    grad = np.arange(12.0)
    clipper(None, 1.0)(grad[:6])
    assert np.linalg.norm(grad[:6]) == pytest.approx(1)
    np.testing.assert_array_equal(grad[6:], np.arange(6.0, 12.0))


@pytest.mark.long
def test_a_bound_tames_a_run_that_diverges_without(nnreg, project):
    wild = ("dataset=spirals", "steps=60", "optimizer.lr=30", "hidden=[30,30]", "loss=softmax_cross_entropy")
    lengths = {}
    for name, bounds in {"free": (), "norm": ("clip_norm=0.001",), "value": ("clip_value=0.0001",)}.items():
        assert nnreg(*wild, *bounds, f"hydra.run.dir={name}").code == 0
        lengths[name] = read_history(project / name).series(TRAIN_LOSS)[1].max()
    assert lengths["norm"] < lengths["free"] / 10
    assert lengths["value"] < lengths["free"] / 10


@pytest.mark.parametrize("setting", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("value", ["0", "-1", "nan"])
def test_a_bound_that_is_not_positive_is_refused_in_one_line(nnreg, setting, value):
    answer = nnreg(f"{setting}={value}")
    assert answer.code == 2
    assert answer.complaint.startswith(f"nnreg: {setting} must be in (0, inf), got ")
