"""What every registered activation must do, whatever its curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg import registry

every_activation = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in registry.entries("activation").items()]
)
GRID = np.linspace(-6, 6, 120).reshape(20, 6) + 0.0137  # off the whole and half numbers, where kinks are
matrices = arrays(np.float64, (3, 4), elements=st.floats(-50, 50))


def forward(entry, z):
    out = np.full_like(z, np.nan)
    assert registry.load(entry)().forward(z, out=out) is None
    return out


def backward(entry, dy, z):
    out = np.full_like(z, np.nan)
    assert registry.load(entry)().backward(dy, z, forward(entry, z), out=out) is None
    return out


@every_activation
def test_the_derivative_agrees_with_central_differences(entry):
    h = 1e-6
    measured = (forward(entry, GRID + h) - forward(entry, GRID - h)) / (2 * h)
    np.testing.assert_allclose(backward(entry, np.ones_like(GRID), GRID), measured, rtol=1e-6, atol=1e-9)


@every_activation
@given(dy=matrices, z=matrices)
def test_the_gradient_is_the_upstream_gradient_times_the_derivative(entry, dy, z):
    derivative = backward(entry, np.ones_like(z), z)
    np.testing.assert_allclose(backward(entry, dy, z), dy * derivative, rtol=1e-12, atol=1e-300)


@every_activation
def test_what_is_read_is_never_written(entry):
    z, dy, y, out = GRID.copy(), np.cos(GRID), forward(entry, GRID), np.empty_like(GRID)
    for array in (z, dy, y):
        array.flags.writeable = False
    registry.load(entry)().forward(z, out=out)
    registry.load(entry)().backward(dy, z, y, out=out)


@every_activation
@given(z=matrices)
def test_each_element_is_on_its_own(entry, z):
    together = forward(entry, z)
    one_by_one = [forward(entry, z[i : i + 1, j : j + 1])[0, 0] for i in range(3) for j in range(4)]
    np.testing.assert_allclose(together.ravel(), one_by_one, rtol=1e-15, atol=1e-15)


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_numbers_give_finite_results_without_a_warning(entry, dtype):
    largest = np.finfo(dtype).max
    z = np.array([[-largest, -1e4, -100, 0, 100, 1e4, largest]], dtype)
    assert np.isfinite(forward(entry, z)).all()
    assert np.isfinite(backward(entry, np.ones_like(z), z)).all()


@every_activation
def test_a_nan_stays_visible(entry):
    assert np.isnan(forward(entry, np.full((2, 2), np.nan))).all()


@every_activation
def test_an_empty_batch_is_fine(entry):
    assert forward(entry, np.empty((0, 4))).shape == (0, 4)
    assert backward(entry, np.empty((0, 4)), np.empty((0, 4))).shape == (0, 4)


@every_activation
def test_it_writes_into_rows_of_a_larger_buffer(entry):
    buffer = np.full((9, 6), -7.0)
    registry.load(entry)().forward(GRID[:4], out=buffer[:4])
    np.testing.assert_array_equal(buffer[:4], forward(entry, GRID[:4]))
    assert (buffer[4:] == -7).all()
