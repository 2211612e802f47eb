"""Grids of panels: one scale for all, several metrics told apart, the best of many trials."""

from __future__ import annotations

import numpy as np
import pytest

from nnreg.errors import UserError
from nnreg.figures import FIGURES
from nnreg.registry import palette
from tests.figures.runs import overlaps, run, runs, texts


def grid(results, **spec):
    return FIGURES["panels"](results, spec, "Who overfits?")


def arms(count=3, seeds=2):
    return [
        run({"train/accuracy": [0.1, 0.6, 0.99], "test/accuracy": [0.1, 0.5, 0.7 - 0.01 * seed]}, arm=f"arm {arm}", seed=seed)
        for arm in range(count)
        for seed in range(seeds)
    ]


def test_each_arm_has_a_panel_and_all_have_one_scale():
    figure = grid(runs(*arms()), metrics=["train/accuracy", "test/accuracy"])
    assert [axes.get_title("left") for axes in figure.axes] == ["arm 0", "arm 1", "arm 2"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    means = [line.get_ydata() for line in figure.axes[0].lines if line.get_linewidth() > 1]
    np.testing.assert_allclose(means[1], [0.1, 0.5, 0.695])


def test_splits_have_their_colour_in_every_panel_and_are_named_once():
    figure = grid(runs(*arms()), metrics=["train/accuracy", "test/accuracy"])
    assert len({tuple(line.get_color() for line in axes.lines[:2]) for axes in figure.axes}) == 1
    assert texts(figure).count("training accuracy (%)") == 1
    assert texts(figure).count("test accuracy (%)") == 1
    assert not overlaps(figure.texts)


def test_the_last_values_stand_beside_the_curves_and_never_overlap():
    figure = grid(runs(*arms()), metrics=["train/accuracy", "test/accuracy"])
    assert {text.get_text() for text in figure.axes[0].texts} == {"99.0", "69.5"}
    assert not any(overlaps(axes.texts) for axes in figure.axes)
    assert not grid(runs(*arms()), metrics=["test/accuracy"], ends=False).axes[0].texts


def test_a_panel_may_compare_the_values_of_a_setting():
    made = [
        run({"valid/accuracy": [0.2, 0.8]}, norm=norm, config={"init": {"name": "normal", "std": std}})
        for std in (0.3, 0.01)
        for norm in ("none", "batch_norm")
    ]
    figure = grid(runs(*made), metrics=["valid/accuracy"], per="init.std", by="norm")
    assert [axes.get_title("left") for axes in figure.axes] == ["std 0.01", "std 0.3"]
    colours = [line.get_color() for line in figure.axes[0].lines[:2]]
    assert colours == [palette.UNKNOWN, palette.colour("norm", "batch_norm")]
    assert "no norm" in texts(figure)


def test_of_several_metrics_the_training_loss_alone_is_smoothed():
    jagged = [2.0, 0.0] * 10
    figure = grid(runs(run({"train/loss": jagged, "valid/loss": jagged})), metrics=["train/loss", "valid/loss"], smooth=5)
    _, smoothed, valid = figure.axes[0].lines[:3]
    np.testing.assert_allclose(valid.get_ydata(), jagged)
    assert np.ptp(smoothed.get_ydata()[5:15]) < 1


def test_the_best_trials_come_best_first_under_what_was_searched():
    made = [
        run({"train/accuracy": [0.5, 0.9], "valid/accuracy": [0.1, score]}, config={"optimizer": {"name": "sgd", "lr": lr}})
        for score, lr in ((0.3, 1e-5), (0.8, 9.7e-3), (0.6, 2e-3))
    ]
    figure = grid(runs(*made), metrics=["train/accuracy", "valid/accuracy"], top=2, searched=["optimizer.lr"])
    assert [axes.get_title("left") for axes in figure.axes] == ["1. lr 0.0097", "2. lr 0.002"]
    said = texts(figure).replace("\n", " ")
    assert "The 2 of 3 runs with the highest last validation accuracy" in said
    assert "interval" not in said


def test_a_diverged_run_comes_after_all_others_whatever_it_recorded_last():
    fates = ((0.3, "finished"), (0.9, "diverged"), (0.6, "finished"))
    made = [run({"valid/accuracy": [0.1, score]}, seed=seed, status=status) for seed, (score, status) in enumerate(fates)]
    figure = grid(runs(*made), metrics=["valid/accuracy"], top=3, searched=["seed"])
    assert [axes.get_title("left") for axes in figure.axes] == ["1. seed 2", "2. seed 0", "3. seed 1"]


@pytest.mark.parametrize(("metric", "order"), [("valid/loss", [2, 5]), ("value", [2, 5]), ("valid/r2", [9, 5])])
def test_the_best_by_a_loss_or_the_value_of_a_descent_have_the_lowest(metric, order):
    made = [run({metric: [3.0, last]}, arm=str(last), seed=int(last * 10)) for last in (0.5, 0.2, 0.9)]
    figure = grid(runs(*made), metrics=[metric], top=2, searched=["seed"])
    assert [axes.get_title("left") for axes in figure.axes] == [f"{place}. seed {seed}" for place, seed in enumerate(order, 1)]
    assert f"with the {'lowest' if order[0] == 2 else 'highest'} last" in texts(figure).replace("\n", " ")


def test_twenty_panels_of_long_headings_keep_clear_of_each_other():
    made = [
        run({"valid/accuracy": [0.1, 0.5]}, seed=seed, config={"optimizer": {"name": "sgd", "lr": 1.23e-5}}, norm="batch_norm")
        for seed in range(20)
    ]
    searched = ["optimizer.lr", "norm", "init", "optimizer", "seed"]
    figure = grid(runs(*made), metrics=["valid/accuracy"], top=20, searched=searched, columns=5)
    figure.canvas.draw()
    assert not overlaps([axes._left_title for axes in figure.axes])
    for upper, lower in zip(figure.axes[:15], figure.axes[5:], strict=True):
        assert lower._left_title.get_window_extent().y1 < upper.get_window_extent().y0


def test_a_diverged_run_has_its_cross_in_its_panel():
    lost = run({"train/loss": [2.0, 1e20, float("inf")]}, arm="wild", status="diverged")
    figure = grid(runs(run({"train/loss": [2.0, 1.0]}, arm="calm"), lost), metrics=["train/loss"])
    calm, wild = figure.axes
    assert not [line for line in calm.lines if line.get_marker() == "x"]
    (cross,) = (line for line in wild.lines if line.get_marker() == "x")
    assert cross.get_ydata()[0] <= wild.get_ylim()[1]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"metrics": ["train/loss", "valid/accuracy"]}, "accuracy and loss have different units: draw a figure for each"),
        ({"metrics": ["train/accuracy", "test/accuracy"], "by": "norm"}, "only one where `by` makes several"),
        ({"metrics": []}, "panels need one metric or several"),
        ({"metrics": "train/loss"}, "metrics: "),
        ({"metrics": ["train/accuracy"], "top": 1, "searched": ["optimizer.rl"]}, "no setting 'optimizer.rl'"),
        ({"metrics": ["train/accuracy"], "colums": 1}, "did you mean 'columns'?"),
    ],
)
def test_a_mistake_is_told_in_one_line(spec, complaint):
    with pytest.raises(UserError) as caught:
        grid(runs(*arms()), **spec)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_gap_between_training_and_validation_is_shaded():
    made = [run({"train/accuracy": [0.1, 0.8, 0.99], "valid/accuracy": [0.1, 0.6, 0.7]}, seed=0)]
    gap = grid(runs(*made), metrics=["train/accuracy", "valid/accuracy"]).axes[0].collections[0]
    corners = {tuple(np.round(corner, 6)) for corner in gap.get_paths()[0].vertices}
    assert {(1.0, 0.8), (1.0, 0.6), (2.0, 0.99), (2.0, 0.7)} <= corners
    assert not grid(runs(*made), metrics=["train/accuracy"]).axes[0].collections
