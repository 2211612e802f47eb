"""Finished runs, read from folders as a run leaves them."""

import pytest

from nnreg import run as scripted
from nnreg.engine.history import TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, History
from nnreg.errors import UserError
from nnreg.figures import Run
from nnreg.records.card import Outcome, summarise
from nnreg.records.folder import DiskSink
from nnreg.records.results import read_results
from tests.records.cards import card, history


def left_behind(folder, seed=0, optimizer="adam", lr=0.001, *, ended=True):
    """Leave a run's folder as the disk sink does."""
    given = card(folder, seed=seed)
    config = {**given.config, "seed": seed, "optimizer": {"name": optimizer, "lr": lr}}
    made, sink = history(), DiskSink()
    words = (f"optimizer={optimizer}", f"optimizer.lr={lr}", "hidden=[100,100]")
    choices = {**given.choices, "optimizer": optimizer}
    sink.open(card(folder, seed=seed, config=config, choices=choices, overrides=words))
    sink.write(list(made))
    if not ended:
        sink._file.close()
    else:
        sink.close(Outcome("finished", 200, 1.5, summarise(made)), made)
    return folder


@pytest.fixture
def runs(tmp_path):
    folders = [(2, "adam", 0.001), (0, "adam", 0.1), (1, "sgd", 0.1)]
    return read_results({left_behind(tmp_path / str(seed), seed, *rule): f"arm {rule[0]}" for seed, *rule in folders})


def test_a_run_is_read_whole(runs):
    first = runs[0]
    assert (first.seed, first.arm, first.summary["status"]) == (2, "arm adam", "finished")
    assert list(first.history) == list(history())
    assert first.history.series(TRAIN_LOSS)[1].size == 200


def test_a_run_that_has_not_ended_and_a_folder_without_one_are_left_out(tmp_path):
    folders = {left_behind(tmp_path / "going", ended=False): "", tmp_path / "nothing": "", left_behind(tmp_path / "done"): ""}
    assert [run.folder.name for run in read_results(folders)] == ["done"]


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


def test_a_run_and_several_say_in_a_line_what_they_are(runs):
    accuracy = f"{summarise(history())['valid/accuracy_final']:.4g}"
    assert repr(runs[0]).startswith("<adam-he, seed 2: finished, final/train_loss 0.01144")
    assert repr(runs[0]).endswith(f", valid/accuracy_final {accuracy}; 2>")
    assert (repr(runs), repr(runs[:1])) == ("<3 runs>", "<1 run>")


def test_the_table_of_a_run_has_every_record_as_a_row(runs):
    table = runs[0].table()
    assert list(table.columns) == ["step", "metric", "value"]
    assert list(table.itertuples(index=False, name=None)) == [tuple(record) for record in history()]


def test_the_curves_of_a_run_have_a_column_a_metric_and_a_row_a_step(runs):
    curves = runs[0].curves()
    assert list(curves.columns) == ["start/train_loss", TRAIN_LOSS, VALID_LOSS, VALID_ACCURACY, "final/train_loss"]
    assert curves.index.name == "step"
    assert curves.index.is_monotonic_increasing
    for metric in curves.columns:
        steps, values = runs[0].history.series(metric)
        assert curves[metric].dropna().index.tolist() == steps.tolist()
        assert curves[metric].dropna().tolist() == values.tolist()


def test_the_table_of_several_runs_has_a_row_a_run_with_what_was_typed_for_it(runs):
    table = runs.table()
    assert table["seed"].tolist() == [2, 0, 1]
    assert table["optimizer"].tolist() == ["adam", "adam", "sgd"]
    assert table["arm"].tolist() == ["arm adam", "arm adam", "arm sgd"]
    assert table["status"].tolist() == ["finished"] * 3
    assert table["train/loss_mean_last_100"].tolist() == [summarise(history())["train/loss_mean_last_100"]] * 3
    assert "diverged_at_step" not in table.columns  # as none did


def test_the_curves_of_several_runs_are_rows_that_say_whose_they_are(runs):
    curves = runs.curves(VALID_LOSS)
    assert len(curves) == 3 * 20
    steps, values = history().series(VALID_LOSS)
    for seed, optimizer in ((2, "adam"), (0, "adam"), (1, "sgd")):
        own = curves[curves["seed"] == seed]
        assert set(own["optimizer"]) == {optimizer}
        assert set(own["hidden"]) == {(100, 100)}
        assert (own["step"].tolist(), own["value"].tolist()) == (steps.tolist(), values.tolist())


def test_what_was_typed_is_told_as_configured_and_what_means_nothing_to_the_run_is_left_out(tmp_path):
    words = ("optimizer=adam", "optimizer.lr=1e-3", "hidden=[100,100]", "+init.std=1", "~activation.x", "member=3")
    sink = DiskSink()
    sink.open(card(tmp_path, overrides=words))
    sink.close(Outcome("finished", 0, 0.0), history())
    (run,) = read_results({tmp_path: ""})
    assert run.typed == {"optimizer": "adam", "optimizer.lr": 0.001, "hidden": (100, 100)}


def test_the_figure_of_a_run_shows_its_loss_and_is_shown_by_a_notebook(runs):
    figure = Run.of(runs[0]).figure()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss (softmax_cross_entropy)", "validation\naccuracy (%)"]
    raw = figure.axes[0].lines[0]
    assert raw.get_ydata().tolist() == history().series(TRAIN_LOSS)[1].tolist()
    assert figure._repr_png_().startswith(b"\x89PNG\r\n")


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "title"),
    [
        ({"task": "descend", "surface": "rosenbrock", "steps": 5, "animate": "off"}, "sgd-rosenbrock"),
        ({"task": "activations", "activation": "tanh", "hidden": [8]}, "tanh-he"),
    ],
    ids=["a descent", "untrained layers"],
)
def test_the_figure_of_a_run_that_trains_nothing_is_that_of_its_task(project, words, title):
    figure = scripted(**words, tracking="off", quiet=True).figure()
    assert figure.texts[0].get_text() == title
    assert figure.axes


def test_a_run_without_a_loss_has_nothing_to_draw(tmp_path):
    sink = DiskSink()
    sink.open(card(tmp_path))
    sink.close(Outcome("failed", 0, 0.0, error="no data"), History())
    (run,) = read_results({tmp_path: ""})
    with pytest.raises(UserError, match=r"has no training loss to draw: it failed$"):
        Run.of(run).figure()
