"""A process of its own sends the runs of a sweep: whole, once, and none is lost whatever happens to it."""

import os
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest

from nnreg.engine.history import History, Record
from nnreg.records.card import Outcome
from nnreg.records.folder import write_ending
from nnreg.tracking import sink, store, uploader
from nnreg.tracking.location import resolve_target
from nnreg.tracking.mirror import Tracked
from nnreg.tracking.sink import MlflowSink
from nnreg.tracking.uploader import Mirrors
from tests.records.cards import card
from tests.tracking.stores import Disk

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def told():
    return []


@pytest.fixture
def mirrors(home, told):
    return mirrors_of(home, told.append)


def mirrors_of(home, warn, uri=None):
    return Mirrors(resolve_target(home, uri, None, warn), home / "sweep", warn)


@pytest.fixture(autouse=True)
def another_process_sends(monkeypatch):
    """Runs leave the store to another process, but where a test has a real one."""
    monkeypatch.setattr(sink, "current_uploader", lambda folder: uploader.current_uploader(folder) or object())
    monkeypatch.setattr(store, "_silent", {})


class Run:
    """A run that another process sends, begun, with one point."""

    def __init__(self, home, job=0, uri=None, **changes):
        self.card = card(home / "sweep" / str(job), job=job, **changes)
        self._sinks = (Disk(), MlflowSink(home, uri, None, warn=pytest.fail))
        for one in self._sinks:
            one.open(self.card)
        self.write([] if changes else [Record(0, "train/loss", 2.0)])

    def write(self, records):
        for one in self._sinks:
            one.write(records)

    def end(self, status="finished"):
        history = History()
        for record in (Record(0, "train/loss", 2.0), Record(1, "train/loss", 1.0)):
            history.add(record)
        self.write([Record(1, "train/loss", 1.0)])
        for one in self._sinks:
            one.close(Outcome(status, 2, 0.5, {"train/loss_mean_last_100": 1.5}), history)


def age(home, seconds=60, job=0):
    """Let a run have begun some time ago."""
    folder = home / "sweep" / str(job)
    tracked = Tracked.read(folder)
    replace(tracked, started=tracked.started - 1_000 * seconds).save(folder)


def is_whole(home, job=0):
    return Tracked.read(home / "sweep" / str(job)).whole


def asked(home, query):
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        return database.execute(query).fetchall()


POINTS = "SELECT step, value FROM metrics WHERE key = 'train/loss' ORDER BY step"


@pytest.mark.long
def test_a_short_run_is_sent_when_it_has_ended_and_is_whole(home, mirrors):
    run = Run(home)
    mirrors.update()
    assert not (home / "mlflow.db").exists() or asked(home, "SELECT * FROM runs") == []
    run.end()
    mirrors.update()
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert asked(home, POINTS) == [(0, 2.0), (1, 1.0)]
    assert asked(home, "SELECT value FROM tags WHERE key = 'outcome'") == [("finished",)]
    (note,) = asked(home, "SELECT value FROM tags WHERE key = 'mlflow.note.content'")[0]
    assert "Its figure: [" in note
    assert is_whole(home)
    assert Tracked.read(home / "sweep" / "0").run_id == mirrors.send(home / "sweep" / "0")[1]


@pytest.mark.long
def test_a_long_run_is_shown_as_it_grows(home, mirrors):
    run = Run(home)
    age(home)
    mirrors._born -= 120_000
    mirrors.update()
    assert asked(home, "SELECT status FROM runs") == [("RUNNING",)]
    assert asked(home, "SELECT value FROM metrics") == [(2.0,)]
    run.write([Record(1, "valid/loss", 3.0)])
    mirrors.update()
    assert asked(home, "SELECT value FROM metrics WHERE key = 'valid/loss'") == [(3.0,)]
    run.end()
    mirrors.update()
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert asked(home, POINTS) == [(0, 2.0), (1, 1.0)]


