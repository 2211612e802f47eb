"""The contract of an update rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from nnreg.contracts.arrays import Array, ParametersView
from nnreg.contracts.checks import check_range
from nnreg.contracts.tracing import Program, Walk


@dataclass
class Optimizer(ABC):
    """An update rule: a dataclass of hyper-parameters and one method, ``update``, that is the paper's formula.

    This base owns the state vectors named in ``state`` (zeroed, one element a parameter), walks the flat buffer in
    cache-sized slices, and saves and loads itself. A rule that needs whole layers overrides ``step`` and reads
    ``self.parameters.named``.

    Args:
        lr: learning rate η, in (0, inf).

    Raises:
        ValueError: a hyper-parameter is out of its range.
    """

    search: ClassVar[Mapping[str, tuple[float, float]]] = MappingProxyType({})
    """Where a parameter is worth searching, low and high, the default between them: ``{"lr": (1e-4, 0.1)}``. A technique of any
    kind may say so; where it does not, two decades around the default are searched."""

    slice_size: ClassVar[int] = 65_536  # elements: few calls, and theta, g, two states and work arrays stay in the cache
    _executor: ClassVar[type[Program]] = Program  # what carries out the formula once it is taken down

    lr: float

    def __post_init__(self) -> None:
        for field in fields(self):  # NumPy scalars, such as an lr from np.logspace, would make float64 of float32 arrays
            value = getattr(self, field.name)
            if isinstance(value, np.generic):
                setattr(self, field.name, value.item())
        check_range(self, lr="(0, inf)")

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the rule's state vectors; a rule says ``state = ("m", "v")``, or a property if its options decide."""
        return ()

    @abstractmethod
    def update(self, *args: Any, **kwargs: Any) -> None:  # noqa: D417 - a rule names its own state vectors
        """Apply the rule to one slice, in place; declare it as ``update(self, theta, g, <state names>, *, t, lr)``.

        Args:
            theta: parameters, float array (n,), read and written in place.
            g: gradient, float array (n,), read.
            <state names>: one float array (n,) for each name in ``state``, read and written in place.
            t: number of this step, from 1.
            lr: learning rate of this step: ``self.lr`` times the schedule's factor.
        """

    def bind(self, parameters: ParametersView) -> None:
        """Attach the rule to one network's parameters and zero its state vectors.

        Raises:
            ValueError: it already drives a network; two networks need two instances.
        """
        if hasattr(self, "parameters"):
            raise ValueError(f"this {type(self).__name__} already drives a network: make one instance for each")
        self.parameters = parameters
        theta = parameters.theta
        self.state_vectors: dict[str, Array] = {name: np.zeros_like(theta) for name in self.state}
        self._walk = Walk([theta, parameters.grad, *self.state_vectors.values()], self.slice_size, self._executor)

    def step(self, t: int, factor: float = 1.0) -> None:
        """Update all bound parameters in place from their gradient.

        Args:
            t: number of this step, from 1.
            factor: what the schedule multiplies the learning rate with.
        """
        self._walk.apply(self.update, t=t, lr=float(self.lr * factor))

    def save(self) -> dict[str, Array]:
        """Return a copy of every state vector by name; with theta and t this is all a rule needs to continue."""
        return {name: vector.copy() for name, vector in self.state_vectors.items()}

    def load(self, state: Mapping[str, Array]) -> None:
        """Continue from what ``save`` returned.

        Raises:
            ValueError: names or shapes differ from this rule's state.
        """
        if {name: vector.shape for name, vector in state.items()} != {
            name: vector.shape for name, vector in self.state_vectors.items()
        }:
            raise ValueError(
                f"the saved state does not fit {type(self).__name__}: it keeps {', '.join(self.state_vectors) or 'none'}"
            )
        for name, vector in state.items():
            self.state_vectors[name][...] = vector


def execute_by(rule: Optimizer, executor: type[Program]) -> None:
    """Choose, before a rule is bound, what carries its formula out once it is taken down."""
    rule._executor = executor  # type: ignore[misc] # this rule's own
