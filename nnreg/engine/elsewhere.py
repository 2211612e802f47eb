"""A network evaluated with other parameters than those that are trained, where its update rule says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from nnreg.contracts import Array, Indices, Optimizer, Splits
from nnreg.engine.network import Network
from nnreg.engine.rows import converted, spread_rows

MOST_BATCHES = 20


def estimation_rows(rows: int, batch: int) -> Indices:
    """Return of which rows running statistics are estimated anew, batch by batch: int64 array (n, batch), n <= 20.

    They are spread evenly over all rows, and so is each batch.

    Args:
        rows: of the training split, at least ``batch``.
        batch: rows of a mini-batch.
    """
    count = min(MOST_BATCHES, rows // batch)
    return spread_rows(count * batch, rows).reshape(batch, count).T


class Elsewhere:
    """Puts the evaluation parameters of a rule in place of those that are trained, and back.

    Running statistics, such as a batch norm's, belong to the parameters they were collected with. They are estimated anew, by
    20 batches of training rows in evaluation mode but for the layers that collect them; nothing is drawn.

    Args:
        network: the one that is trained.
        optimizer: which drives it.
        splits: of whose training rows statistics are estimated.
        batch: rows of a mini-batch.
    """

    def __init__(self, network: Network, optimizer: Optimizer, splits: Splits, batch: int) -> None:
        answering = {type(rule).evaluation_parameters for rule in optimizer.rules()}
        self._is_asked = answering != {Optimizer.evaluation_parameters}
        self._network, self._optimizer, self._splits, self._batch = network, optimizer, splits, batch
        self._trained, self._evaluated = dict[str, Array](), dict[str, Array]()
        self._batches: list[Array] = []

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Evaluate inside of it; afterwards everything that is trained is as it was."""
        if not self._is_asked or not self._swap():
            yield
            return
        try:
            yield
        finally:
            _copy(self._trained, self._live())

    def arrays(self) -> Mapping[str, Array]:
        """Return what the network was evaluated with last, parameters as ``theta`` and statistics: arrays to be copied."""
        return self._evaluated or self._live()

    def settle(self) -> None:
        """Put the evaluation parameters in place for good: training is over."""
        if self._is_asked:
            self._swap()

    def _swap(self) -> bool:
        """Put the evaluation parameters in place, if there are any; return whether there are."""
        live, out = self._live(), np.empty_like(self._network.parameters.theta)
        if not self._optimizer.evaluation_parameters(out):
            self._evaluated = {}
            return False
        self._trained = {name: array.copy() for name, array in live.items()}
        live["theta"][...] = out
        if len(live) > 1:
            self._network.renew(self._rows())
        self._evaluated = {name: array.copy() for name, array in live.items()}
        return True

    def _live(self) -> dict[str, Array]:
        return {"theta": self._network.parameters.theta, **self._network.state()}

    def _rows(self) -> list[Array]:
        if not self._batches:
            train = self._splits.train
            for numbers in estimation_rows(len(train.x), self._batch):
                rows = converted(train.taken(numbers), self._network.dtype, self._splits.divisor)
                self._batches.append(np.array(rows.x[:], self._network.dtype))
        return self._batches


def _copy(arrays: Mapping[str, Array], to: Mapping[str, Array]) -> None:
    for name, array in to.items():
        array[...] = arrays[name]
