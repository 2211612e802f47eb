"""MLflow as a mirror of the run folder: what a folder holds, and the store does not, is sent.

One function for all who send, at any moment and any number of times: the run itself while it goes on, the process that sends
the runs of a sweep, and ``runs push``. ``mlflow.json`` says which run of the store it is, and whether all of it is there. What
of a run has arrived whose sender was killed or failed is known by the store alone, so whoever takes its place asks there.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nnreg.engine.history import EarlyStop, History, Record
from nnreg.errors import UserError
from nnreg.records.card import DatasetCard, Outcome, RunCard
from nnreg.records.files import read_json, read_yaml, write_whole
from nnreg.records.folder import (
    CONFIG,
    HISTORY,
    RUNNING,
    SENDING,
    SPOOL,
    SUMMARY,
    TRACKED,
    occupied,
    read_facts,
    read_history,
    read_records,
)
from nnreg.tracking.description import NAME_TAG, RESUMED, Point, Thinner, Told, describe_run, is_curve, now
from nnreg.tracking.location import Target
from nnreg.tracking.store import Store

_PATIENCE = 5.0  # seconds for which a run that begins waits for somebody who sends what was there before
_LONGEST_CLOCK = 1_000  # times at which a run was looked at, of a run of hours


@dataclass(frozen=True)
class Tracked:
    """Where a run is tracked, and whether all of it is there.

    Attributes:
        key: unique; a tag of the run, by which it is found again.
        uri: the store, without a password.
        experiment: its name.
        started: milliseconds since 1970.
        run_id: for people; None before the store has the run.
        tags: what only the process knew that the run is in: its host, number, user, commit.
        sender: who sent the last part; None before anybody tried to.
        whole: whether the store has all of a run that has ended.
        answer: what is told of an answer about many runs, of which the folder says nothing else.
    """

    key: str
    uri: str
    experiment: str
    started: int
    run_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    sender: str | None = ""
    whole: bool = True  # versions before, which did not say, kept a spool of a run that was not
    answer: Mapping[str, Any] | None = None

    def save(self, folder: Path) -> None:
        """Write it to the run folder, whole or not at all."""
        write_whole(folder / TRACKED, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Tracked | None:
        """Return what ``save`` wrote, or a version before kept; None for a run that is not tracked or whose file is damaged."""
        try:
            found = cls(**(_noted(folder) | _kept(folder)))
        except (OSError, TypeError, ValueError):
            return None
        is_sound = all(isinstance(text, str) for text in (found.key, found.uri, found.experiment))
        return found if is_sound and found.key.isalnum() and isinstance(found.started, int) else None

    def is_at(self, target: Target) -> bool:
        """Tell whether a run is tracked in a store, and filed under its experiment."""
        return (self.uri, self.experiment) == (target.shown, target.experiment)


def _noted(folder: Path) -> dict[str, Any]:
    path = folder / TRACKED
    return dict(read_json(path)) if path.exists() else {}


def _kept(folder: Path) -> dict[str, Any]:
    """Return what matters of the second copy that versions before kept of a run: all else is in its folder as well."""
    path = folder / SPOOL
    if not path.exists():
        return {}
    try:
        spool = read_json(path)
        known = {name: spool[name] for name in ("key", "uri", "experiment", "started", "tags")}
        if not (folder / SUMMARY).exists():
            known["answer"] = {name: spool[name] for name in ("name", "params", "tags", "dataset", "status", "ended")}
            known["answer"] |= {"about": spool.get("about", ""), "page": spool.get("page", ""), "step": 1}
            known["answer"]["metrics"] = {point[0]: point[1] for point in spool["points"]}
    except (TypeError, ValueError, LookupError):  # damaged: what was noted beside it may do
        known = {}
    return known | {"whole": False}


def begin_tracking(
    folder: Path, target: Target, before: Tracked | None, tags: Mapping[str, str], answer: Told | None = None
) -> None:
    """Note in a run folder that its run is tracked, from now on in this process.

    Args:
        folder: of the run.
        target: the store.
        before: what an earlier process noted of the same run.
        tags: that only this process knows.
        answer: what is told of an answer about many runs.
    """
    tracked = Tracked(
        key=before.key if before else uuid.uuid4().hex,
        uri=target.shown,
        experiment=target.experiment,
        started=before.started if before else now(),
        run_id=before.run_id if before else None,
        tags=tags,
        sender="" if before else None,
        whole=False,
        answer=None if answer is None else asdict(answer),
    )
    with occupied(folder, SENDING, _PATIENCE):
        tracked.save(folder)
        (folder / SPOOL).unlink(missing_ok=True)


def mirror(folder: Path, store: Store, *, is_over: bool = False) -> tuple[str, str] | None:
    """Bring a store up to a run folder; see ``Mirror.update``. Return the ids of the experiment and the run, if it went."""
    sent = Mirror(folder)
    return sent.ids if sent.update(store, is_over=is_over) else None


class Mirror:
    """A run folder and what a store has of it, for somebody who looks again and again.

    Args:
        folder: of the run.

    Attributes:
        ids: of experiment and run in the store; None before it has the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ids: tuple[str, str] | None = None
        self._seen: tuple[int, ...] | None = None
        self._read = 0  # bytes of the history
        self._thinner = Thinner(0)
        self._clock: list[tuple[int, int]] = [(0, 0)]
        self._there: set[tuple[str, int, float]] = set()
        self._forget()

    def has_news(self) -> bool:
        """Tell whether the folder has changed since the last update was begun."""
        return self._state() != self._seen

    def update(self, store: Store, *, is_over: bool = False) -> bool:
        """Send what is new; a run that has ended is ended in the store, with all that is in its folder.

        It may be called at any moment, again after whatever went wrong, and by several processes: nothing is sent twice.

        Args:
            store: where to; may raise whatever MLflow, its database or its server raises.
            is_over: the process of the run is gone, whatever the folder says.

        Returns:
            Whether the store is up to date: not where somebody else is sending at this moment.

        Raises:
            ValueError: the folder is damaged.
            OSError: likewise, or the disk is full.
        """
        self._seen = self._state()
        try:
            with occupied(self._folder, SENDING):
                tracked = Tracked.read(self._folder)
                if tracked is not None and not tracked.whole:
                    self._bring_up(store, tracked, is_over)
        except UserError:  # somebody else is at it
            return False
        except BaseException:
            self._forget()
            raise
        return True

    def _forget(self) -> None:
        """Know no longer what the store has."""
        self._sender = uuid.uuid4().hex

    def _state(self) -> tuple[int, ...]:
        """Return what changes whenever one of the files does that matter."""
        state = []
        for name in (TRACKED, SUMMARY, HISTORY):
            try:
                status = (self._folder / name).stat()
                state += [status.st_mtime_ns, status.st_size]
            except OSError:
                state.append(0)
        return tuple(state)

    def _bring_up(self, store: Store, tracked: Tracked, is_over: bool) -> None:
        is_known = tracked.sender == self._sender and tracked.run_id is not None
        if is_known and not is_over and tracked.answer is None and _is_going_on(self._folder):
            self._send(store, tracked, self._news())
            return
        told = read_told(self._folder, tracked, is_over=is_over)
        if not is_known:
            tracked = self._take_up(store, tracked, told)
        points = self._news()
        if told.ended is not None:
            points += self._points(self._thinner.rest(_history(self._folder)))
            points += [Point(name, value, told.ended, told.step) for name, value in told.metrics.items()]
        self._send(store, tracked, points)
        if told.ended is not None:
            store.finish(str(tracked.run_id), self._folder, told)
            replace(tracked, whole=True).save(self._folder)
            (self._folder / SPOOL).unlink(missing_ok=True)

    def _news(self) -> list[Point]:
        """Return those points that are wanted now of what was recorded since the last look."""
        wanted: list[Record] = []
        last = 0
        try:
            for records, end in read_records(self._folder, self._read):
                self._read = end
                last = max([last, *(record.step for record in records)])
                wanted += self._thinner.take(records)
        except FileNotFoundError:  # an answer has none
            return []
        if last > self._clock[-1][0]:
            self._clock.append((last, _written(self._folder)))
        if len(self._clock) > _LONGEST_CLOCK:
            del self._clock[1:-1:2]
        return self._points(wanted)

    def _points(self, records: Sequence[Record]) -> list[Point]:
        """Return records, each with the time at which it was measured as nearly as is known."""
        records = [record for record in records if is_curve(record.metric)]
        steps, times = zip(*self._clock, strict=True)
        millis = np.interp([record.step for record in records], steps, times)
        return [Point(metric, value, int(at), step) for (step, metric, value), at in zip(records, millis, strict=True)]

    def _send(self, store: Store, tracked: Tracked, points: Sequence[Point]) -> None:
        store.log(str(tracked.run_id), [point for point in points if point.identity not in self._there])

    def _take_up(self, store: Store, tracked: Tracked, told: Told) -> Tracked:
        """Become who sends a run, of which others may have sent a part; they are noted down before they begin."""
        is_new = tracked.sender is None
        uri, experiment = store.target.shown, store.target.experiment
        tracked = replace(tracked, uri=uri, experiment=experiment, sender=self._sender)
        tracked.save(self._folder)
        self.ids = store.take_up(experiment, tracked.key, tracked.started, told, is_new=is_new)
        tracked = replace(tracked, run_id=self.ids[1])
        tracked.save(self._folder)
        store.describe(*self.ids, told, is_new=is_new)
        self._there = set() if is_new else store.points(self.ids[1])
        self._read, self._thinner = 0, Thinner(told.steps)
        resumed = int(told.tags.get("resumed_at_step", 0))
        self._clock = [(0, tracked.started)] + ([(resumed, int(told.tags.get(RESUMED, tracked.started)))] if resumed else [])
        return tracked


