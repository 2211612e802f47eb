import math

import pytest

from nnreg.engine.history import TRAIN_LOSS, VALID_LOSS, Record
from nnreg.records.card import Outcome
from nnreg.records.recorder import Recorder
from tests.records.cards import card

END = Outcome("finished", 3, 0.1)


class Notebook:
    """A sink that writes down what it was told."""

    def __init__(self, period, told=None):
        self.period, self.told, self.records = period, [] if told is None else told, []

    def open(self, card):
        self.told.append((self, "open"))

    def write(self, records):
        self.records.extend(records)
        self.told.append((self, "write"))

    def close(self, outcome, history):
        self.told.append((self, "close"))


def recorded(tmp_path, *sinks):
    recorder = Recorder(card(tmp_path), sinks)
    recorder.open()
    return recorder


def test_every_sink_sees_every_record_in_order_whatever_its_pace(tmp_path):
    hasty, lazy = Notebook(0.0), Notebook(1e6)
    recorder = recorded(tmp_path, hasty, lazy)
    sent = [Record(step, TRAIN_LOSS, 1.0 / (step + 1)) for step in range(50)]
    for record in sent:
        recorder.add(record)
    assert hasty.records == sent
    assert lazy.records == []
    recorder.close(END)
    assert lazy.records == hasty.records == list(recorder.history) == sent


def test_a_sink_without_a_pace_is_given_no_records_which_would_wait_for_it_as_long_as_the_run_lasts(tmp_path):
    hasty, quiet = Notebook(0.0), Notebook(math.inf)
    recorder = recorded(tmp_path, quiet, hasty)
    for step in range(50):
        recorder.add(Record(step, TRAIN_LOSS, 1.0))
    recorder.close(END)
    assert quiet.records == []
    assert len(hasty.records) == 50


def test_sinks_are_closed_in_the_order_they_were_given_after_the_last_write(tmp_path):
    told = []
    first, second = Notebook(math.inf, told), Notebook(math.inf, told)
    recorded(tmp_path, first, second).close(END)
    assert told == [(first, "open"), (second, "open"), (first, "write"), (second, "write"), (first, "close"), (second, "close")]


def test_a_sink_that_was_not_opened_is_not_closed(tmp_path):
    class Refusing(Notebook):
        def open(self, card):
            raise OSError("no")

    opened, refusing = Notebook(math.inf), Refusing(math.inf)
    recorder = Recorder(card(tmp_path), [opened, refusing])
    with pytest.raises(OSError, match="no"):
        recorder.open()
    recorder.close(END)
    assert [what for _, what in opened.told] == ["open", "write", "close"]
    assert refusing.told == []


@pytest.mark.parametrize("broken", ["write", "close"])
def test_every_sink_is_closed_where_one_cannot_be_and_its_error_is_raised_then(tmp_path, broken):
    class Full(Notebook):
        pass

    def refuse(self, *_):
        raise OSError(f"{broken}: no space left")

    setattr(Full, broken, refuse)
    full, other, last = Full(math.inf), Notebook(math.inf), Full(math.inf)
    recorder = recorded(tmp_path, full, other, last)
    with pytest.raises(OSError, match=f"^{broken}: no space left"):
        recorder.close(END)
    assert [what for _, what in other.told] == ["open", "write", "close"]
    if broken == "write":
        assert [what for _, what in full.told + last.told] == ["open", "close"] * 2


@pytest.mark.parametrize("metric", [TRAIN_LOSS, VALID_LOSS])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_marks_the_step_of_divergence(tmp_path, metric, value):
    recorder = recorded(tmp_path)
    recorder.add(Record(3, TRAIN_LOSS, 1.0))
    assert recorder.diverged_at is None
    recorder.add(Record(4, metric, value))
    recorder.add(Record(5, metric, value))
    assert recorder.diverged_at == 4
