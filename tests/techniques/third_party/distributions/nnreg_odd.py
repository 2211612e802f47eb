"""A plugin with annotations and defaults that no configuration can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnreg.contracts import Array, Optimizer

if TYPE_CHECKING:
    from nowhere import Unresolvable


def halved(x: Array) -> Array:
    return x / 2


@dataclass
class Odd(Optimizer):
    """Every annotation that a configuration cannot check.

    Args:
        lr: learning rate.
        weights: some numbers.
        hook: called with the gradient.
        transform: a function by default.
        table: an array by default.
        unresolved: of a type that only a type checker knows.
        order: one of two numbers.
        either: one of two types.
        mapping: words to numbers.
        implicit: a number that is null by default, though its type does not say so.
    """

    lr: float = 0.01
    weights: Sequence[float] = (1.0, 2.0)
    hook: Callable[[Array], Array] | None = None
    transform: Callable[[Array], Array] = halved
    table: np.ndarray[Any, Any] = field(default_factory=lambda: np.ones(2))
    unresolved: Unresolvable | None = None
    order: Literal[1, 2] = 2
    either: int | str = "auto"
    mapping: Mapping[str, float] = field(default_factory=dict)
    implicit: float = None  # type: ignore[assignment]

    def update(self, theta: Array, g: Array, *, t: int, lr: float) -> None:
        assert isinstance(self.table, np.ndarray)
        assert self.order in (1, 2)
        theta -= lr * self.transform(g) * sum(self.weights)
