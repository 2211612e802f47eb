"""``python -m nnreg compare``, and the end of a sweep: the same table, the same answer, a report beside the runs."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys

import pytest

from nnreg.comparison.compare import compare, log_comparison
from nnreg.records.manifest import Manifest
from tests.comparison.sweeps import sweep
from tests.tracking.stores import artifacts, client, new_database

TINY = ("dataset=iris", "batch=32", "hidden=[4]", "steps=6", "validate_every=3")


def folder_of(project):
    (home,) = (project / "runs").iterdir()
    return home


def table_of(text):
    """Return the rows of a printed table and the answer below it; times are never equal, but these are of the past."""
    lines = [line.rstrip() for line in text.splitlines()]
    first = next(number for number, line in enumerate(lines) if line.lstrip().startswith("#  optimizer"))
    return lines[first : next(number for number, line in enumerate(lines) if line.startswith("report"))]


@pytest.mark.long
def test_compare_prints_the_table_and_the_answer_of_the_end_of_the_sweep(nnreg, project):
    done = nnreg("-m", "optimizer=sgd,adam", "seed=0,1", *TINY)
    assert (done.code, done.err) == (0, "")
    home = folder_of(project)
    report = home / "comparison" / "report.html"
    assert f"report        {report}" in done.out
    assert re.search(r"runs +4 in \d+\.\d s", done.out)
    saved = (home / "comparison" / "table.csv").read_bytes()
    again = nnreg("compare", str(home))
    assert again.code == 0
    assert table_of(again.out) == table_of(done.out)
    assert (home / "comparison" / "table.csv").read_bytes() == saved


@pytest.mark.long
def test_a_sweep_is_compared_by_what_it_was_told(nnreg, project):
    words = ("sweep.metric=valid/loss", "sweep.target=valid/accuracy:0.01", "sweep.axes=[init,optimizer]")
    done = nnreg("-m", "optimizer=sgd,adam", "init=he,normal", *words, *TINY)
    assert done.code == 0, done.err
    content = json.loads((folder_of(project) / "comparison" / "comparison.json").read_text())
    assert content["metric"] == "valid/loss_final"
    assert content["target"] == {"metric": "valid/accuracy", "value": 0.01, "rule": "chosen"}
    again = nnreg("compare", str(folder_of(project)))
    assert table_of(again.out) == table_of(done.out)


@pytest.mark.long
def test_a_failed_run_keeps_its_line_and_its_exit_code(nnreg, project):
    done = nnreg("-m", "optimizer.lr=-1,0.1", "seed=0,1", *TINY)
    assert done.code == 1
    assert done.out.count("failed #") == 2
    assert "runs          4, 2 failed" in done.out
    assert (folder_of(project) / "comparison" / "report.html").exists()


def test_a_sweep_that_cannot_be_compared_says_why_and_stays_a_success(nnreg, project):
    done = nnreg("-m", "task=train,descend", *TINY)
    assert done.code == 0
    assert "not compared  these runs cannot be compared: " in done.out
    assert re.search(r"^1 +descend( +-){3} +\d", done.out, re.M)  # in the table of single runs
    assert not (folder_of(project) / "comparison").exists()


@pytest.mark.long
def test_a_wish_that_no_run_fulfils_costs_a_sweep_nothing(nnreg, project):
    done = nnreg("-m", "task=descend", "surface=ackley", "optimizer=sgd,adam", "sweep.metric=descent/stable_below")
    assert done.code == 0
    assert "not compared  no run has the metric 'descent/stable_below'" in done.out


@pytest.mark.long
def test_a_report_that_cannot_be_written_costs_a_sweep_nothing(nnreg, project, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nnreg.comparison.report.files.write_files", full)
    done = nnreg("-m", "optimizer=sgd,adam", *TINY)
    assert done.code == 0
    assert "no report     OSError: [Errno 28] No space left on device" in done.out


@pytest.mark.long
def test_looks_at_untrained_layers_are_drawn_side_by_side_not_compared(nnreg, project):
    done = nnreg("-m", "task=activations", "activation=tanh,relu", "hidden=[8,8]", "batch=16")
    assert done.code == 0
    assert f"picture       {folder_of(project) / 'outputs.png'}" in done.out
    assert not (folder_of(project) / "comparison").exists()


def test_several_sweeps_have_their_report_in_a_new_folder_here(nnreg, project):
    homes = [sweep(project / name, {(f"optimizer={name}",): [1.0, 2.0]}) for name in ("sgd", "adam")]
    answer = nnreg("compare", *map(str, homes))
    assert answer.code == 0
    (folder,) = (project / "comparisons").iterdir()
    assert f"report        {folder / 'report.html'}" in answer.out
    assert "adam" in answer.out


def test_folders_that_could_not_be_read_are_named(nnreg, project):
    home = sweep(project / "sweep", {("optimizer=adam",): [1.0, 2.0], ("optimizer=sgd",): [3.0, 4.0]})
    (home / "1" / "summary.json").write_text("{")
    answer = nnreg("compare", str(home), "--folder", "here")
    assert answer.code == 0
    assert f"left out      {home / '1'}: its summary.json is damaged" in answer.out
    assert (project / "here" / "report.html").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["sweep", "--metric", "loss"], "no run has the metric 'loss'"),
        (["sweep", "--target", "loss"], "cannot read the target 'loss'"),
        (["sweep", "--axes", "optimizer"], "--axes takes two swept settings"),
        (["sweep", "--axes", "optimizer,init"], "'init' was not swept"),
        (["sweep", "--folder", "taken/report"], "the report cannot be written to taken/report: Not a directory"),
    ],
)
def test_a_mistake_is_answered_in_one_line(nnreg, project, words, said):
    sweep(project / "sweep", {("optimizer=adam",): [1.0], ("optimizer=sgd",): [3.0]})
    (project / "taken").write_text("a file where a folder is wanted")
    answer = nnreg("compare", *words)
    assert answer.code == 2
    assert said in answer.complaint


@pytest.mark.long
def test_comparing_imports_no_tracking_and_help_imports_no_comparison(project):
    home = sweep(project / "sweep", {("optimizer=adam",): [1.0], ("optimizer=sgd",): [3.0]})
    script = "import sys; from nnreg.cli import main; main.run({}); "
    script += "print([name for name in ('mlflow', 'matplotlib', 'jinja2', 'pandas') if name in sys.modules])"
    for words, imported in ((["compare", str(home)], "['matplotlib', 'jinja2']"), (["--help"], "[]"), (["plugins"], "[]")):
        done = subprocess.run([sys.executable, "-c", script.format(words)], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == imported


@pytest.mark.long
def test_a_tracked_sweep_has_its_comparison_as_the_newest_run_beside_it(nnreg, project):
    new_database(project / "mlflow.db")
    done = nnreg("-m", "optimizer=sgd,adam", "seed=0,1", *TINY, tracking=True)
    assert (done.code, done.err) == (0, "")
    uri = f"sqlite:///{project / 'mlflow.db'}"
    witness = client(uri)
    runs = witness.search_runs([each.experiment_id for each in witness.search_experiments()])
    assert len(runs) == 5
    newest = runs[0]  # as MLflow lists them
    assert newest.info.run_name == "comparison"
    assert newest.info.status == "FINISHED"
    assert {run.data.tags["sweep_id"] for run in runs} == {folder_of(project).name}
    content = json.loads((folder_of(project) / "comparison" / "comparison.json").read_text())
    note = newest.data.tags["mlflow.note.content"]
    assert note.startswith("\n\n".join(f"**{line}**" for line in content["answer"]))
    assert "artifacts/report.html?workflowType=machine_learning)" in note
    assert {"report.html", "table.csv", "pairs.csv", "comparison.json"} <= artifacts(uri, newest.info.run_id)
    assert newest.data.metrics["runs"] == 4
    assert newest.data.metrics["arms"] == 2
    assert "optimizer" not in newest.data.params  # it is no run of one of them
    assert "seed" not in newest.data.params
    assert newest.data.params["dataset"] == "iris"
    log_comparison(compare([folder_of(project)]), folder_of(project), pytest.fail)  # as when the sweep is gone on with
    assert len(witness.search_runs([newest.info.experiment_id])) == 5


def test_the_command_of_the_sweep_is_on_the_report(nnreg, project):
    home = sweep(project / "sweep", {("optimizer=adam",): [1.0], ("optimizer=sgd",): [3.0]})
    Manifest(command="python -m nnreg -m optimizer=adam,sgd", seconds=75.0).save(home)
    nnreg("compare", str(home))
    text = re.sub("<[^>]*>", "", (home / "comparison" / "report.html").read_text())
    assert "python -m nnreg -m optimizer=adam,sgd" in text
    assert "1 min 15 s" in text


@pytest.mark.long
def test_a_comparison_by_another_metric_leaves_the_sweeps_own_report_as_it_is(nnreg, tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=adam",): [1.0, 2.0], ("optimizer=sgd",): [3.0, 4.0]})
    assert nnreg("compare", str(home)).code == 0
    own = (home / "comparison" / "report.html").read_bytes()
    answer = nnreg("compare", str(home), "--metric", "valid/loss")
    assert f"report        {home}/comparison-valid-loss_final/report.html" in answer.out
    assert (home / "comparison" / "report.html").read_bytes() == own
    for words in ((), ("--metric", "final/train_loss")):  # as the report itself says how to make it again
        assert f"report        {home}/comparison/report.html" in nnreg("compare", str(home), *words).out


def test_the_terminal_says_what_the_target_is_and_when_runs_reached_it(nnreg, tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=adam",): [1.0, 2.0], ("optimizer=sgd",): [3.0, 4.0]})
    curve = "step,metric,value\n0,train/loss,2.0\n1,train/loss,2.0\n"
    (home / "0" / "history.csv.gz").write_bytes(gzip.compress(curve.encode()))
    answer = nnreg("compare", str(home), "--target", "train/loss=1.8")
    assert "not reached (1 to not reached)" in answer.out, "no curve is at its second value before its second step"
    assert "Target: training loss of 1.80 (chosen); steps to it: median and range over seeds." in answer.out


def test_the_terminal_says_how_finely_steps_to_a_validation_target_are_known(nnreg, tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=adam",): [1.0, 2.0], ("optimizer=sgd",): [3.0, 4.0]})
    curve = "step,metric,value\n" + "".join(f"{step},valid/accuracy,{step / 100}\n" for step in (0, 10, 30, 90))
    for folder in home.glob("[0-9]"):
        (folder / "history.csv.gz").write_bytes(gzip.compress(curve.encode()))
    answer = nnreg("compare", str(home), "--target", "valid/accuracy=0.2")
    assert "steps to it: median and range over seeds, looked at every 10 to 60 steps." in answer.out
