"""``log_model=true`` logs a run's network as a model that MLflow loads in any process, once, and nothing is pickled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus

from nnreg import load
from nnreg.tracking import store
from tests.runs.kept import rows_of

QUICK = ("steps=20", "batch=16", "hidden=[8]", "optimizer=adam")
ASK = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, numpy, pandas
mlflow.set_tracking_uri(sys.argv[1])
rows = json.load(open(sys.argv[3]))
rows = pandas.DataFrame(rows) if isinstance(rows, dict) else numpy.array(rows)
print(json.dumps(numpy.asarray(mlflow.pyfunc.load_model(sys.argv[2]).predict(rows)).ravel().tolist()))
"""


@pytest.fixture
def logged(nnreg, home, project, undrawn):
    def log(*words, code=0):
        answer = nnreg(*QUICK, *words, f"hydra.run.dir={project / 'run'}", tracking=True)
        assert answer.code == code, answer.err
        return project / "run", answer

    return log


def embedded(project):
    return MlflowClient(f"sqlite:///{project}/mlflow.db")


def run_id(folder):
    return json.loads((folder / "mlflow.json").read_text())["run_id"]


def models_of(project, folder):
    client = embedded(project)
    experiment = client.get_run(run_id(folder)).info.experiment_id
    return [model for model in client.search_logged_models([experiment]) if model.source_run_id == run_id(folder)]


def ask(project, folder, rows):
    (project / "rows.json").write_text(json.dumps(rows))
    words = (f"sqlite:///{project}/mlflow.db", f"runs:/{run_id(folder)}/network", "rows.json")
    done = subprocess.run([sys.executable, "-c", ASK, *words], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
def test_mlflow_loads_it_in_a_fresh_process_and_it_answers_as_the_run_does(logged, project):
    folder, answer = logged("dataset=iris", "log_model=true")
    assert answer.err == ""
    network, (rows, _) = load(folder), rows_of("iris")
    table = {name: rows[:, place].tolist() for place, name in enumerate(network.columns)}
    assert ask(project, folder, table) == network.predict(rows).tolist()


@pytest.mark.long
def test_values_and_rows_without_names_are_arrays(logged, project):
    folder, _ = logged("dataset=sine", "loss=mse", "log_model=true")
    rows, _ = rows_of("sine")
    assert ask(project, folder, rows.tolist()) == pytest.approx(load(folder).predict(rows).tolist())


@pytest.mark.long
def test_a_run_logs_no_model_unless_it_is_asked_to(logged, project):
    folder, _ = logged("dataset=iris")
    assert models_of(project, folder) == []


def test_a_run_without_a_network_logs_none(logged, project):
    folder, _ = logged("dataset=friedman1", "loss=mse", "optimizer=sgd", "optimizer.lr=1000", "log_model=true")
    assert models_of(project, folder) == []


def test_it_is_logged_once_however_often_the_run_is_sent(logged, nnreg, project, monkeypatch):
    def broken(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "save_model", broken)
        folder, answer = logged("dataset=iris", "log_model=true")
    assert "MLflow does not take this run (the disk is full)" in answer.complaint
    assert [model.status for model in models_of(project, folder)] == [LoggedModelStatus.PENDING]
    for _ in range(2):
        assert nnreg("runs", "push", "run", tracking=True).code == 0
        (model,) = models_of(project, folder)
        assert model.status == LoggedModelStatus.READY
    assert [output.model_id for output in embedded(project).get_run(run_id(folder)).outputs.model_outputs] == [model.model_id]


def test_nothing_in_it_is_pickled_and_nothing_in_it_is_a_secret(logged, project):
    folder, _ = logged("dataset=iris", "log_model=true", "tags={owner:hidden}")
    (model,) = models_of(project, folder)
    files = [path for path in Path(model.artifact_location.removeprefix("file://")).rglob("*") if path.is_file()]
    assert "network.npz" in {path.name for path in files}
    assert not any(path.suffix in (".pkl", ".pickle", ".cloudpickle") for path in files)
    assert not any(b"hidden" in path.read_bytes().replace(b'"hidden"', b"") for path in files)


@pytest.mark.long
def test_it_changes_nothing_of_what_a_run_is(logged, nnreg, project):
    folder, _ = logged("dataset=iris", "log_model=true")
    nnreg(*QUICK, "dataset=iris", "hydra.run.dir=other")
    facts = [json.loads((path / "summary.json").read_text()) for path in (folder, project / "other")]
    assert facts[0]["config_hash"] == facts[1]["config_hash"]
    assert "log_model" not in embedded(project).get_run(run_id(folder)).data.params
