"""Standardisation: by the training rows, and by nothing else."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnreg.contracts import Split
from nnreg_std.datasets import _scaling
from nnreg_std.datasets._scaling import scaled
from nnreg_std.datasets.breast_cancer import BreastCancer
from nnreg_std.datasets.diabetes import Diabetes
from nnreg_std.datasets.friedman1 import Friedman1
from nnreg_std.datasets.iris import Iris
from nnreg_std.datasets.wine import Wine

DATASETS = (Iris, Wine, BreastCancer, Diabetes, Friedman1)


def split(x, y=None):
    x = np.asarray(x, dtype=np.float64)
    return Split(x, np.zeros(len(x), dtype=np.int64) if y is None else np.asarray(y))


@pytest.mark.parametrize("dataset", DATASETS)
def test_features_to_train_on_have_mean_0_and_deviation_1(dataset):
    x = dataset().load().train.x.astype(np.float64)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize("dataset", DATASETS)
def test_held_out_rows_are_moved_by_the_numbers_of_the_training_rows(dataset):
    raw, moved = dataset(standardise=False).load(), dataset().load()
    mean, deviation = np.mean(raw.train.x, axis=0, dtype=np.float64), np.std(raw.train.x, axis=0, dtype=np.float64)
    for name in ("valid", "test"):
        np.testing.assert_allclose(moved.present()[name].x, (raw.present()[name].x - mean) / deviation, rtol=2e-4, atol=2e-5)
        assert abs(moved.present()[name].x.mean(axis=0)).max() > 1e-3, "its own mean would be 0"


@pytest.mark.parametrize("dataset", [Diabetes, Friedman1])
def test_values_are_standardised_by_the_training_rows_too(dataset):
    raw, moved = dataset(standardise=False).load(), dataset().load()
    assert moved.train.y.mean() == pytest.approx(0, abs=1e-6)
    assert moved.train.y.std() == pytest.approx(1, abs=1e-6)
    expected = (raw.test.y - np.mean(raw.train.y, dtype=np.float64)) / np.std(raw.train.y, dtype=np.float64)
    np.testing.assert_allclose(moved.test.y, expected, atol=1e-5)


finite = st.floats(-1e6, 1e6)


@given(arrays(np.float64, (5, 2), elements=finite), arrays(np.float64, (3, 2), elements=finite), finite)
def test_what_is_held_out_cannot_leak_into_what_is_trained_on(train, valid, other):
    one = scaled((split(train), split(valid), None), standardise=True)
    two = scaled((split(train), split(valid + other), split(valid)), standardise=True)
    np.testing.assert_array_equal(one[0].x, two[0].x, strict=True)


def test_a_feature_that_is_the_same_in_all_training_rows_becomes_zero():
    train, valid, test = scaled((split([[0.1, 1], [0.1, 3], [0.1, 5]]), split([[0.4, 3]]), None), standardise=True)
    np.testing.assert_allclose(train.x[:, 0], 0, atol=1e-7)
    np.testing.assert_allclose(valid.x, [[0.3, 0]], atol=1e-6)
    assert test is None


def test_class_numbers_stay_as_they_are():
    y = np.array([2, 0, 1])
    assert scaled((split([[1], [2], [3]], y), None, None), standardise=True)[0].y is y


@pytest.mark.parametrize("standardise", [True, False])
def test_the_arrays_given_stay_unwritten_and_what_comes_is_float32(standardise):
    x, y = np.array([[1.0, 2], [3, 5]]), np.array([[7.0], [8]])
    x.flags.writeable = y.flags.writeable = False
    train, _, _ = scaled((Split(x, y), None, None), standardise=standardise)
    assert train.x.dtype == train.y.dtype == np.float32
    assert not np.shares_memory(train.x, x)


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("wrong", [1e39, -1e39, np.inf, np.nan])
def test_numbers_that_float32_cannot_hold_are_refused(standardise, wrong):
    with pytest.raises(ValueError, match="the features hold numbers that are not finite or too large for float32"):
        scaled((split([[1], [wrong]]), None, None), standardise=standardise)
    with pytest.raises(ValueError, match="the targets hold numbers that are not finite"):
        scaled((split([[1], [2]], [[1.0], [wrong]]), None, None), standardise=standardise)


@pytest.mark.parametrize("shape", [(999, 1), (1000, 2), (731, 13), (50, 64)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_many_rows_are_scaled_part_by_part_to_the_numbers_of_the_whole(shape, dtype, monkeypatch):
    x = (np.random.default_rng(0).random(shape) * 200).astype(dtype)
    mean, deviation = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    monkeypatch.setattr(_scaling, "AT_ONCE", 100)
    found = scaled((Split(x, np.zeros(len(x), np.int64)), None, None), standardise=True)[0].x
    np.testing.assert_array_equal(found, ((x - mean) / deviation).astype(np.float32), strict=True)


def test_bytes_that_are_not_standardised_stay_where_they_are():
    rows = Split(np.arange(6, dtype=np.uint8).reshape(3, 2), np.zeros(3, np.int64))
    assert scaled((rows, rows, None), standardise=False)[1].x is rows.x
    beside_floats = scaled((rows, split([[0.5, 1.0]]), None), standardise=False)
    assert beside_floats[0].x.dtype == beside_floats[1].x.dtype == np.float32


def test_scaling_many_rows_takes_little_more_memory_than_its_result(monkeypatch):
    rows = Split(np.ones((20_000, 40), np.float32), np.zeros(20_000, np.int64))
    monkeypatch.setattr(_scaling, "AT_ONCE", 2**14)
    tracemalloc.start()
    try:
        scaled((rows, None, None), standardise=True)
        assert tracemalloc.get_traced_memory()[1] < 1.4 * rows.x.nbytes
    finally:
        tracemalloc.stop()
