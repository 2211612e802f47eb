"""Batches of so many rows, for tests that care for row numbers alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from nnreg.contracts import Sampler, Split
from nnreg.engine.rows import Batches
from nnreg.registry.entries import find_technique, load_class


def sampler(name: str, **parameters: Any) -> Sampler:
    return load_class(find_technique("sampler", name))(**parameters)


def made_batches(rows: int, batch: int, name: str, rng: np.random.Generator, steps: int = 1000) -> Batches:
    """Return the batches that a sampler draws."""
    split = Split(np.zeros((rows, 1), np.uint8), np.arange(rows) % 2)
    return Batches(sampler(name), split, batch, rng, steps)


def position_of(batches: Batches) -> tuple[str, dict[str, np.ndarray]]:
    """Return where batches stand, as a checkpoint keeps it."""
    return json.dumps(batches.save()), {name: array.copy() for name, array in batches.state().items()}


def take_up(batches: Batches, position: tuple[str, dict[str, np.ndarray]]) -> None:
    """Let batches go on from a position of others."""
    said, arrays = position
    for name, array in batches.state().items():
        array[...] = arrays[name]
    batches.load(json.loads(said))
