"""Initialisers: each built-in one against closed forms, and what every registered one must do."""

import dataclasses
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.registry import entries
from nnreg_std.inits.constant import Constant
from nnreg_std.inits.glorot import Glorot
from nnreg_std.inits.he import He
from nnreg_std.inits.identity import Identity
from nnreg_std.inits.lecun import LeCun
from nnreg_std.inits.normal import Normal
from nnreg_std.inits.orthogonal import Orthogonal
from nnreg_std.inits.sparse import Sparse
from nnreg_std.inits.truncated_normal import TruncatedNormal
from nnreg_std.inits.uniform import Uniform
from nnreg_std.inits.zeros import Zeros

FAN_IN, FAN_OUT = 500, 400  # 200,000 weights: the standard error of their standard deviation is 0.16 %


def filled(init, shape=(FAN_IN, FAN_OUT), seed=0):
    weight = np.empty(shape)
    init.fill(weight, np.random.default_rng(seed))
    return weight


@pytest.mark.parametrize(
    ("init", "std"),
    [
        (Normal(), 0.01),
        (Normal(1.5), 1.5),
        (LeCun(), 0.0447214),  # √(1/500)
        (Glorot(), 0.0471405),  # √(2/900)
        (Glorot("fan_in"), 0.0447214),
        (He(), 0.0632456),  # √(2/500)
        (He("fan_out"), 0.0707107),  # √(2/400)
    ],
    ids=str,
)
def test_weights_are_normal_with_the_standard_deviation_of_the_formula(init, std):
    weight = filled(init)
    assert weight.std() == pytest.approx(std, rel=0.01)  # six standard errors
    assert abs(weight.mean()) < 5 * std / math.sqrt(weight.size)
    within = [np.mean(np.abs(weight) < k * std) for k in (1, 2, 3)]
    np.testing.assert_allclose(within, (0.6827, 0.9545, 0.9973), atol=0.006)


def test_rows_are_inputs_and_columns_are_units():
    assert filled(He(), (800, 100)).std() == pytest.approx(math.sqrt(2 / 800), rel=0.02)
    assert filled(He(), (100, 800)).std() == pytest.approx(math.sqrt(2 / 100), rel=0.02)


@pytest.mark.parametrize("init", [Zeros(), Normal(0.0)], ids=str)
def test_a_width_of_zero_makes_every_weight_zero(init):
    assert not filled(init, (5, 4)).any()


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (1, 3), (3, 1)])
def test_identity_is_the_unit_matrix_as_torch_has_it_for_any_shape(shape):
    np.testing.assert_array_equal(filled(Identity(0.5), shape), 0.5 * np.eye(*shape))


def test_a_deep_relu_network_that_begins_as_the_identity_hands_through_what_is_positive():
    x = np.abs(np.random.default_rng(0).standard_normal((9, 20)))
    y = x
    for _ in range(30):
        y = np.maximum(y @ filled(Identity(), (20, 20)), 0)
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize(("fan_in", "k"), [(500, 15), (16, 15), (15, 15), (4, 4), (1, 1)])
def test_each_unit_of_a_sparse_start_hears_so_many_inputs(fan_in, k):
    weight = filled(Sparse(), (fan_in, 300))
    np.testing.assert_array_equal((weight != 0).sum(axis=0), k)
    drawn = weight[weight != 0]
    assert drawn.std() == pytest.approx(1, abs=5 / math.sqrt(2 * drawn.size))
    assert abs(drawn.mean()) < 5 / math.sqrt(drawn.size)


def test_every_input_is_as_likely_to_be_heard():
    heard = (filled(Sparse(5, 0.1), (20, 20_000)) != 0).mean(axis=1)
    np.testing.assert_allclose(heard, 0.25, atol=5 * math.sqrt(0.25 * 0.75 / 20_000))
    assert filled(Sparse(5, 0.1), (20, 20_000)).std() == pytest.approx(0.05, rel=0.02)


def test_zeros_draws_nothing():
    rng = np.random.default_rng(0)
    Zeros().fill(np.empty((5, 4)), rng)
    assert rng.random() == np.random.default_rng(0).random()


def test_rules_that_differ_in_width_scale_the_same_draws():
    np.testing.assert_allclose(filled(He()), math.sqrt(2) * filled(LeCun()), rtol=1e-14)
    np.testing.assert_array_equal(filled(Glorot("fan_in")), filled(LeCun()))


