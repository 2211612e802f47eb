"""Early stopping: training ends when validation has ceased to improve, and returns to the best parameters seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from nnreg.contracts import Array
from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS, EarlyStop, Record
from nnreg.engine.network import Network

COUNTS = ("lowest", "best_at")
VALIDATED_AT = "validated_at"  # versions that counted validations did not keep it
KEPT = "best."  # what the best arrays are called when saved


class EarlyStopping:
    """Watches the validation loss of a run.

    A validation counts as better only if its loss is lower than any before; one that is not finite never is.

    Source: Prechelt, L. (1998), "Early stopping - but when?"; Goodfellow, I., Bengio, Y. & Courville, A. (2016), "Deep
    Learning", algorithm 7.1.

    Args:
        network: whose parameters, and what else training changes in its layers, are kept and brought back.
        patience: updates without a lower loss after which training ends, from 1; it is looked at after each validation.
        evaluated: returns what the network was evaluated with last, by the names of what it keeps; None for what it holds.

    Attributes:
        patience: as given.
        stopped_at: updates made when it ended training, or None.
        best_at: updates made when the validation loss was lowest, or None before there is one.
    """

    def __init__(self, network: Network, patience: int, evaluated: Callable[[], Mapping[str, Array]] | None = None) -> None:
        self.patience = patience
        self.stopped_at: int | None = None
        self.best_at: int | None = None
        self._network, self._evaluated = network, evaluated or self._live
        self._lowest, self._validated_at = math.inf, 0
        self._best: dict[str, Array] = {}

    def watch(self, records: Iterator[Record]) -> Iterator[Record]:
        """Pass records on, all of a validation too, until patience is exhausted.

        A validation is counted before its loss is passed on: who saves then, saves that.
        """
        for record in records:
            if self._validated_at - (self.best_at or 0) >= self.patience and not _of_a_validation(record.metric):
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
        counts = (self._lowest, math.nan if self.best_at is None else self.best_at, self._validated_at)
        numbers = {name: np.array(count, np.float64) for name, count in zip((*COUNTS, VALIDATED_AT), counts, strict=True)}
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
        lowest, best_at = (float(state[name]) for name in COUNTS)
        self._lowest, self._best = lowest, best
        self.best_at = None if math.isnan(best_at) else int(best_at)
        self._validated_at = int(state.get(VALIDATED_AT, self.best_at or 0))

    def _count(self, record: Record) -> None:
        self._validated_at = record.step
        if not record.value < self._lowest:  # written so that NaN is no improvement
            return
        self._lowest, self.best_at = record.value, record.step
        self._best = {name: array.copy() for name, array in self._evaluated().items()}

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
