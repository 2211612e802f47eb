"""The file from which a run goes on: named arrays and a page of facts, in NumPy's ``.npz`` format without pickles.

Reading one executes nothing, whoever wrote it.
"""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.errors import UserError
from nnreg.records.files import parse_json, read_arrays, write_arrays

FILE = "checkpoint.npz"
FACTS = "facts"
FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps.

    Attributes:
        step: updates made.
        seconds: of training so far.
        records: how many records the history had.
        config: resolved configuration in plain containers.
        data: digest of the rows trained on.
        versions: of what computes: NumPy, nnreg, the distributions of the techniques.
        batches: where the stream of batches stands.
        masks: where the stream of masks stands.
        streams: where the others stand, by name; older versions had none.
        arrays: everything else by name, such as ``theta``, ``optimizer/m``, ``layers/1.mean``.
    """

    step: int
    seconds: float
    records: int
    config: dict[str, Any]
    data: str
    versions: dict[str, str]
    batches: dict[str, Any]
    masks: dict[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]
    streams: dict[str, Any] = field(default_factory=dict)

    def part(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays below a name: ``m`` for ``optimizer/m`` below ``optimizer``."""
        return {key.removeprefix(f"{name}/"): array for key, array in self.arrays.items() if key.startswith(f"{name}/")}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint: at every moment there is the one before or this one, whole, even if the power fails.

    Raises:
        ValueError: an array holds Python objects.
    """
    facts = {field.name: getattr(checkpoint, field.name) for field in dataclasses.fields(Checkpoint) if field.name != "arrays"}
    page = json.dumps({"format": FORMAT, "names": sorted(checkpoint.arrays), **facts}, default=str).encode()
    write_arrays(path, {FACTS: np.frombuffer(page, np.uint8), **checkpoint.arrays}, is_lasting=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what ``save`` wrote.

    Raises:
        UserError: the file is damaged, or something else; one line that says what to do.
    """
    try:
        arrays = read_arrays(path)
        return _typed(parse_json(arrays.pop(FACTS).tobytes()), arrays)
    except Exception as error:  # what is in a file that was made to do harm may be of any type
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{path} is damaged or no checkpoint ({reason}): delete it to train this run from its start") from error


def _typed(facts: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Checkpoint:
    if facts.pop("format") != FORMAT:
        raise ValueError("it is of another version of nnreg")
    if facts.pop("names") != sorted(arrays):
        raise ValueError("some of its arrays are missing")
    types = typing.get_type_hints(Checkpoint)
    for name, value in facts.items():
        wanted = typing.get_origin(types[name]) or types[name]
        if not isinstance(value, wanted):
            raise ValueError(f"{name} must be {wanted.__name__}, got {type(value).__name__}")
    found = Checkpoint(**facts, arrays=arrays)
    if min(found.step, found.records) < 1 or not 0 <= found.seconds < math.inf:
        raise ValueError(f"it is of step {found.step}, {found.records} records and {found.seconds} seconds")
    return found
