"""Tables of colours: the mean over seeds in each cell, the best framed, holes and divergence said."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from nnreg.errors import UserError
from nnreg.figures import FIGURES
from nnreg.figures.heatmap import CALM
from tests.figures.runs import run, runs, texts

METRIC = "test/accuracy"


def table(results, metric=METRIC, **spec):
    return FIGURES["heatmap"](results, {"metric": metric, "rows": "optimizer", "columns": "init", **spec}, "Which pair?")


def grid():
    scores = {("sgd", "he"): 0.8, ("sgd", "lecun"): 0.6, ("adam", "he"): 0.9, ("adam", "lecun"): 0.7}
    return [
        run({METRIC: [score + seed / 10]}, optimizer=optimizer, init=init, seed=seed)
        for (optimizer, init), score in scores.items()
        for seed in (-1, 0, 1)
    ]


def cells(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def frame(figure):
    (patch,) = (patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle))
    return tuple(round(place) for place in patch.get_center())


def test_cells_hold_the_mean_over_seeds_and_the_best_is_framed():
    figure = table(runs(*grid()))
    assert cells(figure) == ["80.0 %", "60.0 %", "90.0 %", "70.0 %"]
    assert frame(figure) == (0, 1)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["sgd", "adam"]
    assert "3 seeds" in texts(figure)


def test_what_is_measured_before_training_is_there_whatever_became_of_the_run():
    """A gradient check of two steps need not lower the loss."""
    made = [
        run({"gradient_worst/W1": [1e-9]}, optimizer=rule, status=status)
        for rule, status in (("sgd", "finished"), ("adam", "failed_to_train"))
    ]
    figure = table(runs(*made), metric="gradient_worst/W1")
    assert cells(figure) == ["1.00e-9", "1.00e-9"]
    assert "failed to train" not in texts(figure)
    others = [run({METRIC: [0.5]}, optimizer="sgd"), run({METRIC: [0.1]}, optimizer="adam", status="failed_to_train")]
    assert "1 of 1 failed to train" in cells(table(runs(*others)))[1]


def test_of_losses_the_lowest_is_best_and_the_last_hundred_steps_count():
    made = [
        run({"train/loss": [9.0] * 50 + [1.0] * 50 + [2.0] * 50}),
        run({"train/loss": [9.0] * 50 + [4.0] * 100}, optimizer="adam"),
    ]
    figure = table(runs(*made), metric="train/loss")
    assert cells(figure) == ["1.50", "4.00"]
    assert frame(figure) == (0, 0)
    assert "mean of the last 100 steps" in texts(figure).replace("\n", " ")


@pytest.mark.parametrize(
    ("metric", "spec", "best"),
    [
        ("value", {}, 0),
        ("gradient_worst/W1", {}, 0),
        ("test/r2", {}, 1),
        ("value", {"lowest": False}, 1),
        (METRIC, {"lowest": True}, 0),
    ],
)
def test_the_best_is_the_highest_of_what_more_is_better_of_unless_a_study_says_otherwise(metric, spec, best):
    made = [run({metric: [score]}, optimizer=name) for score, name in ((0.2, "sgd"), (0.9, "adam"))]
    assert frame(table(runs(*made), metric=metric, **spec)) == (0, best)


def test_a_pair_that_was_not_run_is_a_dash_and_divergence_is_counted_in_its_cell():
    lost = run({METRIC: [0.1]}, optimizer="lion", init="he", status="diverged")
    half = [run({METRIC: [0.5]}, optimizer="lion", init="lecun"), run({}, optimizer="lion", init="lecun", status="diverged")]
    figure = table(runs(*grid(), lost, *half))
    assert cells(figure)[4:] == ["–\n1 of 1 diverged", "50.0 %\n1 of 2 diverged"]
    assert cells(table(runs(*grid()[:3], *grid()[9:])))[1:3] == ["–", "–"]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("scores", [[0.5], [0.5, 0.5], [0.0, 1.0]])
def test_poor_tables_can_be_drawn_too(scores, log, tmp_path):
    made = [run({METRIC: [score]}, optimizer=name) for score, name in zip(scores, ("sgd", "adam"), strict=False)]
    table(runs(*made), log=log).savefig(tmp_path / "figure.png")


def test_all_diverged_can_be_drawn_too(tmp_path):
    table(runs(run({METRIC: [0.1]}, status="diverged"))).savefig(tmp_path / "figure.png")


def test_an_unknown_metric_is_told_in_one_line():
    with pytest.raises(UserError, match="no run recorded 'test/acuracy'; did you mean 'test/accuracy'"):
        table(runs(*grid()), metric="test/acuracy")


def test_differences_that_are_as_good_as_none_are_calm_and_none_of_them_is_framed():
    made = [run({"gradient_worst/W1": [value]}, arm=arm, seed=seed) for arm, seed, value in (
        ("a", 0, 2e-9), ("a", 1, 3e-12), ("b", 0, 4e-7), ("b", 1, 0.3),
    )]  # fmt: skip
    spec = {"metric": "gradient_worst/W1", "rows": "arm", "columns": "seed", "lowest": True, "enough": 1e-6}
    figure = FIGURES["heatmap"](runs(*made), spec, "Is it right?")
    (axes,) = figure.axes
    colours = [[to_hex(cell) for cell in row] for row in np.asarray(axes.images[0].get_array())]
    assert colours == [[CALM, CALM], [CALM, to_hex(colormaps["cividis_r"](1.0))]]
    assert not axes.patches
    said = " ".join(" ".join(text.get_text() for text in figure.texts).split())
    assert "pale: 1.00e-6 or better" in said
    assert "framed" not in said
