"""Early stopping: when it ends a run, what it goes back to, and what is told of it."""

from __future__ import annotations

import io
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nnreg.engine.history import TEST_ACCURACY, TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, EarlyStop, History, Record
from nnreg.engine.stopping import EarlyStopping, Pruning
from nnreg.engine.training import PAUSE
from nnreg.records.card import Outcome, summarise
from nnreg.records.folder import read_history, read_summary
from nnreg.runs.console import ConsoleSink, job_line
from nnreg.tracking.description import closing_tags
from tests.records.cards import card, history

TRAIN_ACCURACY = "train/accuracy"
pytestmark = pytest.mark.usefixtures("undrawn")

EVERY = 10  # updates between two validations


class Still:
    """A network of two numbers and one running mean, which tell the step of the last training record."""

    def __init__(self):
        self.parameters = SimpleNamespace(theta=np.full(2, -1.0))
        self.mean = np.full(1, -1.0)

    def state(self):
        return {"0.mean": self.mean}

    def train_to(self, step):
        self.parameters.theta[...] = step
        self.mean[...] = step / 2


def training(network, losses, start=0, watched=False):
    """Records as a trainer yields them, with these validation losses; the training split may be watched too."""
    for number, loss in enumerate(losses[start // EVERY :], start=start // EVERY):
        for step in range(number * EVERY, (number + 1) * EVERY):
            yield Record(step, TRAIN_LOSS, 1.0)
            network.train_to(step + 1)
        yield Record((number + 1) * EVERY, VALID_LOSS, loss)
        yield Record((number + 1) * EVERY, VALID_ACCURACY, 0.5)
        if watched:
            yield Record((number + 1) * EVERY, TRAIN_ACCURACY, 0.9)


def run(losses, patience, watched=False):
    network = Still()
    stopping = EarlyStopping(network, patience * EVERY)
    return network, stopping, list(stopping.watch(training(network, losses, watched=watched)))


def textbook(losses, patience):
    """(validations made, number of the best or None) of algorithm 7.1, with a run that ends."""
    best, best_at, waited = math.inf, None, 0
    for made, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_at, waited = loss, made, 0
        else:
            waited += 1
        if waited == patience:
            return made, best_at
    return len(losses), best_at


def test_it_ends_after_as_many_validations_without_a_new_low_as_it_has_patience():
    _, stopping, records = run([5, 4, 3, 4, 3, 3.5, 2, 1], patience=3)
    assert (stopping.stopped_at, stopping.best_at) == (60, 30)
    assert max(record.step for record in records) == 60


def test_the_validation_that_exhausts_patience_is_passed_on_whole_and_nothing_after_it():
    _, _, records = run([1, 2, 3], patience=1)
    assert records[-3:] == [Record(19, TRAIN_LOSS, 1.0), Record(20, VALID_LOSS, 2), Record(20, VALID_ACCURACY, 0.5)]


def test_that_validation_is_whole_where_the_training_split_is_watched_too():
    _, stopping, records = run([1, 2, 3], patience=1, watched=True)
    assert records[-2:] == [Record(20, VALID_ACCURACY, 0.5), Record(20, TRAIN_ACCURACY, 0.9)]
    assert stopping.stopped_at == 20


def test_a_pause_right_after_that_validation_is_no_part_of_it():
    stopping = EarlyStopping(Still(), 1)
    records = [Record(20, VALID_LOSS, math.nan), Record(20, TRAIN_ACCURACY, 0.9), Record(20, PAUSE, math.nan)]
    assert len(list(stopping.watch(records))) == 2
    assert stopping.stopped_at == 20


def test_a_run_that_keeps_improving_ends_by_itself():
    _, stopping, records = run([4, 3, 2, 1], patience=1)
    assert (stopping.stopped_at, stopping.best_at) == (None, 40)
    assert len(records) == 4 * (EVERY + 2)


@pytest.mark.parametrize("watched", [False, True])
def test_patience_that_ends_with_the_run_has_not_ended_it(watched):
    assert run([1, 2, 3], patience=2, watched=watched)[1].stopped_at is None


def test_it_goes_back_to_the_parameters_and_the_layer_states_of_the_lowest_loss():
    network, stopping, _ = run([3, 1, 2, 2], patience=2)
    theta, mean = network.parameters.theta, network.mean
    stopping.restore()
    assert network.parameters.theta is theta
    assert network.mean is mean
    np.testing.assert_array_equal(theta, [20, 20])
    np.testing.assert_array_equal(mean, [10])


def test_an_equal_loss_is_no_improvement():
    assert run([1, 1, 1], patience=2)[1].best_at == 10


losses = st.lists(st.sampled_from([math.nan, math.inf, 0.5, 1.0, 1.5, 2.0, 3.0]), min_size=1, max_size=12)


@given(losses=losses, patience=st.integers(1, 4))
def test_it_does_what_the_textbook_does_with_any_losses(losses, patience):
    network, stopping, records = run(losses, patience)
    made, best = textbook(losses, patience)
    assert sum(record.metric == VALID_LOSS for record in records) == made
    assert stopping.best_at == (None if best is None else best * EVERY)
    stopping.restore()
    assert best is None or (network.parameters.theta == best * EVERY).all()


def test_losses_that_are_never_numbers_exhaust_patience_and_leave_the_parameters_alone():
    network, stopping, _ = run([math.nan] * 5, patience=3)
    before = network.parameters.theta.copy()
    stopping.restore()
    assert (stopping.stopped_at, stopping.best_at) == (30, None)
    np.testing.assert_array_equal(network.parameters.theta, before)


@given(losses=losses, patience=st.integers(1, 4), data=st.data())
def test_a_watch_that_is_taken_up_again_ends_where_one_without_a_break_ends(losses, patience, data):
    whole_network, whole, whole_records = run(losses, patience)
    whole.restore()
    validations = sum(record.metric == VALID_LOSS for record in whole_records)
    break_at = EVERY * data.draw(st.integers(1, validations))

    network = Still()
    first = EarlyStopping(network, patience * EVERY)
    records = []
    for record in first.watch(training(network, losses)):
        records.append(record)
        if record == Record(break_at, VALID_ACCURACY, 0.5):
            break
    saved = {name: array.copy() for name, array in first.save().items()}

    network_again = Still()
    network_again.train_to(break_at)
    second = EarlyStopping(network_again, patience * EVERY)
    second.load(saved)
    records += second.watch(training(network_again, losses, start=break_at))
    second.restore()
    assert str(records) == str(whole_records)  # NaN is not equal to itself
    assert second.ending() == whole.ending()
    assert whole.best_at is None or (network_again.parameters.theta == whole_network.parameters.theta).all()


def test_what_is_saved_is_a_copy():
    network, stopping, _ = run([2, 1], patience=5)
    saved = stopping.save()
    for array in saved.values():
        array[...] = -7
    stopping.restore()
    np.testing.assert_array_equal(network.parameters.theta, [20, 20])
    assert stopping.save()["lowest"] == 1


def test_everything_saved_is_a_plain_array():
    for stopping in (run([2, 1], patience=5)[1], run([math.nan], patience=5)[1]):
        assert all(isinstance(array, np.ndarray) and array.dtype == np.float64 for array in stopping.save().values())


@pytest.mark.parametrize("lost", ["lowest", "best.theta", "best.0.mean"])
def test_a_saved_state_that_does_not_fit_is_refused(lost):
    _, stopping, _ = run([2, 1], patience=5)
    state = stopping.save()
    del state[lost]
    with pytest.raises(ValueError, match="does not fit this network"):
        EarlyStopping(Still(), 5).load(state)


# --- what is told of it --------------------------------------------------------------------------------------------------


def ending(tmp_path, outcome):
    paper = io.StringIO()
    sink = ConsoleSink(Console(file=paper, width=80, highlight=False), lambda: ())
    sink.open(card(tmp_path))
    sink.close(outcome, history())
    return paper.getvalue()


def finished(stop, *metrics):
    return Outcome(
        "finished", 900, 0.5, dict.fromkeys(("final/train_loss", "train/loss_mean_last_100", *metrics), 0.5), early_stop=stop
    )


def test_the_console_says_where_it_stopped_and_what_is_tested(tmp_path):
    told = "stopped early at step 900: no lower validation loss for 5 steps; parameters of step 400 are tested"
    assert told in ending(tmp_path, finished(EarlyStop(5, 900, 400), "test/loss"))


def test_the_console_says_what_is_tested_when_the_run_ended_by_itself(tmp_path):
    text = ending(tmp_path, finished(EarlyStop(5, None, 400), "test/loss"))
    assert "parameters of step 400 are tested" in text
    assert "stopped early" not in text


def test_without_a_test_nothing_is_said_to_be_tested(tmp_path):
    text = ending(tmp_path, finished(EarlyStop(1, 900, 400)))
    assert "no lower validation loss for 1 step; parameters of step 400 are the result" in text


def test_a_line_of_a_sweep_says_where_it_stopped(tmp_path):
    assert "stopped at 900" in job_line(card(tmp_path, job=1), finished(EarlyStop(5, 900, 400)))
    assert "stopped" not in job_line(card(tmp_path, job=1), finished(EarlyStop(5, None, 400)))


def test_tracking_is_told_too():
    assert closing_tags(finished(EarlyStop(5, 900, 400)))["stopped_early_at_step"] == "900"
    assert "stopped_early_at_step" not in closing_tags(finished(None))


def test_the_final_validation_is_that_of_the_parameters_gone_back_to():
    seen = History()
    for step, loss in ((100, 0.4), (200, 0.2), (300, 0.3)):
        seen.add(Record(step, VALID_LOSS, loss))
        seen.add(Record(step, VALID_ACCURACY, 1 - loss / 2))
    assert summarise(seen)["valid/loss_final"] == 0.3
    assert summarise(seen, best_at=200)["valid/loss_final"] == 0.2
    assert summarise(seen, best_at=200)["valid/accuracy_final"] == 0.9


# --- whole runs ----------------------------------------------------------------------------------------------------------

OVERFITS = (
    "dataset=digits",
    "train_size=100",
    "batch=20",
    "optimizer=adam",
    "optimizer.lr=0.01",
    "hidden=[60]",
    "validate_every=10",
    "steps=2000",
)


@pytest.mark.long
def test_a_run_that_overfits_is_stopped_and_its_best_parameters_are_tested(nnreg, project):
    answer = nnreg(*OVERFITS, "patience=40", "hydra.run.dir=stopped")
    assert answer.code == 0
    summary = read_summary(project / "stopped")
    stop = summary["early_stop"]
    assert stop["stopped_at"] == stop["best_at"] + 4 * 10 == summary["steps"] < 2000
    assert f"stopped early at step {stop['stopped_at']}: no lower validation loss for 40 steps" in answer.out
    assert f"parameters of step {stop['best_at']} are tested" in answer.out

    seen = read_history(project / "stopped")
    steps, losses = seen.series(VALID_LOSS)
    assert steps[losses.argmin()] == stop["best_at"]
    assert seen.series(TRAIN_LOSS)[0][-1] == stop["stopped_at"] - 1
    assert summary["metrics"]["valid/loss_final"] == losses.min()

    assert nnreg(*OVERFITS[:-1], f"steps={stop['best_at']}", "hydra.run.dir=there").code == 0
    assert read_summary(project / "there")["metrics"][TEST_ACCURACY] == summary["metrics"][TEST_ACCURACY]
    assert read_summary(project / "there")["metrics"]["test/loss"] == summary["metrics"]["test/loss"]


@pytest.mark.long
@pytest.mark.parametrize("norm", ["none", "batch_norm"])
def test_a_run_that_ends_by_itself_still_goes_back_to_its_best(nnreg, project, norm):
    words = (*OVERFITS[:-1], f"norm={norm}", "steps=100")
    assert nnreg(*words, "patience=1000", "hydra.run.dir=patient").code == 0
    summary = read_summary(project / "patient")
    best_at = summary["early_stop"]["best_at"]
    assert (summary["steps"], summary["early_stop"]["stopped_at"]) == (100, None)
    assert nnreg(*words[:-1], f"steps={best_at}", "hydra.run.dir=there").code == 0
    assert read_summary(project / "there")["metrics"]["test/loss"] == summary["metrics"]["test/loss"]


@pytest.mark.long
def test_patience_that_never_runs_out_changes_nothing_before_the_end(nnreg, project):
    for name, patience in {"with": "1000", "without": "null"}.items():
        assert nnreg(*OVERFITS[:-1], "steps=60", f"patience={patience}", f"hydra.run.dir={name}").code == 0
    series = [read_history(project / name).series(TRAIN_LOSS)[1] for name in ("with", "without")]
    np.testing.assert_array_equal(*series)
    assert read_summary(project / "without")["early_stop"] is None


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("patience=0",), "patience must be in [1, inf), got 0"),
        (("patience=-3",), "patience must be in [1, inf), got -3"),
        (("patience=soon",), None),
        (("patience=2.5",), None),
        (
            ("patience=5", "dataset=digits", "dataset.valid_fraction=0"),
            "patience=5 needs a validation split, and dataset=digits has none as configured",
        ),
        (("validate_every=0", "patience=1"), "validate_every must be in [1, inf), got 0"),
    ],
)
def test_patience_that_makes_no_sense_is_refused_in_one_line(nnreg, words, complaint):
    answer = nnreg(*words)
    assert answer.code == 2
    assert complaint is None or answer.complaint == f"nnreg: {complaint}"
    assert "patience" in answer.complaint or "validate_every" in answer.complaint


def test_a_pruned_run_ends_with_the_whole_validation_that_was_enough():
    pruning = Pruning(lambda record: record.metric == VALID_LOSS and record.value > 2)
    passed = list(pruning.watch(training(Still(), [1.0, 3.0, 0.5], watched=True)))
    assert pruning.pruned_at == 2 * EVERY
    assert passed[-3:] == [
        Record(2 * EVERY, VALID_LOSS, 3.0),
        Record(2 * EVERY, VALID_ACCURACY, 0.5),
        Record(2 * EVERY, TRAIN_ACCURACY, 0.9),
    ]


def test_nothing_is_pruned_where_the_last_validation_was_enough():
    pruning = Pruning(lambda record: record.metric == VALID_LOSS and record.value > 2)
    assert list(pruning.watch(training(Still(), [1.0, 3.0]))) == list(training(Still(), [1.0, 3.0]))
    assert pruning.pruned_at is None
