"""Runs, sweeps and comparisons that end as nobody wished."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from nnreg.records.folder import read_summary
from nnreg.records.manifest import read_manifest
from tests.cli.test_main import ENDLESS, QUICK, run_folders, wait_for


@pytest.mark.long
@pytest.mark.parametrize("names", [["SIGINT", "SIGINT"], ["SIGTERM", "SIGHUP", "SIGTERM", "SIGINT"]], ids=" ".join)
def test_further_signals_do_not_disturb_the_ending(project, start, names):
    process = start(*ENDLESS, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    history = wait_for(lambda: next(project.glob("runs/*/history.csv"), None))
    wait_for(lambda: history.stat().st_size > 1000)
    for name in names:
        process.send_signal(getattr(signal, name))
        wait_for(lambda: True)
    assert process.communicate(timeout=180)[1].strip() == "nnreg: interrupted"
    assert (process.returncode, read_summary(history.parent)["status"]) == (130, "killed")


@pytest.mark.long
@pytest.mark.parametrize("launcher", ["basic", pytest.param("joblib", marks=pytest.mark.extra("joblib"))])
def test_a_hangup_ends_a_sweep_with_its_runs_recorded(project, start, launcher):
    process = start(*ENDLESS, "-m", "seed=1,2", f"hydra/launcher={launcher}", stdout=-1, stderr=-1, start_new_session=True)
    history = wait_for(lambda: next(project.glob("runs/*/*/history.csv"), None))
    wait_for(lambda: history.stat().st_size > 1000)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGHUP)
    err = process.communicate(timeout=180)[1]
    assert "goes on with the sweep" in err
    assert len(err.splitlines()) == 1
    assert process.returncode == 130
    assert {read_summary(path.parent)["status"] for path in project.glob("runs/*/*/summary.json")} == {"killed"}


def test_a_run_that_was_killed_before_its_first_step_can_be_resumed(nnreg, project, monkeypatch):
    from nnreg.runs import train

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(train, "assemble", die)
        with pytest.raises(Killed):
            nnreg("hydra.run.dir=run", *QUICK)
    assert nnreg("resume", "run").code == 0
    assert nnreg("hydra.run.dir=other", *QUICK).code == 0
    metrics = [json.loads((project / name / "summary.json").read_text())["metrics"] for name in ("run", "other")]
    assert len({json.dumps({**found, "steps_per_second": 0}) for found in metrics}) == 1


def test_an_interruption_before_anything_was_recorded_leaves_nothing(nnreg, project, monkeypatch):
    from nnreg.runs import train

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "assemble", interrupt)
    assert nnreg(*QUICK).code == 130
    assert run_folders(project) == []


@pytest.mark.long
def test_a_comparison_that_was_cut_off_is_made_when_the_sweep_is_resumed(nnreg, project, monkeypatch):
    with monkeypatch.context() as dying:
        dying.setattr("nnreg.comparison.compare.Comparison.save", lambda *_: signal.raise_signal(signal.SIGTERM))
        answer = nnreg("-m", "seed=1,2", "hydra.sweep.dir=s", *QUICK)
    assert (answer.code, "sweep.resume=s" in answer.complaint) == (130, True)
    assert read_manifest(project / "s").concluded is False
    again = nnreg("-m", "sweep.resume=s")
    assert again.code == 0, again.err
    assert (project / "s" / "comparison" / "report.html").exists()
    assert nnreg("-m", "sweep.resume=s").out.startswith("nothing to resume")


@pytest.mark.long
def test_what_a_killed_process_left_beside_a_report_goes_with_the_next(nnreg, project):
    nnreg("-m", "seed=1,2", "hydra.sweep.dir=s", *QUICK)
    for name in (".part", ".ysl0z2gz"):
        (project / "s" / "comparison" / name).mkdir()
        (project / "s" / "comparison" / name / "curves.png").write_bytes(b"half")
    assert nnreg("compare", "s").code == 0
    assert [path.name for path in (project / "s" / "comparison").iterdir() if path.name.startswith(".")] == []


def test_a_run_folder_that_is_removed_meanwhile_is_one_line(nnreg, project, monkeypatch):
    from nnreg.engine.network import Network

    evaluate = Network.evaluate

    def remove(self, *rows):
        shutil.rmtree(project / "run", ignore_errors=True)
        return evaluate(self, *rows)

    monkeypatch.setattr(Network, "evaluate", remove)
    answer = nnreg("hydra.run.dir=run", *QUICK)
    assert answer.code == 1
    assert answer.complaint.endswith("the folder was removed meanwhile")


@pytest.mark.parametrize("words", ["steps=2", "plugins", "compare x", "-m seed=1,2", "--help", "ui", "resume x", "runs clean"])
def test_a_working_directory_that_is_gone_is_one_line(nnreg, project, words, monkeypatch):
    gone = project / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    answer = nnreg(*words.split())
    assert (answer.code, answer.complaint) == (2, "nnreg: the working directory was removed: change to one that is there")
    monkeypatch.chdir(project)


@pytest.mark.parametrize("sweep", [False, True])
def test_a_disk_that_fills_up_is_one_line_and_keeps_what_there_is(nnreg, project, monkeypatch, sweep):
    from nnreg.records import files

    written = files.whole_file

    def fill(path, **options):
        if path.name == "history.csv.gz":
            raise OSError(28, "No space left on device", str(path))
        return written(path, **options)

    monkeypatch.setattr("nnreg.records.folder.whole_file", fill)
    answer = nnreg(*(["-m", "seed=1,2", "hydra.sweep.dir=s"] if sweep else ["hydra.run.dir=s/0"]), *QUICK)
    assert answer.code in (1, 2)
    assert "No space left on device" in answer.err
    assert "Traceback" not in answer.err
    assert len((project / "s" / "0" / "history.csv").read_text().splitlines()) > 20


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("surface=quadratic optimizer=sgd", "surface=quadratic is not used by task=train: add task=descend"),
        ("start=[1,2]", "start=[1,2] is not used by task=train"),
        ("tolerance=0.1", "tolerance=0.1 is not used by task=train"),
        ("sweep.metric=valid/loss", "sweep.metric=valid/loss is not used by a single run: add -m"),
        ("hydra/launcher=basic", "hydra/launcher=basic is not used by a single run: add -m"),
        ("task=descend dataset=iris", "dataset=iris is not used by task=descend"),
        ("task=descend hidden=[4]", "hidden=[4] is not used by task=descend"),
        ("task=descend dataset.random_state=2", "dataset.random_state=2 is not used by task=descend"),
        ("diagnostics_every=5", "diagnostics_every=5 is not used with diagnostics=off"),
        ("experiment_name=x", "experiment_name=x is not used with tracking=off"),
        ("-m surface=beale,saddle", "surface=beale,saddle is not used by task=train"),
        ("-m seed=1,2 hydra.run.dir=x", "hydra.run.dir=x is not used by a sweep"),
    ],
)
def test_what_was_chosen_and_is_not_used_is_said_in_one_line(nnreg, words, said):
    answer = nnreg(*words.split(), "steps=3")
    assert answer.code == 0
    assert answer.complaint.startswith(f"nnreg: {said}")


@pytest.mark.parametrize("word", ["hparams_search=optuna_tpe", "protocol=race", "protocol=tune_then_seeds"])
def test_what_chooses_the_runs_of_a_sweep_is_refused_without_one(nnreg, project, word):
    answer = nnreg(word, "steps=3")
    assert (answer.code, answer.complaint.endswith("add -m")) == (2, True)
    assert list(project.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("words", [(), ("-m", "seed=1,2")])
def test_paths_are_of_where_the_command_was_typed(nnreg, project, words):
    (project / "table.csv").write_text("a,b,label\n" + "".join(f"{n},{n % 7},{n % 2}\n" for n in range(60)))
    answer = nnreg(*words, "dataset=csv", "dataset.path=table.csv", "hydra.job.chdir=true", "batch=8", *QUICK, tracking=True)
    assert answer.code == 0, answer.err
    assert (project / "mlflow.db").exists()
    assert [path for path in project.rglob("mlflow.db") if path.parent != project] == []


def killed(kind, count, folder, seed):
    words = [sys.executable, "-m", "tests.cli.killing", kind, str(count), str(folder), str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_fifty_runs_killed_at_random_moments_are_resumed_to_the_last_bit(tmp_path, seed):
    assert killed("runs", 10, tmp_path, seed) == ["0 wrong"]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_twenty_sweeps_killed_at_random_moments_are_resumed_to_the_last_bit(tmp_path, seed):
    assert killed("sweeps", 5, tmp_path, seed) == ["0 wrong"]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_ten_comparisons_killed_while_they_were_made_are_complete_after_a_resume(tmp_path, seed):
    assert killed("comparisons", 5, tmp_path, seed) == ["0 wrong"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("optimizer=lbfgs",),
            "nnreg: lbfgs is made for all rows in every step, and has batches of 128 here: add sampler=full",
        ),
        (
            ("optimizer=sam+rprop",),
            "nnreg: rprop is made for all rows in every step, and has batches of 128 here: add sampler=full",
        ),
        (("optimizer=lbfgs", "sampler=full"), ""),
        (("optimizer=lbfgs", "train_size=128"), ""),
        (("optimizer=adam",), ""),
    ],
    ids=" ".join,
)
def test_a_rule_for_all_rows_that_gets_some_of_them_trains_and_says_so(nnreg, words, said):
    answer = nnreg(*words, "steps=2", "hidden=[8]", "tracking=off")
    assert (answer.code, answer.err.strip()) == (0, said)


def test_a_sweep_that_is_refused_says_nothing_else(nnreg):
    answer = nnreg("-m", "tolerance=0", "seed=1,2", "steps=2")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "tolerance must be in (0, inf)" in answer.err
