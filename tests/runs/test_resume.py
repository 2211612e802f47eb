"""A resumed run is, to the last bit, the run that was never interrupted, or it is refused in one line."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from nnreg.cli import main
from nnreg.engine import numerics
from nnreg.engine.history import TRAIN_LOSS
from nnreg.engine.training import Streams
from nnreg.records.checkpoint import FILE, load_checkpoint, save_checkpoint
from nnreg.records.earlier import ADDED
from nnreg.records.folder import DiskSink, occupied, read_facts, read_history, read_summary
from nnreg.runs import attempt, fit, train
from nnreg.runs.checkpoints import Checkpoints
from nnreg.runs.request import Resumption, describe
from tests.runs.interrupted import checkpointed, everything, killed, request, resumed, traces, undrawn, whole

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_figures():
    with undrawn():
        yield


def cut(folder, at=31, checkpoint_at=24, **choices):
    """Leave behind what a run leaves that dies at an update."""
    with killed(at, checkpoint_at):
        train.execute(request(folder, **choices), [DiskSink()])
    return folder


def compared(folder, at=31, checkpoint_at=24, **choices):
    """Assert that a run that was cut is, once resumed, like one that never was."""
    assert resumed(cut(folder / "cut", at, checkpoint_at, **choices)) == whole(folder / "whole", **choices)


@pytest.mark.parametrize("optimizer", everything("optimizer"))
def test_every_optimizer_goes_on_as_if_never_stopped(tmp_path, optimizer):
    compared(tmp_path, optimizer=optimizer, sampler="epoch")


@pytest.mark.parametrize("dropout", everything("dropout"))
@pytest.mark.parametrize("norm", everything("norm"))
def test_every_norm_and_dropout_goes_on_as_if_never_stopped(tmp_path, norm, dropout):
    compared(tmp_path, norm=norm, dropout=dropout)


@pytest.mark.parametrize("schedule", everything("schedule"))
def test_every_schedule_goes_on_as_if_never_stopped(tmp_path, schedule):
    compared(tmp_path, schedule=schedule, warmup=30)


@pytest.mark.parametrize("warmup", [0, 10])
def test_a_rate_that_was_lowered_stays_low_and_goes_on_falling(tmp_path, warmup):
    node = {"name": "plateau", "metric": "train/loss", "gamma": 0.7, "patience": 1}

    def asked(folder):
        made = request(folder, schedule="plateau", warmup=warmup)
        made.config.schedule = node
        return made

    train.execute(asked(tmp_path / "whole"), [DiskSink()])
    with killed(31, 24):
        train.execute(asked(tmp_path / "cut"), [DiskSink()])
    assert resumed(tmp_path / "cut")[:-1] == traces(tmp_path / "whole")
    rates = read_history(tmp_path / "whole").series("rate/lr")[1]
    assert len(set(rates[warmup:24])) > 2
    assert len(set(rates[24:])) > 2


@pytest.mark.parametrize("regularizer", everything("regularizer"))
def test_every_regularizer_goes_on_as_if_never_stopped(tmp_path, regularizer):
    compared(tmp_path, regularizer=regularizer, clip_value=0.5, clip_norm=1.0, dtype="float64")


@pytest.mark.parametrize("sampler", everything("sampler"))
def test_every_sampler_goes_on_as_if_never_stopped(tmp_path, sampler):
    compared(tmp_path, sampler=sampler)


@pytest.mark.parametrize("augmentation", everything("augmentation"))
def test_every_augmentation_goes_on_as_if_never_stopped(tmp_path, augmentation):
    compared(tmp_path, augmentation=augmentation, optimizer="momentum")


@pytest.mark.parametrize(("sampler", "sampling"), [("with_replacement", "replacement"), ("epoch", "epoch")])
def test_a_run_that_an_earlier_version_left_goes_on_as_if_never_stopped(tmp_path, sampler, sampling):
    folder = cut(tmp_path / "cut", at=31, checkpoint_at=24, sampler=sampler)
    found = load_checkpoint(folder / FILE)
    was = {key: value for key, value in found.config.items() if key not in ADDED} | {"sampling": sampling, "workers": 1}
    batches = {"stream": Streams.from_seed(0).batches.bit_generator.state, "taken": 24 * 16}  # all of them drawn together
    arrays = {name: array for name, array in found.arrays.items() if not name.startswith("sampler/")}
    save_checkpoint(folder / FILE, dataclasses.replace(found, config=was, batches=batches, arrays=arrays))
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(was)))
    facts = json.loads((folder / "summary.json").read_text())
    del facts["choices"]["sampler"], facts["choices"]["augmentation"]
    (folder / "summary.json").write_text(json.dumps(facts))
    assert resumed(folder) == whole(tmp_path / "whole", sampler=sampler)


@pytest.mark.long
@pytest.mark.parametrize("every", [1, 8, 24])
def test_diagnostics_go_on_as_if_never_stopped(tmp_path, every):
    compared(tmp_path, diagnostics="on", diagnostics_every=every)


@pytest.mark.long
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.integers(1, 59).flatmap(lambda at: st.tuples(st.integers(at + 1, 60), st.just(at))),
    st.sampled_from(everything("optimizer")),
    st.sampled_from(["with_replacement", "epoch", "full", "balanced", "curriculum", "growing"]),
    st.integers(1, 70),
    st.integers(2, 80),
)
def test_a_run_killed_anywhere_goes_on_as_if_never_stopped(tmp_path, moments, optimizer, sampler, validate_every, batch):
    shutil.rmtree(tmp_path)
    at, checkpoint_at = moments
    choices = {"optimizer": optimizer, "sampler": sampler, "validate_every": validate_every, "batch": batch}
    compared(tmp_path, at=at, checkpoint_at=checkpoint_at, dropout="dropout", norm="batch_norm", **choices)


@pytest.mark.long
@pytest.mark.parametrize("checkpoint_at", [None, 1, 14, 35, 56])
def test_early_stopping_ends_a_resumed_run_where_it_would_have_ended(tmp_path, checkpoint_at):
    choices = {"steps": 400, "patience": 21, "optimizer": "momentum", "norm": "batch_norm", "validate_every": 7}
    expected = whole(tmp_path / "whole", **choices)
    stopped = expected[2]["stopped_at"]
    assert 57 < stopped < 400
    cut(tmp_path / "cut", at=stopped, checkpoint_at=stopped - 1 if checkpoint_at == 56 else checkpoint_at, **choices)
    assert resumed(tmp_path / "cut") == expected


@pytest.mark.long
@pytest.mark.parametrize("optimizer", ["ema", "schedule_free_adamw", "sam", "lbfgs"])
def test_a_rule_that_asks_for_more_goes_on_as_if_never_stopped_with_all_that_is_in_its_way(tmp_path, optimizer):
    """Looks, masks, statistics that are collected anew, what early stopping keeps, and the count of gradients."""
    choices = {"optimizer": optimizer, "norm": "batch_norm", "dropout": "dropout", "patience": 30, "diagnostics": "on"}
    compared(tmp_path, at=41, checkpoint_at=24, **choices)


@pytest.mark.extra("fast")
@pytest.mark.parametrize("optimizer", ["adam", "ema", "sam", "schedule_free_adamw"])
@pytest.mark.parametrize("augmentation", ["none", "mixup"])
def test_a_compiled_run_goes_on_as_if_never_stopped(tmp_path, optimizer, augmentation):
    chosen = {"norm": "batch_norm", "dropout": "dropout", "regularizer": "l2"}
    compared(tmp_path, kernels="numba", optimizer=optimizer, augmentation=augmentation, **chosen)


@pytest.mark.extra("fast")
def test_a_run_that_chose_compiled_code_is_resumed_where_numba_is_and_refused_elsewhere(tmp_path, capsys, monkeypatch):
    with mock.patch.object(fit, "ENOUGH", 1.0):  # every run is long enough
        folder = cut(tmp_path / "cut", kernels="auto")
    with mock.patch.object(numerics, "has_numba", lambda: False):
        assert main.run(["resume", str(folder)]) == 2
    assert capsys.readouterr().err.splitlines() == ["nnreg: kernels=numba needs numba: pip install 'nnreg[fast]'"]
    assert resumed(folder) == whole(tmp_path / "whole", kernels="numba")


def test_a_run_killed_before_its_first_checkpoint_begins_again(tmp_path):
    cut(tmp_path / "cut", checkpoint_at=None)
    assert not (tmp_path / "cut" / FILE).exists()
    assert resumed(tmp_path / "cut") == whole(tmp_path / "whole")
    assert read_summary(tmp_path / "cut")["resumed_at_step"] == 0


def test_a_run_may_be_killed_and_resumed_again_and_again(tmp_path):
    folder = cut(tmp_path / "cut", at=11, checkpoint_at=10)
    for at in (20, 30, 40):
        with killed(at, checkpoint_at=9):
            main.run(["resume", str(folder)])
    assert resumed(folder) == whole(tmp_path / "whole")
    assert read_summary(folder)["resumed_at_step"] > 30


def test_a_line_that_was_cut_off_in_the_history_is_made_whole(tmp_path):
    folder = cut(tmp_path / "cut")
    with (folder / "history.csv").open("a") as file:
        file.write("24,train/loss,0.5\n25,train/lo")
    assert read_history(folder).series(TRAIN_LOSS)[0][-1] == 24
    assert resumed(folder) == whole(tmp_path / "whole")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("at work")])
def test_an_interrupted_and_a_failed_run_go_on_too(tmp_path, error):
    folder = tmp_path / "cut"
    with checkpointed(lambda updates: trip(updates, error)), contextlib.suppress(KeyboardInterrupt):
        train.execute(request(folder), [DiskSink()])
    assert read_summary(folder)["status"] == ("killed" if isinstance(error, KeyboardInterrupt) else "failed")
    assert resumed(folder) == whole(tmp_path / "whole")
    assert not (folder / attempt.TRACEBACK).exists()


def trip(updates, error):
    if updates == 40:
        raise error
    return updates == 24


def test_the_seconds_of_training_add_up(tmp_path):
    folder = cut(tmp_path / "cut")
    found = load_checkpoint(folder / FILE)
    save_checkpoint(folder / FILE, type(found)(**vars(found) | {"seconds": 1000.0}))
    resumed(folder)
    assert 1000 < read_summary(folder)["seconds"] < 1100


def test_a_finished_run_can_be_trained_longer_and_is_then_the_longer_run(tmp_path):
    with checkpointed(lambda updates: updates == 50):
        train.execute(request(tmp_path / "cut"), [DiskSink()])
    assert resumed(tmp_path / "cut", "steps=90") == whole(tmp_path / "whole", steps=90)
    facts = read_facts(tmp_path / "cut")
    assert (facts["resumed_at_step"], facts["overrides"], facts["command"]) == (50, ["steps=90"], "python -m nnreg steps=90")


def test_a_longer_run_is_refused_where_the_schedule_would_have_been_another(tmp_path, nnreg):
    folder = cut(tmp_path / "cut", schedule="cosine")
    assert "schedule=cosine depends on the number of steps" in refused(nnreg, folder, "steps=90")
    assert resumed(folder) == whole(tmp_path / "whole", schedule="cosine")


def refused(nnreg, folder, *words):
    """Return the one line with which a resumption is refused; nothing in the folder may change."""
    before = {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
    answer = nnreg("resume", str(folder), *words)
    assert answer.code == 2
    assert answer.out == ""
    assert {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()} == before
    return answer.complaint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("optimizer.lr=0.1",), "a run goes on as it was, so optimizer.lr stays. Free to change: steps, checkpoint_seconds"),
        (("validate_every=5",), "so validate_every stays"),
        (("step=90",), "so step stays; did you mean 'steps'?"),
        (("steps",), "cannot read steps: a setting is typed key=value"),
        (("steps=many",), "steps=many: it takes a whole number, such as steps=2"),
        (("steps=0",), "steps=0: steps must be in [1, inf), got 0"),
        (("steps=24",), "steps=24 is no more than the 24 steps already made"),
    ],
)
def test_what_cannot_change_is_said_in_one_line(tmp_path, nnreg, words, said):
    assert said in refused(nnreg, cut(tmp_path / "run"), *words)


def test_a_finished_run_is_complete(tmp_path, nnreg):
    whole(tmp_path / "run")
    assert "run is complete: nothing to resume; steps=N with N > 60 trains it longer" in refused(nnreg, tmp_path / "run")
    assert "is complete" in refused(nnreg, tmp_path / "run", "steps=60")


def test_a_run_that_stopped_early_is_complete_however_many_steps_are_asked_for(tmp_path, nnreg):
    whole(tmp_path / "run", steps=400, patience=7, optimizer="momentum")
    assert "it stopped early at step" in refused(nnreg, tmp_path / "run", "steps=500")


def test_a_run_that_diverged_would_diverge_again(tmp_path, nnreg):
    asked = request(tmp_path / "run", activation="identity")
    asked.config.optimizer = {"name": "sgd", "lr": 1e6}
    train.execute(asked, [DiskSink()])
    assert "run diverged at step" in refused(nnreg, tmp_path / "run")


def test_a_run_that_is_going_on_is_left_alone(tmp_path, nnreg):
    folder = cut(tmp_path / "run")
    with occupied(folder):
        assert "is still going on, in another process" in nnreg("resume", str(folder)).complaint
    assert nnreg("resume", str(folder)).code == 0
    assert not (folder / ".lock").exists()


def test_two_runs_do_not_share_a_folder(nnreg, project):
    (project / "here").mkdir()
    with occupied(project / "here"):
        assert "is still going on" in nnreg("steps=5", "hydra.run.dir=here").complaint


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_what_is_no_run_folder_is_refused(project, nnreg, name):
    (project / "empty").mkdir()
    assert f"{name} is not a run folder" in nnreg("resume", name).complaint


def test_a_folder_of_several_runs_names_one_of_them(tmp_path, nnreg):
    cut(tmp_path / "sweep" / "0")
    assert "resume one of them, such as" in nnreg("resume", str(tmp_path / "sweep")).complaint


def damage(folder, name):
    """Spoil a file of a run folder in one way."""
    found = load_checkpoint(folder / FILE)
    changed = {
        "config": {"config": found.config | {"optimizer": {"name": "adam", "lr": 0.5}}},
        "data": {"data": "1" * 64},
        "theta": {"arrays": {**found.arrays, "theta": found.arrays["theta"][:-1]}},
        "dtype": {"arrays": {**found.arrays, "theta": found.arrays["theta"].astype(np.float64)}},
        "optimizer": {"arrays": {"theta": found.arrays["theta"]}},
        "layers": {"arrays": {**found.arrays, "layers/1.mean": np.zeros(3)}},
        "stream": {"masks": {"bit_generator": "PCG64", "state": {}}},
        "batches": {"batches": {"stream": found.masks}},
        "records": {"records": 10**6},
    }
    if name in changed:
        save_checkpoint(folder / FILE, type(found)(**vars(found) | changed[name]))
    elif name == "checkpoint":
        (folder / FILE).write_bytes(b"PK\3\4 nonsense")
    elif name == "history":
        (folder / "history.csv").write_text("step,metric,value\n0,train/loss,much\n" * 40)
    elif name == "no history":
        (folder / "history.csv").unlink()
    elif name == "summary":
        (folder / "summary.json").write_text('{"status": "running", "choices": 3}')
    elif name == "nameless":
        config = folder / "config.yaml"
        config.write_text(config.read_text().replace("  name: adam\n", ""))
    elif name == "secrets":
        config = folder / "config.yaml"
        config.write_text(config.read_text().replace("experiment_name: null", "experiment_name: ${oc.env:HOME}"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("config", "says optimizer.lr=0.001, its checkpoint optimizer.lr=0.5: a run goes on as it was"),
        ("data", "the data has changed"),
        ("theta", "does not fit its configuration"),
        ("dtype", "float64 (974,) stands where float32 (974,) is wanted"),
        ("optimizer", "the saved state does not fit Adam"),
        ("layers", "it has the layer states 1.mean, not none"),
        ("stream", "does not fit its configuration (KeyError"),
        ("batches", "does not fit its configuration (KeyError"),
        ("records", "of the 1000000 records before its checkpoint"),
        ("checkpoint", "checkpoint.npz is damaged or no checkpoint"),
        ("history", "is damaged (could not convert string to float: 'much')"),
        ("no history", "is damaged"),
        ("summary", "summary.json is damaged"),
        ("secrets", "is no saved configuration: it refers to values from elsewhere"),
        ("nameless", "is no saved configuration: its optimizer has no name"),
    ],
)
def test_a_folder_that_is_damaged_or_foreign_is_refused_in_one_line(tmp_path, nnreg, name, said):
    folder = cut(tmp_path / "run")
    damage(folder, name)
    assert said in refused(nnreg, folder)


def test_without_its_checkpoint_and_summary_a_run_begins_again(tmp_path):
    folder = cut(tmp_path / "cut")
    for name in (FILE, "summary.json"):
        (folder / name).unlink()
    assert resumed(folder) == whole(tmp_path / "whole")
    assert read_facts(folder)["command"].startswith("python -m nnreg ")


def test_another_version_is_mentioned_and_no_obstacle(tmp_path, nnreg):
    folder = cut(tmp_path / "cut")
    found = load_checkpoint(folder / FILE)
    save_checkpoint(folder / FILE, type(found)(**vars(found) | {"versions": {"numpy": "1.0"}}))
    answer = nnreg("resume", str(folder))
    assert answer.code == 0
    assert answer.complaint == f"nnreg: numpy is {np.__version__} and was 1.0: the last bits may differ from here on"


def test_a_checkpoint_holds_no_address_of_a_tracking_store(tmp_path):
    folder = cut(tmp_path / "run", tracking_uri="postgresql://me:secret@host/db")
    assert b"secret" not in (folder / FILE).read_bytes()


def test_a_new_run_in_an_old_folder_forgets_the_old_one(tmp_path):
    folder = cut(tmp_path / "cut", optimizer="sgd")
    (folder / "mlflow.json").write_text("{}")
    with killed(5):
        train.execute(request(folder), [DiskSink()])
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "history.csv", "summary.json"}
    assert resumed(folder) == whole(tmp_path / "whole")


def test_a_job_of_a_sweep_keeps_its_place_and_its_words(nnreg, project):
    nnreg("-m", "optimizer=adam,sgd", "steps=20", "hidden=[8]")
    folder = next(project.glob("runs/*/1"))
    before = read_summary(folder)
    (folder / "summary.json").write_text(json.dumps(before | {"status": "killed"}))
    assert nnreg("resume", str(folder)).code == 0
    after = read_summary(folder)
    for key in ("sweep_id", "job", "overrides", "command", "choices", "label", "config"):
        assert after.get(key) == before.get(key)
    assert after["status"] == "finished"


def test_a_resumed_run_says_where_it_goes_on(tmp_path, nnreg):
    answer = nnreg("resume", str(cut(tmp_path / "run")))
    assert "resumed       after 24 of 60 steps" in answer.out


def test_a_run_that_fails_again_has_exit_code_1(tmp_path, nnreg, monkeypatch):
    folder = cut(tmp_path / "run")
    monkeypatch.setattr("nnreg.engine.training.Stopwatch.__enter__", lambda _: 1 / 0)
    answer = nnreg("resume", str(folder))
    assert answer.code == 1
    assert "the run failed: ZeroDivisionError" in answer.complaint


def test_what_cannot_be_assembled_any_more_leaves_the_run_as_it_was(tmp_path, nnreg):
    folder = cut(tmp_path / "run")
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("name: adam", "name: gone"))
    assert "there is no optimizer 'gone'" in refused(nnreg, folder)


def test_checkpoints_take_a_twentieth_of_the_time_at_most(monkeypatch, tmp_path):
    clock = [0.0]
    monkeypatch.setattr("nnreg.runs.checkpoints.time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("nnreg.runs.checkpoints.save_checkpoint", lambda *_: clock.__setitem__(0, clock[0] + 2))
    monkeypatch.setattr("nnreg.runs.checkpoints.folder.secure_history", lambda _: None)

    class Quiet:
        folder = tmp_path

        def settle(self):
            pass

    checkpoints = Checkpoints(10.0, lambda step: step, Quiet, Quiet())
    assert not checkpoints.due()
    clock[0] = 10
    assert checkpoints.due()
    checkpoints.write(1)
    clock[0] = 51.9
    assert not checkpoints.due()
    clock[0] = 52
    assert checkpoints.due()


@pytest.mark.parametrize(("seconds", "due"), [(None, False), (0.0, True)])
def test_none_is_never_due_and_zero_always(tmp_path, seconds, due):
    card = describe(request(tmp_path))
    assert Checkpoints(seconds, Resumption, card, None).due() == due


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_run_killed_at_any_operation_on_its_files_goes_on_as_if_never_stopped(tmp_path):
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # one thread: the processes are forked
    command = [sys.executable, "-W", "error", "-m", "tests.runs.interrupted", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = map(int, done.stdout.split())
    assert min(first, second) > 20


@pytest.mark.long  # the test above kills everywhere, in processes that were forked
def test_a_process_killed_outright_at_any_moment_goes_on_as_if_never_stopped(project, start):
    words, most = (sys.executable, "-m", "nnreg"), 20_000
    options = ("tracking=off", f"steps={most}", "hidden=[32]", "norm=batch_norm", "dropout=dropout", "optimizer=adam")
    subprocess.run([*words, *options, "hydra.run.dir=whole"], check=True, capture_output=True)
    command = (*options, "checkpoint_seconds=0.02", "hydra.run.dir=cut")
    moments, gone_on = random.Random(0), []
    for _ in range(3):
        process = start(*words, *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_until_trained(project / "cut", process)
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.communicate()
        gone_on.append(read_facts(project / "cut").get("resumed_at_step") or 0)
        command = ("resume", "cut")
    last = subprocess.run([*words, *command], capture_output=True, text=True, check=False)
    assert last.returncode == 0 or "is complete" in last.stderr, last.stderr
    gone_on.append(read_facts(project / "cut")["resumed_at_step"] or 0)
    assert any(0 < step < most for step in gone_on), "no kill came in the middle"
    assert traces(project / "cut") == traces(project / "whole"), gone_on


def wait_until_trained(folder, process):
    """Wait until a process has written a checkpoint of its own, or has ended."""
    began = time.time()
    while process.poll() is None:
        with_luck = folder / FILE
        if with_luck.exists() and with_luck.stat().st_mtime > began:
            return
        time.sleep(0.01)
