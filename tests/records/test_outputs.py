"""What is kept of a layer's outputs stands for all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.records.outputs import SAMPLE, LayerOutputs, read_outputs, write_outputs


@given(st.integers(0, 2**32 - 1), st.sampled_from(["normal", "half zero", "two values", "equal"]))
def test_the_sample_has_the_histogram_of_all_outputs(seed, kind):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(20_000)
    values = {
        "normal": values, "half zero": np.maximum(values, 0), "two values": np.sign(values), "equal": np.full(20_000, 0.5)
    }[kind]  # fmt: skip
    edges = np.linspace(-3.01, 3.02, 30)
    kept = LayerOutputs.of(values.reshape(200, 100), 0.0, 0.0)
    np.testing.assert_allclose(kept.shares(edges), np.histogram(values, edges)[0] / values.size, atol=6e-4)
    assert kept.mean == pytest.approx(values.mean())
    assert kept.std == pytest.approx(values.std())
    assert (kept.sample[0], kept.sample[-1]) == (values.min(), values.max())


@pytest.mark.parametrize("count", [1, 7, 4001, 12_800])
def test_the_sample_is_made_of_quantiles_that_were_observed(count):
    values = np.random.default_rng(0).standard_normal(count)
    expected = np.quantile(values, np.linspace(0, 1, SAMPLE), method="closest_observation")
    assert LayerOutputs.of(values, 0.0, 0.0).sample.tolist() == expected.tolist()


def test_shares_at_the_edges_are_counted():
    assert LayerOutputs.of(np.array([0.0, 0.04, 0.5, 0.96]), 0.0, 0.0).edges == 0.75


def test_what_was_written_is_read_again(tmp_path):
    layers = [LayerOutputs.of(np.random.default_rng(seed).random((9, 9)), 0.25, 0.5) for seed in range(2)]
    write_outputs(tmp_path, layers, (0.0, float("inf")))
    found, bounds = read_outputs(tmp_path)
    assert bounds == (0.0, float("inf"))
    for before, after in zip(layers, found, strict=True):
        np.testing.assert_allclose(after.sample, before.sample, rtol=1e-6)
        assert (after.mean, after.std, after.saturated, after.dead) == (before.mean, before.std, 0.25, 0.5)
