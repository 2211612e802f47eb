import contextlib
import json
import math
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import requests

from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS, History, Record
from nnreg.records.card import Outcome
from nnreg.records.folder import TRACKED, read_history
from nnreg.tracking import location, store
from nnreg.tracking import mirror as mirrors
from nnreg.tracking.mirror import read_told
from tests.tracking.stores import (
    ARTIFACTS,
    Tracked,
    artifacts,
    client,
    curve,
    free_port,
    make_outdated,
    new_database,
    only_run,
)


def embedded(home):
    return f"sqlite:///{home / 'mlflow.db'}"


def run_of(home):
    return only_run(embedded(home))


@pytest.mark.long
def test_a_finished_run_is_in_the_store_with_all_that_is_known_of_it(home):
    tracked = Tracked(home)
    sink = tracked.whole()
    run = run_of(home)
    assert (run.info.run_id, run.info.run_name, run.info.status) == (sink.ids[1], "adam-he", "FINISHED")
    assert run.data.params["optimizer"] == "adam"
    assert run.data.params["optimizer.lr"] == "0.001"
    assert run.data.params["hidden"] == "[100, 100]"
    assert "optimizer.name" not in run.data.params
    assert run.data.tags["mlflow.runColor"] == "#e69f00"
    assert run.data.tags["overrides"] == "optimizer=adam init=he"
    assert run.data.tags["plugins"] == "nnreg 0.1.0"
    assert {"host", "pid", "seed", "mlflow.user"} <= set(run.data.tags)
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("digits", "0" * 36)
    assert artifacts(embedded(home), sink.ids[1]) == ARTIFACTS
    assert tracked.warnings == []


@pytest.mark.long
def test_the_console_is_told_what_to_type_and_where_the_page_is(home):
    sink = Tracked(home).whole()
    page = f"http://127.0.0.1:5000/#/experiments/{sink.ids[0]}/runs/{sink.ids[1]}?workflowType=machine_learning"
    assert sink.where_to_look() == [("look at it", "python -m nnreg ui"), ("its page", page)]


def test_curves_are_those_recorded_and_the_summary_stands_at_the_last_step(home):
    tracked = Tracked(home)
    sink = tracked.whole()
    steps, values = tracked.past.series(TRAIN_LOSS)
    assert curve(embedded(home), sink.ids[1], TRAIN_LOSS) == dict(zip(steps, values, strict=True))
    assert curve(embedded(home), sink.ids[1], "valid_loss_final") == {200: tracked.past.finite(VALID_LOSS)[-1]}
    assert curve(embedded(home), sink.ids[1], "seconds") == {200: 1.5}


def test_the_description_holds_the_command_and_links_the_figure(home):
    sink = Tracked(home).whole()
    note = run_of(home).data.tags["mlflow.note.content"]
    assert "python -m nnreg optimizer=adam init=he seed=0" in note
    assert f"#/experiments/{sink.ids[0]}/runs/{sink.ids[1]}/artifacts/loss.png" in note


@pytest.mark.parametrize(
    ("outcome", "status", "tags"),
    [
        (Outcome("finished", 200, 1.0), "FINISHED", {}),
        (Outcome("diverged", 57, 1.0, diverged_at=57), "FINISHED", {"diverged_at_step": "57"}),
        (Outcome("failed", 3, 1.0, error="ValueError: no"), "FAILED", {"error": "ValueError: no"}),
        (Outcome("killed", 99, 1.0), "KILLED", {}),
    ],
)
def test_every_ending_has_its_status(home, outcome, status, tags):
    Tracked(home).whole(outcome)
    run = run_of(home)
    assert run.info.status == status
    assert run.info.end_time is not None
    assert tags.items() <= run.data.tags.items()
    assert run.data.tags["outcome"] == outcome.status


