"""Layers alone and in small networks, for tests of norms and dropouts."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

from nnreg.engine.network import Network, Parameters
from nnreg_std.activations.tanh import Tanh
from nnreg_std.inits.he import He
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.regularizers.none import NoRegularizer

FEATURES, HIDDEN, OUTPUTS, ROWS = 6, (5, 4), 3, 8


def oracle(name: str) -> Any:
    """Return what tests/techniques/oracles/make_<name>.py wrote."""
    return json.loads(Path(__file__).with_name("oracles").joinpath(f"{name}.json").read_text(encoding="utf-8"))


def bound(layer: Any, units: int = 5, rows: int = ROWS, dtype: Any = np.float64, rng: Any = None) -> tuple[Any, Parameters]:
    """Return a layer with memory of its own and that memory; its parameters are at their start."""
    _, shapes = layer.build(units)
    parameters = Parameters(shapes, dtype)
    for shape in shapes:
        parameters.named[shape.name].theta[...] = shape.start
    layer.bind(list(parameters.named.values()), rows, dtype, rng or np.random.default_rng(0))
    return layer, parameters


def made_network(
    *,
    masks: Any = None,
    rows: int = ROWS,
    dtype: Any = np.float64,
    hidden: Any = HIDDEN,
    features: int = FEATURES,
    **plugins: Any,
) -> Network:
    """Return a small network with plugins of one's choice, every parameter moved a little from its start."""
    others = {"activation": Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": NoRegularizer()}
    network = Network(features, hidden, OUTPUTS, **others | plugins, masks=masks, rows=rows, dtype=dtype)
    network.initialise(He(), np.random.default_rng(0))
    theta = network.parameters.theta
    theta += np.random.default_rng(1).normal(scale=0.1, size=theta.size).astype(dtype)
    return network


def made_rows(rows: int = ROWS, dtype: Any = np.float64, seed: int = 2) -> tuple[Any, Any]:
    """Return features and labels."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, FEATURES)).astype(dtype), rng.integers(OUTPUTS, size=rows)


def slopes(value: Any, at: Any, h: float = 1e-6) -> Any:
    """Return the central differences of a function with respect to an array that it reads; the array ends unchanged."""
    measured = np.empty_like(at)
    for index in np.ndindex(at.shape):
        here = at[index]
        at[index] = here + h
        above = value()
        at[index] = here - h
        below = value()
        at[index] = here
        measured[index] = (above - below) / (2 * h)
    return measured


def peak_of(work: Any) -> int:
    """Return the bytes that the second call of a function holds at most beyond what it began with."""
    work()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def assert_allocates_no_batch(layer: Any) -> None:
    """Demand that a step, and a look outside training, hold no array as large as a batch; 64 units, 4096 rows, float32."""
    x = np.random.default_rng(0).normal(size=(4096, 64)).astype(np.float32)

    def step() -> None:
        layer.forward(x, training=True)
        layer.backward(x)
        layer.forward(x, training=False)

    assert peak_of(step) < x.nbytes / 8
