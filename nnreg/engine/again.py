"""The objective of the batch at hand, for update rules that look at it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnreg.contracts import Array, Optimizer, Passed, Targets
from nnreg.engine.network import Network
from nnreg.engine.rows import Batch


def again_of(optimizer: Optimizer) -> Again | None:
    """Return what a rule was equipped with to look again, where it or one inside of it does."""
    given = optimizer.objective
    return given if isinstance(given, Again) and any(rule.looks_again for rule in optimizer.rules()) else None


class Again:
    """Evaluates the batch of a step, first for the step and then as often as its rule asks.

    Every look sees what the first one saw: the same rows and the same masks. What it leaves behind is what the first one
    left behind, so that running statistics move once a step, whatever the rule.

    Args:
        network: the one that is trained.
        masks: stream of random masks of its layers.
        clip: bounds a gradient in place, as that of the step is bounded.

    Attributes:
        evaluations: gradients so far, those of the steps among them; of rules that look again alone.
    """

    def __init__(self, network: Network, masks: np.random.Generator, clip: Callable[[Array], None]) -> None:
        self.evaluations = 0
        self._network, self._masks, self._clip = network, masks, clip
        self._batch: Batch | None = None
        self._kept: Array = np.empty((2, 0), network.dtype)  # weights before a step, and what decays of them
        self._before: Mapping[str, Any] = {}  # where the stream stood when the batch was seen first

    def begin(self, x: Array, y: Targets, *weight: Array) -> float:
        """Return the objective of a new batch and overwrite the gradient with its, not clipped yet.

        Args:
            x: features, float array (n, features), which stays as it is until the next batch.
            y: targets, likewise.
            weight: of the rows, where they have some.
        """
        self._batch, self._before = (x, y, *weight), self._masks.bit_generator.state
        self.evaluations += 1
        return self._network.audible_loss_and_gradient(x, y, *weight)

    def loss_and_gradient(self) -> float:
        """Return the objective at the parameters as they stand and overwrite the gradient, clipped."""
        with self._as_at_first() as batch:
            loss = self._network.audible_loss_and_gradient(*batch)
        self._clip(self._network.parameters.grad)
        self.evaluations += 1
        return float(loss)

    def loss(self) -> float:
        """Return the objective at the parameters as they stand; the gradient stays as it is."""
        with self._as_at_first() as batch:
            return float(self._network.audible_loss(*batch))

    def passed(self) -> Mapping[str, Passed]:
        """Return the inputs and the outputs' gradient of each affine layer in the last pass, by the name of its weights."""
        return self._network.passed()

    def step(self, optimizer: Optimizer, t: int, factor: float) -> None:
        """Clip the gradient, let a rule that looks again make a step, and weights decay beside it.

        The decay is that of the parameters before the step, and comes after it: gradients and losses of the step are taken
        where its batch was seen first.
        """
        self._clip(self._network.parameters.grad)
        weights = self._network.parameters.weights
        if not self._kept.size:
            self._kept = np.empty((2, weights.size), self._kept.dtype)
        before, decay = self._kept
        before[...] = weights
        self._network.decay(optimizer.rate * factor)
        np.subtract(weights, before, out=decay)
        weights[...] = before
        optimizer.step(t, factor)
        weights += decay
        if self._network.penalty.project is not None:
            self._network.penalty.project()

    @contextmanager
    def _as_at_first(self) -> Iterator[Batch]:
        """Put the masks' stream to where it stood, and in the end stream and running statistics to where they stand now."""
        if self._batch is None:
            raise ValueError("there is no batch to look at: a rule looks again within a step")
        with self._network.keeping_state(self._masks):
            self._masks.bit_generator.state = self._before
            yield self._batch