def test_what_is_not_finite_is_never_sent(home):
    past = History()
    for step, value in enumerate([2.0, math.inf, 1.0, math.nan]):
        past.add(Record(step, TRAIN_LOSS, value))
    summary = {"train/loss_best": math.inf, "train/loss_mean_last_100": 1.5}
    sink = Tracked(home, past=past).whole(Outcome("diverged", 3, 1.0, summary, diverged_at=1))
    assert curve(embedded(home), sink.ids[1], TRAIN_LOSS) == {0: 2.0, 2: 1.0}
    assert "train_loss_best" not in run_of(home).data.metrics


def test_a_run_that_could_not_be_assembled_is_recorded_without_its_data(home):
    Tracked(home, changes={"dataset": None, "parameters": None}, past=History()).whole(Outcome("failed", 0, 0.0, error="no"))
    run = run_of(home)
    assert run.info.status == "FAILED"
    assert run.inputs.dataset_inputs == []
    assert "parameters" not in run.data.params


def test_a_chosen_seed_is_part_of_the_name(home):
    Tracked(home, changes={"overrides": ("seed=3",), "seed": 3}).whole()
    assert run_of(home).info.run_name == "adam-he s3"


def test_a_name_that_hides_the_technique_leaves_it_visible(home):
    config = {"optimizer": {"name": "adam", "lr": 0.1}}
    Tracked(home, changes={"choices": {"optimizer": "adam_fast"}, "config": config}).whole()
    assert run_of(home).data.params.items() >= {"optimizer": "adam_fast", "optimizer.name": "adam"}.items()


def test_where_runs_are_tracked_is_no_parameter_of_them(home):
    config = {"batch": 32, "tracking": "mlflow", "tracking_uri": "sqlite://me:secret@host/runs", "experiment_name": None}
    Tracked(home, changes={"config": config}).whole()
    assert run_of(home).data.params.keys() >= {"batch", "optimizer"}
    assert not [value for value in run_of(home).data.params.values() if "secret" in value]


def test_values_too_long_for_the_store_are_cut_with_a_remark(home):
    config = {"hidden": list(range(5_000)), "odd(key)!": 1}
    Tracked(home, changes={"config": config, "overrides": ("x=" + "y" * 9_000,)}).whole()
    run = run_of(home)
    assert run.data.params["hidden"].endswith("characters are in config.yaml)")
    assert len(run.data.tags["overrides"]) <= 8_000
    assert run.data.params["odd_key__"] == "1"


def test_the_environment_names_store_and_experiment(home, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "shared.db"
    new_database(elsewhere)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "inits")
    sink = Tracked(home).whole()
    assert only_run(f"sqlite:///{elsewhere}").info.run_id == sink.ids[1]
    assert client(f"sqlite:///{elsewhere}").get_experiment(sink.ids[0]).name == "inits"


def test_the_configuration_goes_before_the_environment(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "inits")
    sink = Tracked(home, uri="sqlite:///mlflow.db", experiment="mine").whole()
    assert client(embedded(home)).get_experiment(sink.ids[0]).name == "mine"


