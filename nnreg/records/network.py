"""The network that a run ended with, in one file: named arrays, and a card that says what they are. No pickle.

Reading one executes nothing, whoever wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Preprocessing, Splits
from nnreg.records.card import TRACKING
from nnreg.records.files import Refused, parse_json, read_arrays, write_arrays

CARD = "card"
"""Name of the array that holds the card, as text in UTF-8; no parameter is called so."""
FORMAT = 1
_SCALES = ("shift", "scale", "target_shift", "target_scale")


@dataclass(frozen=True)
class NetworkCard:
    """All that is needed to ask a network again.

    Attributes:
        label: of the run, such as ``adam-he``.
        config: of the run, resolved, in plain containers: which techniques the network is made of.
        features: that it sees of a row.
        outputs: numbers that it gives.
        shape: the natural shape of a row, or None.
        dtype: of the features as the dataset hands them over, in which they are rounded before the network has them.
        answers: what it was trained to give: classes, values, or the rows themselves.
        preprocessing: what is made of rows and answers as a person has them.
    """

    label: str
    config: Mapping[str, Any]
    features: int
    outputs: int
    shape: tuple[int, ...] | None
    dtype: Literal["float32", "float64"]
    answers: Literal["classes", "values", "rows"]
    preprocessing: Preprocessing


def card_of(label: str, config: Mapping[str, Any], splits: Splits, *, answers_rows: bool) -> NetworkCard:
    """Return the card of a network that is trained on some data; without what says where the run is recorded."""
    made, divisor = splits.preprocessing, float(splits.divisor)
    if divisor != 1 and np.ndim(made.scale) == 0 and made.scale == 1:  # of pixels that are kept as bytes
        made = Preprocessing(**{**vars(made), "scale": divisor})
    wide = splits.train.x.dtype == np.float64
    return NetworkCard(
        label=label,
        config={key: value for key, value in config.items() if key not in TRACKING},
        features=splits.train.x.shape[1],
        outputs=splits.outputs,
        shape=splits.shape,
        dtype="float64" if wide else "float32",
        answers="rows" if answers_rows else splits.targets,
        preprocessing=made,
    )


def write_network(path: Path, arrays: Mapping[str, npt.ArrayLike], card: NetworkCard) -> None:
    """Write a network, whole or not at all."""
    made = vars(card.preprocessing) | {name: np.asarray(getattr(card.preprocessing, name)).tolist() for name in _SCALES}
    page = json.dumps({"format": FORMAT, **vars(card), "preprocessing": made}, default=str)
    write_arrays(path, {**arrays, CARD: np.frombuffer(page.encode(), np.uint8)})


def read_network(path: Path) -> tuple[dict[str, npt.NDArray[Any]], NetworkCard | None]:
    """Return the arrays of a network by name, and its card: None of one that was kept by an earlier version.

    Raises:
        Refused: the file is something else, damaged, or holds numbers that are not finite.
        OSError: there is none, or it cannot be read.
    """
    arrays = read_arrays(path)
    page = arrays.pop(CARD, None)
    for name, array in arrays.items():
        if array.dtype.kind != "f" or array.dtype.itemsize > 8 or not np.isfinite(array).all():
            raise Refused(f"{name} in it is no array of finite numbers")
    if page is None:
        return arrays, None
    if page.dtype != np.uint8 or page.ndim != 1:
        raise Refused("its card is no text")
    try:
        return arrays, _card(parse_json(page.tobytes()))
    except Refused:
        raise
    except Exception as error:  # what is in a file that was made to do harm may be of any type
        raise Refused(f"its card is damaged ({type(error).__name__}: {error})".splitlines()[0]) from error


def _card(said: Any) -> NetworkCard:
    if said["format"] != FORMAT:
        raise Refused("it is of another version of nnreg")
    made = said["preprocessing"]
    told: dict[str, Any] = {name: _numbers(made[name]) for name in _SCALES}
    told |= {name: tuple(map(str, made[name])) for name in ("columns", "targets")}
    told |= {"classes": tuple(map(_name, made["classes"])), "drops_missing": made["drops_missing"] is True}
    told |= {"words": {str(name): tuple(map(str, words)) for name, words in made["words"].items()}}
    told |= {"layout": {str(name): str(text) for name, text in made["layout"].items()}}
    told |= {"white": None if made["white"] is None else float(made["white"])}
    card = NetworkCard(
        label=str(said["label"]),
        config=dict(said["config"]),
        features=_count(said["features"]),
        outputs=_count(said["outputs"]),
        shape=None if said["shape"] is None else tuple(map(_count, said["shape"])),
        dtype={"float32": "float32", "float64": "float64"}[said["dtype"]],  # type: ignore[arg-type]
        answers={"classes": "classes", "values": "values", "rows": "rows"}[said["answers"]],  # type: ignore[arg-type]
        preprocessing=Preprocessing(**told),
    )
    _check_fit(card)
    return card


def _check_fit(card: NetworkCard) -> None:
    """Refuse a card whose parts are not of one network."""
    made = card.preprocessing
    widths = [len(made.words.get(str(name), "1")) for name in made.columns]
    sizes = {"shift": card.features, "scale": card.features, "target_shift": card.outputs, "target_scale": card.outputs}
    fits = all(np.size(getattr(made, name)) in (1, size) for name, size in sizes.items())
    fits = fits and (not widths or sum(widths) == card.features) and len(made.classes) in (0, card.outputs)
    fits = fits and (card.shape is None or int(np.prod(card.shape, dtype=object)) == card.features)
    if not fits:
        raise Refused("its card says of rows or answers what its network does not have")


def _numbers(said: Any) -> npt.NDArray[np.float64]:
    return np.asarray(said, np.float64)


def _name(said: Any) -> str | int | float:
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise Refused("a name in its card is none")
    return said


def _count(said: Any) -> int:
    if isinstance(said, bool) or not isinstance(said, int) or said < 1:
        raise Refused(f"it says {said!r} where a count must stand")
    return said