def test_he_keeps_the_signal_alive_through_many_layers_of_relu_and_lecun_does_not():
    rng = np.random.default_rng(0)
    for init, alive in ((He(), True), (LeCun(), False)):
        x = rng.standard_normal((200, 100))
        for seed in range(20):
            x = np.maximum(x @ filled(init, (100, 100), seed), 0)
        assert (x.std() > 0.1) == alive


@pytest.mark.parametrize(
    ("init", "limit"),
    [
        (Uniform(), 0.08),
        (Uniform(1.5), 1.5),
        (LeCun("uniform"), 0.0774597),  # √(3/500)
        (Glorot(distribution="uniform"), 0.0816497),  # √(6/900)
        (Glorot("fan_in", "uniform"), 0.0774597),
        (He(distribution="uniform"), 0.1095445),  # √(6/500)
        (He("fan_out", "uniform"), 0.1224745),  # √(6/400)
    ],
    ids=str,
)
def test_weights_are_uniform_up_to_the_limit_of_the_formula(init, limit):
    weight = filled(init)
    assert 0.9999 * limit < np.abs(weight).max() <= limit * (1 + 1e-6)
    assert weight.std() == pytest.approx(limit / math.sqrt(3), rel=0.01)
    quarters, _ = np.histogram(weight, bins=4, range=(-limit, limit))
    np.testing.assert_allclose(quarters / weight.size, 0.25, atol=0.006)  # six standard errors


@pytest.mark.parametrize("rule", [LeCun, Glorot, He])
@given(fan_in=st.integers(1, 60), fan_out=st.integers(1, 60))
def test_both_distributions_of_a_rule_have_one_variance(rule, fan_in, fan_out):
    normal, uniform = (filled(rule(distribution=name), (fan_in, fan_out)) for name in ("normal", "uniform"))
    twin = np.random.default_rng(0)
    std = (normal / twin.standard_normal(normal.shape))[0, 0]
    np.testing.assert_allclose(uniform, math.sqrt(3) * std * np.random.default_rng(0).uniform(-1, 1, uniform.shape), rtol=1e-9)


@given(fan_in=st.integers(1, 60), fan_out=st.integers(1, 60))
def test_turning_a_layer_round_exchanges_the_modes_of_he_and_leaves_glorot(fan_in, fan_out):
    there, back = (fan_in, fan_out), (fan_out, fan_in)
    np.testing.assert_array_equal(filled(He("fan_out"), there).ravel(), filled(He("fan_in"), back).ravel())
    np.testing.assert_array_equal(filled(Glorot(), there).ravel(), filled(Glorot(), back).ravel())


