"""A process of its own sends the runs of a sweep: whole, once, and none is lost whatever happens to it."""

import os
import signal
import sqlite3
import sys
import time
from contextlib import closing

import pytest

from nnreg.engine.history import History, Record
from nnreg.records.card import Outcome
from nnreg.records.folder import SPOOL
from nnreg.tracking import uploader
from nnreg.tracking.ledger import Ledger, Tracked
from nnreg.tracking.location import resolve_target
from nnreg.tracking.sink import MlflowSink
from nnreg.tracking.uploader import Sender
from tests.cards import card

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
def sender(home, told):
    return Sender(resolve_target(home, None, None, told.append), told.append)


def begin(home, job=0):
    """Return the sink of a run that another process sends, begun, with one point."""
    of = card(home / "sweep" / str(job), job=job)
    of.folder.mkdir(parents=True, exist_ok=True)
    sink = MlflowSink(home, None, None, warn=pytest.fail, kept=True)
    sink.open(of)
    sink.write([Record(0, "train/loss", 2.0)])
    return sink


def end(sink, status="finished"):
    history = History()
    for record in (Record(0, "train/loss", 2.0), Record(1, "train/loss", 1.0)):
        history.add(record)
    sink.close(Outcome(status, 2, 0.5, {"train/loss_final": 1.5}), history)


def asked(home, query):
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        return database.execute(query).fetchall()


def test_a_short_run_is_sent_when_it_has_ended_and_is_whole(home, sender):
    sink, folder = begin(home), home / "sweep" / "0"
    sender.send(folder / SPOOL)
    assert not (home / "mlflow.db").exists() or asked(home, "SELECT * FROM runs") == []
    end(sink)
    sender.send(folder / SPOOL)
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert asked(home, "SELECT step, value FROM metrics WHERE key = 'train/loss' ORDER BY step") == [(0, 2.0), (1, 1.0)]
    assert asked(home, "SELECT value FROM tags WHERE key = 'outcome'") == [("finished",)]
    (note,) = asked(home, "SELECT value FROM tags WHERE key = 'mlflow.note.content'")[0]
    assert "Its figure: [" in note
    assert not (folder / SPOOL).exists()
    assert Tracked.read(folder).run_id == sender.ids(folder)[1]


def test_a_long_run_is_shown_as_it_grows(home, sender):
    sink, path = begin(home), home / "sweep" / "0" / SPOOL
    ledger = Ledger.read(path)
    ledger.started -= 60_000
    ledger.save()
    sender.send(path)
    assert asked(home, "SELECT status FROM runs") == [("RUNNING",)]
    assert asked(home, "SELECT value FROM metrics") == [(2.0,)]
    end(sink)
    sender.send(path)
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]


def test_a_run_whose_process_died_is_sent_as_killed(home, sender):
    begin(home)
    assert uploader.kill_run(home / "sweep" / "0")
    sender.send(home / "sweep" / "0" / SPOOL)
    assert asked(home, "SELECT status FROM runs") == [("KILLED",)]
    assert not uploader.kill_run(home / "sweep" / "1")


def of_an_earlier_attempt(home, job=0):
    """Let an earlier process have sent a part of a long run, and be gone; return what it kept."""
    path = home / "sweep" / str(job) / SPOOL
    ledger = Ledger.read(path)
    ledger.started -= 60_000
    ledger.save()
    earlier = Sender(resolve_target(home, None, None, pytest.fail), pytest.fail)
    earlier.send(path)
    hour = time.time() - 3600
    os.utime(path, (hour, hour))
    return path


def test_what_an_earlier_attempt_kept_is_left_to_the_run_that_goes_on(home, sender):
    begin(home)
    path = of_an_earlier_attempt(home)
    sender.send(path)
    assert asked(home, "SELECT status FROM runs") == [("RUNNING",)], "no second run of the same"
    assert path.exists()


def test_a_run_that_ended_in_an_earlier_attempt_is_sent_to_its_end_as_the_same_run(home, sender):
    sink = begin(home)
    path = of_an_earlier_attempt(home)
    end(sink)
    hour = time.time() - 3600
    os.utime(path, (hour, hour))
    sender.send(path)
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert asked(home, "SELECT step, value FROM metrics WHERE key = 'train/loss' ORDER BY step") == [(0, 2.0), (1, 1.0)]
    assert not path.exists()


def test_trouble_is_told_once_and_every_run_is_kept(home, told):
    sender = Sender(resolve_target(home, "http://127.0.0.1:9", None, told.append), told.append)
    paths = [home / "sweep" / str(job) / SPOOL for job in range(2)]
    for job, path in enumerate(paths):
        end(begin(home, job))
        sender.send(path)
    sender.settle(paths)
    assert len(told) == 1
    assert told[0].startswith("MLflow does not take every run (no connection from http://127.0.0.1:9): ")
    assert all(path.exists() for path in paths)


def test_a_store_that_failed_on_the_way_has_every_run_once_in_the_end(home, sender, monkeypatch, told):
    from nnreg.tracking.store import Store

    def fails(*_):
        raise OSError("no space left")

    end(begin(home))
    path = home / "sweep" / "0" / SPOOL
    with monkeypatch.context() as broken:
        broken.setattr(Store, "finish", fails)
        sender.send(path)
    assert path.exists()
    sender.settle([path])
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert asked(home, "SELECT count(*) FROM metrics WHERE key = 'train/loss'") == [(2,)]
    assert [line.partition("(")[2].partition(")")[0] for line in told] == ["no space left"]


def test_a_run_that_cannot_be_sent_costs_no_other(home, sender, told):
    paths = [home / "sweep" / str(job) / SPOOL for job in range(2)]
    for job in range(2):
        end(begin(home, job))
    paths[0].write_text("{")
    sender.settle(paths)
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)]
    assert [path.exists() for path in paths] == [True, False]
    assert len(told) == 1
    assert "is damaged" in told[0]


@pytest.mark.skipif(sys.platform != "linux", reason="copies of processes are for Linux")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_process_sends_everything_before_it_ends_and_its_death_loses_nothing(home):
    uploader.begin_uploading(home, None, None, home / "sweep", pytest.fail)
    try:
        end(begin(home, 0))
        sender = uploader.current_uploader(None, None)
        assert uploader.current_uploader("sqlite:///other.db", None) is None
        folder = home / "sweep" / "0"
        assert sender.send(folder)[1] == Tracked.read(folder).run_id
        end(begin(home, 1))
    finally:
        uploader.end_uploading()
    assert asked(home, "SELECT status FROM runs") == [("FINISHED",)] * 2
    uploader.begin_uploading(home, None, None, home / "sweep", pytest.fail)
    os.kill(uploader.current_uploader(None, None)._process.pid, signal.SIGKILL)
    time.sleep(0.2)
    end(begin(home, 2))
    uploader.end_uploading()
    assert (home / "sweep" / "2" / SPOOL).exists()
