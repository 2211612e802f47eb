"""What becomes of a run whose plugins misbehave in the middle of it."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from nnreg import job
from nnreg.assembly import assemble
from nnreg.job import Request, execute
from nnreg.recording.disk import DiskSink, read_history, read_summary
from nnreg.records import TRAIN_LOSS

CONFIG = {
    "steps": 20,
    "hidden": [8],
    "validate_every": 5,
    "optimizer": {"name": "sgd", "lr": 0.1},
    "init": {"name": "he"},
    "activation": {"name": "relu"},
    "dataset": {"name": "digits"},
    "loss": {"name": "softmax_cross_entropy"},
    "regularizer": {"name": "none"},
    "norm": {"name": "none"},
    "dropout": {"name": "none"},
    "schedule": {"name": "constant"},
    "bias": {"name": "zeros"},
}


@pytest.fixture
def request_for(tmp_path):
    def make(**changes):
        config = OmegaConf.create(CONFIG)
        choices = {key: value["name"] for key, value in CONFIG.items() if isinstance(value, dict)}
        return Request(config, choices, tmp_path / "run", ("steps=20",), "python -m nnreg steps=20", **changes)

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

    monkeypatch.setattr(job, "assemble", assemble_and_break)


def test_an_exception_in_the_middle_fails_the_run_and_keeps_what_was_recorded(request_for, monkeypatch, tmp_path):
    breaking(monkeypatch, ZeroDivisionError("at\n  work"), at=7)
    outcome = execute(request_for(), [DiskSink()])
    assert (outcome.status, outcome.steps, outcome.error) == ("failed", 6, "ZeroDivisionError: at work")
    assert read_history(tmp_path / "run").series(TRAIN_LOSS)[0].size == 7
    assert "ZeroDivisionError" in (tmp_path / "run" / job.TRACEBACK).read_text()


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

        def watching(x, labels):
            seen.append("test" if x is run.splits.test.x else "valid")
            return evaluate(x, labels)

        monkeypatch.setattr(run.network, "evaluate", watching)
        return run

    monkeypatch.setattr(job, "assemble", assemble_and_watch)
    execute(request_for(), [])
    assert seen == ["valid"] * 4 + ["test"]


def test_a_job_of_a_sweep_that_cannot_be_assembled_is_recorded_as_failed(request_for, tmp_path):
    request = request_for(sweep_id="sweep", job=0)
    request.config.optimizer.lr = -1.0
    request.folder.mkdir()
    outcome = execute(request, [DiskSink()])
    assert outcome.status == "failed"
    assert read_summary(tmp_path / "run")["error"] == "optimizer=sgd: lr must be in (0, inf), got -1.0"
