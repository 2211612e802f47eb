"""What a network answers, as pictures: the plane filled, the rows that are misread, the weights of its first layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Splits
from nnreg.engine.rows import converted
from nnreg.play.packing import packed
from nnreg.registry import palette

GRID = 72
"""Points to a side of the plane at which a network is asked."""
MARGIN = 0.12
"""Of the plane's width around the outermost points."""
MOST_WRONG = 12
MOST_UNITS = 24

Probabilities = Callable[[Array], Array]
"""Rows to the probability of each class, float64 array (n, classes)."""


def softmax(logits: Array) -> Array:
    """Return exp(z) over its sum, row by row, in float64."""
    z = logits.astype(np.float64)
    z -= z.max(axis=1, keepdims=True)
    powers = np.exp(z)
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def normalised(found: Array) -> Array:
    """Return probabilities that add up to 1 in each row, in float64: answers of single questions do not."""
    found = found.astype(np.float64)
    shares: Array = found / np.maximum(found.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return shares


class Plane:
    """The plane in which points lie, and what a network answers in all of it.

    Args:
        x: features, float array (n, 2).
    """

    def __init__(self, x: npt.NDArray[Any]) -> None:
        low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
        half = float((high - low).max()) * (0.5 + MARGIN) or 1.0
        middle = (low + high) / 2
        self.domain = [[float(each - half), float(each + half)] for each in middle]
        across, up = (np.linspace(first, last, GRID) for first, last in self.domain)
        self.points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)

    def picture(self, probabilities: Probabilities) -> dict[str, Any]:
        """Return the probabilities at all points as bytes, class by class, from the lowest row to the highest."""
        found = probabilities(self.points)
        return {"plane": packed(np.round(np.nan_to_num(found) * 255).astype(np.uint8).T)}


def mistakes(splits: Splits, probabilities: Probabilities) -> dict[str, Any]:
    """Return the pictures that are read wrongly of those held out to watch training with, the surest mistakes first."""
    split = splits.valid if splits.valid is not None else splits.train
    x = converted(split, np.float32, splits.divisor).x[:]
    found = probabilities(x)
    said, sure = found.argmax(axis=1), found.max(axis=1)
    wrong = np.flatnonzero(said != split.y)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MOST_WRONG]
    ink = np.abs(x).max() or 1.0
    shown = [
        {"pixels": packed(np.round(x[row] / ink * 255).astype(np.uint8)), "is": int(split.y[row]), "said": int(said[row]),
         "sure": float(sure[row])}
        for row in worst
    ]  # fmt: skip
    return {"wrong": shown, "wrong_count": len(wrong), "of": len(x)}


def first_weights(weights: Array, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the weights of the first layer's units, each of the shape of a row, from -1 to 1 in 255 steps.

    Args:
        weights: float array (fan_in, units).
        shape: of a row.
    """
    if weights.shape[0] != math.prod(shape):
        return {"weights": []}
    largest = float(np.abs(weights).max()) or 1.0
    steps = np.round(np.nan_to_num(weights.T[:MOST_UNITS] / largest) * 127 + 128).astype(np.uint8)
    return {"weights": [packed(unit) for unit in steps], "units": weights.shape[1], "largest": largest}


_FAR_APART = (0, 6, 5, 2, 11, 8, 7, 3, 9, 4)
"""Places of colours that tell classes apart side by side: blue and amber first."""


def class_colours(count: int) -> list[str]:
    """Return a colour for each class."""
    return [palette.COLOURS[_FAR_APART[k % len(_FAR_APART)]] for k in range(count)]
