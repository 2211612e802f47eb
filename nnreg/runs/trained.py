"""A network that has been trained, to be asked: what it says of new rows, and how well it does.

Rows are given as the dataset has them, before its scaling and its coding, which are kept with the network; answers come back
as the person knows them: names of classes, values in their unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from omegaconf import OmegaConf

from nnreg.contracts import Array, Splits
from nnreg.contracts.objective import reads_probabilities
from nnreg.engine.network import Network
from nnreg.engine.rows import converted
from nnreg.errors import UserError
from nnreg.records.earlier import current_config
from nnreg.records.network import NetworkCard
from nnreg.runs.assembly import load_splits
from nnreg.runs.reader import Reader


class TrainedNetwork:
    """A network that has been trained.

    Args:
        network: with its arrays.
        card: that was kept with it.

    Attributes:
        card: as given.
        columns: names of the columns of a row, empty where they have none.
        classes: what the classes are called, by their number; empty where values are answered.
    """

    def __init__(self, network: Network, card: NetworkCard) -> None:
        self._network, self.card = network, card
        self._reader, self._loss = Reader(card), cast("Any", network.loss)
        self.columns, self.classes = card.preprocessing.columns, self._reader.classes

    def __repr__(self) -> str:
        """Return what it is, what it takes and what it answers."""
        rows = "×".join(map(str, self.card.shape)) if self.card.shape else f"{self.width} columns"
        size = self._network.parameters.theta.size
        what = f"{len(self.classes)} classes" if self._classifies else self.card.answers
        return f"<{self.card.label}: {size:,} parameters, {rows} → {what}>"

    @property
    def _classifies(self) -> bool:
        return self.card.answers == "classes"

    @property
    def width(self) -> int:
        """Number of columns of a row as a person has it."""
        return self._reader.width

    def places(self, names: Sequence[str]) -> list[int]:
        """Return where the network's columns stand among those that are called so; see ``Reader.places``."""
        return self._reader.places(names)

    def predict(self, rows: Any) -> npt.NDArray[Any]:
        """Return what the network answers.

        Args:
            rows: as the dataset has them, before its scaling: an array (rows, columns), pictures (rows, height, width), a
                table of pandas, or a mapping from the name of each column to its values. Columns of other names are left
                aside.

        Returns:
            Names of classes (rows,), or numbers where they have no names; values in their unit, (rows,), or (rows, outputs)
            of several; of an autoencoder the rows again.

        Raises:
            UserError: there are other columns, or a cell is missing or no number.
        """
        logits = self.logits(rows)
        if self._classifies:
            names: npt.NDArray[Any] = np.asarray(self.classes, _dtype_of(self.classes))
            named: npt.NDArray[Any] = names[logits.argmax(axis=1)]
            return named
        given = self._loss.probabilities(logits) if reads_probabilities(self._loss) else logits
        values = self.card.preprocessing.values_of(given)
        return values[:, 0] if self.card.answers == "values" and values.shape[1] == 1 else values

    def probabilities(self, rows: Any) -> Array:
        """Return how likely each class is, float array (rows, classes).

        Those of ``loss=binary_cross_entropy`` answer a question for each class and need not add up to 1.

        Raises:
            UserError: the network answers values, or its loss knows no probabilities.
        """
        if not self._classifies:
            raise UserError(f"{self.card.label} answers {self.card.answers}, which have no probabilities: predict gives them")
        self.check_probabilities()
        given: Array = self._loss.probabilities(self.logits(rows))
        return given

    @property
    def has_probabilities(self) -> bool:
        """Whether it answers classes, and its loss reads what it gives as probabilities."""
        return self._classifies and reads_probabilities(self._loss)

    def check_probabilities(self) -> None:
        """Refuse a loss that knows no probabilities.

        Raises:
            UserError: it does not.
        """
        if not reads_probabilities(self._loss):
            name = self.card.config["loss"]["name"]
            raise UserError(f"loss={name} knows no probabilities; logits gives what the classes are ranked by")

    def logits(self, rows: Any) -> Array:
        """Return what the network gives before anything is made of it, float array (rows, outputs)."""
        return self._network.logits(self._seen(rows))

    def evaluate(self, rows: Any = None, answers: Any = None) -> dict[str, float]:
        """Return how well the network does.

        Args:
            rows: see ``predict``; None: every part of its dataset, which is read again.
            answers: true classes by their names, or values in their unit, one for each row; of an autoencoder left out.

        Returns:
            ``loss``, as in training and without any penalty, and ``accuracy`` of classes or ``r2`` of values; without rows
            each with its part in front, such as ``valid/accuracy``.

        Raises:
            UserError: the data is not there, or does not fit.
        """
        if rows is None:
            return self._evaluate_parts()
        x = self._seen(rows)
        targets = np.asarray(x) if self.card.answers == "rows" else self._reader.targets_of(answers, self._network.dtype)
        if len(targets) != len(x):
            raise UserError(f"there are {len(x)} rows and {len(targets)} answers: give one answer for each row")
        if not len(x):
            raise UserError("there are no rows to evaluate")
        if not self._classifies and not np.ptp(targets, axis=0).any():
            return {"loss": self._network.measure_loss(x, targets)}
        return self._network.evaluate(x, targets)

    def splits(self) -> Splits:
        """Return its data, read again.

        Raises:
            UserError: it is not there, or is of another shape.
        """
        splits = load_splits(OmegaConf.create(current_config(self.card.config)))
        if (splits.train.x.shape[1], splits.outputs) != (self.card.features, self.card.outputs):
            raise UserError(
                f"the data has {splits.train.x.shape[1]} features and {splits.outputs} outputs now, the network "
                f"{self.card.features} and {self.card.outputs}: it has changed"
            )
        return splits

    def _evaluate_parts(self) -> dict[str, float]:
        splits, found = self.splits(), dict[str, float]()
        for part, split in splits.present().items():
            rows = converted(split, self._network.dtype, splits.divisor)
            single = not self._classifies and not np.ptp(rows.y, axis=0).any()
            measured = {"loss": self._network.measure_loss(*rows)} if single else self._network.evaluate(*rows)
            found |= {f"{part}/{quantity}": value for quantity, value in measured.items()}
        return found

    def _seen(self, rows: Any) -> Array:
        """Return rows as the network sees them."""
        features = self._reader.features_of(rows)
        return self.card.preprocessing.scaled(features, self.card.dtype).astype(self._network.dtype)


def _dtype_of(names: Sequence[Any]) -> Any:
    """Return the type of an array of names, which must not make text of numbers."""
    kinds = {type(name) for name in names}
    return object if len(kinds) > 1 else None
