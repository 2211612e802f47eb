"""Microseconds a training step takes, beside the same step written the way the source notes write it.

``python benchmarks/step.py`` trains workload W1, a 784-100-100-100-100-10 network with ReLU on batches of 128, with random
data of MNIST's shape. Sampling of batches and recording of the loss are part of a step. The contestants take turns in short
blocks, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # NumPy reads it once

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import source_style

from nnreg import registry
from nnreg.batches import Batches
from nnreg.contracts import Split, Splits
from nnreg.network import Network
from nnreg.recording.recorder import Recorder
from nnreg.records import RunCard
from nnreg.training import Streams, train

FEATURES, HIDDEN, OUTPUTS, BATCH = 784, (100, 100, 100, 100), 10, 128
ROWS = 60_000


def plugin(kind: str, name: str) -> Any:
    """Return a technique's class."""
    return registry.load(registry.find(kind, name))


def nnreg_steps(optimizer_name: str, lr: float, split: Split) -> Iterator[None]:
    """Train and record with nnreg, one step an item."""
    streams = Streams.from_seed(0)
    network = Network(
        FEATURES,
        HIDDEN,
        OUTPUTS,
        activation=plugin("activation", "relu")(),
        loss=plugin("loss", "softmax_cross_entropy")(),
        regularizer=plugin("regularizer", "none")(),
        rows=BATCH,
    )
    network.initialise(plugin("init", "he")(), streams.init)
    optimizer = plugin("optimizer", optimizer_name)(lr=lr)
    optimizer.bind(network.parameters)
    splits = Splits(split, valid=None, test=None, outputs=OUTPUTS, source="random")
    recorder = Recorder(run_card(), sinks=())
    recorder.open()
    batches = Batches(len(split.x), BATCH, "replacement", streams.batches)
    for record in train(network, optimizer, splits, steps=sys.maxsize, batches=batches, validate_every=100):
        recorder.add(record)
        yield


def source_style_steps(optimizer: source_style.SGD | source_style.Adam, split: Split) -> Iterator[None]:
    """Train and record the way the source does, one step an item."""
    rng = np.random.default_rng(0)
    network = source_style.Network((FEATURES, *HIDDEN, OUTPUTS), weight_decay=0.0, rng=rng)
    history = []
    for loss in source_style.losses(network, optimizer, split.x, split.y, BATCH, rng):
        history.append(loss)
        yield


def interleaved(contestants: Sequence[Iterator[None]], blocks: int, steps: int) -> np.ndarray:
    """Return microseconds a step, (contestants, blocks), of blocks run in turn: A B A B ..."""
    for contestant in contestants:
        run_block(contestant, steps)
    return np.array([[run_block(contestant, steps) for contestant in contestants] for _ in range(blocks)]).T


def run_block(contestant: Iterator[None], steps: int) -> float:
    """Return microseconds a step of one block."""
    began = time.perf_counter()
    for _ in islice(contestant, steps):
        pass
    return (time.perf_counter() - began) / steps * 1e6


def run_card() -> RunCard:
    """Return what the recorder passes on to sinks; here it has none."""
    said = {"label": "step", "config": {}, "choices": {}, "overrides": (), "command": "", "colour": "#000000", "plugins": {}}
    return RunCard(**said, folder=Path(), dataset=None, parameters=None, seed=0, steps=0)


def main() -> None:
    """Print a table for each optimizer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--steps", type=int, default=50, help="steps a block")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    x, y = rng.random((ROWS, FEATURES), dtype=np.float32), rng.integers(OUTPUTS, size=ROWS)
    float32, float64 = Split(x, y), Split(x.astype(np.float64), y)
    print(f"784-100-100-100-100-10, ReLU, batch 128; microseconds a step, 1 BLAS thread, numpy {np.__version__},")
    print(f"{arguments.blocks} interleaved blocks of {arguments.steps} steps; sampling and loss recording included")
    print(f"{'':26}{'min':>8}{'quartile':>10}{'median':>8}")
    for name, baseline, lr in (("sgd", source_style.SGD(), 0.01), ("adam", source_style.Adam(), 0.001)):
        contestants = nnreg_steps(name, lr, float32), source_style_steps(baseline, float64)
        times = interleaved(contestants, arguments.blocks, arguments.steps)
        table = np.quantile(times, (0.0, 0.25, 0.5), axis=1).T
        for label, (least, quartile, median) in zip(("nnreg, float32", "source's way, float64"), table, strict=True):
            print(f"{name:5}{label:21}{least:8.0f}{quartile:10.0f}{median:8.0f}")
        least, quartile, median = table[1] / table[0]
        print(f"{name:5}{'times faster':21}{least:8.2f}{quartile:10.2f}{median:8.2f}")


if __name__ == "__main__":
    main()
