"""What every registered initialiser must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.registry import entries

ENTRIES = entries.techniques("init").items()
every_init = pytest.mark.parametrize("entry", [pytest.param(entry, id=name) for name, entry in ENTRIES])
fans = st.integers(1, 40)


def draws(entry):
    """Whether the rule is random at all."""
    rng = np.random.default_rng(0)
    entries.load_class(entry)().fill(np.empty((2, 2)), rng)
    return rng.random() != np.random.default_rng(0).random()


def filled(entry, shape, dtype=np.float64, seed=0):
    weight = np.full(shape, np.nan, dtype)
    entries.load_class(entry)().fill(weight, np.random.default_rng(seed))
    return weight


@every_init
@given(fan_in=fans, fan_out=fans)
def test_it_writes_every_weight_of_any_shape(entry, fan_in, fan_out):
    assert np.isfinite(filled(entry, (fan_in, fan_out))).all()


@every_init
@given(seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_weights_whatever_the_global_generator_does(entry, seed):
    first = filled(entry, (5, 4), seed=seed)
    np.random.standard_normal(3)  # noqa: NPY002 - the global generator is disturbed on purpose
    np.testing.assert_array_equal(filled(entry, (5, 4), seed=seed), first)


@every_init
def test_float32_and_float64_runs_start_from_the_same_numbers(entry):
    single, double = filled(entry, (30, 20), np.float32), filled(entry, (30, 20), np.float64)
    np.testing.assert_array_equal(single, double.astype(np.float32))


@every_init
def test_filling_twice_from_one_stream_is_filling_two_layers(entry):
    rng = np.random.default_rng(3)
    init = entries.load_class(entry)()
    first, second = np.empty((6, 6)), np.empty((6, 6))
    init.fill(first, rng)
    init.fill(second, rng)
    np.testing.assert_array_equal(first, filled(entry, (6, 6), seed=3))
    assert (first != second).any() == draws(entry)


@every_init
def test_weights_are_centred_on_zero_and_small_enough_for_a_wide_layer(entry):
    weight = filled(entry, (400, 300))
    assert abs(weight.mean()) <= 5 * weight.std() / weight.size**0.5 or not draws(entry)
    assert weight.std() < 0.2
