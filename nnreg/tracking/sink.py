"""A run on its way to MLflow: about once a second, the store is brought up to its folder. An answer about many is a run too.

Training never dies of tracking: whatever goes wrong is told in one line, once, and the run goes on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nnreg.engine.history import History, Record
from nnreg.errors import one_line
from nnreg.numerals import as_typed
from nnreg.records.card import Outcome, RunCard, Status
from nnreg.records.metrics import SECONDS, STEPS
from nnreg.records.results import Result, Results
from nnreg.tracking.description import Told, describe_run, process_tags
from nnreg.tracking.location import (
    KEY,
    MACHINE_LEARNING,
    UI,
    Target,
    is_own_store,
    parent_tags,
    push_words,
    resolve_target,
)
from nnreg.tracking.mirror import Mirror, Tracked, begin_tracking
from nnreg.tracking.store import Store, reach, reason
from nnreg.tracking.uploader import current_uploader

_PERIOD = 1.0  # seconds between two sends
_SHARE = 0.05  # of the time is spent on sending at most


class MlflowSink:
    """Sends a run to MLflow out of its folder, whose sink comes before this one.

    Args:
        home: project folder, where the embedded database is.
        uri: tracking store, else ``MLFLOW_TRACKING_URI``, else ``sqlite:///<home>/mlflow.db``.
        experiment: name, else ``MLFLOW_EXPERIMENT_NAME``, else ``nnreg``.
        warn: takes one line for the user.

    Attributes:
        period: seconds between two writes; longer where the store is slow.
        ids: of experiment and run in the store; None while the run is only on disk.
        uri: the store in use, without a password.
    """

    def __init__(self, home: Path, uri: str | None, experiment: str | None, warn: Callable[[str], None]) -> None:
        self._home, self._wanted, self._experiment, self._warn = home, uri, experiment, warn
        self.period = _PERIOD
        self.ids: tuple[str, str] | None = None
        self.uri = ""
        self._store: Store | None = None  # from its opening to the first failure
        self._watching: Callable[[], None] | None = None  # ends the measuring of the machine

    def where_to_look(self) -> Sequence[tuple[str, str]]:
        """Return what the console prints at the end, as (label, text) lines: what to type, and the link of the run's page."""
        if self.ids is None:
            return [("look at it", "python -m nnreg runs push, then python -m nnreg ui")]
        base = self.uri if self._target.is_server else UI
        page = ("its page", f"{base}/#/experiments/{self.ids[0]}/runs/{self.ids[1]}?{MACHINE_LEARNING}")
        return [page] if self._target.is_server else [("look at it", "python -m nnreg ui"), page]

    def open(self, card: RunCard) -> None:
        """Create the run, or take up that of a resumed run; where another process sends it, note only where it belongs."""
        self.begin(card.folder, process_tags(card), Tracked.read(card.folder) if card.resumed_at is not None else None)

    def begin(self, folder: Path, tags: Mapping[str, str], before: Tracked | None, answer: Told | None = None) -> None:
        """Begin to track what is in a folder; for the arguments see ``begin_tracking``."""
        self._target = self._resolve(before)
        self.uri, self._folder, self._mirror = self._target.shown, folder, Mirror(folder)
        try:
            begin_tracking(folder, self._target, before, {**tags, **parent_tags(self._target)}, answer)
            self._uploader = current_uploader(folder)
            if not (self._wanted or is_own_store(self._home, self.uri)):
                self._warn(
                    f"{folder} names a store that nothing else does: `{push_words(self.uri, folder)}` sends the run there"
                )
            elif self._uploader is None:
                reach(self._target)
                self._store = Store(self._target)
                self._update()
                if answer is None and self.ids is not None:
                    self._watching = self._store.watch_system(self.ids[1], self._warn)
        except KeyboardInterrupt:
            if self._store is not None and self._mirror.ids is not None:
                with contextlib.suppress(Exception):  # whatever happens, the interruption is what matters
                    self._store.kill(self._mirror.ids[1])
            raise
        except Exception as error:  # MLflow, its database and its server raise anything; training goes on regardless
            self._give_up(error)

    def write(self, records: Sequence[Record]) -> None:
        """Send what is new in the folder."""
        if self._store is None or not records:
            return
        began = time.perf_counter()
        try:
            reach(self._target)
            self._update()
        except Exception as error:
            self._give_up(error)
        self.period = max(_PERIOD, (time.perf_counter() - began) / _SHARE)

    def close(self, outcome: Outcome, history: History) -> None:
        """Send the rest, the summary and the files of the run folder, and end the run."""
        self.end()

    def end(self) -> None:
        """Send what is in the folder to its end, also where the store failed on the way and may have come back."""
        if self._watching is not None:
            with contextlib.suppress(Exception):  # it has failed on the way then, and MLflow has said so
                self._watching()
        if self._store is None and self._mirror.ids is None:
            return
        had_failed = self._store is None
        try:
            self._target.probe()
            self._store = self._store or Store(self._target)
            self._update(is_over=True)
        except Exception as error:
            if not had_failed:
                self._give_up(error)
        else:
            if had_failed:
                self._warn("MLflow answers again: the whole run is there")

    def _update(self, *, is_over: bool = False) -> None:
        assert self._store is not None
        self._mirror.update(self._store, is_over=is_over)
        self.ids = self._mirror.ids

    def _give_up(self, error: Exception) -> None:
        self._store = self.ids = None
        self._warn(
            f"MLflow does not take this run ({reason(error, self.uri)}): it is kept in {self._folder}; "
            f"`{push_words(self.uri, self._folder) if self._wanted else 'python -m nnreg runs push'}` sends it later"
        )

    def _resolve(self, before: Tracked | None) -> Target:
        """Find the store: that which the configuration names, else that which has the run, else the usual one."""
        target = resolve_target(self._home, self._wanted, self._experiment, self._warn)
        if before is None or self._wanted or before.is_at(target):
            return target
        return resolve_target(self._home, before.uri, self._experiment or before.experiment, self._warn)


