"""Friedman's function and the sine, against the textbook written once more."""

import math

import numpy as np
import pytest

from nnreg_std.datasets.friedman1 import Friedman1
from nnreg_std.datasets.sine import Sine


def every_row(dataset, **parameters):
    return dataset(valid_fraction=0, test_fraction=0, **parameters).load().train


def test_friedman1_without_noise_is_the_formula_of_the_paper():
    x, y = every_row(Friedman1, noise=0, rows=50, standardise=False)
    for row, value in zip(x.tolist(), y[:, 0].tolist(), strict=True):
        expected = 10 * math.sin(math.pi * row[0] * row[1]) + 20 * (row[2] - 0.5) ** 2 + 10 * row[3] + 5 * row[4]
        assert value == pytest.approx(expected, abs=1e-4)


def test_friedman1_features_are_uniform_from_0_to_1():
    x = every_row(Friedman1, rows=20_000, standardise=False).x
    assert x.min() >= 0
    assert x.max() <= 1
    np.testing.assert_allclose(x.mean(axis=0), 1 / 2, atol=0.01)
    np.testing.assert_allclose(x.var(axis=0), 1 / 12, atol=0.003)


def test_friedman1_noise_bounds_what_can_be_explained():
    x, y = every_row(Friedman1, rows=20_000, standardise=False)
    clean = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    off = y[:, 0] - clean
    assert off.std() == pytest.approx(1, rel=0.03)
    assert clean.std() == pytest.approx(4.9, abs=0.1), "as the documentation says"
    assert 1 - off.var() / y.var() == pytest.approx(0.96, abs=0.005), "as the documentation says"


def test_friedman1_features_after_the_fifth_have_no_influence():
    x, y = every_row(Friedman1, rows=20_000, features=8)
    correlations = [abs(np.corrcoef(column, y[:, 0])[0, 1]) for column in x.T]
    assert max(correlations[5:]) < 0.03 < min(correlations[3:5])


def test_sine_without_noise_is_a_sine_of_that_many_periods():
    x, y = every_row(Sine, noise=0, periods=3.0)
    np.testing.assert_allclose(y, np.sin(3 * np.pi * x), atol=1e-5)
    rising = np.diff(np.sign(y[np.argsort(x[:, 0]), 0])) > 0
    assert rising.sum() in (2, 3), "three whole waves between -1 and 1"


def test_sine_points_fill_the_interval_and_noise_has_its_deviation():
    x, y = every_row(Sine, rows=20_000, noise=0.2)
    assert np.histogram(x, bins=4, range=(-1, 1))[0] == pytest.approx([5000] * 4, rel=0.05)
    off = y - np.sin(2 * np.pi * x)
    assert off.std() == pytest.approx(0.2, rel=0.03)
    assert pytest.approx(0.98, abs=0.001) == 1 - 0.1**2 / (0.5 + 0.1**2), "as the documentation says"


@pytest.mark.parametrize(
    "dataset, wrong, message",
    [
        (Friedman1, {"features": 4}, r"features must be in \[5, 10000\], got 4"),
        (Friedman1, {"rows": 19}, r"rows must be in \[20, inf\), got 19"),
        (Friedman1, {"noise": -1.0}, r"noise must be in \[0, inf\), got -1.0"),
        (Sine, {"periods": 0.0}, r"periods must be in \(0, inf\), got 0.0"),
        (Sine, {"noise": float("nan")}, r"noise must be in \[0, inf\), got nan"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(dataset, wrong, message):
    with pytest.raises(ValueError, match=message):
        dataset(**wrong)
