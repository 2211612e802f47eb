"""A team tracks to one PostgreSQL through MLflow's server: nothing is lost, nothing comes twice, no password is seen."""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from nnreg.errors import UserError
from nnreg.records.folder import TRACKED
from nnreg.tracking import commands
from nnreg.tracking.description import files_of, is_curve
from nnreg.tracking.mirror import Tracked as Noted
from tests.tracking.stores import Tracked, client
from tests.tracking.team.postgresql import PASSWORD, USER

pytestmark = [
    pytest.mark.slow,
    pytest.mark.extra("postgres"),
    pytest.mark.skipif(os.name != "posix", reason="PostgreSQL is run as Debian packages it"),
]

TINY = ["dataset=iris", "hidden=[8]", "steps=20", "batch=16", "validate_every=5"]
RUNS = 24
SWEEP = [
    *("-m", *TINY, "optimizer=sgd,momentum,adagrad,adam", "init=xavier,he", "seed=0,1,2"),
    *("hydra/launcher=joblib", "hydra.launcher.n_jobs=3"),
]
ROUNDED = "seconds"  # in the run folder


class Rows:
    """What the database holds of an experiment's runs, asked in SQL: neither nnreg nor MLflow has a say."""

    def __init__(self, database, experiment):
        import psycopg2

        connection = psycopg2.connect(
            host="127.0.0.1", port=database.port, user=USER, password=PASSWORD, dbname="team", connect_timeout=10
        )
        self._cursor = connection.cursor()
        self._of = (
            f"run_uuid in (select run_uuid from runs join experiments e using (experiment_id) where e.name = '{experiment}')"
        )
        folders = self._ask("select run_uuid, value from tags where key = 'run_folder'")
        jobs = self._ask("select run_uuid, value from tags where key = 'job'")
        numbers = {run: int(job) for run, job in jobs}
        self.run_of = {Path(folder): run for run, folder in folders if run in numbers}
        self.jobs = sorted(numbers.values())
        self.statuses = {status for run, status in self._ask("select run_uuid, status from runs where true") if run in numbers}
        self.points = Counter(self._ask(f"select run_uuid, key, step, value from metrics where key != '{ROUNDED}'"))
        connection.close()

    def _ask(self, query):
        self._cursor.execute(f"{query} and {self._of}")
        return self._cursor.fetchall()


def expected_points(folder, run):
    """Return every point of a run as its folder has it."""
    lines = gzip.decompress((folder / "history.csv.gz").read_bytes()).decode().splitlines()[1:]
    told = [line.split(",") for line in lines]
    points = [(run, metric, int(step), float(value)) for step, metric, value in told if is_curve(metric)]
    summary = json.loads((folder / "summary.json").read_text())
    values = summary["metrics"] | {"steps": summary["steps"]}
    return Counter(points + [(run, key.replace("/", "_"), summary["steps"], value) for key, value in values.items()])


def check_nothing_is_lost_or_twice(team, member):
    """Compare the run folders with the database and with the server's artifact folder."""
    rows = Rows(team.database, member.experiment)
    folders = {path.parent.resolve() for path in (member.folder / "runs").rglob("summary.json")}
    assert rows.jobs == list(range(RUNS))
    assert rows.statuses == {"FINISHED"}
    assert rows.run_of.keys() >= {folder for folder in folders if folder.name.isdigit()}
    wanted = sum((expected_points(folder, run) for folder, run in rows.run_of.items()), Counter())
    assert {point: count for point, count in rows.points.items() if point[0] in rows.run_of.values()} == wanted
    assert set(wanted.values()) == {1}
    for folder, run in rows.run_of.items():
        (sent,) = team.artifacts.glob(f"*/{run}/artifacts")
        assert {file.name: file.read_bytes() for file in sent.iterdir()} == {
            file.name: file.read_bytes() for file in files_of(folder)
        }


@pytest.mark.long
@pytest.mark.extra("joblib")
def test_a_parallel_sweep_arrives_whole(team, member):
    out = member.run(*SWEEP)
    assert "kept in" not in out
    check_nothing_is_lost_or_twice(team, member)
    assert "nothing to push" in member.run("runs", "push")


@pytest.mark.long
@pytest.mark.extra("joblib")
def test_a_sweep_whose_server_is_killed_and_comes_back_is_whole_after_a_push(team, member):
    process = member.start(*SWEEP)
    wait_for_jobs(process, 6)
    team.kill()
    wait_for_jobs(process, 4)
    team.start()
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    kept = list(unsent(member))
    assert len(kept) <= RUNS + 1  # the comparison too: how many were sent depends on when the server died
    assert member.run("runs", "push").count(f"sent to {team.uri} as ") == len(kept)
    assert not list(unsent(member))
    check_nothing_is_lost_or_twice(team, member)


