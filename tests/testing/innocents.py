"""Update rules of which the checks once said that they are wrong, and which are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnreg.contracts import Optimizer


@dataclass
class KeepsNumbers(Optimizer):
    """Descends with a rate that a number of its state, in double precision, says.

    Source: made up.

    Args:
        lr: learning rate, in (0, inf).
    """

    scalars: ClassVar = ("travelled", "steps")
    lr: float = 0.1

    def step(self, t, factor=1.0):
        theta, g = self.parameters.theta, self.parameters.grad
        self.travelled += float(np.square(g).sum(dtype=np.float64)) ** 0.5 * 1e-3
        self.steps = t
        theta -= self.lr * factor / (1 + self.travelled) * g


@dataclass
class Decomposes(Optimizer):
    """Whitens each layer's gradient by an eigen-decomposition in double precision, outside of the parameters.

    Source: made up.

    Args:
        lr: learning rate, in (0, inf).
    """

    lr: float = 0.1

    def step(self, t, factor=1.0):
        for theta, g in self.parameters.named.values():
            if g.ndim < 2 or not g.size:
                theta -= self.lr * factor * g
                continue
            double = g.astype(np.float64)
            values, vectors = np.linalg.eigh(double.T @ double)
            whitened = double @ (vectors / np.sqrt(np.abs(values) + 1e-6) @ vectors.T)
            theta -= self.lr * factor * whitened.astype(g.dtype)


@dataclass
class Centralises(Optimizer):
    """Takes the mean over the inputs out of each unit's gradient.

    Source: Yong, H. et al. (2020), "Gradient Centralization", https://arxiv.org/abs/2004.01461

    Args:
        lr: learning rate, in (0, inf).
    """

    lr: float = 0.1

    def step(self, t, factor=1.0):
        for theta, g in self.parameters.named.values():
            centred = g - g.mean(axis=0) if g.ndim == 2 and len(g) > 1 else g
            theta -= self.lr * factor * centred


@dataclass
class Draws(Optimizer):
    """Adds noise to its steps, from the stream of the run.

    Source: made up.

    Args:
        lr: learning rate, in (0, inf).
    """

    lr: float = 0.1

    def step(self, t, factor=1.0):
        theta, g = self.parameters.theta, self.parameters.grad
        noise = self.rng.standard_normal(theta.size).astype(theta.dtype)
        theta -= self.lr * factor * (g + 1e-3 * noise)


RULES = (KeepsNumbers, Decomposes, Centralises, Draws)
