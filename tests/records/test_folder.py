import gzip
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from nnreg.engine.history import TRAIN_LOSS, History, Record
from nnreg.figures import draw_pictures
from nnreg.records.card import Outcome
from nnreg.records.checkpoint import FILE
from nnreg.records.folder import TRACKED, DiskSink, read_history, read_summary
from tests.records.cards import card, history


def closed(folder, outcome, past=None, **changes):
    sink, past = DiskSink(draw_pictures), past or history()
    sink.open(card(folder, **changes))
    sink.write(list(past))
    sink.close(outcome, past)
    return past


def test_the_folder_of_an_ended_run_holds_everything(tmp_path):
    past = closed(tmp_path / "run", Outcome("finished", 200, 1.5, {"test/accuracy": 0.97}))
    folder = tmp_path / "run"
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "history.csv.gz", "summary.json", "loss.png"}
    assert list(read_history(folder)) == list(past)
    assert read_summary(folder)["metrics"] == {"test/accuracy": 0.97}
    assert OmegaConf.load(folder / "config.yaml").optimizer.lr == 0.001


def test_a_run_that_has_not_ended_has_a_history_but_no_summary(tmp_path):
    sink = DiskSink()
    sink.open(card(tmp_path))
    sink.write([Record(0, TRAIN_LOSS, 2.5)])
    assert read_summary(tmp_path) is None
    assert list(read_history(tmp_path)) == [Record(0, TRAIN_LOSS, 2.5)]
    sink.close(Outcome("killed", 1, 0.0), history(1))


@given(values=st.lists(st.floats(), min_size=1, max_size=20))
def test_the_history_file_loses_no_bit(tmp_path_factory, values):
    folder, past = tmp_path_factory.mktemp("run"), History()
    sink = DiskSink()
    sink.open(card(folder))
    sink.write([Record(step, TRAIN_LOSS, value) for step, value in enumerate(values)])
    sink.close(Outcome("diverged", len(values), 0.0), past)
    read = read_history(folder).series(TRAIN_LOSS)[1]
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(read, values, strict=True))


def test_a_history_is_packed_piece_by_piece_into_what_gzip_makes_of_the_whole(tmp_path):
    long = History()
    for step, value in enumerate(np.random.default_rng(0).standard_normal(60_000).tolist()):  # more than a block of a mebibyte
        long.add(Record(step, TRAIN_LOSS, value))
    sink = DiskSink()
    sink.open(card(tmp_path))
    sink.write(list(long))
    plain = (tmp_path / "history.csv").read_bytes()
    sink.close(Outcome("finished", long.size, 0.0), long)
    assert len(plain) > 1 << 20
    assert (tmp_path / "history.csv.gz").read_bytes() == gzip.compress(plain, mtime=0)


def test_a_run_without_records_has_no_figure(tmp_path):
    closed(tmp_path, Outcome("failed", 0, 0.0, error="no"), History(), dataset=None, parameters=None)
    assert not (tmp_path / "loss.png").exists()
    assert read_summary(tmp_path)["dataset"] is None


@pytest.mark.parametrize("status", ["finished", "diverged", "failed", "killed"])
def test_the_summary_is_strict_json_in_every_ending(tmp_path, status):
    closed(tmp_path, Outcome(status, 7, 0.5, {"train/loss_mean_last_100": 0.25}, 7 if status == "diverged" else None))
    assert json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)["status"] == status


@pytest.mark.parametrize(("resumed_at", "left"), [(None, set()), (0, {TRACKED}), (1, {TRACKED, FILE})])
def test_a_run_that_begins_again_leaves_no_checkpoint_of_before_and_stays_the_same_run_of_the_store(tmp_path, resumed_at, left):
    closed(tmp_path, Outcome("failed", 1, 0.1))
    for name in (FILE, TRACKED):
        (tmp_path / name).touch()
    closed(tmp_path, Outcome("finished", 200, 1.5), resumed_at=resumed_at)
    assert {path.name for path in tmp_path.iterdir()} & {FILE, TRACKED} == left


def test_a_run_whose_picture_cannot_be_drawn_has_ended_all_the_same(tmp_path):
    def draw(card, history):
        raise ImportError("half of a module, as the first import was interrupted")

    made = card(tmp_path)
    sink = DiskSink(draw)
    sink.open(made)
    with pytest.raises(ImportError):
        sink.close(Outcome("killed", 3, 0.1), History())
    assert read_summary(tmp_path)["status"] == "killed"