@pytest.mark.long
def test_a_run_whose_process_died_is_sent_as_killed(home, mirrors):
    run = Run(home)
    write_ending(run.card, Outcome("failed", 0, 0.0, error="its process died (SIGKILL)"))
    mirrors.update()
    assert asked(home, "SELECT status FROM runs") == [("KILLED",)]
    assert asked(home, "SELECT value FROM tags WHERE key = 'outcome'") == [("killed",)]
    assert is_whole(home)


def test_what_an_earlier_attempt_left_is_left_to_the_run_that_goes_on_which_is_the_same_run(home, told):
    Run(home)
    age(home)
    earlier = mirrors_of(home, pytest.fail)
    earlier._born -= 120_000
    earlier.update()
    mirrors = mirrors_of(home, told.append)
    mirrors.update()
    assert asked(home, "SELECT status FROM runs") == [("RUNNING",)], "no second run of the same"
    past = History()
    past.add(Record(0, "train/loss", 2.0))
    Run(home, resumed_at=1, past=past).end()
    mirrors.update()
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert asked(home, POINTS) == [(0, 2.0), (1, 1.0)]
    assert asked(home, "SELECT value FROM tags WHERE key = 'resumed_at_step'") == [("1",)]
    assert told == []


@pytest.mark.long
def test_a_run_that_ended_in_an_earlier_attempt_is_sent_to_its_end_as_the_same_run(home, mirrors):
    run = Run(home)
    age(home)
    earlier = mirrors_of(home, pytest.fail)
    earlier._born -= 120_000
    earlier.update()
    run.end()
    mirrors.update()
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert asked(home, POINTS) == [(0, 2.0), (1, 1.0)]
    assert is_whole(home)


def test_trouble_is_told_once_and_every_run_is_kept(home, told):
    mirrors = mirrors_of(home, told.append, uri="http://127.0.0.1:9")
    for job in range(2):
        Run(home, job, uri="http://127.0.0.1:9").end()
        mirrors.update()
    mirrors.update(again=True)
    assert len(told) == 1
    assert told[0].startswith("MLflow does not take every run (no connection from http://127.0.0.1:9): ")
    assert [is_whole(home, job) for job in range(2)] == [False, False]


@pytest.mark.long
def test_a_store_that_failed_on_the_way_has_every_run_once_in_the_end(home, mirrors, monkeypatch, told):
    def fails(*_):
        raise OSError("no space left")

    Run(home).end()
    with monkeypatch.context() as broken:
        broken.setattr(store.Store, "finish", fails)
        mirrors.update()
    assert not is_whole(home)
    mirrors.update(again=True)
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert asked(home, "SELECT count(*) FROM metrics WHERE key = 'train/loss'") == [(2,)]
    assert [line.partition("(")[2].partition(")")[0] for line in told] == ["no space left"]


@pytest.mark.long
def test_a_run_that_cannot_be_sent_costs_no_other(home, mirrors, told):
    for job in range(2):
        Run(home, job).end()
    (home / "sweep" / "0" / "config.yaml").write_text("{")
    mirrors.update(again=True)
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert [is_whole(home, job) for job in range(2)] == [False, True]
    assert len(told) == 1


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="copies of processes are for Linux")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_process_sends_everything_before_it_ends_and_its_death_loses_nothing(home):
    uploader.begin_uploading(home, None, None, home / "sweep", pytest.fail)
    try:
        Run(home, 0).end()
        folder = home / "sweep" / "0"
        sender = uploader.current_uploader(folder)
        assert sender.send(folder)[1] == Tracked.read(folder).run_id
        Run(home, 1).end()
        Run(home, 2, uri="sqlite:///other.db")
        assert uploader.current_uploader(home / "sweep" / "2") is None
    finally:
        uploader.end_uploading()
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)] * 2
    uploader.begin_uploading(home, None, None, home / "sweep", pytest.fail)
    os.kill(uploader._current._process.pid, signal.SIGKILL)
    time.sleep(0.2)
    Run(home, 3).end()
    uploader.end_uploading()
    assert not is_whole(home, 3)
