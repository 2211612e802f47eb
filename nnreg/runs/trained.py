"""The network that a run ended with, to be asked: what it says of new rows, and how well it does.

Rows are given as the dataset has them, before its scaling and its coding, which are kept with the network; answers come back
as the person knows them: names of classes, values in their unit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from omegaconf import OmegaConf

from nnreg.contracts import Array, Splits
from nnreg.contracts.objective import reads_probabilities
from nnreg.engine.network import Network
from nnreg.engine.parts import RunParts, compose
from nnreg.engine.rows import converted
from nnreg.engine.settling import arrays_of
from nnreg.errors import UserError, one_line
from nnreg.records.card import flattened, is_number
from nnreg.records.earlier import current_config
from nnreg.records.folder import NETWORK, SUMMARY, known_facts
from nnreg.records.network import NetworkCard, card_of, read_network
from nnreg.registry.building import build_technique, read_settings
from nnreg.registry.nested import is_node
from nnreg.runs.assembly import _with_added_kinds, assemble, load_splits
from nnreg.runs.reader import Reader
from nnreg.runs.resume import saved_config
from nnreg.settings import setting_names

MADE_OF = ("network", "activation", "norm", "dropout", "regularizer", "loss")
"""Kinds of which a network consists, some of them by the layers that they add."""


def load(run: str | Path | Any) -> TrainedNetwork:
    """Return the network that a run ended with.

    Args:
        run: its folder, a ``network.npz``, or what ``nnreg.run`` returned.

    Raises:
        UserError: there is none, or it cannot be read; one line that says why.
    """
    given = Path(getattr(run, "folder", run)).expanduser()
    file = given if given.is_file() else given / NETWORK
    if not file.exists():
        raise UserError(_why_none(given))
    try:
        arrays, card = read_network(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} is damaged or holds no network: {one_line(error)}") from error
    try:
        card = card or _card_anew(file)
        _check_sizes(card, arrays)
        network = _build(card, arrays, build_all(card.config))
    except UserError as error:
        raise UserError(f"{file} cannot be built: {error}") from error
    except Exception as error:  # what a stranger's file makes of techniques may raise anything
        raise UserError(f"{file} does not fit the network that it names: {one_line(error)}") from error
    return TrainedNetwork(network, card)


def _why_none(folder: Path) -> str:
    """Say why there is no network in a folder."""
    if not folder.exists():
        return f"there is no {folder}: name the folder of a run, such as one in runs/"
    facts = known_facts(folder)
    if not facts:
        runs = sorted(path.parent.name for path in folder.glob(f"*/{SUMMARY}"))
        inside = f"; it holds runs, name one of them, such as {folder / runs[0]}" if runs else ""
        return f"{folder} is not the folder of a run: it has no {SUMMARY}{inside}"
    status = str(facts["status"]).replace("_", " ")
    if facts.get("task", "train") != "train":
        return f"{folder} is of task={facts['task']}, which trains no network"
    if status == "finished":
        why = "it was removed, or the run is older than kept networks"
        return f"{folder} has no {NETWORK}: {why}; `python -m nnreg rerun {folder}` trains anew"
    return f"{folder} has no network: the run {'is still going on' if status == 'running' else f'ended as {status}'}"


def _card_anew(file: Path) -> NetworkCard:
    """Return the card of a network that an earlier version kept without one: its run's configuration and data say the same."""
    config = OmegaConf.create(saved_config(file.parent))
    label = str(known_facts(file.parent).get("label", file.parent.name))
    run = assemble(config, {str(slot): node["name"] for slot, node in config.items() if is_node(node)})
    return card_of(label, saved_config(file.parent), run.splits, answers_rows=run.answers_rows)


LONGEST = 100_000  # characters of the configuration of a run


def _check_sizes(card: NetworkCard, arrays: Mapping[str, Array]) -> None:
    """Refuse a card that speaks of more than its network can have, before anything is made of it."""
    config, hidden = card.config, list(card.config["hidden"])
    sizes = [value for _, value in flattened({"network": config.get("network") or {}}) if is_number(value)]
    most = max([card.features, card.outputs, *hidden, *map(abs, sizes)])
    total = sum(array.size for array in arrays.values())
    if most > total or len(hidden) > len(arrays):
        raise ValueError(f"it speaks of {len(hidden):,} layers and {most:,} units, and holds {total:,} numbers")
    if len(json.dumps(dict(config), default=str)) > LONGEST:
        raise ValueError("its configuration is longer than that of any run")


def build_all(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the techniques of which a network consists, built from a configuration, and the settings of its run."""
    config = _with_added_kinds(OmegaConf.create(current_config(said)))
    settings = read_settings(OmegaConf.masked_copy(config, [key for key in setting_names() if key in config]))
    return {"settings": settings, **{kind: build_technique(config, {}, kind) for kind in MADE_OF}}


def _build(card: NetworkCard, arrays: Mapping[str, Array], made: Mapping[str, Any]) -> Network:
    """Return a network with these arrays; what it would be is compared with them before memory is taken for it."""
    settings = made["settings"]
    penalised = [made["regularizer"]] if getattr(made["regularizer"], "acts_on", "") == "outputs" else []
    parts = RunParts(settings.hidden, made["activation"], made["norm"], made["dropout"], card.shape, penalised)
    plan = compose(made["network"], parts, card.features, card.outputs)
    for shape in plan.shapes:
        found = arrays.get(shape.name)
        if found is None or found.shape != tuple(shape.shape):
            raise ValueError(f"{shape.name} {shape.shape} is wanted, there is {'none' if found is None else found.shape}")
    network = Network(
        card.features,
        settings.hidden,
        card.outputs,
        architecture=made["network"],
        shape=card.shape,
        activation=made["activation"],
        loss=made["loss"],
        regularizer=made["regularizer"],
        norm=made["norm"],
        dropout=made["dropout"],
        rows=1,
        dtype=settings.dtype,
    )
    wanted = arrays_of(network)
    if wanted.keys() != arrays.keys():
        odd = ", ".join(sorted(wanted.keys() ^ arrays.keys())[:5])
        raise ValueError(f"its layers keep other arrays: {odd}")
    for name, array in arrays.items():
        if wanted[name].shape != array.shape:
            raise ValueError(f"{name} {wanted[name].shape} is wanted, there is {array.shape}")
        wanted[name][...] = array
    return network


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
