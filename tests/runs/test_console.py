import io

import numpy as np
import pytest
from rich.console import Console

from nnreg.engine.history import TRAIN_LOSS, VALID_ACCURACY, Record
from nnreg.records.card import Outcome
from nnreg.records.checkpoint import FILE, Checkpoint, save_checkpoint
from nnreg.runs.console import ConsoleSink, SweepLineSink
from tests.records.cards import card, history

SUMMARY = {
    "final/train_loss": 0.0312,
    "start/train_loss": 2.3,
    "train/loss_mean_last_100": 0.0312,
    "train/loss_best": 0.0011,
    "valid/accuracy_final": 0.972,
    "test/accuracy": 0.969,
}


def shown(tmp_path, outcome, terminal=False, links=(), **changes):
    paper = io.StringIO()
    console = Console(file=paper, force_terminal=terminal, width=80, highlight=False)
    sink = ConsoleSink(console, lambda: links)
    sink.open(card(tmp_path, **changes))
    sink.write([Record(10, TRAIN_LOSS, 0.5), Record(10, VALID_ACCURACY, 0.75)])
    sink.close(outcome, history())
    return paper.getvalue()


def test_the_table_has_final_and_best_values(tmp_path):
    text = shown(tmp_path, Outcome("finished", 200, 0.5, SUMMARY))
    assert "0.0312" in text
    assert "0.0011" in text
    assert "97.20 %" in text
    assert "96.90 %" in text
    assert "400" in text  # steps per second


def test_a_long_path_and_a_link_are_never_folded(tmp_path):
    folder, link = tmp_path / ("long" * 40), "http://127.0.0.1:5000/#/" + "x" * 120
    text = shown(folder, Outcome("finished", 200, 0.5), links=[("look at it", link)])
    assert str(folder) in text
    assert link in text


def test_a_terminal_shows_a_live_bar_with_loss_and_validation_accuracy(tmp_path):
    text = shown(tmp_path, Outcome("finished", 200, 0.5), terminal=True)
    assert "loss 0.5000  valid 75.00 %" in text
    assert "10/200" in text


def test_no_bar_where_there_is_no_terminal(tmp_path):
    assert "10/200" not in shown(tmp_path, Outcome("finished", 200, 0.5))


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome("diverged", 12, 0.1, diverged_at=12), "diverged at step 12"),
        (Outcome("failed", 3, 0.1, error="ValueError: [odd] markup"), "ValueError: [odd] markup"),
    ],
)
def test_every_ending_is_told(tmp_path, outcome, said):
    assert said in shown(tmp_path, outcome)


def test_an_interrupted_run_is_told_from_where_it_would_go_on(tmp_path):
    killed = Outcome("killed", 1234, 0.1)
    how = f"interrupted after 1,234 steps; `python -m nnreg resume {tmp_path}` goes on from "
    assert f"{how}the start: it had no checkpoint yet (see checkpoint_seconds)" in shown(tmp_path, killed)
    saved = Checkpoint(1000, 0.1, 1, {}, "", {}, {}, {}, {"theta": np.zeros(2)})
    save_checkpoint(tmp_path / FILE, saved)
    assert f"{how}step 1,000" in shown(tmp_path, killed)


def test_one_line_for_a_job_of_a_sweep(tmp_path):
    paper = io.StringIO()
    sink = SweepLineSink(Console(file=paper, width=40))
    sink.open(card(tmp_path, job=3, sweep_id="s"))
    sink.write([])
    sink.close(Outcome("finished", 200, 1.25, SUMMARY), history())
    assert paper.getvalue() == "#3    train loss 0.03120  valid  97.20 %    1.3 s  optimizer=adam init=he\n"
