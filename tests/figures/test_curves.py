"""Overlays: means over seeds and their intervals, runs that diverged, and what a study may ask for."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import rgb_to_hsv, to_hex, to_rgb
from scipy import stats

from nnreg.errors import UserError
from nnreg.figures import FIGURES, draw
from nnreg.records.statistics import smooth
from nnreg.registry import palette
from tests.figures.runs import overlaps, run, runs, texts

LOSS = "train/loss"


def overlay(results, **spec):
    return FIGURES["curves"](results, {"metric": LOSS, **spec}, "Which is fastest?")


def seeds(count=3, steps=50, **facts):
    rng = np.random.default_rng(0)
    return [run({LOSS: 2 / (1 + np.arange(steps)) + rng.random(steps)}, seed=seed, **facts) for seed in range(count)]


def values(made):
    return np.array([each.history.series(LOSS)[1] for each in made])


def test_a_curve_is_the_mean_over_seeds_and_its_band_the_students_interval():
    made = seeds(5)
    axes = overlay(runs(*made), smooth=1).axes[0]
    table = values(made)
    np.testing.assert_allclose(axes.lines[0].get_ydata(), table.mean(axis=0))
    low, high = stats.t.interval(0.95, len(table) - 1, table.mean(axis=0), stats.sem(table))
    edges = axes.collections[0].get_paths()[0].vertices
    for bound in (low, high):
        assert all(np.abs(edges - (step, value)).sum(axis=1).min() < 1e-9 for step, value in enumerate(bound))


def test_a_smoothed_curve_has_the_unsmoothed_mean_behind_it_and_says_so():
    made = seeds()
    figure = overlay(runs(*made))
    raw, smoothed = figure.axes[0].lines[:2]
    np.testing.assert_allclose(raw.get_ydata(), values(made).mean(axis=0))
    np.testing.assert_allclose(smoothed.get_ydata(), np.mean([smooth(row, log=True) for row in values(made)], axis=0))
    assert "Smoothed over 11 steps, a loss by its logarithm" in texts(figure).replace("\n", " ")


def test_the_first_point_of_a_smoothed_curve_is_the_first_point():
    steep = [
        run({LOSS: 2.9394 * np.exp(-np.arange(100) / scale)}, seed=seed) for seed, scale in enumerate((1.5, 4.0, 20.0, 90.0))
    ]
    figure = overlay(runs(*steep), by="seed", log=True)
    starts = [line.get_ydata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 100]
    np.testing.assert_allclose(starts, 2.9394)


def test_on_a_logarithmic_axis_mean_and_interval_are_those_of_the_logarithm():
    rng = np.random.default_rng(1)
    made = [run({LOSS: np.exp(rng.normal(-3, 2, 40))}, seed=seed) for seed in range(5)]
    axes = overlay(runs(*made), smooth=1, log=True).axes[0]
    logs = np.log(values(made))
    np.testing.assert_allclose(axes.lines[0].get_ydata(), stats.gmean(values(made), axis=0))
    edges = np.log(axes.collections[0].get_paths()[0].vertices[:, 1])
    for bound in stats.t.interval(0.95, 4, logs.mean(axis=0), stats.sem(logs)):
        assert all(np.abs(edges - value).min() < 1e-9 for value in bound)
    assert axes.collections[0].get_paths()[0].vertices[:, 1].min() > 0


@pytest.mark.parametrize("count", [2, 3])
def test_few_seeds_are_drawn_themselves_instead_of_an_interval(count):
    made = seeds(count)
    axes = overlay(runs(*made), smooth=1).axes[0]
    assert not axes.collections
    drawn = [line.get_ydata() for line in axes.lines]
    for row in values(made):
        assert any(np.allclose(row, each) for each in drawn)


def test_more_than_five_curves_have_their_bands_on_demand():
    made = [each for name in ("sgd", "adam", "lion", "nadam", "radam", "adamax") for each in seeds(4, optimizer=name)]
    assert not overlay(runs(*made), by="optimizer").axes[0].collections
    assert len(overlay(runs(*made), by="optimizer", bands=True).axes[0].collections) == 6
    assert len(overlay(runs(*made[:20]), by="optimizer").axes[0].collections) == 5


@pytest.mark.parametrize(("log", "mean"), [(False, np.mean), (True, stats.gmean)])
def test_the_final_loss_is_a_dot_at_the_end_of_its_curve(log, mean):
    made = seeds(4)
    finals = [0.5, 0.25, 1.0, 0.125]
    for each, final in zip(made, finals, strict=True):
        each.summary["metrics"]["final/train_loss"] = final
    axes = overlay(runs(*made), log=log).axes[0]
    (dot,) = (line for line in axes.lines if len(line.get_xdata()) == 1)
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (50, pytest.approx(mean(finals)))


def test_only_the_noisy_training_loss_is_smoothed_unasked():
    figure = FIGURES["curves"](runs(run({"valid/accuracy": [0.1, 0.5, 0.9]})), {"metric": "valid/accuracy"}, "?")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.1, 0.5, 0.9])
    assert "smoothed" not in texts(figure).lower()


def test_the_figure_says_question_seeds_units_and_what_is_recorded_when():
    said = texts(overlay(runs(*seeds(4)), subtitle="of four", note="tuned by hand")).replace("\n", " ")
    for words in (
        "Which is fastest?", "of four", "4 seeds", "95 % interval", "training loss (cross-entropy, nats)",
        "step (updates made)", "before its update", "Tuned by hand.",
    ):  # fmt: skip
        assert words in said


def test_a_run_that_diverged_is_in_no_mean_ends_at_its_cross_and_is_counted():
    lost = run({LOSS: [2.0, 9.0, 1e30, float("inf")]}, seed=3, status="diverged")
    made = seeds()
    figure = overlay(runs(*made, lost), smooth=1)
    axes = figure.axes[0]
    mean = next(line for line in axes.lines if len(line.get_xdata()) == 50)
    np.testing.assert_allclose(mean.get_ydata(), values(made).mean(axis=0))
    (cross,) = (line for line in axes.lines if line.get_marker() == "x")
    assert cross.get_xdata() == [2]
    assert cross.get_ydata()[0] <= axes.get_ylim()[1] < 10
    said = texts(figure).replace("\n", " ")
    assert "1 of 4 diverged: each ends at its cross and is in no mean" in said
    assert "(1 of 4 diverged)" in said


def test_runs_that_failed_are_left_out_and_counted():
    figure = overlay(runs(*seeds(2), run({}, status="failed"), run({LOSS: [1.0]}, status="killed")))
    assert "2 of 4 runs did not finish" in texts(figure).replace("\n", " ")


def test_curves_end_where_the_first_of_their_runs_stopped():
    figure = overlay(runs(run({LOSS: [3.0, 2.0, 1.0]}), run({LOSS: [5.0, 4.0]}, seed=1)), smooth=1)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [4.0, 3.0])


def test_a_curve_that_ends_early_is_named_where_it_ends_and_dots_never_touch():
    long = run({"valid/loss": 1 / np.arange(1, 101)}, arm="to the end", every=5)
    short = run({"valid/loss": 1 / np.arange(1, 21)}, arm="early stopping", every=5)
    short.summary["early_stop"] = {"stopped_at": 100}
    figure = FIGURES["curves"](runs(long, short), {"metric": "valid/loss"}, "?")
    axes = figure.axes[0]
    (name,) = (text for text in axes.texts if text.get_text() == "early stopping")
    assert name.xy == pytest.approx((95, 0.05))
    several = [line for line in axes.lines if len(line.get_xdata()) > 1]
    assert all(line.get_markevery() is not None for line in several)
    assert len({line.get_marker() for line in several if line.get_markevery() is not None}) == 2, "each has its own shape"
    assert "a curve ends with the first of them" in texts(figure).replace("\n", " ")


@pytest.mark.parametrize("by", ["optimizer", "arm"])
def test_a_technique_has_its_colour_whatever_the_groups_are_called(by):
    names = ("adam", "sgd", "lion")
    figure = overlay(runs(*(run({LOSS: [1.0, 0.5]}, optimizer=name, arm=f"my {name}") for name in names)), by=by, smooth=1)
    assert [line.get_color() for line in figure.axes[0].lines[:3]] == [palette.colour("optimizer", name) for name in names]


def test_arms_that_differ_in_another_kind_have_the_colours_of_that_kind():
    figure = overlay(runs(*(run({LOSS: [1.0, 0.5]}, init=name, arm=name) for name in ("he", "lecun"))), smooth=1)
    assert [line.get_color() for line in figure.axes[0].lines[:2]] == [palette.colour("init", n) for n in ("he", "lecun")]


def test_groups_of_one_technique_have_shades_of_its_colour_from_dark_to_light():
    made = [run({LOSS: [1.0, 0.5]}, regularizer=name, arm=arm) for name, arm in (("none", "a"), ("l2", "b"), ("l2", "c"))]
    none, *both = [line.get_color() for line in overlay(runs(*made), smooth=1).axes[0].lines[:3]]
    assert none == palette.UNKNOWN
    hues = [rgb_to_hsv(to_rgb(colour))[0] for colour in (palette.colour("regularizer", "l2"), *both)]
    np.testing.assert_allclose(hues, hues[0], atol=0.05)  # equal in CIELAB
    assert sum(to_rgb(both[0])) < sum(to_rgb(both[1]))


def markers(figure):
    """Return the markers of the lines that are curves."""
    return [line.get_marker() for line in figure.axes[0].lines if line.get_markevery() is not None]


def test_a_technique_has_its_marker_and_no_two_curves_share_one():
    rules = ("sgd", "momentum", "adam", "lion")
    made = runs(*(run({"train/loss": np.linspace(2, 1, 90)}, optimizer=rule) for rule in rules))
    drawn = markers(FIGURES["curves"](made, {"metric": "train/loss", "by": "optimizer"}, "?"))
    assert drawn == [palette.shape("optimizer", rule) for rule in rules]
    rates = runs(*(run({"train/loss": np.linspace(2, 1, 90)}, config={"optimizer": {"lr": rate}}) for rate in (0.1, 0.2, 0.3)))
    drawn = markers(FIGURES["curves"](rates, {"metric": "train/loss", "by": "optimizer.lr"}, "?"))
    assert len(set(drawn)) == 3
    alone = FIGURES["curves"](runs(run({"train/loss": np.linspace(2, 1, 90)})), {"metric": "train/loss"}, "?")
    assert markers(alone) == [], "there is nothing to tell it from"


def test_numbers_are_ordered_and_have_shades_from_dark_to_light():
    made = [run({LOSS: [value]}, config={"batch": batch}) for batch, value in ((64, 2.0), (8, 1.0), (512, 3.0))]
    axes = overlay(runs(*made), by="batch", smooth=1).axes[0]
    assert [line.get_ydata()[0] for line in axes.lines[:3]] == [1.0, 2.0, 3.0]
    light = [sum(int(to_hex(line.get_color())[i : i + 2], 16) for i in (1, 3, 5)) for line in axes.lines[:3]]
    assert light == sorted(light)
    assert [text.get_text() for text in axes.texts] == ["batch 8", "batch 64", "batch 512"]


@pytest.mark.parametrize(
    "made",
    [
        [run({LOSS: [2.3]})],
        [run({LOSS: [2.3, float("nan")]}, status="diverged")],
        [run({LOSS: [float("nan")]}, status="diverged"), run({LOSS: [1.0, 1.0]}, arm="fine")],
        [run({LOSS: [0.0] * 5}, seed=seed) for seed in range(2)],
        [run({LOSS: [1e-30] * 3})],
        [run({LOSS: [1e300, 1e308]}, status="diverged", seed=seed) for seed in range(2)],
        [run({LOSS: [1.0, 0.9]}, arm=f"curve {index}") for index in range(14)],
    ],
    ids=["one step", "diverged at once", "never finite", "all zero", "tiny", "all diverged", "many alike"],
)
@pytest.mark.parametrize("log", [False, True])
def test_poor_runs_can_be_drawn_too_and_no_names_overlap(made, log, tmp_path):
    figure = overlay(runs(*made), log=log)
    figure.savefig(tmp_path / "figure.png")
    assert not overlaps(figure.axes[0].texts)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"kind": "curvs"}, "there is no figure of kind 'curvs'; did you mean 'curves'?"),
        ({"kind": "curves"}, "a figure of kind curves needs metric, such as metric: train/loss"),
        ({"metric": LOSS, "smoth": 3}, "a figure of kind curves has no 'smoth'; did you mean 'smooth'?"),
        ({"metric": LOSS, "smooth": "a lot"}, "a figure of kind curves: smooth: "),
        ({"metric": LOSS, "smooth": 4}, "smooth must be odd and positive"),
        ({"metric": LOSS, "ylim": [1]}, "ylim must be two numbers, the lower first"),
        ({"metric": LOSS, "by": "optimizr"}, "the runs have no setting 'optimizr'; did you mean 'optimizer'?"),
        ({"metric": "train/los"}, "recorded no 'train/los'; did you mean 'train/loss'?"),
    ],
)
def test_a_mistake_in_a_study_is_told_in_one_line(spec, complaint):
    with pytest.raises(UserError) as caught:
        draw(runs(*seeds(1)), {"kind": "curves", **spec}, "?")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_to_draw_is_said():
    with pytest.raises(UserError, match="no run has finished"):
        overlay(runs(run({}, status="failed")))