@pytest.mark.long
@pytest.mark.extra("joblib")
def test_a_sweep_under_which_the_database_is_killed_twice_is_whole_after_a_push(team, member):
    process = member.start(*SWEEP)
    for _ in range(2):
        wait_for_jobs(process, 4)
        team.database.stop()
        wait_for_jobs(process, 4)
        team.database.start()
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    member.run("runs", "push")
    assert not list(unsent(member))
    check_nothing_is_lost_or_twice(team, member)


def unsent(member):
    """Yield the folders of which the store does not have all."""
    for path in member.folder.rglob(TRACKED):
        if not Noted.read(path.parent).whole:
            yield path.parent


def wait_for_jobs(process, count):
    """Read what a sweep prints until so many more of its jobs have ended."""
    for line in process.stdout:
        count -= line.startswith("#")
        if not count:
            return
    raise AssertionError("the sweep ended too soon")


@pytest.mark.long
def test_a_run_whose_database_dies_midway_is_whole_after_a_push(team, project):
    tracked = Tracked(project, uri=team.uri, experiment="database")
    _, begun = tracked.open().ids
    team.database.stop()
    tracked.write()
    tracked.close()
    (warning,) = tracked.warnings
    assert "runs push" in warning
    team.database.start()
    assert commands.push(project, store=team.uri, say=print) == 0
    run = client(team.uri).get_run(begun)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["train_loss_mean_last_100"] == pytest.approx(0.01, abs=1)
    assert len(client(team.uri).get_metric_history(begun, "train/loss")) == 200


@pytest.mark.long
def test_a_run_that_was_killed_is_marked_by_clean(team, project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", team.uri)
    tracked = Tracked(project, experiment="killed")
    sink = tracked.open()
    client(team.uri).set_tag(sink.ids[1], "pid", "0")
    lines = []
    assert commands.clean(project, lines.append) == 0
    assert [line for line in lines if sink.ids[1] in line and "KILLED" in line]
    assert client(team.uri).get_run(sink.ids[1]).info.status == "KILLED"


def test_the_command_says_how_others_take_part_and_that_everybody_may(team):
    hint = next(line for line in team.lines if line.startswith("others track here"))
    assert f":{team.port} python -m nnreg" in hint
    assert any("no password" in line for line in team.lines)


@pytest.mark.long
def test_six_runs_that_find_an_empty_database_are_all_there(database, project):
    uri = database.create("empty")
    code = "import sys; from tests.tracking.stores import first_use; first_use(*sys.argv[1:])"
    command = [sys.executable, "-W", "error", "-c", code, str(project)]
    root = Path(__file__).parents[3]
    processes = [
        subprocess.Popen(
            [*command, str(number)],
            cwd=root,
            env=os.environ | {"MLFLOW_TRACKING_URI": uri},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for number in range(6)
    ]
    assert [process.communicate()[0] for process in processes] == [b""] * 6
    witness = client(uri)
    experiment = witness.get_experiment_by_name("nnreg")
    assert [run.info.status for run in witness.search_runs([experiment.experiment_id])] == ["FINISHED"] * 6


@pytest.mark.long
def test_a_password_is_neither_on_disk_nor_in_the_store_nor_said(database, project, monkeypatch, nnreg):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database.create("secret"))
    said = [nnreg(*TINY, tracking=True), nnreg("-m", *TINY, "seed=1,2", tracking=True), nnreg("runs", "clean")]
    monkeypatch.setenv("LAB", database.uri("secret").replace(PASSWORD, f"wrong-{PASSWORD}"))
    said.append(nnreg(*TINY, "tracking_uri=${oc.env:LAB}", tracking=True))
    said.append(nnreg("runs", "push"))
    assert [answer.code for answer in said] == [0] * len(said)
    assert not [answer for answer in said if PASSWORD in answer.out + answer.err]
    assert not [path for path in project.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    dump = database.dump("secret")
    assert dump.count("\tFINISHED\t") == 5  # the comparison of the sweep is one
    assert PASSWORD not in dump


def test_a_wrong_password_is_told_without_showing_it(database, project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database.uri("postgres").replace(PASSWORD, "not-this-one"))
    with pytest.raises(UserError, match="password authentication failed") as error:
        commands.clean(project)
    assert "not-this-one" not in str(error.value)
