"""What becomes of a run whose plugins misbehave in the middle of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from omegaconf import OmegaConf

from nnreg.engine import numerics
from nnreg.engine.history import FINAL_LOSS, TRAIN_LOSS
from nnreg.errors import UserError
from nnreg.records.folder import NETWORK, DiskSink, read_history, read_summary
from nnreg.registry import entries
from nnreg.registry.fingerprint import fingerprint_of
from nnreg.runs import attempt, train
from nnreg.runs.assembly import assemble
from nnreg.runs.request import Request
from nnreg.runs.task import execute_task
from nnreg.runs.train import execute, judged_rows
from nnreg_std.inits.he import He
from tests.records.cards import PLAIN
from tests.runs.interrupted import request, watched

CONFIG = {"steps": 20, "hidden": [8], "validate_every": 5, **{slot: {"name": name} for slot, name in PLAIN.items()}}
CONFIG["optimizer"]["lr"] = 0.1


@pytest.fixture
def request_for(tmp_path):
    def make(**changes):
        config = OmegaConf.create(CONFIG)
        return Request(config, PLAIN, tmp_path / "run", ("steps=20",), "python -m nnreg steps=20", **changes)

    return make


def breaking(monkeypatch, error, at):
    """Let the optimizer raise at one step."""

    def assemble_and_break(config, choices):
        run = assemble(config, choices)
        step = run.optimizer.step

        def stepping(t, factor=1.0):
            if t == at:
                raise error
            step(t, factor)

        monkeypatch.setattr(run.optimizer, "step", stepping)
        return run

    monkeypatch.setattr(train, "assemble", assemble_and_break)


def test_an_exception_in_the_middle_fails_the_run_and_keeps_what_was_recorded(request_for, monkeypatch, tmp_path):
    breaking(monkeypatch, ZeroDivisionError("at\n  work"), at=7)
    outcome = execute(request_for(), [DiskSink()])
    assert (outcome.status, outcome.steps, outcome.error) == ("failed", 6, "ZeroDivisionError: at work")
    assert read_history(tmp_path / "run").series(TRAIN_LOSS)[0].size == 7
    assert "ZeroDivisionError" in (tmp_path / "run" / attempt.TRACEBACK).read_text()


def test_an_interrupt_is_recorded_and_passed_on(request_for, monkeypatch, tmp_path):
    breaking(monkeypatch, KeyboardInterrupt(), at=3)
    with pytest.raises(KeyboardInterrupt):
        execute(request_for(), [DiskSink()])
    assert read_summary(tmp_path / "run")["status"] == "killed"


def test_an_interrupt_while_a_sink_opens_still_closes_the_ones_before(request_for, tmp_path):
    class Interrupted(DiskSink):
        def open(self, card):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(request_for(), [DiskSink(), Interrupted()])
    assert read_summary(tmp_path / "run")["status"] == "killed"


def test_the_test_split_is_looked_at_once_and_after_the_last_update(request_for, monkeypatch):
    seen = []

    def assemble_and_watch(config, choices):
        run = assemble(config, choices)
        evaluate = run.network.evaluate

        def watching(x, labels, *weight):
            seen.append(next(part for part, split in run.splits.present().items() if x is split.x))
            return evaluate(x, labels, *weight)

        monkeypatch.setattr(run.network, "evaluate", watching)
        return run

    monkeypatch.setattr(train, "assemble", assemble_and_watch)
    execute(request_for(), [])
    assert seen == [*["valid"] * 4, "test"]


def test_a_job_of_a_sweep_that_cannot_be_assembled_is_recorded_as_failed(request_for, tmp_path):
    request = request_for(sweep_id="sweep", job=0)
    request.config.optimizer.lr = -1.0
    request.folder.mkdir()
    outcome = execute(request, [DiskSink()])
    assert outcome.status == "failed"
    assert read_summary(tmp_path / "run")["error"] == "optimizer=sgd: lr must be in (0, inf), got -1.0"


class Server:
    """A sink that is well, as MLflow may be when the disk is not."""

    period = 0.0

    def open(self, card):
        self.status = "running"

    def write(self, records):
        pass

    def close(self, outcome, history):
        self.status = outcome.status


class Full(DiskSink):
    """A disk that is full from some moment on; not even the traceback can be written."""

    period = 0.0

    def write(self, records):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("task", ["train", "activations"])
def test_a_full_disk_does_not_leave_the_run_as_running_on_a_server_that_is_well(request_for, monkeypatch, task):
    def refuse(self, *_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    request, server = request_for(), Server()
    request.config.task = task
    with pytest.raises(OSError, match="No space left"):
        execute_task(request, [Full(), server])
    assert server.status == "failed"


def test_an_interrupt_is_passed_on_where_the_disk_is_full_too(request_for, monkeypatch):
    breaking(monkeypatch, KeyboardInterrupt(), at=1)

    class FullAtTheEnd(DiskSink):
        def close(self, outcome, history):
            self._file.close()
            raise OSError(28, "No space left on device")

    with pytest.raises(KeyboardInterrupt):
        execute(request_for(), [FullAtTheEnd()])


@pytest.fixture
def fails_at_real_sizes(monkeypatch):
    """An init that passes its probe, of a dozen numbers, and raises on the layers of a network."""
    fill = He.fill

    def fill_small(self, weight, rng):
        if weight.size > 100:
            raise ZeroDivisionError("at\n  work")
        fill(self, weight, rng)

    monkeypatch.setattr(He, "fill", fill_small)


@pytest.mark.parametrize("place", [{}, {"sweep_id": "sweep", "job": 0}], ids=["alone", "in a sweep"])
def test_a_plugin_that_raises_while_the_run_is_assembled_fails_the_run(request_for, fails_at_real_sizes, tmp_path, place):
    outcome = execute(request_for(**place), [DiskSink()])
    assert (outcome.status, outcome.steps, outcome.error) == ("failed", 0, "ZeroDivisionError: at work")
    assert read_summary(tmp_path / "run")["status"] == "failed"
    assert "in fill_small" in (tmp_path / "run" / attempt.TRACEBACK).read_text()


@pytest.mark.long
@pytest.mark.parametrize("task", ["train", "activations"])
def test_a_run_whose_plugin_raises_ends_in_one_line_and_a_sweep_goes_on_without_it(nnreg, fails_at_real_sizes, task):
    words = (f"task={task}", "hidden=[16,16]", *(("dataset=digits", "steps=5") if task == "train" else ()))
    alone = nnreg(*words)
    assert (alone.code, alone.complaint[:57]) == (1, "nnreg: the run failed: ZeroDivisionError: at work; the tr")
    swept = nnreg("-m", *words, "init=he,xavier")
    assert swept.code == 1
    assert "runs          2, 1 failed" in swept.out


def test_a_network_that_no_memory_holds_is_refused_by_its_hidden_layers(request_for):
    request = request_for()
    request.config.hidden = [10**9, 10**9]
    with pytest.raises(UserError, match=r"^hidden=\[1000000000,1000000000\] needs more memory than there is .*use narrower"):
        execute(request, [DiskSink()])


def test_a_run_says_which_code_it_was_and_what_computed_it(nnreg, project):
    assert nnreg("dataset=iris", "batch=8", "steps=2", "hidden=[4]", "optimizer=adam", "hydra.run.dir=r").code == 0
    facts = json.loads((project / "r/summary.json").read_text())
    adam, zeros = entries.find_technique("optimizer", "adam"), entries.find_technique("init", "zeros")
    assert facts["code"].keys() == facts["choices"].keys()
    assert facts["code"]["optimizer"] == fingerprint_of(adam)
    assert facts["code"]["bias"] == fingerprint_of(zeros)
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["versions"]["kernels"] == numerics.kernels()[0]
    assert {"nnreg", "python", "blas", "processor"} <= facts["versions"].keys()
    assert all(isinstance(commit, str) for commit in facts["git"].values())


@pytest.mark.parametrize("patience", [None, 6])
@pytest.mark.parametrize("optimizer", ["ema", "schedule_free_adamw"])
def test_what_is_tested_and_kept_is_what_was_validated_last_or_best(tmp_path, optimizer, patience):
    """Not the parameters that are trained, and averaged once, not twice."""
    with watched() as seen:
        outcome = execute(request(tmp_path / "run", optimizer=optimizer, norm="batch_norm", patience=patience), [DiskSink()])
    (run,) = seen
    out = np.empty_like(run.network.parameters.theta)
    assert run.network.measure_loss(*judged_rows(run)) == outcome.summary[FINAL_LOSS]
    assert run.network.evaluate(*run.splits.valid)["loss"] == pytest.approx(outcome.summary["valid/loss_final"], rel=1e-6)
    with np.load(tmp_path / "run" / NETWORK) as kept:
        np.testing.assert_array_equal(kept["W1"], run.network.parameters.named["W1"].theta)
    if patience is None and optimizer == "ema":
        assert run.optimizer.evaluation_parameters(out)
        np.testing.assert_array_equal(run.network.parameters.theta, out)