def read_told(folder: Path, tracked: Tracked, *, is_over: bool = False) -> Told:
    """Return what a store is told of the run in a folder.

    Raises:
        ValueError: the folder is damaged.
        OSError: likewise.
    """
    if tracked.answer is not None:
        told = Told(**tracked.answer)
    else:
        facts = read_facts(folder)
        if facts is None:
            raise ValueError(f"there is no {folder / SUMMARY}")
        told = _read_run(folder, facts, is_over)
    return replace(told, name=tracked.tags.get(NAME_TAG, told.name), tags={**told.tags, **tracked.tags})


def _read_run(folder: Path, facts: Mapping[str, Any], is_over: bool) -> Told:
    try:
        config, _ = read_yaml(folder / CONFIG)
        card = RunCard(
            label=facts["label"],
            folder=folder,
            choices=facts["choices"],
            config=config,
            overrides=tuple(facts["overrides"]),
            command=facts["command"],
            colour="",  # of the process' tags
            plugins=facts["plugins"],
            dataset=DatasetCard(**facts["dataset"]) if facts["dataset"] is not None else None,
            parameters=facts["parameters"],
            seed=facts["seed"],
            steps=int(config.get("steps", 0)),
            sweep_id=facts["sweep_id"],
            job=facts["job"],
            resumed_at=facts.get("resumed_at_step"),
            code=facts.get("code") or {},
            versions=facts.get("versions") or {},
            git=facts.get("git") or {},
        )
        if facts["status"] != RUNNING:
            return describe_run(card, _outcome(facts), (folder / SUMMARY).stat().st_mtime_ns // 1_000_000)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder} is damaged: {type(error).__name__}: {error}") from error
    if not is_over:
        return describe_run(card)
    return replace(describe_run(card, Outcome("killed", 0, 0.0), _written(folder)), metrics={})


def _outcome(facts: Mapping[str, Any]) -> Outcome:
    return Outcome(
        status="killed" if facts.get("died") else facts["status"],
        steps=facts["steps"],
        seconds=facts["seconds"],
        summary=facts["metrics"],
        diverged_at=facts["diverged_at_step"],
        error=facts["error"],
        early_stop=EarlyStop(**facts["early_stop"]) if facts.get("early_stop") is not None else None,
    )


def _is_going_on(folder: Path) -> bool:
    facts = read_facts(folder)
    return facts is not None and facts["status"] == RUNNING


def _history(folder: Path) -> History:
    try:
        return read_history(folder)
    except FileNotFoundError:
        return History()


def _written(folder: Path) -> int:
    """Return when the history of a run was written to, in milliseconds since 1970."""
    for name in (HISTORY, f"{HISTORY}.gz", SUMMARY):
        with contextlib.suppress(OSError):
            return (folder / name).stat().st_mtime_ns // 1_000_000
    return now()
