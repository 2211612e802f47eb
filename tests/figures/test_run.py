import gc

import numpy as np
import pytest

from nnreg.engine.history import TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, History, Record
from nnreg.figures import loss_figure
from nnreg.records.statistics import smooth
from tests.records.cards import card, history


def texts(figure):
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts) + " ".join(
        t.get_text() for t in figure.texts
    )


def test_raw_and_smoothed_loss_stand_in_one_panel_and_accuracy_in_another(tmp_path):
    past = history()
    upper, lower = loss_figure(card(tmp_path), past).axes
    raw, smoothed, valid, _ = (line.get_ydata() for line in upper.lines)
    np.testing.assert_array_equal(raw, past.series(TRAIN_LOSS)[1])
    np.testing.assert_array_equal(smoothed, smooth(past.series(TRAIN_LOSS)[1], log=True))
    np.testing.assert_array_equal(valid, past.series(VALID_LOSS)[1])
    np.testing.assert_array_equal(lower.lines[0].get_ydata(), 100 * past.series(VALID_ACCURACY)[1])


def test_the_figure_says_what_was_run_what_is_smoothed_and_when_it_was_recorded(tmp_path):
    said = texts(loss_figure(card(tmp_path), history()))
    for words in ("adam-he on digits", "seed 0", "smoothed over 11", "each step's batch, before its update"):
        assert words in said


def test_axes_are_labelled_with_what_they_show_and_its_unit(tmp_path):
    upper, lower = loss_figure(card(tmp_path), history()).axes
    assert upper.get_ylabel() == "loss (softmax_cross_entropy)"
    assert lower.get_xlabel() == "step (updates made)"
    assert "(%)" in lower.get_ylabel()


def test_the_training_curve_has_the_colour_of_its_technique(tmp_path):
    assert loss_figure(card(tmp_path, colour="#123456"), history()).axes[0].lines[1].get_color() == "#123456"


@pytest.mark.parametrize("losses", [[2.3], [2.3, float("nan")], [float("inf")], [0.0, 0.0], [1e-30] * 3])
def test_short_diverged_and_perfect_runs_can_be_drawn_too(tmp_path, losses):
    past = History()
    for step, loss in enumerate(losses):
        past.add(Record(step, TRAIN_LOSS, loss))
    loss_figure(card(tmp_path), past).savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("last", "digits"), [(0.001, {2, 5}), (0.5, set(range(2, 10)))])
def test_between_powers_of_ten_there_are_fewer_marks_where_there_are_many_powers(tmp_path, last, digits):
    past = History()
    for step, loss in enumerate(np.geomspace(2.0, last, 50)):
        past.add(Record(step, TRAIN_LOSS, float(loss)))
    (axes,) = loss_figure(card(tmp_path), past).axes
    marks = axes.yaxis.get_minorticklocs()
    assert {round(mark / 10 ** np.floor(np.log10(mark) + 1e-9)) for mark in marks} <= digits
    low, high = axes.get_ylim()
    assert sum(low <= mark <= high for mark in marks) >= 2


@pytest.mark.parametrize("last", [0.0, 0.5])
def test_names_stand_at_the_ends_of_their_curves_on_any_axis(tmp_path, last):
    past = History()
    for step in range(100):
        past.add(Record(step, TRAIN_LOSS, 4.0 - 0.02 * step if last else -1.0))  # below 0 the axis is linear
        if step % 20 == 19:
            past.add(Record(step, VALID_LOSS, 3.0))
    (axes,) = loss_figure(card(tmp_path), past).axes
    name = next(text for text in axes.texts if text.get_text() == "validation")
    end = (axes.transData + axes.transAxes.inverted()).transform((0, 3.0))[1]
    assert name.get_position()[1] == pytest.approx(min(max(end, 0.04), 0.96), abs=0.09)


def test_losses_that_reach_zero_leave_the_axis_logarithmic(tmp_path):
    past = History()
    for step, loss in enumerate([*np.geomspace(2.0, 1e-6, 80), *np.zeros(40)]):
        past.add(Record(step, TRAIN_LOSS, float(loss)))
    figure = loss_figure(card(tmp_path), past)
    assert figure.axes[0].get_yscale() == "log"
    figure.savefig(tmp_path / "figure.png")


def test_of_a_very_long_run_the_curves_keep_every_extreme_and_both_ends_in_few_points(tmp_path):
    losses = np.exp(np.random.default_rng(0).standard_normal(250_000))
    losses[[123_456, 200_001]] = 1e-4, 1e4
    past = History()
    for step, loss in enumerate(losses.tolist()):
        past.add(Record(step, TRAIN_LOSS, loss))
    (axes,) = loss_figure(card(tmp_path), past).axes
    for line, whole in zip(axes.lines, (losses, smooth(losses, log=True)), strict=True):
        steps, drawn = (np.asarray(part) for part in (line.get_xdata(), line.get_ydata()))
        assert len(drawn) <= 12_000
        np.testing.assert_array_equal(drawn, whole[steps])
        assert (np.diff(steps) > 0).all()
        assert (steps[0], steps[-1]) == (0, len(losses) - 1)
        for near in np.array_split(np.arange(len(losses)), 600):  # nearly as many as the axes have pixels
            seen = drawn[(steps >= near[0] - 100) & (steps <= near[-1] + 100)]
            assert seen.min() <= whole[near].min()
            assert seen.max() >= whole[near].max()


def test_garbage_that_is_there_when_a_figure_is_drawn_is_still_collected_later(tmp_path):
    loss_figure(card(tmp_path), history())  # imports what it needs
    before = gc.get_freeze_count()
    loss_figure(card(tmp_path), history())
    assert gc.get_freeze_count() == before
