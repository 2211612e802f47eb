"""Activations: each built-in one against closed forms and torch, and what every registered one must do."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.contracts import Layer
from nnreg.registry import entries
from nnreg_std.activations._normal_cdf import normal_cdf
from nnreg_std.activations.elu import ELU
from nnreg_std.activations.gelu import GELU
from nnreg_std.activations.hard_tanh import HardTanh
from nnreg_std.activations.identity import Identity
from nnreg_std.activations.leaky_relu import LeakyReLU
from nnreg_std.activations.mish import Mish
from nnreg_std.activations.relu import ReLU
from nnreg_std.activations.selu import SELU
from nnreg_std.activations.sigmoid import Sigmoid
from nnreg_std.activations.silu import SiLU
from nnreg_std.activations.softplus import Softplus
from nnreg_std.activations.step import Step
from nnreg_std.activations.tanh import Tanh

FORMULAS = {
    name: entry
    for name, entry in entries.techniques("activation").items()
    if not issubclass(entries.load_class(entry), Layer)  # those have a file of their own
}
ORACLE = json.loads((Path(__file__).parent / "oracles" / "activations.json").read_text(encoding="utf-8"))


def forward(activation, *z, dtype=np.float64):
    out = np.empty((1, len(z)), dtype)
    activation.forward(np.array([z], dtype), out=out)
    return out[0]


def slope(activation, *z, dtype=np.float64):
    row, out = np.array([z], dtype), np.empty((1, len(z)), dtype)
    activation.backward(np.ones_like(row), row, forward(activation, *z, dtype=dtype)[None], out=out)
    return out[0]


def test_identity_hands_through():
    np.testing.assert_array_equal(forward(Identity(), -2, 0, 3.5), (-2, 0, 3.5))
    np.testing.assert_array_equal(slope(Identity(), -2, 0, 3.5), (1, 1, 1))


def test_relu_cuts_at_zero_and_its_slope_at_zero_is_zero():
    np.testing.assert_array_equal(forward(ReLU(), -2, -0.0, 0, 5e-324, 3, math.inf), (0, 0, 0, 5e-324, 3, math.inf))
    np.testing.assert_array_equal(slope(ReLU(), -2, -0.0, 0, 5e-324, 3, math.inf), (0, 0, 0, 1, 1, 1))


@given(z=st.floats(-700, 700))
def test_sigmoid_is_the_logistic_function(z):
    exact = 1 / (1 + math.exp(-z))
    assert forward(Sigmoid(), z)[0] == pytest.approx(exact, rel=0, abs=5e-16)
    assert slope(Sigmoid(), z)[0] == pytest.approx(exact * (1 - exact), rel=0, abs=5e-16)


def test_sigmoid_has_its_well_known_values():
    np.testing.assert_allclose(forward(Sigmoid(), 0, math.log(3), -math.log(3)), (0.5, 0.75, 0.25), rtol=1e-15)
    np.testing.assert_allclose(slope(Sigmoid(), 0, math.log(3)), (0.25, 0.1875), rtol=1e-15)


@pytest.mark.parametrize("activation", [Sigmoid(), Tanh()], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sigmoid_saturates_exactly_and_without_a_warning(activation, dtype):
    left = -1 if isinstance(activation, Tanh) else 0
    far = (-math.inf, -1e4, -100, 100, 1e4, math.inf)
    np.testing.assert_array_equal(forward(activation, *far, dtype=dtype), (left, left, left, 1, 1, 1))
    np.testing.assert_array_equal(slope(activation, *far, dtype=dtype), 0)


@given(z=st.floats(-20, 20))
def test_tanh_is_the_hyperbolic_tangent(z):
    assert forward(Tanh(), z)[0] == pytest.approx(math.tanh(z), rel=1e-14, abs=1e-300)
    assert slope(Tanh(), z)[0] == pytest.approx(1 / math.cosh(z) ** 2, rel=0, abs=2e-15)


@pytest.mark.parametrize("case", ORACLE["cases"], ids=lambda case: f"{case['name']}-{case['settings']}")
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 4e-15), (np.float32, 1e-6)], ids=["float64", "float32"])
def test_values_and_slopes_are_those_of_torch_from_minus_a_thousand_to_a_thousand(case, dtype, error):
    activation = entries.load_class(entries.find_technique("activation", case["name"]))(**case["settings"])
    np.testing.assert_allclose(forward(activation, *ORACLE["z"], dtype=dtype), case["y"], rtol=error, atol=error)
    np.testing.assert_allclose(slope(activation, *ORACLE["z"], dtype=dtype), case["slope"], rtol=error, atol=error)


def test_every_activation_that_torch_has_was_compared_with_it():
    compared = {case["name"] for case in ORACLE["cases"]}
    assert set(FORMULAS) - compared == {"identity", "step"}


def phi(*z, dtype=np.float64):
    out = np.empty(len(z), dtype)
    normal_cdf(np.array(z, dtype), out=out)
    return out


@given(z=st.floats(-37, 37))
def test_the_normal_distribution_function_has_the_accuracy_that_it_states(z):
    exact = math.erfc(-z / math.sqrt(2)) / 2
    assert phi(z)[0] == pytest.approx(exact, rel=1e-12, abs=0)
    assert phi(z)[0] == pytest.approx(exact, rel=0, abs=1e-15)


@given(z=st.floats(-8, 8, width=32))
def test_the_normal_distribution_function_is_accurate_in_float32(z):
    exact = math.erfc(-z / math.sqrt(2)) / 2
    assert phi(z, dtype=np.float32)[0] == pytest.approx(exact, rel=1e-5, abs=0)
    assert phi(z, dtype=np.float32)[0] == pytest.approx(exact, rel=0, abs=5e-7)


def test_the_normal_distribution_function_ends_at_zero_and_one():
    np.testing.assert_array_equal(phi(-math.inf, -1e300, -40, 40, 1e300, math.inf), (0, 0, 0, 1, 1, 1))
    assert phi(0)[0] == pytest.approx(0.5, rel=1e-15)


@given(z=st.floats(-30, 30))
def test_gelu_is_the_input_times_the_normal_distribution_function(z):
    tail, density = math.erfc(-z / math.sqrt(2)) / 2, math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    assert forward(GELU(), z)[0] == pytest.approx(z * tail, rel=1e-12, abs=1e-320)
    assert slope(GELU(), z)[0] == pytest.approx(tail + z * density, rel=1e-12, abs=1e-15)


def test_the_two_forms_of_gelu_differ_by_at_most_half_a_thousandth():
    z = np.linspace(-6, 6, 2001)
    difference = np.abs(forward(GELU(), *z) - forward(GELU("tanh"), *z))
    assert 4e-4 < difference.max() < 5e-4


def test_leaky_relu_has_its_slope_left_of_zero_and_at_zero():
    np.testing.assert_array_equal(forward(LeakyReLU(0.25), -8, -0.0, 0, 3), (-2, 0, 0, 3))
    np.testing.assert_array_equal(slope(LeakyReLU(0.25), -8, -0.0, 0, 5e-324, 3), (0.25, 0.25, 0.25, 1, 1))


@given(z=st.floats(-50, 50))
def test_a_leaky_relu_without_a_leak_is_relu_and_with_slope_one_the_identity(z):
    for leaky, twin in ((LeakyReLU(0.0), ReLU()), (LeakyReLU(1.0), Identity())):
        assert forward(leaky, z)[0] == forward(twin, z)[0]
        assert slope(leaky, z)[0] == slope(twin, z)[0]


@given(z=st.floats(-50, 50), alpha=st.floats(0.01, 5))
def test_elu_is_exponential_left_of_zero_with_a_floor_at_minus_alpha(z, alpha):
    exact, steep = (z, 1) if z > 0 else (alpha * math.expm1(z), alpha * math.exp(z))
    assert forward(ELU(alpha), z)[0] == pytest.approx(exact, rel=1e-14, abs=1e-300)
    assert slope(ELU(alpha), z)[0] == pytest.approx(steep, rel=1e-14, abs=1e-14)


def test_selu_returns_a_standard_normal_signal_with_mean_zero_and_variance_one():
    z = np.linspace(-12, 12, 480_001)
    weight = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    y = forward(SELU(), *z)
    assert (y * weight).sum() == pytest.approx(0, abs=1e-9)
    assert (y * y * weight).sum() == pytest.approx(1, abs=1e-9)


@given(z=st.floats(-700, 700))
def test_softplus_is_the_integral_of_the_sigmoid(z):
    assert forward(Softplus(), z)[0] == pytest.approx(max(z, 0) + math.log1p(math.exp(-abs(z))), rel=1e-14, abs=0)
    assert slope(Softplus(), z)[0] == pytest.approx(1 / (1 + math.exp(-z)), rel=1e-14, abs=0)


@given(z=st.floats(-700, 700))
def test_silu_is_the_input_times_its_sigmoid(z):
    sigma = 1 / (1 + math.exp(-z))
    assert forward(SiLU(), z)[0] == pytest.approx(z * sigma, rel=1e-14, abs=2e-14)
    assert slope(SiLU(), z)[0] == pytest.approx(sigma * (1 + z * (1 - sigma)), rel=1e-14, abs=2e-14)


@given(z=st.floats(-700, 700))
def test_mish_is_the_input_times_the_hyperbolic_tangent_of_its_softplus(z):
    softplus, sigma = max(z, 0) + math.log1p(math.exp(-abs(z))), 1 / (1 + math.exp(-z))
    tanh = math.tanh(softplus)
    assert forward(Mish(), z)[0] == pytest.approx(z * tanh, rel=1e-14, abs=1e-300)
    assert slope(Mish(), z)[0] == pytest.approx(tanh + z * sigma / math.cosh(min(softplus, 350)) ** 2, rel=1e-11, abs=2e-13)


def test_hard_tanh_is_flat_from_one_on():
    np.testing.assert_array_equal(forward(HardTanh(), -math.inf, -2, -1, -0.3, 1, 7), (-1, -1, -1, -0.3, 1, 1))
    np.testing.assert_array_equal(slope(HardTanh(), -math.inf, -2, -1, -0.3, 0.999, 1, 7), (0, 0, 0, 1, 1, 0, 0))


def test_step_can_be_drawn_and_has_no_slope():
    np.testing.assert_array_equal(forward(Step(), -math.inf, -2, -0.0, 0, 5e-324, 7), (0, 0, 0, 0, 1, 1))
    np.testing.assert_array_equal(slope(Step(), -2, 0, 7), (0, 0, 0))


def test_a_run_with_step_is_refused_with_the_reason(nnreg):
    answer = nnreg("activation=step", "steps=1")
    assert answer.code == 2
    assert "activation=step cannot be trained: its derivative is zero everywhere" in answer.complaint
    assert answer.complaint.endswith("train with activation=sigmoid")


# What every registered formula must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py.


every_activation = pytest.mark.parametrize("entry", [pytest.param(entry, id=name) for name, entry in FORMULAS.items()])
GRID = np.linspace(-6, 6, 120).reshape(20, 6) + 0.0137  # off the whole and half numbers, where kinks are
matrices = arrays(np.float64, (3, 4), elements=st.floats(-50, 50))


def forward_of(entry, z):
    out = np.full_like(z, np.nan)
    assert entries.load_class(entry)().forward(z, out=out) is None
    return out


def backward(entry, dy, z):
    out = np.full_like(z, np.nan)
    assert entries.load_class(entry)().backward(dy, z, forward_of(entry, z), out=out) is None
    return out


@every_activation
@given(dy=matrices, z=matrices)
def test_the_gradient_is_the_upstream_gradient_times_the_derivative(entry, dy, z):
    derivative = backward(entry, np.ones_like(z), z)
    np.testing.assert_allclose(backward(entry, dy, z), dy * derivative, rtol=1e-12, atol=1e-300)


@every_activation
@given(z=matrices)
def test_each_element_is_on_its_own(entry, z):
    together = forward_of(entry, z)
    one_by_one = [forward_of(entry, z[i : i + 1, j : j + 1])[0, 0] for i in range(3) for j in range(4)]
    np.testing.assert_allclose(together.ravel(), one_by_one, rtol=1e-15, atol=1e-15)


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_numbers_give_finite_results_without_a_warning(entry, dtype):
    huge = np.finfo(dtype).max / 2
    z = np.array([[-huge, -1e4, -100, 0, 100, 1e4, huge]], dtype)
    assert np.isfinite(forward_of(entry, z)).all()
    assert np.isfinite(backward(entry, np.ones_like(z), z)).all()
