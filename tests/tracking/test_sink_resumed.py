"""A resumed run goes on in MLflow as the same run, without a point twice."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter

import pytest

from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS, History
from nnreg.records.card import Outcome, summarise
from nnreg.records.folder import HEADER, HISTORY, TRACKED
from nnreg.tracking import store
from nnreg.tracking.commands import clean, push
from nnreg.tracking.mirror import Tracked
from nnreg.tracking.sink import MlflowSink
from tests.records.cards import card, history
from tests.tracking.stores import ARTIFACTS, Disk, artifacts, client, curve, new_database, only_run

END = Outcome("finished", 200, 1.5, summarise(history()))


@pytest.fixture
def home(home):
    (home / "runs" / "one").mkdir(parents=True)
    return home


def until(step):
    """Return the records of the first updates of the run that ``history`` is of."""
    past = History()
    for record in history():
        if record.step < step or (record.step == step and record.metric != TRAIN_LOSS):
            past.add(record)
    return past


def opened(home, resumed_at=None, uri=None, warnings=None, **changes):
    past = {} if resumed_at is None else {"resumed_at": resumed_at, "past": until(resumed_at)}
    if past:  # that is where it comes from
        lines = [f"{record.step},{record.metric},{record.value!r}\n" for record in past["past"]]
        (home / "runs" / "one" / HISTORY).write_text("".join([f"{HEADER}\n", *lines]))
    run = Run(home, uri, pytest.fail if warnings is None else warnings.append)
    run.open(card(home / "runs" / "one", **past, **changes))
    return run


class Run:
    """The two sinks of a run: its folder, and MLflow."""

    def __init__(self, home, uri, warn):
        self._sinks = (Disk(), MlflowSink(home, uri, None, warn))
        self.sink = self._sinks[1]

    def open(self, card):
        for sink in self._sinks:
            sink.open(card)

    def write(self, records):
        for sink in self._sinks:
            sink.write(records)

    def close(self, outcome, past):
        for sink in self._sinks:
            sink.close(outcome, past)

    @property
    def ids(self):
        return self.sink.ids


def finished(run, since):
    run.write([record for record in history() if record not in set(until(since))])
    run.close(END, history())
    return run


def uri_of(home):
    return f"sqlite:///{home / 'mlflow.db'}"


def assert_whole(home, sink):
    """The store has every point of the run, each once."""
    uri, seen = uri_of(home), Counter()
    for metric in (TRAIN_LOSS, VALID_LOSS):
        seen.update((metric, point.step) for point in client(uri).get_metric_history(sink.ids[1], metric))
        steps, values = history().series(metric)
        assert curve(uri, sink.ids[1], metric) == dict(zip(steps, values, strict=True))
    assert set(seen.values()) == {1}
    run = only_run(uri)
    assert (run.info.run_id, run.info.status) == (sink.ids[1], "FINISHED")
    return run


def test_a_run_killed_outright_goes_on_as_the_same_run(home):
    first = opened(home)
    first.write(list(until(120)))
    assert only_run(uri_of(home)).info.status == "RUNNING"
    second = opened(home, resumed_at=100)
    assert second.ids[1] == first.ids[1]
    run = assert_whole(home, finished(second, since=100))
    assert run.data.tags["resumed_at_step"] == "100"
    assert run.data.params["optimizer"] == "adam"


def test_an_interrupted_run_runs_again_until_it_ends(home):
    first = opened(home)
    first.write(list(until(120)))
    first.close(Outcome("killed", 120, 1.0), until(120))
    assert only_run(uri_of(home)).info.status == "KILLED"
    second = opened(home, resumed_at=100)
    run = only_run(uri_of(home))
    assert run.info.status == "RUNNING"
    assert "outcome" not in run.data.tags
    assert assert_whole(home, finished(second, since=100)).data.tags["outcome"] == "finished"


def test_the_error_of_a_failed_run_is_forgotten_once_it_goes_on(home):
    opened(home).close(Outcome("failed", 50, 1.0, error="no"), until(50))
    assert only_run(uri_of(home)).data.tags["error"] == "no"
    second = opened(home, resumed_at=0)
    assert "error" not in assert_whole(home, finished(second, since=0)).data.tags


def test_points_that_were_not_sent_before_the_end_are_sent_by_the_next_process(home):
    first = opened(home)
    first.write(list(until(50)))
    second = opened(home, resumed_at=100)
    assert_whole(home, finished(second, since=100))


def test_the_number_of_steps_may_grow_which_a_parameter_may_not(home):
    opened(home).close(Outcome("killed", 120, 1.0), until(120))
    second = finished(opened(home, resumed_at=100, steps=400), since=100)
    run = only_run(uri_of(home))
    assert (run.info.run_id, run.info.status) == (second.ids[1], "FINISHED")
    assert (run.data.params["steps"], run.data.tags["steps"]) == ("200", "400")


def test_a_run_killed_before_the_store_told_its_number_is_found_by_its_key(home):
    first = opened(home)
    found = Tracked.read(home / "runs" / "one")
    Tracked(found.key, found.uri, found.experiment, found.started).save(home / "runs" / "one")
    assert opened(home, resumed_at=0).ids[1] == first.ids[1]


def test_the_store_that_has_the_run_is_found_without_the_environment(home, monkeypatch):
    new_database(home / "other.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'other.db'}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    first = opened(home)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    assert opened(home, resumed_at=0).ids[1] == first.ids[1]


def test_a_store_that_is_asked_for_gets_a_run_of_its_own(home):
    opened(home)
    new_database(home / "other.db")
    second = finished(opened(home, resumed_at=100, uri=f"sqlite:///{home / 'other.db'}"), since=100)
    other = f"sqlite:///{home / 'other.db'}"
    assert only_run(other).info.run_id == second.ids[1]
    assert len(curve(other, second.ids[1], TRAIN_LOSS)) == 200  # with what was recorded before


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"key": 3}', '{"key": "a\' or 1=1", "uri": "", "experiment": "", "started": 0}']
)
def test_a_damaged_note_of_the_store_makes_a_new_run(home, content):
    opened(home)
    (home / "runs" / "one" / TRACKED).write_text(content)
    opened(home, resumed_at=0)
    witness = client(uri_of(home))
    assert len(witness.search_runs([witness.get_experiment_by_name("nnreg").experiment_id])) == 2


def test_a_run_that_was_not_tracked_is_from_where_it_goes_on_with_all_its_past(home):
    assert_whole(home, finished(opened(home, resumed_at=100), since=100))


def test_a_store_that_was_away_and_is_back_gets_all_and_nothing_is_left_to_push(home):
    database = home / "mlflow.db"
    database.rename(home / "away.db")
    database.write_bytes(b"not a database, whatever its name says" * 100)
    warnings = []
    opened(home, warnings=warnings).write(list(until(120)))
    assert "kept in" in warnings[0]
    (home / "away.db").replace(database)
    store._silent.clear()  # the next process knows nothing of it
    assert_whole(home, finished(opened(home, resumed_at=100), since=100))
    assert Tracked.read(home / "runs" / "one").whole


def test_a_store_that_is_away_when_the_run_goes_on_gets_the_rest_later_and_no_point_twice(home):
    first = opened(home)
    first.write(list(until(120)))
    lock = sqlite3.connect(home / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    warnings = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnreg.tracking.location.PROBE_SECONDS", 0.1)
        finished(opened(home, resumed_at=100, warnings=warnings), since=100)
    lock.close()
    assert "locked" in warnings[0]
    assert push(home, say=lambda _: None) == 0
    assert_whole(home, first)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says when a process began")
def test_a_resumed_run_that_goes_on_is_not_taken_for_dead_although_its_process_is_younger_than_it(home):
    Tracked("a" * 32, uri_of(home), "nnreg", started=1).save(home / "runs" / "one")
    sink = opened(home, resumed_at=100)
    assert only_run(uri_of(home)).info.start_time == 1
    said = []
    assert clean(home, said.append) == 0
    assert said == ["nothing to clean: no run of this machine is marked as running without its process"]
    sink.close(END, history())


def test_what_only_this_machine_can_use_is_no_artifact(home):
    sink = opened(home)
    for name in ("checkpoint.npz", "checkpoint.npz.part", ".lock", "loss.png"):
        (home / "runs" / "one" / name).write_bytes(b"")
    finished(sink, since=0)
    assert artifacts(uri_of(home), sink.ids[1]) == ARTIFACTS
