"""Three plugins that can be imported and yet not be used."""

from dataclasses import dataclass

import numpy as np

from nnreg.contracts import Array, Init, Optimizer


@dataclass
class Methodless(Optimizer):
    """Has no update rule."""

    lr: float = 0.01


@dataclass
class Rebinding(Optimizer):
    """Computes the new parameters and forgets them."""

    lr: float = 0.01

    def update(self, theta: Array, g: Array, *, t: int, lr: float) -> None:
        theta = theta - lr * g


@dataclass
class Misshapen(Init):
    """Fills an array of its own, of another shape, and returns it."""

    def fill(self, weight: Array, rng: np.random.Generator) -> Array:
        return rng.standard_normal(weight.shape[::-1])
