"""A run on its way to MLflow: about once a second, the store is brought up to its folder.

Training never dies of tracking: whatever goes wrong is told in one line, once, and the run goes on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nnreg.engine.history import History, Record
from nnreg.records.card import Outcome, RunCard
from nnreg.tracking.description import Told, process_tags
from nnreg.tracking.location import UI, Target, resolve_target
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

    def where_to_look(self) -> Sequence[tuple[str, str]]:
        """Return what the console prints at the end, as (label, text) lines: what to type, and the link of the run's page."""
        if self.ids is None:
            return [("look at it", "python -m nnreg runs push, then python -m nnreg ui")]
        base = self.uri if self._target.is_server else UI
        page = ("its page", f"{base}/#/experiments/{self.ids[0]}/runs/{self.ids[1]}")
        return [page] if self._target.is_server else [("look at it", "python -m nnreg ui"), page]

    def open(self, card: RunCard) -> None:
        """Create the run, or take up that of a resumed run; where another process sends it, note only where it belongs."""
        self.begin(card.folder, process_tags(card), Tracked.read(card.folder) if card.resumed_at is not None else None)

    def begin(self, folder: Path, tags: Mapping[str, str], before: Tracked | None, answer: Told | None = None) -> None:
        """Begin to track what is in a folder; for the arguments see ``begin_tracking``."""
        self._target = self._resolve(before)
        self.uri, self._folder, self._mirror = self._target.shown, folder, Mirror(folder)
        try:
            begin_tracking(folder, self._target, before, tags, answer)
            self._uploader = current_uploader(folder)
            if self._uploader is None:
                reach(self._target)
                self._store = Store(self._target)
                self._update()
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
            "`python -m nnreg runs push` sends it later"
        )

    def _resolve(self, before: Tracked | None) -> Target:
        """Find the store: that which the configuration names, else that which has the run, else the usual one."""
        target = resolve_target(self._home, self._wanted, self._experiment, self._warn)
        if before is None or self._wanted or before.is_at(target):
            return target
        return resolve_target(self._home, before.uri, self._experiment or before.experiment, self._warn)
