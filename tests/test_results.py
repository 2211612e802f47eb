"""Finished runs, read from folders as a run leaves them."""

import pytest

from nnreg.recording.disk import DiskSink
from nnreg.records import TRAIN_LOSS, Outcome, summarise
from nnreg.results import read
from tests.cards import card, history


def left_behind(folder, seed=0, optimizer="adam", lr=0.001, *, ended=True):
    """Leave a run's folder as the disk sink does."""
    given = card(folder, seed=seed)
    config = {**given.config, "seed": seed, "optimizer": {"name": optimizer, "lr": lr}}
    made, sink = history(), DiskSink()
    sink.open(card(folder, seed=seed, config=config, choices={**given.choices, "optimizer": optimizer}))
    sink.write(list(made))
    if not ended:
        sink._file.close()
    else:
        sink.close(Outcome("finished", 200, 1.5, summarise(made)), made)
    return folder


@pytest.fixture
def runs(tmp_path):
    folders = [(2, "adam", 0.001), (0, "adam", 0.1), (1, "sgd", 0.1)]
    return read({left_behind(tmp_path / str(seed), seed, *rule): f"arm {rule[0]}" for seed, *rule in folders})


def test_a_run_is_read_whole(runs):
    first = runs[0]
    assert (first.seed, first.arm, first.summary["status"]) == (2, "arm adam", "finished")
    assert list(first.history) == list(history())
    assert first.history.series(TRAIN_LOSS)[1].size == 200


def test_a_run_that_has_not_ended_and_a_folder_without_one_are_left_out(tmp_path):
    folders = {left_behind(tmp_path / "going", ended=False): "", tmp_path / "nothing": "", left_behind(tmp_path / "done"): ""}
    assert [run.folder.name for run in read(folders)] == ["done"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("arm", "arm adam"),
        ("optimizer", "adam"),
        ("optimizer.lr", 0.001),
        ("hidden", [100, 100]),
        ("seed", 2),
    ],
)
def test_what_was_configured_is_known_by_its_key(runs, key, value):
    assert runs[0].value(key) == value


def test_an_unknown_key_is_a_key_error(runs):
    with pytest.raises(KeyError, match="lrr"):
        runs[0].value("optimizer.lrr")


@pytest.mark.parametrize(
    ("conditions", "seeds"),
    [
        ({}, [2, 0, 1]),
        ({"optimizer": "adam"}, [2, 0]),
        ({"optimizer__lr": 0.1}, [0, 1]),
        ({"optimizer.lr": 0.1 + 1e-17}, [0, 1]),
        ({"optimizer__lr": "0.1"}, [0, 1]),
        ({"optimizer": "adam", "seed": 0}, [0]),
        ({"arm": "arm sgd"}, [1]),
        ({"optimizer": "lion"}, []),
    ],
)
def test_runs_are_chosen_by_what_was_configured_and_keep_their_order(runs, conditions, seeds):
    assert [run.seed for run in runs.where(**conditions)] == seeds


def test_runs_are_grouped_in_order_of_appearance(runs):
    assert {rule: [run.seed for run in group] for rule, group in runs.by("optimizer").items()} == {"adam": [2, 0], "sgd": [1]}
    assert list(runs.by("optimizer.lr")) == [0.001, 0.1]
    assert list(runs.by("hidden")) == [(100, 100)]  # a list cannot be a key


def test_runs_are_a_sequence_ordered_by_seed_on_request(runs):
    assert len(runs) == 3
    assert [run.seed for run in runs.sorted_by_seed()] == [0, 1, 2]
    assert [run.seed for run in runs[1:].sorted_by_seed()] == [0, 1]
    assert runs.seeds == (0, 1, 2)