def test_artifacts_stay_where_they_are_when_the_next_run_starts_elsewhere(home, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    Tracked(home).whole()
    location = run_of(home).info.artifact_uri
    assert location.startswith((home / "mlartifacts" / "nnreg").as_uri())


@pytest.mark.parametrize("name", ["..", ".", "...", "a/../../b", "..\\b", "/tmp/x", ".hidden", "x" * 300, "é" * 90])
def test_the_files_of_an_experiment_of_any_name_lie_among_the_others(home, monkeypatch, name):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
    sink = Tracked(home).whole()
    place = Path(unquote(urlsplit(client(embedded(home)).get_run(sink.ids[1]).info.artifact_uri).path)).resolve()
    assert place.parents[2] == (home / "mlartifacts").resolve()


def test_a_deleted_experiment_comes_back_and_says_so(home, capsys):
    first = Tracked(home).whole()
    client(embedded(home)).delete_experiment(first.ids[0])
    capsys.readouterr()
    second = Tracked(home, changes={"folder": home / "runs" / "two"}).whole()
    said = "nnreg: the experiment nnreg had been deleted: it is back, with all runs that were in it; "
    assert capsys.readouterr().err == f"{said}experiment_name=OTHER begins a fresh one\n"
    assert client(embedded(home)).get_run(second.ids[1]).info.status == "FINISHED"


@pytest.mark.parametrize("name", ["a folder", "für Gäste", "50% #1"])
def test_a_project_folder_may_have_any_name(project, name):
    home = project / name
    home.mkdir()
    new_database(home / "mlflow.db")
    tracked = Tracked(home)
    sink = tracked.whole()
    assert tracked.warnings == []
    assert artifacts(sink.uri, sink.ids[1]) == ARTIFACTS


@pytest.mark.long
def test_the_first_run_makes_the_database_and_says_nothing(project, capfd):
    tracked = Tracked(project)
    tracked.whole()
    assert run_of(project).info.status == "FINISHED"
    assert tracked.warnings == []
    assert capfd.readouterr() == ("", "")
    with sqlite3.connect(project / "mlflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.long
def test_six_runs_at_once_make_one_database_and_say_nothing(project):
    code = "import sys; from tests.tracking.stores import first_use; first_use(*sys.argv[1:])"
    command = [sys.executable, "-W", "error", "-c", code, str(project)]
    root = Path(__file__).parents[2]
    runs = [subprocess.Popen([*command, str(n)], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for n in range(6)]
    assert [run.communicate()[0] for run in runs] == [b""] * 6
    assert [run.returncode for run in runs] == [0] * 6
    witness = client(embedded(project))
    experiment = witness.get_experiment_by_name("nnreg")
    assert [run.info.status for run in witness.search_runs([experiment.experiment_id])] == ["FINISHED"] * 6


def test_an_experiment_that_another_run_has_just_made_is_used(home, monkeypatch):
    first = Tracked(home).whole()
    second = Tracked(home, changes={"folder": home / "runs" / "two"})
    witness = type(client(embedded(home)))
    look, blind = witness.get_experiment_by_name, iter([True])
    monkeypatch.setattr(witness, "get_experiment_by_name", lambda *args: None if next(blind, False) else look(*args))
    assert second.whole().ids[0] == first.ids[0]
    assert second.warnings == []


def test_nothing_imports_mlflow_before_a_run_is_opened():
    modules = "nnreg.tracking.sink, nnreg.tracking.commands, nnreg.tracking.ui, nnreg.cli.main"
    code = f"import sys, {modules}; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def kept(folder):
    """Return what the folder holds for the store, all of which is still missing there."""
    tracked = mirrors.Tracked.read(folder)
    assert not tracked.whole
    return read_told(folder, tracked)


@pytest.fixture
def asked(monkeypatch):
    """Every question that goes out by HTTP, ours and MLflow's: the seconds that each waits for an answer at most."""
    send, seconds = requests.Session.send, []

    def counted(session, request, **options):
        seconds.append(options["timeout"])
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", counted)
    return seconds


def test_a_server_that_is_not_there_is_asked_once_and_the_run_is_kept(project, asked):
    tracked = Tracked(project, uri=f"http://127.0.0.1:{free_port()}")
    tracked.whole()
    assert asked == [(location.CONNECT_SECONDS, location.PROBE_SECONDS)]
    (warning,) = tracked.warnings
    assert "no connection" in warning
    assert "nnreg runs push" in warning
    told = kept(tracked.folder)
    assert (told.status, told.params["optimizer"]) == ("FINISHED", "adam")
    assert len(read_history(tracked.folder).finite(TRAIN_LOSS)) == 200
    assert "runs push" in tracked.sink.where_to_look()[0][1]


def test_a_server_that_never_answers_is_waited_for_once_by_the_first_run_only(project, monkeypatch, asked):
    monkeypatch.setattr(location, "PROBE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as hole:
        uri = f"http://127.0.0.1:{hole.getsockname()[1]}"
        first = Tracked(project, uri=uri)
        first.whole()
        assert asked == [(location.CONNECT_SECONDS, 0.1)]
        second = Tracked(project, uri=uri, changes={"folder": project / "runs" / "two"})
        second.whole()
        assert asked == [(location.CONNECT_SECONDS, 0.1)]
    assert "no answer" in first.warnings[0]
    assert "a moment ago" in second.warnings[0]
    assert kept(second.folder).status == "FINISHED"


def test_a_machine_that_is_off_is_not_waited_for_as_long_as_one_that_is_busy(project, monkeypatch, asked):
    monkeypatch.setattr(location, "CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as callers:
        for _ in range(3):  # who calls when nobody more is let in hears nothing, as from a machine that is off
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        tracked = Tracked(project, uri=f"http://127.0.0.1:{full.getsockname()[1]}")
        tracked.whole()
    assert asked == [(0.1, location.PROBE_SECONDS)]
    assert "no answer" in tracked.warnings[0]
    assert kept(tracked.folder).status == "FINISHED"


@pytest.mark.extra("postgres")
def test_a_database_server_that_is_not_there_is_told_at_once(project):
    tracked = Tracked(project, uri="postgresql+psycopg2://someone:secret@127.0.0.1:9/runs")
    tracked.whole()
    (warning,) = tracked.warnings
    assert "127.0.0.1:9" in warning
    assert "secret" not in warning
    assert not [path for path in tracked.folder.iterdir() if path.is_file() and b"secret" in path.read_bytes()]


@pytest.mark.parametrize("uri", ["file:./mlruns", "./mlruns", "file:///srv/mlruns"])
def test_a_file_store_is_explained_and_the_run_goes_to_a_database(home, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    tracked = Tracked(home)
    tracked.whole()
    (warning,) = tracked.warnings
    assert "mlflow migrate-filestore" in warning
    assert "\n" not in warning
    assert run_of(home).info.status == "FINISHED"


@pytest.mark.long
def test_old_runs_in_the_folder_are_mentioned_once_and_do_not_get_in_the_way(project):
    (project / "mlruns" / "0").mkdir(parents=True)
    (project / "mlruns" / "0" / "meta.yaml").write_text("name: Default\n")
    first, second = Tracked(project), Tracked(project, changes={"folder": project / "runs" / "two"})
    first.whole()
    second.whole()
    assert "migrate-filestore" in first.warnings[0]
    assert second.warnings == []


def test_a_locked_database_keeps_the_run_on_disk(home, monkeypatch):
    monkeypatch.setattr(location, "PROBE_SECONDS", 0.1)
    tracked = Tracked(home)
    tracked.open()
    lock = sqlite3.connect(home / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    tracked.write()
    tracked.close()
    lock.close()
    (warning,) = tracked.warnings
    assert "locked" in warning
    assert kept(tracked.folder).status == "FINISHED"


def test_a_store_that_comes_back_before_the_end_gets_the_whole_run(home, monkeypatch):
    monkeypatch.setattr(location, "PROBE_SECONDS", 0.1)
    tracked = Tracked(home)
    tracked.open()
    lock = sqlite3.connect(home / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    tracked.write()
    lock.close()
    tracked.close()
    assert "answers again" in tracked.warnings[-1]
    assert mirrors.Tracked.read(tracked.folder).whole
    assert run_of(home).info.status == "FINISHED"
    assert len(curve(embedded(home), tracked.sink.ids[1], TRAIN_LOSS)) == 200


def test_a_damaged_database_keeps_the_run_on_disk(project, capfd):
    (project / "mlflow.db").write_bytes(b"not a database, whatever its name says" * 100)
    tracked = Tracked(project)
    tracked.whole()
    (warning,) = tracked.warnings
    assert "not a database" in warning
    assert kept(tracked.folder).status == "FINISHED"
    assert capfd.readouterr() == ("", "")


def test_a_database_of_another_version_says_what_to_type(home):
    make_outdated(home / "mlflow.db")
    tracked = Tracked(home)
    tracked.whole()
    assert f"mlflow db upgrade {embedded(home)}" in tracked.warnings[0]


def test_a_full_disk_is_told_and_training_goes_on(home, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mirrors.Tracked, "save", full)
    tracked = Tracked(home)
    tracked.whole()
    (warning,) = tracked.warnings
    assert "No space left" in warning


def test_an_interruption_while_opening_leaves_no_running_run(home, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("nnreg.tracking.store.Store.describe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Tracked(home).open()
    assert run_of(home).info.status == "KILLED"


def test_a_slow_store_is_written_to_less_often(home, monkeypatch):
    tracked = Tracked(home)
    sink = tracked.open()
    monkeypatch.setattr(sink._store, "log", lambda *_: time.sleep(0.2))
    tracked.write()
    assert sink.period >= 4
    tracked.close(Outcome("killed", 1, 0.1))


def test_points_carry_the_time_at_which_they_were_measured(home):
    past = History()
    tracked = Tracked(home, changes={"steps": 100}, past=past)
    sink = tracked.open()
    for start in (1, 11):
        records = [Record(step, TRAIN_LOSS, 1.0) for step in range(start, start + 10)]
        for record in records:
            past.add(record)
        time.sleep(0.1)
        tracked.write(records)
    tracked.close(Outcome("finished", 20, 0.2))
    times = [point.timestamp for point in client(sink.uri).get_metric_history(sink.ids[1], TRAIN_LOSS)]
    assert times == sorted(times)
    assert len(set(times)) == 20
    assert times[-1] - times[0] > 150


@pytest.mark.long
def test_what_is_noted_of_the_store_is_complete_at_any_moment(home):
    tracked = Tracked(home)
    sink = tracked.open()
    done = threading.Event()
    seen = []

    def read():
        while not done.is_set():
            seen.append(json.loads((tracked.folder / TRACKED).read_text()))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        sink._mirror._forget()
        sink.write(list(tracked.past)[:1])
    done.set()
    reader.join()
    assert seen


def test_a_store_that_stays_dead_is_asked_once_in_a_while_however_long_the_sweep(project, monkeypatch):
    uri, asked = "http://127.0.0.1:9", []
    probe = location.Target.probe
    monkeypatch.setattr(location.Target, "probe", lambda target: asked.append(target.uri) or probe(target))
    for job in range(6):
        Tracked(project, uri=uri, changes={"folder": project / "runs" / str(job)}).open()
        if job % 2:  # time goes by
            store._silent[uri] -= store.AWAY
    assert asked == [uri] * 3


def test_a_name_and_tags_from_the_environment_are_the_runs(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_NAME", "nightly")
    monkeypatch.setenv("MLFLOW_TAGS", '{"team": "a", "pid": "none"}')
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", "no JSON")
    Tracked(home).whole()
    run = run_of(home)
    assert (run.info.run_name, run.data.tags["team"]) == ("nightly", "a")


def test_an_experiment_of_the_environment_may_be_named_by_its_number(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", client(embedded(home)).create_experiment("numbered"))
    tracked = Tracked(home, experiment=None)
    sink = tracked.whole()
    assert client(embedded(home)).get_experiment(sink.ids[0]).name == "numbered"
    assert tracked.warnings == []


def test_the_load_of_the_machine_is_measured_where_mlflow_is_told_to(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    tracked = Tracked(home)
    tracked.open()
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and not any(name.startswith("system/") for name in run_of(home).data.metrics):
        time.sleep(0.1)
    tracked.close()
    assert "system/cpu_utilization_percentage" in run_of(home).data.metrics
    assert not [thread for thread in threading.enumerate() if "SystemMetrics" in thread.name]
