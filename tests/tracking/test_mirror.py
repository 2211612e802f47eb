"""The store is brought up to the run folder, whatever was there before and however the one before ended."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest

from nnreg.engine.history import TRAIN_LOSS, History
from nnreg.records.folder import SENDING, SPOOL, TRACKED, occupied
from nnreg.tracking import commands, mirror
from nnreg.tracking.location import resolve_target
from nnreg.tracking.store import Store
from tests.records.cards import card, history
from tests.tracking.stores import ARTIFACTS, FINISHED, Disk, Tracked, artifacts, client, only_run


class Killed(BaseException):
    """What nothing catches, as kill -9."""


class Clocked:
    """MLflow's client, at one call of which the process ends: before it, or after it."""

    def __init__(self, whole, at, *, is_done):
        self._whole, self._left, self._is_done = whole, at, is_done

    def __getattr__(self, name):
        method = getattr(self._whole, name)

        def call(*arguments, **named):
            self._left -= 1
            if self._left == 0 and not self._is_done:
                raise Killed
            answer = method(*arguments, **named)
            if self._left == 0:
                raise Killed
            return answer

        return call


@pytest.fixture
def store(home):
    return Store(resolve_target(home, None, None, pytest.fail))


def ended(home, name="one"):
    """Return the folder of a run that has ended, and of which nothing was sent."""
    of, disk = card(home / "runs" / name), Disk()
    disk.open(of)
    mirror.begin_tracking(of.folder, resolve_target(home, None, None, pytest.fail), None, {"host": "here"})
    disk.write(list(history()))
    disk.close(FINISHED, history())
    return of.folder


def counted(uri, run):
    """Return how often the store has each point of the training loss and of the summary."""
    metrics = (TRAIN_LOSS, "steps", "seconds")
    points = (point for metric in metrics for point in client(uri).get_metric_history(run.info.run_id, metric))
    return Counter((point.key, point.step) for point in points)


ALL = Counter([(TRAIN_LOSS, step) for step in range(200)] + [("steps", 200), ("seconds", 200)])


@pytest.mark.long
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_a_sender_killed_at_any_call_of_the_store_leaves_one_run_and_no_point_twice(home, store, is_done):
    whole = store._client
    for at in itertools.count(1):
        folder = ended(home, str(at))
        store._client = Clocked(whole, at, is_done=is_done)
        try:
            mirror.mirror(folder, store)
            break
        except Killed:
            store._client = whole
            _, run_id = mirror.mirror(folder, store)
        witness = client(store.target.uri)
        (experiment,) = (each.experiment_id for each in witness.search_experiments() if each.name == "nnreg")
        (run,) = witness.search_runs([experiment], f"tags.run_folder = '{folder}'")
        assert (run.info.run_id, run.info.status) == (run_id, "FINISHED")
        assert counted(store.target.uri, run) == ALL, at
    assert at > 8


def test_a_second_look_sends_nothing(home, store):
    folder = ended(home)
    assert mirror.mirror(folder, store) is not None
    store._client = None
    mirror.mirror(folder, store)


def test_two_who_take_turns_send_no_point_twice(home, store):
    of, disk = card(home / "runs" / "one"), Disk()
    disk.open(of)
    mirror.begin_tracking(of.folder, store.target, None, {})
    past, both = list(history()), itertools.cycle([mirror.Mirror(of.folder), mirror.Mirror(of.folder)])
    for start in range(0, len(past), 60):
        disk.write(past[start : start + 60])
        next(both).update(store)
    disk.close(FINISHED, history())
    next(both).update(store)
    assert counted(store.target.uri, only_run(store.target.uri)) == ALL


def test_while_somebody_sends_a_run_others_do_not(home, store):
    folder = ended(home)
    with occupied(folder, SENDING):
        assert mirror.mirror(folder, store) is None
    assert mirror.mirror(folder, store) is not None


# what versions before left behind


def spool_of(folder, uri, **changes):
    """Write what a version before kept of a run that its store did not take."""
    tags = {"host": "here", "pid": "1", "mlflow.runColor": "#e69f00", "command": "python -m nnreg"}
    facts = {
        "key": "a" * 32,
        "uri": uri,
        "experiment": "nnreg",
        "name": "comparison",
        "folder": str(folder),
        "params": {"optimizer": "adam"},
        "tags": tags,
        "dataset": {},
        "started": 1_000,
        "points": [["runs", 4.0, 2_000, 1]],
        "status": "FINISHED",
        "ended": 2_000,
        "resumed": False,
        "about": "adam beats sgd",
        "page": "report.html",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SPOOL).write_text(json.dumps(facts | changes))


def pushed(home):
    lines = []
    assert commands.push(home, say=lines.append) == 0, lines
    return lines


def test_a_run_that_a_version_before_kept_is_pushed_out_of_its_folder(home, store):
    folder = ended(home)
    (folder / TRACKED).unlink()
    spool_of(folder, store.target.uri)
    assert "sent to" in pushed(home)[0]
    run = only_run(store.target.uri)
    assert counted(store.target.uri, run) == ALL
    assert (run.info.run_name, run.info.status, run.info.start_time) == ("adam-he", "FINISHED", 1_000)
    assert run.data.tags.items() >= {"nnreg.run_key": "a" * 32, "host": "here", "mlflow.runColor": "#e69f00"}.items()
    assert artifacts(store.target.uri, run.info.run_id) == ARTIFACTS - {"loss.png"}
    assert not (folder / SPOOL).exists()
    assert pushed(home) == ["nothing to push: every run is where it belongs"]


def test_an_answer_that_a_version_before_kept_is_pushed(home, store):
    spool_of(home / "runs" / "sweep" / "comparison", store.target.uri)
    assert pushed(home)[0].startswith("comparison: sent to")
    run = only_run(store.target.uri)
    assert (run.info.run_name, run.info.status) == ("comparison", "FINISHED")
    assert (run.data.metrics, run.data.params) == ({"runs": 4.0}, {"optimizer": "adam"})
    assert run.data.tags["mlflow.note.content"].startswith("adam beats sgd\n\nAll of it: [report.html](")


def test_a_run_that_a_version_before_sent_is_not_sent_again(home, store):
    folder = ended(home)
    noted = {"key": "a" * 32, "uri": store.target.uri, "experiment": "nnreg", "started": 1, "run_id": "b" * 32}
    (folder / TRACKED).write_text(json.dumps(noted))
    assert pushed(home) == ["nothing to push: every run is where it belongs"]


def test_a_run_killed_outright_is_whole_after_a_push_and_marked_as_killed(home):
    tracked = Tracked(home, past=History())
    tracked.open()
    tracked.write(list(history())[:100])
    tracked.disk.write(list(history())[100:])  # the process is gone before the store has them
    assert "sent to" in pushed(home)[0]
    run = only_run(f"sqlite:///{home / 'mlflow.db'}")
    assert (run.info.status, run.data.tags["outcome"]) == ("KILLED", "killed")
    assert len(client(f"sqlite:///{home / 'mlflow.db'}").get_metric_history(run.info.run_id, TRAIN_LOSS)) == 200
