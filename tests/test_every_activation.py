"""What every registered activation must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.registry import entries

every_activation = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in entries.techniques("activation").items()]
)
GRID = np.linspace(-6, 6, 120).reshape(20, 6) + 0.0137  # off the whole and half numbers, where kinks are
matrices = arrays(np.float64, (3, 4), elements=st.floats(-50, 50))


def forward(entry, z):
    out = np.full_like(z, np.nan)
    assert entries.load_class(entry)().forward(z, out=out) is None
    return out


def backward(entry, dy, z):
    out = np.full_like(z, np.nan)
    assert entries.load_class(entry)().backward(dy, z, forward(entry, z), out=out) is None
    return out


@every_activation
@given(dy=matrices, z=matrices)
def test_the_gradient_is_the_upstream_gradient_times_the_derivative(entry, dy, z):
    derivative = backward(entry, np.ones_like(z), z)
    np.testing.assert_allclose(backward(entry, dy, z), dy * derivative, rtol=1e-12, atol=1e-300)


@every_activation
@given(z=matrices)
def test_each_element_is_on_its_own(entry, z):
    together = forward(entry, z)
    one_by_one = [forward(entry, z[i : i + 1, j : j + 1])[0, 0] for i in range(3) for j in range(4)]
    np.testing.assert_allclose(together.ravel(), one_by_one, rtol=1e-15, atol=1e-15)


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_numbers_give_finite_results_without_a_warning(entry, dtype):
    huge = np.finfo(dtype).max / 2
    z = np.array([[-huge, -1e4, -100, 0, 100, 1e4, huge]], dtype)
    assert np.isfinite(forward(entry, z)).all()
    assert np.isfinite(backward(entry, np.ones_like(z), z)).all()
