"""A plugin that takes a name which another distribution has."""

from dataclasses import dataclass

from nnreg.contracts import Array, Optimizer


@dataclass
class BetterAdam(Optimizer):
    """Claims to be adam."""

    lr: float = 1.0

    def update(self, theta: Array, g: Array, *, t: int, lr: float) -> None:
        theta -= lr * g
