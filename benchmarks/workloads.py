"""What every contender trains: the network, its starting weights, the rows, and which of them make each batch.

All of it comes from one seed and nnreg's own initialiser and stream of batches, so that the losses of two contenders can be
compared number by number. Nothing here knows a contender.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Split
from nnreg.engine.rows import Batches
from nnreg.engine.training import Streams

FEATURES, CLASSES, ROWS, WHITE = 784, 10, 60_000, 255
SIDE = 28  # of an image of so many features
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Kept = Literal["float32", "uint8"]


@dataclass(frozen=True)
class Workload:
    """A network and the size of its batches.

    Attributes:
        name: W1, W2, W3 or W5.
        hidden: units of each hidden layer, which ends in ReLU.
        batch: rows a step.
        batch_norm: whether each hidden layer is normalised, before ReLU.
        rows: to train on.
        weight: how many times as long as W1's a step is, about.
        channels: of each 3 x 3 convolution before the hidden layers, with a border of zeros, ReLU and pooling of 2 x 2.
        kept: how nnreg keeps the rows, as bytes like its own images or as the others keep them.
        validated: steps in which nnreg measures a validation split as often as a run of so many does; 0: never.
    """

    name: str
    hidden: tuple[int, ...]
    batch: int
    batch_norm: bool = False
    rows: int = ROWS
    weight: float = 1
    kept: Kept = "uint8"
    channels: tuple[int, ...] = ()
    validated: int = 0

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Weight arrays, (fan_in, fan_out) each; those of convolutions are (3 · 3 · channels in, channels out)."""
        ins = (1, *self.channels)
        filters = [(9 * before, after) for before, after in zip(ins, self.channels, strict=False)]
        first = (SIDE >> len(self.channels)) ** 2 * ins[-1]
        return [*filters, *zip((first, *self.widths[1:]), self.widths[1:], strict=False)]

    @property
    def widths(self) -> tuple[int, ...]:
        """Units from the input to the logits."""
        return (FEATURES, *self.hidden, CLASSES)

    def __str__(self) -> str:
        """Describe it in one line."""
        norm = ", batch norm" if self.batch_norm else ""
        filters = "".join(f", 3 x 3 to {channels} channels and pooling" for channels in self.channels)
        return f"{self.name}: {'-'.join(map(str, self.widths))}{filters}, ReLU{norm}, batch {self.batch}, float32"


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("W1", (100, 100, 100, 100), 128),
        Workload("W2", (100, 100, 100, 100), 128, batch_norm=True),
        Workload("W3", (1024, 1024), 256, weight=5),
        Workload("W5", (100,), 128, weight=40, channels=(16, 32)),
    )
}
RATES = {"sgd": 0.01, "momentum": 0.01, "adam": 0.001}
SWEPT = RATES | {"adagrad": 0.01, "rmsprop": 0.001}  # of the sweep, which has two more
MOMENTUM, BETAS, EPS = 0.9, (0.9, 0.999), 1e-8
BN_EPS = 1e-5


@lru_cache(maxsize=1)  # the next workload mostly has the same
def data(rows: int = ROWS, kept: Kept = "float32") -> tuple[npt.NDArray[Any], Integers]:
    """Return random rows as wide as MNIST's, x (rows, features), bytes or the numbers in [0, 1] made of them, and y (rows,)."""
    rng = np.random.default_rng(0)
    x = rng.integers(256, size=(rows, FEATURES), dtype=np.uint8)
    return x if kept == "uint8" else x / np.float32(WHITE), rng.integers(CLASSES, size=rows)


def weights(workload: Workload) -> list[Floats]:
    """Return He's starting weights, (fan_in, fan_out) each, as nnreg draws them; biases start at 0."""
    rng = Streams.from_seed(0).init
    drawn = [np.empty(shape, np.float32) for shape in workload.shapes]
    for weight in drawn:
        plugin("init", "he")().fill(weight, rng)
    return drawn


def batches(workload: Workload) -> Iterator[Integers]:
    """Yield the row numbers of one batch after the other, drawn with replacement."""
    split = Split(*data(workload.rows, workload.kept))
    return Batches(plugin("sampler", "with_replacement")(), split, workload.batch, Streams.from_seed(0).batches, sys.maxsize)


def plugin(kind: str, name: str) -> Any:
    """Return a technique's class."""
    from nnreg.registry.entries import find_technique, load_class

    return load_class(find_technique(kind, name))
