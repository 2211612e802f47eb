"""The pictures of a run that ask its network: ``pictures=all`` draws them into the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Split, Splits
from nnreg.engine.containers import every_layer
from nnreg.engine.layers import Weighted
from nnreg.engine.network import Network
from nnreg.engine.rows import converted
from nnreg.records.network import NetworkCard
from nnreg.runs.trained import TrainedNetwork

MOST = 10_000  # rows that are looked at
PARTS = {"valid": "validation", "test": "test", "train": "training"}


def draw_answers(folder: Path, network: Network, card: NetworkCard, splits: Splits) -> list[Path]:
    """Draw what a network answers on rows it was not trained on, and return the files."""
    from nnreg.figures import save
    from nnreg.figures.answers import answer_figures

    if card.answers == "rows":
        return []
    trained = TrainedNetwork(network, card)
    answers = _answers(trained, network, splits)
    figures = answer_figures(answers, lambda rows: _class_numbers(trained, rows), _first_weights(network, card))
    files = {folder / f"{name}.png": figure for name, figure in figures.items()}
    for path, figure in files.items():
        save(figure, path)
    return list(files)


def _class_numbers(trained: TrainedNetwork, rows: Array) -> npt.NDArray[np.intp]:
    numbers: npt.NDArray[np.intp] = trained.logits(rows).argmax(axis=1)
    return numbers


def _answers(trained: TrainedNetwork, network: Network, splits: Splits) -> Any:
    from nnreg.figures.answers import Answers

    part, split = _looked_at(splits)
    card, made = trained.card, trained.card.preprocessing
    x, y, _ = converted(split, network.dtype, splits.divisor)
    seen = np.asarray(x[:], network.dtype).copy()
    logits = network.logits(seen)
    loss: Any = network.loss
    classes = trained.classes
    shares = loss.probabilities(logits) if trained.has_probabilities else None
    values = made.values_of(loss.probabilities(logits) if hasattr(loss, "probabilities") else logits) if not classes else logits
    columns = made.columns if not made.words else ()
    return Answers(
        label=card.label,
        part=PARTS[part],
        rows=seen.astype(np.float64) * made.scale + made.shift,
        columns=columns,
        shape=card.shape,
        truth=np.asarray(y) if classes else made.values_of(np.asarray(y)),
        given=logits.argmax(axis=1) if classes else values,
        shares=shares,
        classes=tuple(map(str, classes)),
        targets=made.targets,
    )


def _looked_at(splits: Splits) -> tuple[str, Split]:
    """Return the part to be looked at: validation rows, else those of the test, else those that it was trained on."""
    present = splits.present()
    part = next(name for name in PARTS if name in present)
    split = present[part]
    return part, split.taken(slice(MOST)) if len(split.x) > MOST else split


def _first_weights(network: Network, card: NetworkCard) -> Array | None:
    """Return the weights of the first layer where each of its units sees all of a row."""
    layers = (layer for layer in every_layer(network.layers) if isinstance(layer, Weighted))
    first = next(layers, None)
    weights = None if first is None else first.weights.theta
    return weights if weights is not None and weights.ndim == 2 and len(weights) == card.features else None
