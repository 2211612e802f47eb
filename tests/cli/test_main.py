"""The command line as a person uses it: whole runs, in this process, without tracking."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from nnreg.cli import compose, main
from nnreg.engine.history import TEST_ACCURACY, TRAIN_LOSS, VALID_ACCURACY
from nnreg.records.folder import read_history, read_summary

QUICK = ("steps=20", "validate_every=10", "hidden=[16]")
ENDLESS = (sys.executable, "-m", "nnreg", "tracking=off", "steps=1000000", "validate_every=1000000")


def run_folders(project: Path) -> list[Path]:
    return sorted((project / "runs").iterdir()) if (project / "runs").exists() else []


def test_a_run_says_what_it_composes_and_how_it_ended(nnreg, project):
    answer = nnreg("optimizer=adam", "init=he", *QUICK)
    assert answer.code == 0
    assert answer.err == ""
    for said in ("adam (lr=0.001 beta1=0.9", "relu", "digits", "64-16-10, 1,210 parameters", "20 steps, batch 128", "seed 0"):
        assert said in answer.out
    for row in ("train loss", "valid accuracy", "test accuracy", "speed", "run folder"):
        assert row in answer.out
    (folder,) = run_folders(project)
    assert str(folder) in answer.out


def test_a_folder_is_named_by_what_hydra_knows_of_the_run_and_no_run_in_it_is_overwritten(nnreg, project):
    words = ("hydra.run.dir=out/${hydra:job.name}_${hydra:runtime.choices.optimizer}_${seed}", "seed=3", *QUICK)
    answer = nnreg(*words)
    assert (answer.code, answer.err) == (0, "")
    assert [path.name.split("_", 1)[1] for path in (project / "out").iterdir()] == ["sgd_3"]
    assert "holds a run already" in nnreg(*words).complaint


def test_the_progress_bar_is_quiet_where_there_is_no_terminal(nnreg):
    assert "\r" not in nnreg(*QUICK).out


def test_a_run_leaves_everything_it_produced_in_its_folder(nnreg, project):
    nnreg("optimizer=adam", *QUICK)
    (folder,) = run_folders(project)
    files = {".hydra", "config.yaml", "history.csv.gz", "loss.png", "network.npz", "summary.json"}
    assert {path.name for path in folder.iterdir()} == files
    history = read_history(folder)
    assert history.series(TRAIN_LOSS)[0].tolist() == list(range(20))
    assert history.series(VALID_ACCURACY)[0].tolist() == [10, 20]
    assert history.series(TEST_ACCURACY)[0].tolist() == [20]
    summary = read_summary(folder)
    assert summary["status"] == "finished"
    assert summary["command"] == "python -m nnreg optimizer=adam steps=20 validate_every=10 'hidden=[16]' tracking=off seed=0"


def test_the_same_command_gives_the_same_history_to_the_last_bit(nnreg, project):
    for _ in range(2):
        nnreg("optimizer=adam", "seed=7", *QUICK)
    first, second = (list(read_history(folder)) for folder in run_folders(project))
    assert first == second


def test_rerun_from_the_saved_configuration_gives_the_same_history(nnreg, project):
    nnreg(
        "optimizer=momentum", "optimizer.momentum=0.8", "init=glorot", "init.mode=fan_in", "dataset=spirals", "seed=3", *QUICK
    )
    (first,) = run_folders(project)
    assert nnreg("rerun", str(first)).code == 0
    _, second = run_folders(project)
    assert list(read_history(first)) == list(read_history(second))
    assert (first / "config.yaml").read_text() == (second / "config.yaml").read_text()


def test_rerun_takes_overrides_after_the_saved_ones(nnreg, project):
    nnreg(*QUICK)
    assert nnreg("rerun", str(run_folders(project)[0]), "steps=5").code == 0
    assert read_summary(run_folders(project)[1])["steps"] == 5


def test_two_optimizers_with_one_seed_start_from_the_same_loss(nnreg, project):
    for optimizer in ("sgd", "adam"):
        nnreg(f"optimizer={optimizer}", *QUICK)
    first, second = (read_history(folder).series(TRAIN_LOSS)[1] for folder in run_folders(project))
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_float64_is_used_throughout_when_asked_for(nnreg, project):
    assert nnreg("dtype=float64", *QUICK).code == 0
    losses = read_history(run_folders(project)[0]).series(TRAIN_LOSS)[1]
    assert any(float(loss) != float(f"{loss:.9g}") for loss in losses)  # more digits than a float32 sum has


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("optimizer=adm",), "there is no optimizer 'adm'; did you mean 'adam'? Available: adabelief, adadelta, adafactor"),
        (
            ("optimizer=momentum", "optimizer.momentm=0.5"),
            "optimizer=momentum has no parameter 'momentm'; did you mean 'momentum'?",
        ),
        (("stpes=5",), "there is no setting 'stpes'; did you mean 'steps'?"),
        (("workers=2",), "there is no setting 'workers' any more: a run trains in one process, and with -m hydra/launcher"),
        (("+workers=2",), "there is no setting 'workers' any more: a run trains in one process, and with -m hydra/launcher"),
        (("optimizer.lr=abc",), "optimizer.lr=abc: it takes a number, such as optimizer.lr=0.1"),
        (("steps=many",), "steps=many: it takes a whole number, such as steps=2"),
        (("dtype=float16",), "dtype=float16: Invalid value 'float16', expected one of [float32, float64]"),
        (("init=glorot", "init.mode=fan_out"), "expected one of [fan_avg, fan_in]"),
        (("optimizer.lr=-1",), "optimizer=sgd: lr must be in (0, inf), got -1.0"),
        (("optimizer.lr=nan",), "optimizer=sgd: lr must be in (0, inf), got nan"),
        (("optimizer=momentum", "optimizer.momentum=1.5"), "optimizer=momentum: momentum must be in [0, 1], got 1.5"),
        (("batch=5000",), "batch=5000 is larger than the 1079 training rows of digits: use batch=1079 or less"),
        (("hidden=[]",), "hidden must list at least one layer width of 1 or more, such as hidden=[100,100], got []"),
        (("hidden=[10,0]",), "hidden must list at least one layer width of 1 or more"),
        (("hidden=10",), "hidden=10:"),
        (("steps=0",), "steps must be in [1, inf), got 0"),
        (("batch=0",), "batch must be in [1, inf), got 0"),
        (("seed=-1",), "seed must be in [0, inf), got -1"),
        (("validate_every=0",), "validate_every must be in [1, inf), got 0"),
        (("optimizer=null",), "optimizer"),
        (("optimizer=sgd,adam",), "optimizer=sgd,adam names several values: add -m to sweep over them"),
        (("optimizer=[sgd",), "cannot read optimizer=[sgd: a setting is typed key=value"),
        (
            ("adam",),
            f"Commands: {', '.join(main.COMMANDS)}; adam is an optimizer",
        ),
        (("plugin",), "there is no command 'plugin'; did you mean 'plugins'?"),
        (("plugins", "optimiser"), "there is no kind 'optimiser'; did you mean 'optimizer'?"),
        (("plugins", "optimizer/adm"), "there is no optimizer 'adm'; did you mean 'adam'?"),
        (("rerun", "nowhere"), "nowhere is not a run folder"),
        (("+colour=red",), "'colour' is neither a setting nor a kind"),
        (("dataset=mnist", "dataset.data_dir=nowhere"), "nowhere"),
        (("ui",), "there are no runs yet"),
        (
            ("hydra.run.dir=taken/run",),
            "cannot write to taken/run: Not a directory; choose another folder with hydra.run.dir=FOLDER",
        ),
        (("-m", "optimizer=sgd,adm"), "there is no optimizer 'adm'; did you mean 'adam'?"),
        (("-m", "optimizer=glob(zz*)"), "the sweep has no runs: its glob or range holds nothing"),
        (("-m", "hydra.sweep.dir=taken/sweep", "seed=1,2"), "cannot write to taken/sweep"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_answered_in_one_line_and_leaves_nothing_behind(nnreg, project, words, said):
    (project / "taken").write_text("a file where a folder is wanted")
    answer = nnreg(*words)
    assert answer.code == 2
    assert said in answer.complaint
    assert answer.out == ""
    assert {path.name for path in project.iterdir()} == {"taken"}


def test_a_users_own_traceback_switch_is_honoured(nnreg, monkeypatch):
    monkeypatch.setenv(compose.FULL_ERROR, "1")
    with pytest.raises(Exception, match="Could not find"):
        nnreg("optimizer=adm")


def test_a_diverging_run_is_a_result_recorded_with_its_step(nnreg, project):
    answer = nnreg("optimizer.lr=1e6", "activation=identity", "steps=500")
    assert answer.code == 0
    summary = read_summary(run_folders(project)[0])
    step = summary["diverged_at_step"]
    assert summary["status"] == "diverged"
    assert 0 < step < 500
    assert f"diverged at step {step}: a loss was not finite; try a smaller learning rate" in answer.out
    assert json.dumps(summary["metrics"], allow_nan=False)
    assert read_history(run_folders(project)[0]).series(TRAIN_LOSS)[0][-1] == step


def test_overflow_in_the_last_update_counts_as_divergence_too(nnreg, project):
    nnreg("optimizer.lr=1e38", "activation=identity", "steps=1")
    assert read_summary(run_folders(project)[0])["status"] == "diverged"


@pytest.mark.long
def test_a_sweep_prints_a_line_a_job_and_one_table_best_first(nnreg, project):
    answer = nnreg("-m", "optimizer=sgd,adam", "init=he,xavier", *QUICK)
    assert answer.code == 0
    assert answer.err == ""
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines if re.match(r"#\d", line)] == ["#0", "#1", "#2", "#3"]  # where it stands, between
    header = next(index for index, line in enumerate(lines) if line.lstrip().startswith("#  optimizer"))
    losses = [float(line.split()[3]) for line in lines[header + 1 : header + 5]]
    assert losses == sorted(losses)
    (sweep,) = run_folders(project)
    assert {read_summary(sweep / str(job))["sweep_id"] for job in range(4)} == {sweep.name}


def test_a_failing_job_leaves_the_others_running_and_is_named_at_the_end(nnreg, project):
    answer = nnreg("-m", "optimizer.lr=-1,0.1", *QUICK)
    assert answer.code == 1
    assert "FAILED  optimizer=sgd: lr must be in (0, inf), got -1.0" in answer.out
    assert "failed #0" in answer.out
    assert "2, 1 failed" in answer.out
    (sweep,) = run_folders(project)
    assert [read_summary(sweep / job)["status"] for job in "01"] == ["failed", "finished"]
    assert "lr must be in (0, inf)" in (sweep / "0" / "traceback.txt").read_text()


@pytest.mark.long
def test_a_sweep_over_every_optimizer_and_several_seeds(nnreg, project):
    from nnreg.registry.entries import techniques
    from nnreg.registry.nested import default_node, whole_name

    answer = nnreg("-m", "optimizer=glob(*)", "seed=1,2", *QUICK)
    assert answer.code == 0
    labels = [read_summary(folder)["label"] for folder in run_folders(project)[0].iterdir() if folder.name.isdecimal()]
    names = [whole_name("optimizer", default_node("optimizer", name)) for name in techniques("optimizer")]
    assert sorted(labels) == sorted(f"{name}-he" for name in names for _ in range(2))


def test_a_reader_that_closes_the_pipe_is_no_error(project):
    command = f"{sys.executable} -m nnreg plugins | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("kind")
    assert done.stderr == ""


@pytest.mark.long
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupted_run_is_killed_and_keeps_what_it_recorded(project, start, name):
    process = start(*ENDLESS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"COLUMNS": "80"})
    history = wait_for(lambda: next(project.glob("runs/*/history.csv"), None))
    wait_for(lambda: history.stat().st_size > 1000)
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=180)
    assert process.returncode == main.INTERRUPTED
    assert err.strip() == "nnreg: interrupted"
    assert "interrupted after" in out
    summary = read_summary(history.parent)
    assert summary["status"] == "killed"
    recorded = read_history(history.parent).series(TRAIN_LOSS)[0].size  # the last loss may be the one it was stopped in
    assert recorded in (summary["steps"], summary["steps"] + 1)


@pytest.mark.long
def test_a_run_killed_outright_keeps_its_history_up_to_the_last_second(project, start):
    process = start(*ENDLESS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    history = wait_for(lambda: next(project.glob("runs/*/history.csv"), None))
    wait_for(lambda: history.stat().st_size > 1000)
    process.kill()
    process.wait()
    assert read_summary(history.parent) is None
    assert read_history(history.parent).series(TRAIN_LOSS)[0].size > 10


def wait_for(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def test_a_note_of_a_plugin_in_the_log_does_not_keep_the_folder_of_a_run_that_never_began(nnreg, project, monkeypatch):
    import logging

    from nnreg_std.datasets.digits import Digits

    def load(self):
        logging.getLogger("nnreg").warning("looking for the digits")
        raise FileNotFoundError("no digits here")

    monkeypatch.setattr(Digits, "load", load)
    answer = nnreg("optimizer=adam")
    assert answer.code == 2
    assert answer.err.splitlines() == ["looking for the digits", "nnreg: dataset=digits: no digits here"]
    assert not list(project.iterdir())


def test_the_help_shows_every_command(nnreg):
    shown = nnreg("--help").out
    assert [name for name in main.COMMANDS if f"python -m nnreg {name} " not in shown] == []


def test_the_version_is_that_of_nnreg(nnreg):
    assert nnreg("--version").out == f"nnreg {metadata.version('nnreg')}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps=10"], "a setting is typed without dashes: steps=10"),
        (["--optimizer", "adam"], "a setting is typed without dashes: optimizer=VALUE"),
        (["--optimizer.lr=0.1"], "a setting is typed without dashes: optimizer.lr=0.1"),
        (["optimizer.name=adam"], "a technique is chosen by its kind: type optimizer=adam, not optimizer.name=..."),
    ],
)
def test_what_other_programs_want_is_answered_with_what_is_wanted_here(nnreg, project, words, said):
    answer = nnreg(*words)
    assert (answer.code, answer.complaint) == (2, f"nnreg: {said}")
    assert list(project.iterdir()) == []


def test_the_word_for_a_sweep_may_stand_anywhere(nnreg):
    answer = nnreg("seed=1,2", "-m", "dataset=iris", "batch=8", "sweep.dry_run=true")
    assert answer.code == 0, answer.err
    assert "dry run: 2 runs" in answer.out
