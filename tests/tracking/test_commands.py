import json
import os
import socket
import subprocess
import sys
import time

import pytest

from nnreg.engine.history import TRAIN_LOSS, History
from nnreg.errors import UserError
from nnreg.records.card import Outcome
from nnreg.records.folder import SUMMARY, TRACKED, occupied
from nnreg.tracking import commands, mirror
from nnreg.tracking.location import MACHINE_LEARNING, resolve_target
from tests.tracking.stores import (
    ARTIFACTS,
    FINISHED,
    Road,
    Tracked,
    artifacts,
    client,
    curve,
    new_database,
    only_run,
    serving_at,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The port of a real MLflow server; its start takes seconds, so all tests share it."""
    with serving_at(tmp_path_factory.mktemp("server")) as port:
        yield port


@pytest.fixture
def road(server):
    """A way to that server, which can be closed and opened again."""
    way = Road(server)
    yield way
    way.close()


def pushed(home, *folders, store=None):
    lines = []
    code = commands.push(home, folders, lines.append, store=store)
    return code, lines


def is_whole(folder):
    return mirror.Tracked.read(folder).whole


def cleaned(home):
    lines = []
    assert commands.clean(home, lines.append) == 0
    return lines


def a_dead_process():
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


# push


@pytest.mark.long
def test_a_run_kept_while_the_server_was_away_arrives_whole_and_only_once(project, road):
    road.close()
    tracked = Tracked(project, uri=road.uri, experiment="kept")
    tracked.whole()
    road.reopen()
    code, (line,) = pushed(project, store=road.uri)
    assert (code, "sent to" in line) == (0, True)
    run = only_run_of(road.uri, "kept")
    assert (run.info.run_name, run.info.status) == ("adam-he", "FINISHED")
    assert run.data.params["optimizer.lr"] == "0.001"
    assert run.data.tags["mlflow.runColor"] == "#e69f00"
    assert run.data.metrics["valid_loss_final"] == FINISHED.summary["valid/loss_final"]
    assert len(curve(road.uri, run.info.run_id, TRAIN_LOSS)) == 200
    assert artifacts(road.uri, run.info.run_id) == ARTIFACTS
    assert is_whole(tracked.folder)
    assert pushed(project) == (0, ["nothing to push: every run is where it belongs"])
    assert only_run_of(road.uri, "kept").info.run_id == run.info.run_id


@pytest.mark.long
def test_a_run_whose_server_dies_midway_is_the_same_run_after_the_push(project, road):
    tracked = Tracked(project, uri=road.uri, experiment="midway")
    sink = tracked.open()
    begun = sink.ids[1]
    records = list(tracked.past)
    tracked.write(records[:100])
    road.close()
    tracked.write(records[100:])
    tracked.close()
    assert len(tracked.warnings) == 1
    road.reopen()
    assert client(road.uri).get_run(begun).info.status == "RUNNING"
    assert pushed(project, store=road.uri)[0] == 0
    run = only_run_of(road.uri, "midway")
    assert (run.info.run_id, run.info.status) == (begun, "FINISHED")
    assert len(curve(road.uri, begun, TRAIN_LOSS)) == 200
    assert artifacts(road.uri, begun) == ARTIFACTS


@pytest.mark.long
def test_a_push_that_was_interrupted_can_be_made_again(project, road):
    road.close()
    tracked = Tracked(project, uri=road.uri, experiment="again")
    tracked.whole()
    road.reopen()
    before = (tracked.folder / TRACKED).read_bytes()
    pushed(project, store=road.uri)
    first = only_run_of(road.uri, "again")
    assert b'"sender": null' in before
    before = before.replace(b'"sender": null', b'"sender": "gone"')  # as if the power had failed just before its end was noted
    (tracked.folder / TRACKED).write_bytes(before)
    assert pushed(project, store=road.uri)[0] == 0
    second = only_run_of(road.uri, "again")
    assert second.info.run_id == first.info.run_id
    points = client(road.uri).get_metric_history(first.info.run_id, TRAIN_LOSS)
    assert len(points) == 200


@pytest.mark.long
@pytest.mark.slow
def test_a_run_on_a_server_has_a_link(project, road):
    tracked = Tracked(project, uri=road.uri + "/", experiment="link")
    sink = tracked.whole()
    assert sink.where_to_look() == [
        ("its page", f"{road.uri}/#/experiments/{sink.ids[0]}/runs/{sink.ids[1]}?{MACHINE_LEARNING}")
    ]
    assert tracked.warnings == []


def only_run_of(uri, experiment):
    witness = client(uri)
    (run,) = witness.search_runs([witness.get_experiment_by_name(experiment).experiment_id])
    return run


@pytest.fixture
def kept(project):
    """A run folder whose server is not there."""
    tracked = Tracked(project, uri="http://127.0.0.1:9")
    tracked.whole()
    return tracked.folder


def test_a_server_that_is_still_away_leaves_the_run_on_disk(project, kept):
    code, (line,) = pushed(project, store="http://127.0.0.1:9")
    assert code == 1
    assert "still kept" in line
    assert "no connection" in line
    assert not is_whole(kept)


def test_a_store_that_only_the_folder_names_is_sent_nothing(project, kept):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
        noted = json.loads((kept / TRACKED).read_text())
        (kept / TRACKED).write_text(json.dumps(noted | {"uri": uri}))
        code, (line,) = pushed(project)
        with pytest.raises(TimeoutError):
            listener.accept()
    said = f"it names another store; `python -m nnreg runs push --store {uri} {kept}` sends it there"
    assert (code, line) == (1, f"{kept}: not sent, still kept: {said}")
    assert [path.name for path in project.iterdir()] == ["runs"]


def test_a_run_goes_to_the_store_that_is_named_on_the_line(project, kept):
    new_database(project / "other.db")
    assert pushed(project, store=f"sqlite:///{project / 'other.db'}")[0] == 0
    assert only_run(f"sqlite:///{project / 'other.db'}").info.status == "FINISHED"


def test_a_password_on_the_line_is_refused(project, kept):
    with pytest.raises(UserError, match=r"--store holds a password.*MLFLOW_TRACKING_URI"):
        pushed(project, store="http://token@127.0.0.1:9")


def test_what_links_lead_to_is_not_sent(project, kept, monkeypatch):
    uri = f"sqlite:///{project / 'mlflow.db'}"
    new_database(project / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    (project / "private").mkdir()
    (project / "private" / "key").write_text("secret")
    (kept / "notes.txt").symlink_to(project / "private" / "key")
    (kept / "more").symlink_to(project / "private")
    os.mkfifo(kept / "pipe")
    assert pushed(project)[0] == 0
    assert artifacts(uri, only_run(uri).info.run_id) == ARTIFACTS


@pytest.mark.parametrize("name", ["config.yaml", "summary.json", "history.csv.gz", TRACKED, ".lock"])
def test_a_folder_whose_records_are_links_is_not_sent(project, kept, monkeypatch, name):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'mlflow.db'}")
    elsewhere = project / "elsewhere"
    elsewhere.write_bytes((kept / name).read_bytes() if (kept / name).exists() else b"precious")
    before = elsewhere.read_bytes()
    (kept / name).unlink(missing_ok=True)
    (kept / name).symlink_to(elsewhere)
    code, (line,) = pushed(project)
    assert (code, f"its {name} is a symbolic link" in line) == (1, True)
    assert elsewhere.read_bytes() == before
    assert not (project / "mlflow.db").exists()


def test_the_environment_sends_kept_runs_elsewhere(project, kept, monkeypatch):
    new_database(project / "other.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'other.db'}")
    assert pushed(project)[0] == 0
    assert only_run(f"sqlite:///{project / 'other.db'}").info.status == "FINISHED"


def test_named_folders_are_pushed_and_others_left(project, kept, monkeypatch):
    new_database(project / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'mlflow.db'}")
    (project / "runs" / "two").mkdir()
    assert pushed(project, project / "runs" / "two")[1] == ["nothing to push: every run is where it belongs"]
    assert pushed(project, kept)[0] == 0
    assert is_whole(kept)


def test_a_run_that_was_killed_while_it_was_kept_is_pushed_as_killed(project, kept, monkeypatch):
    facts = json.loads((kept / SUMMARY).read_text())
    (kept / SUMMARY).write_text(json.dumps(facts | {"status": "running"}))
    new_database(project / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'mlflow.db'}")
    assert pushed(project)[0] == 0
    assert only_run(f"sqlite:///{project / 'mlflow.db'}").info.status == "KILLED"


def test_a_run_that_still_goes_on_is_not_pushed(project):
    tracked = Tracked(project, uri="http://127.0.0.1:9")
    tracked.open()
    with occupied(tracked.folder):
        code, (line,) = pushed(project)
    assert code == 0
    assert "still running" in line


@pytest.mark.parametrize("name", [TRACKED, SUMMARY])
def test_a_damaged_folder_is_named_and_kept(project, kept, monkeypatch, name):
    new_database(project / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'mlflow.db'}")
    (kept / name).write_text("{")
    code, (line,) = pushed(project)
    assert code == 1
    assert str(kept) in line
    assert (kept / name).read_text() == "{"


def test_a_folder_that_does_not_exist_is_the_users_mistake(project):
    with pytest.raises(UserError, match="is not a folder"):
        commands.push(project, [project / "typo"])


# clean


def test_a_run_whose_process_is_gone_is_marked_as_killed(project, monkeypatch):
    new_database(project / "mlflow.db")
    tracked = Tracked(project)
    sink = tracked.open()
    client(sink.uri).set_tag(sink.ids[1], "pid", a_dead_process())
    (line,) = cleaned(project)
    assert "marked as KILLED" in line
    assert sink.ids[1] in line
    assert only_run(sink.uri).info.status == "KILLED"
    assert "nothing to clean" in cleaned(project)[0]


@pytest.mark.parametrize(("tag", "value"), [("host", "elsewhere"), ("nnreg.run_key", None)])
def test_runs_of_other_machines_and_other_programs_are_left_alone(project, tag, value):
    new_database(project / "mlflow.db")
    sink = Tracked(project).open()
    witness = client(sink.uri)
    witness.set_tag(sink.ids[1], "pid", a_dead_process())
    witness.delete_tag(sink.ids[1], tag) if value is None else witness.set_tag(sink.ids[1], tag, value)
    assert "nothing to clean" in cleaned(project)[0]
    assert only_run(sink.uri).info.status == "RUNNING"


def test_a_run_that_goes_on_is_left_alone(project):
    new_database(project / "mlflow.db")
    tracked = Tracked(project)
    sink = tracked.open()
    assert "nothing to clean" in cleaned(project)[0]
    sink.close(Outcome("killed", 0, 0.0), History())


def test_without_a_database_there_is_nothing_to_clean_and_none_is_made(project):
    assert "nothing to clean" in cleaned(project)[0]
    assert list(project.iterdir()) == []


def test_a_store_that_cannot_be_read_is_the_users_to_mend(project, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    with pytest.raises(UserError, match="cannot be read: no connection"):
        commands.clean(project)


def test_a_process_is_alive_only_if_it_was_there_then():
    now = time.time_ns() // 1_000_000
    assert commands.is_alive(os.getpid(), now)
    assert not commands.is_alive(int(a_dead_process()), now)
    assert not commands.is_alive(0, now)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says when a process began")
def test_a_later_process_with_the_same_number_is_another_one():
    assert not commands.is_alive(os.getpid(), since=0)


def test_the_command_line_prints_what_was_done(project, capfd):
    assert commands.clean(project) == 0
    assert commands.push(project) == 0
    assert capfd.readouterr().out.splitlines()[1] == "nothing to push: every run is where it belongs"


@pytest.mark.long
def test_a_trailing_slash_does_not_make_another_store(project):
    assert resolve_target(project, "http://host:1/", None, pytest.fail).uri == "http://host:1"
