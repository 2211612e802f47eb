"""A run under way: taken down as a checkpoint every so often, and brought back from one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nnreg.assembly import Assembled
from nnreg.engine.history import History
from nnreg.engine.rows import Batches
from nnreg.engine.stopping import EarlyStopping
from nnreg.engine.training import Stopwatch
from nnreg.errors import UserError, one_line
from nnreg.records import folder
from nnreg.records.card import ALIKE, TRACKING, RunCard
from nnreg.records.checkpoint import FILE, Checkpoint, save_checkpoint
from nnreg.records.recorder import Recorder

SHARE = 0.05  # of the time is spent on checkpoints at most
CHANGEABLE = ("steps", "checkpoint_seconds", *ALIKE, *TRACKING)
"""Settings that leave every update as it is: a run may go on with others."""


@dataclass(frozen=True)
class Resumption:
    """Where a run goes on.

    Attributes:
        checkpoint: the state to bring back, or None for a run that ended before its first checkpoint: it begins again.
        past: the records of the updates made until then.
    """

    checkpoint: Checkpoint | None = None
    past: History = field(default_factory=History)

    @property
    def step(self) -> int:
        """Updates made until then."""
        return self.checkpoint.step if self.checkpoint else 0


class Live:
    """Everything that changes while a run trains.

    Args:
        run: assembled, not trained yet.
    """

    def __init__(self, run: Assembled) -> None:
        settings = run.settings
        self.run = run
        self.batches = Batches(len(run.splits.train.x), settings.batch, settings.sampling, run.streams.batches)
        self.stopping = EarlyStopping(run.network, settings.patience) if settings.patience else None
        self.stopwatch = Stopwatch()

    def take(self, step: int, records: int, card: RunCard) -> Checkpoint:
        """Return the state between two steps; arrays are those in use, not copies."""
        parts = {
            "optimizer": self.run.optimizer.save(),
            "layers": self.run.network.state(),
            "stopping": self.stopping.save() if self.stopping else {},
        }
        below = {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
        return Checkpoint(
            step=step,
            seconds=self.stopwatch.seconds,
            records=records,
            config={key: value for key, value in card.config.items() if key not in TRACKING},
            data=card.dataset.digest if card.dataset else "",
            versions=versions(card),
            batches=self.batches.save(),
            masks=dict(self.run.streams.dropout.bit_generator.state),
            arrays={"theta": self.run.network.parameters.theta, **below},
        )

    def bring_back(self, saved: Checkpoint, card: RunCard) -> None:
        """Go on from a state that ``take`` returned.

        Raises:
            UserError: it is of another configuration, of other data, or does not fit the network.
        """
        self._check(saved, card)
        try:
            _fill(self.run.network.parameters.theta, saved.arrays["theta"])
            live, layers = self.run.network.state(), saved.part("layers")
            if live.keys() != layers.keys():
                raise ValueError(f"it has the layer states {', '.join(layers) or 'none'}, not {', '.join(live) or 'none'}")
            for name, array in live.items():
                _fill(array, layers[name])
            self.run.optimizer.load(saved.part("optimizer"))
            if self.stopping:
                self.stopping.load(saved.part("stopping"))
            self.batches.load(saved.batches)
            self.run.streams.dropout.bit_generator.state = saved.masks
        except Exception as error:  # what another program has put into the file may be anything, and plugins read it
            reason = f"{type(error).__name__}: {one_line(error)}"
            raise UserError(f"the checkpoint in {card.folder} does not fit its configuration ({reason}): {_ADVICE}") from error
        self.stopwatch.seconds = saved.seconds

    def _check(self, saved: Checkpoint, card: RunCard) -> None:
        for key, was, now in _differences(saved.config, card.config):
            raise UserError(
                f"{card.folder / folder.CONFIG} says {key}={now}, its checkpoint {key}={was}: a run goes on as it was; "
                f"`python -m nnreg rerun {card.folder}` trains anew"
            )
        if card.dataset is None or saved.data != card.dataset.digest:
            raise UserError(f"the data has changed since {card.folder} was trained on it; `python -m nnreg rerun` trains anew")
        if saved.step >= self.run.settings.steps:
            raise UserError(f"steps={self.run.settings.steps} is no more than the {saved.step} steps already made")


class Checkpoints:
    """Writes a checkpoint every so often, and spends a twentieth of the time on it at most.

    Args:
        seconds: between two; 0: one after every step; None: never one.
        take: number of updates made to the state then.
        card: of the run.
        recorder: whose records must be on disk first.
    """

    def __init__(self, seconds: float | None, take: Callable[[int], Checkpoint], card: RunCard, recorder: Recorder) -> None:
        self._seconds, self._take, self._folder, self._recorder = seconds, take, card.folder, recorder
        self._due = float("inf") if seconds is None else time.perf_counter() + seconds

    def due(self) -> bool:
        """Tell whether it is time."""
        return time.perf_counter() >= self._due

    def write(self, step: int) -> None:
        """Write one; the history on disk is never behind it."""
        began = time.perf_counter()
        self._recorder.settle()
        folder.secure_history(self._folder)
        save_checkpoint(self._folder / FILE, self._take(step))
        cost = time.perf_counter() - began
        self._due = began + cost + max(self._seconds, cost / SHARE) if self._seconds else began


def versions(card: RunCard) -> dict[str, str]:
    """Return the versions of what computes: another one may round differently."""
    return {"numpy": np.__version__, **card.plugins}


_ADVICE = f"delete {FILE} to train this run from its start"


def _fill(live: npt.NDArray[Any], saved: npt.NDArray[Any]) -> None:
    if (live.shape, live.dtype) != (saved.shape, saved.dtype):
        raise ValueError(f"{saved.dtype} {saved.shape} stands where {live.dtype} {live.shape} is wanted")
    live[...] = saved


def _differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (key, was, now) of what differs; a key that one of the two does not know belongs to another version of nnreg."""
    before, after = dict(_flat(was)), dict(_flat(now))
    for key in before.keys() & after.keys() - set(CHANGEABLE):
        if before[key] != after[key]:
            yield key, before[key], after[key]


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(value, default=str)