INK = "#222222"


@dataclass(frozen=True)
class AnswerRun:
    """An answer about many runs, to be logged as a run of its own beside them: a study's claims, a sweep's comparison.

    Attributes:
        label: name of the run, such as ``comparison``.
        folder: whose files become artifacts.
        command: that gives the same answer again.
        sweep_id: what it has in common with the runs that it is about.
        metrics: by name.
        about: the answer in words, or "".
        page: file in the folder that shows it, or "".
        overrides: what was typed.
        seconds: that the runs took.
        error: in one line, where runs failed.
    """

    label: str
    folder: Path
    command: str
    sweep_id: str
    metrics: Mapping[str, float]
    about: str = ""
    page: str = ""
    overrides: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str | None = None


def log_answer(answer: AnswerRun, runs: Results, warn: Callable[[str], None]) -> Sequence[tuple[str, str]]:
    """Log an answer where its runs are; nothing happens where they are not tracked.

    Parameters of the run are those that all of them share, so that it does not pass for one of them.

    Args:
        answer: what to log.
        runs: that it is about; the first says where they are tracked.
        warn: takes one line for the user.

    Returns:
        Where to look, as (label, text) lines; none where nothing was logged.
    """
    first = next(iter(runs), None)
    if first is None or first.config.get("tracking") != "mlflow":
        return []
    if not is_own_store(Path.cwd(), uri := first.config.get(KEY)):
        warn(f"{first.folder} names a store that nothing else does, {one_line(uri)}: the answer is not sent there")
        return []
    sink = MlflowSink(Path.cwd(), uri, first.config.get("experiment_name"), warn=warn)
    card = _card(answer, runs)
    status: Status = "failed" if answer.error else "finished"
    outcome = Outcome(status, 1, answer.seconds, dict(answer.metrics), error=answer.error)
    # that of a resumed sweep stays one run
    told = describe_run(card, outcome)
    # how long many runs took is no number beside those of one
    metrics = {name: value for name, value in told.metrics.items() if name not in (SECONDS, STEPS)}
    told = replace(told, metrics=metrics, tags={**told.tags, SECONDS: as_typed(answer.seconds)})
    sink.begin(card.folder, process_tags(card), Tracked.read(card.folder), told)
    if (sender := current_uploader(card.folder)) is not None:
        sink.ids = sender.send(card.folder)
    return sink.where_to_look()


def _card(answer: AnswerRun, runs: Sequence[Result]) -> RunCard:
    config = common([run.config for run in runs])
    return RunCard(
        label=answer.label,
        folder=answer.folder.absolute(),
        choices={slot: str(name) for slot, name in common([run.summary["choices"] for run in runs]).items()},
        config=config,
        overrides=answer.overrides,
        command=answer.command,
        colour=INK,
        plugins={str(name): str(version) for run in runs for name, version in run.summary.get("plugins", {}).items()},
        dataset=None,
        parameters=None,
        seed=int(config.get("seed", 0)),
        steps=int(config.get("steps", 1)),
        sweep_id=answer.sweep_id,
        resumed_at=0 if Tracked.read(answer.folder) is not None else None,
        about=answer.about,
        page=answer.page,
    )


def common(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what some configurations share, nested ones too."""
    first, *others = configs
    shared: dict[str, Any] = {}
    for key, value in first.items():
        found = [other.get(key) for other in others]
        if isinstance(value, Mapping):
            nested = [other for other in found if isinstance(other, Mapping)]
            shared |= {key: common([value, *nested])} if len(nested) == len(found) else {}
        elif all(other == value for other in found):
            shared[key] = value
    return shared
