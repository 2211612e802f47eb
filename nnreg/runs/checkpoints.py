"""A run taken down, and brought back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from omegaconf import DictConfig

from nnreg.engine.elsewhere import Elsewhere
from nnreg.engine.stopping import EarlyStopping
from nnreg.engine.training import Stopwatch, paced
from nnreg.errors import UserError, one_line
from nnreg.records import folder
from nnreg.records.card import ALIKE, BESIDE, TRACKING, RunCard, flattened
from nnreg.records.checkpoint import FILE, Checkpoint, load_checkpoint, save_checkpoint
from nnreg.records.earlier import current_config
from nnreg.records.folder import known_facts, read_history
from nnreg.records.recorder import Recorder
from nnreg.registry import building, entries
from nnreg.registry.fingerprint import changed_code
from nnreg.runs.assembly import Assembled
from nnreg.runs.request import Request, Resumption, describe, plain, techniques_in

SHARE = 0.05  # of the time is spent on checkpoints at most
CHANGEABLE = ("steps", *BESIDE, *ALIKE, *TRACKING)
"""Settings that leave every update as it is: a run may go on with others."""


class Live:
    """Everything that changes while a run trains.

    Args:
        run: assembled, not trained yet.
    """

    def __init__(self, run: Assembled) -> None:
        settings = run.settings
        self.run = run
        self.batches = run.batches
        self.elsewhere = Elsewhere(run.network, run.optimizer, run.splits, run.batches.largest)
        kept = self.elsewhere.arrays
        self.stopping = EarlyStopping(run.network, settings.patience, kept) if settings.patience else None
        self.stopwatch = Stopwatch()

    def take(self, step: int, records: int, card: RunCard) -> Checkpoint:
        """Return the state between two steps; arrays are those in use, not copies."""
        parts: dict[str, Mapping[str, npt.NDArray[Any]]] = {
            "optimizer": self.run.optimizer.save(),
            "schedule": self.run.pace.save(),
            "layers": self.run.network.state(),
            "sampler": self.batches.state(),
            "stopping": self.stopping.save() if self.stopping else {},
            "work": {"gradients": np.array(self.run.again.evaluations)},
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
            streams={name: dict(stream.bit_generator.state) for name, stream in self._other_streams().items()},
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
            _fill_all(self.run.network.state(), saved.part("layers"), "layer")
            self.run.optimizer.load(saved.part("optimizer"))
            self.run.pace.load(saved.part("schedule"))
            if self.stopping:
                self.stopping.load(saved.part("stopping"))
            self.run.again.evaluations = int(saved.arrays.get("work/gradients", 0))
            self._bring_back_batches(saved)
            self.run.streams.dropout.bit_generator.state = saved.masks
            for name, state in saved.streams.items():
                self._other_streams()[name].bit_generator.state = state
        except Exception as error:  # what another program has put into the file may be anything, and plugins read it
            reason = f"{type(error).__name__}: {one_line(error)}"
            raise UserError(f"the checkpoint in {card.folder} does not fit its configuration ({reason}): {_ADVICE}") from error
        self.stopwatch.seconds = saved.seconds

    def _other_streams(self) -> dict[str, np.random.Generator]:
        """Return those that are saved by their name: batches keep where they stand themselves."""
        return {name: stream for name, stream in self.run.streams._asdict().items() if name not in ("batches", "dropout")}

    def _bring_back_batches(self, saved: Checkpoint) -> None:
        if "taken" in saved.batches:
            self.batches.load_former(saved.batches, saved.step)
            return
        _fill_all(self.batches.state(), saved.part("sampler"), "sampler")
        self.batches.load(saved.batches)

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


def _fill_all(live: Mapping[str, npt.NDArray[Any]], saved: Mapping[str, npt.NDArray[Any]], what: str) -> None:
    if live.keys() != saved.keys():
        raise ValueError(f"it has the {what} states {', '.join(saved) or 'none'}, not {', '.join(live) or 'none'}")
    for name, array in live.items():
        _fill(array, saved[name])


def _differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (key, was, now) of what differs; a key that one of the two does not know belongs to another version of nnreg."""
    configs = (current_config(was), now)
    before, after = ({key: json.dumps(value, default=str) for key, value in flattened(config)} for config in configs)
    for key in before.keys() & after.keys() - set(CHANGEABLE):
        if before[key] != after[key]:
            yield key, before[key], after[key]


def read_resumption(folder: Path, request: Request, warn: Callable[[str], None]) -> Resumption:
    """Read where a run goes on.

    Args:
        folder: of the run, as it is shown to a person.
        request: the run.
        warn: takes one line for each version that is another one now.

    Raises:
        UserError: the checkpoint or the history is damaged, or the updates already made would have been others, or were made
            by other code.
    """
    if changed := other_code(request.folder, plain(request.config, request.choices), request.choices):
        raise UserError(
            f"{folder} was begun with other code: {changed}; a run goes on as it was: `python -m nnreg rerun {folder}` "
            "trains anew"
        )
    path = folder / FILE
    if not path.exists():
        return Resumption()
    found = load_checkpoint(path)
    _check_pace(found, request.config)
    try:
        past = read_history(request.folder, found.records)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"the history in {folder} is damaged ({error}): delete {path} to train from the start") from error
    if past.size < found.records:
        raise UserError(
            f"the history in {folder} has {past.size} of the {found.records} records before its checkpoint: "
            f"delete {path} to train from the start"
        )
    now = versions(describe(request))
    for name in sorted(now.keys() & found.versions.keys()):
        if now[name] != found.versions[name]:
            warn(f"{name} is {now[name]} and was {found.versions[name]}: the last bits may differ from here on")
    return Resumption(found, past)


def other_code(folder: Path, config: Mapping[str, Any], places: Iterable[str]) -> str:
    """Say which techniques in some places of a configuration have other code than the run in a folder had; "" of none."""
    was = known_facts(folder).get("code")
    return changed_code(was, techniques_in(config, places)) if isinstance(was, Mapping) else ""


def _check_pace(found: Checkpoint, config: DictConfig) -> None:
    """Refuse another number of steps where the updates already made would have been other ones."""
    if found.config.get("steps") == config.steps:
        return
    before, after = (_pace(config, steps) for steps in (int(found.config["steps"]), config.steps))
    if any(before(t) != after(t) for t in range(1, found.step + 1)):
        raise UserError(
            f"schedule={config.schedule.name} depends on the number of steps: with steps={config.steps} the {found.step} "
            f"updates already made would have been others; `python -m nnreg rerun` trains anew"
        )


def _pace(config: DictConfig, steps: int) -> Callable[[int], float]:
    entry = entries.find_technique("schedule", str(config.schedule.name))
    return paced(building.build_entry(entry, config.schedule), steps, config.get("warmup", 0))
