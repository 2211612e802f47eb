"""Early stopping: training ends when validation has ceased to improve, and returns to the best parameters seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from nnreg.contracts import Array
from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS, EarlyStop, Record
from nnreg.engine.network import Network

COUNTS = ("lowest", "waited", "best_at")
KEPT = "best."  # what the best arrays are called when saved


class EarlyStopping:
    """Watches the validation loss of a run.

    A validation counts as better only if its loss is lower than any before; one that is not finite never is.

    Source: Prechelt, L. (1998), "Early stopping - but when?"; Goodfellow, I., Bengio, Y. & Courville, A. (2016), "Deep
    Learning", algorithm 7.1.

    Args:
        network: whose parameters, and what else training changes in its layers, are kept and brought back.
        patience: validations without a lower loss after which training ends, from 1.

    Attributes:
        patience: as given.
        stopped_at: updates made when it ended training, or None.
        best_at: updates made when the validation loss was lowest, or None before there is one.
    """

    def __init__(self, network: Network, patience: int) -> None:
        self.patience = patience
        self.stopped_at: int | None = None
        self.best_at: int | None = None
        self._network = network
        self._lowest, self._waited = math.inf, 0
        self._best: dict[str, Array] = {}

    def watch(self, records: Iterator[Record]) -> Iterator[Record]:
        """Pass records on, all of a validation too, until patience is exhausted.

        A validation is counted before its loss is passed on: who saves then, saves that.
        """
        for record in records:
            if self._waited >= self.patience and not _of_a_validation(record.metric):
                self.stopped_at = record.step
                return
            if record.metric == VALID_LOSS:
                self._count(record)
            yield record

    def restore(self) -> None:
        """Bring back the best parameters, where there are any."""
        for name, array in self._live().items():
            if name in self._best:
                array[...] = self._best[name]

    def ending(self) -> EarlyStop:
        """Return what is to be told of it once training has ended."""
        return EarlyStop(self.patience, self.stopped_at, self.best_at)

    def save(self) -> dict[str, Array]:
        """Return a copy of all that is needed to go on watching: numbers as arrays (), and the best parameters."""
        counts = (self._lowest, self._waited, math.nan if self.best_at is None else self.best_at)
        numbers = {name: np.array(count, np.float64) for name, count in zip(COUNTS, counts, strict=True)}
        return numbers | {f"{KEPT}{name}": array.copy() for name, array in self._best.items()}

    def load(self, state: Mapping[str, Array]) -> None:
        """Go on from what ``save`` returned.

        Raises:
            ValueError: the arrays do not fit the network.
        """
        best = {name.removeprefix(KEPT): array.copy() for name, array in state.items() if name.startswith(KEPT)}
        wanted = {name: array.shape for name, array in self._live().items()} if best else {}
        if {name: array.shape for name, array in best.items()} != wanted or not set(COUNTS) <= set(state):
            raise ValueError("the saved state of early stopping does not fit this network")
        lowest, waited, best_at = (float(state[name]) for name in COUNTS)
        self._lowest, self._waited, self._best = lowest, int(waited), best
        self.best_at = None if math.isnan(best_at) else int(best_at)

    def _count(self, record: Record) -> None:
        if not record.value < self._lowest:  # written so that NaN is no improvement
            self._waited += 1
            return
        self._lowest, self._waited, self.best_at = record.value, 0, record.step
        self._best = {name: array.copy() for name, array in self._live().items()}

    def _live(self) -> dict[str, Array]:
        return {"theta": self._network.parameters.theta, **self._network.state()}


class Pruning:
    """Ends a run early, for good, when whoever watches it has seen enough.

    Args:
        is_enough: is asked after every record that was passed on.

    Attributes:
        pruned_at: updates made when it ended training, or None.
    """

    def __init__(self, is_enough: Callable[[Record], bool]) -> None:
        self.pruned_at: int | None = None
        self._is_enough = is_enough

    def watch(self, records: Iterator[Record]) -> Iterator[Record]:
        """Pass records on, all of the last validation too; nothing is cut off where training ends with that."""
        decided_at: int | None = None
        for record in records:
            if decided_at is not None and not _of_a_validation(record.metric):
                self.pruned_at = decided_at
                return
            yield record
            if decided_at is None and self._is_enough(record):
                decided_at = record.step


def _of_a_validation(metric: str) -> bool:
    """Tell whether a metric is measured when a run is validated; the training split may be watched then too."""
    return metric.startswith(("valid/", "train/")) and metric != TRAIN_LOSS