def test_a_truncated_normal_is_a_normal_without_what_lies_beyond_two_standard_deviations():
    weight = np.sort(filled(TruncatedNormal(0.5)).ravel())
    assert 0.999 < np.abs(weight).max() <= 1.0 + 1e-12
    assert weight.std() == pytest.approx(0.8796256610342398 * 0.5, rel=0.01)
    assert abs(weight.mean()) < 5 * 0.44 / math.sqrt(weight.size)
    low, quartile = NormalDist().cdf(-2), NormalDist().inv_cdf(0.25 + 0.5 * NormalDist().cdf(-2))
    np.testing.assert_allclose(weight[weight.size // 4], 0.5 * quartile, atol=0.006)
    assert np.mean(weight < -0.5) == pytest.approx((NormalDist().cdf(-1) - low) / (1 - 2 * low), abs=0.005)


def test_a_truncated_normal_takes_one_draw_a_weight_always():
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    TruncatedNormal().fill(np.empty((7, 3)), rng)
    twin.random(21)
    assert rng.random() == twin.random()


@pytest.mark.parametrize("gain", [1.0, 0.5, math.sqrt(2)])
@given(fan_in=st.integers(1, 30), fan_out=st.integers(1, 30), seed=st.integers(0, 99))
def test_an_orthogonal_weight_has_orthogonal_rows_or_columns_of_length_gain(gain, fan_in, fan_out, seed):
    weight = filled(Orthogonal(gain), (fan_in, fan_out), seed)
    fewer = weight.T @ weight if fan_in >= fan_out else weight @ weight.T
    np.testing.assert_allclose(fewer, gain**2 * np.eye(min(fan_in, fan_out)), atol=1e-13)


def test_orthogonal_rotations_are_evenly_distributed():
    traces = np.array([np.trace(filled(Orthogonal(), (6, 6), seed)) for seed in range(2000)])
    assert abs(traces.mean()) < 5 / math.sqrt(2000)  # of an even distribution the traces have mean 0 and variance 1
    assert traces.var() == pytest.approx(1, abs=5 * math.sqrt(2 / 2000))


def test_a_signal_keeps_its_length_through_fifty_orthogonal_layers():
    x = np.random.default_rng(1).standard_normal((10, 64))
    y = x
    for seed in range(50):
        y = y @ filled(Orthogonal(), (64, 64), seed)
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), np.linalg.norm(x, axis=1), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_is_written_as_it_is(dtype):
    weight = np.empty((3, 2), dtype)
    Constant(0.1).fill(weight, np.random.default_rng(0))
    np.testing.assert_array_equal(weight, dtype(0.1))


@pytest.mark.parametrize(
    ("init", "length"),
    [(Orthogonal(), 1), (LeCun(), math.sqrt(400)), (He(), math.sqrt(800)), (He("fan_out"), math.sqrt(2))],
    ids=str,
)
def test_a_bias_is_filled_as_the_weights_of_one_input(init, length):
    assert np.linalg.norm(filled(init, (1, 400))) == pytest.approx(length, rel=0.1)


@pytest.mark.parametrize(
    ("technique", "defaults"),
    [
        (Normal, {"std": 0.01}),
        (Uniform, {"limit": 0.08}),
        (TruncatedNormal, {"std": 0.02}),
        (Constant, {"value": 0.1}),
        (LeCun, {"distribution": "normal"}),
        (Glorot, {"mode": "fan_avg", "distribution": "normal"}),
        (He, {"mode": "fan_in", "distribution": "normal"}),
        (Orthogonal, {"gain": 1.0}),
    ],
)
def test_an_init_without_settings_has_those_of_the_literature(technique, defaults):
    assert dataclasses.asdict(technique()) == defaults


# What every registered initialiser must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py.


ENTRIES = [(name, entry) for name, entry in entries.techniques("init").items() if name != "saved"]  # needs a file
every_init = pytest.mark.parametrize("entry", [pytest.param(entry, id=name) for name, entry in ENTRIES])
fans = st.integers(1, 40)


def draws(entry):
    """Whether the rule is random at all."""
    rng = np.random.default_rng(0)
    entries.load_class(entry)().fill(np.empty((2, 2)), rng)
    return rng.random() != np.random.default_rng(0).random()


def filled_by(entry, shape, dtype=np.float64, seed=0):
    weight = np.full(shape, np.nan, dtype)
    entries.load_class(entry)().fill(weight, np.random.default_rng(seed))
    return weight


@every_init
@given(fan_in=fans, fan_out=fans)
def test_it_writes_every_weight_of_any_shape(entry, fan_in, fan_out):
    assert np.isfinite(filled_by(entry, (fan_in, fan_out))).all()


@every_init
@given(seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_weights_whatever_the_global_generator_does(entry, seed):
    first = filled_by(entry, (5, 4), seed=seed)
    np.random.standard_normal(3)  # noqa: NPY002 - the global generator is disturbed on purpose
    np.testing.assert_array_equal(filled_by(entry, (5, 4), seed=seed), first)


@every_init
def test_float32_and_float64_runs_start_from_the_same_numbers(entry):
    single, double = filled_by(entry, (30, 20), np.float32), filled_by(entry, (30, 20), np.float64)
    np.testing.assert_array_equal(single, double.astype(np.float32))


@every_init
def test_filling_twice_from_one_stream_is_filling_two_layers(entry):
    rng = np.random.default_rng(3)
    init = entries.load_class(entry)()
    first, second = np.empty((6, 6)), np.empty((6, 6))
    init.fill(first, rng)
    init.fill(second, rng)
    np.testing.assert_array_equal(first, filled_by(entry, (6, 6), seed=3))
    assert (first != second).any() == draws(entry)


@every_init
def test_weights_are_centred_on_zero_and_small_enough_for_a_wide_layer(entry):
    weight = filled_by(entry, (400, 300))
    assert abs(weight.mean()) <= 5 * weight.std() / weight.size**0.5 or not draws(entry)
    assert weight.std() < 0.2
