"""A metric against a setting, and the trials of a search: each where its settings are, in the colour of its result."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from nnreg.errors import UserError
from nnreg.figures import FIGURES
from tests.figures.runs import overlaps, run, runs, texts

VALID = "valid/accuracy"
SEARCHED = ["optimizer.lr", "regularizer.weight_decay"]


def trial(lr, decay, accuracy, momentum=0.9, **facts):
    config = {
        "optimizer": {"name": "momentum", "lr": lr, "momentum": momentum},
        "regularizer": {"name": "l2", "weight_decay": decay},
    }
    return run({VALID: [0.1, accuracy]}, config=config, **facts)


def trials(count=40):
    rng = np.random.default_rng(3)
    made = zip(
        10 ** rng.uniform(-6, -1, count), 10 ** rng.uniform(-8, -4, count), rng.random(count), rng.random(count), strict=True
    )
    return [trial(*numbers, seed=seed) for seed, numbers in enumerate(made)]


def search(made, searched=SEARCHED, **spec):
    return FIGURES["search"](runs(*made), {"metric": VALID, "searched": list(searched), **spec}, "Which does it find?")


def spread_of(std, values, norm="none", arm="without"):
    made = []
    for seed, value in enumerate(values):
        made.append(run({VALID: [0.1, value]}, arm=arm, norm=norm, seed=seed, config={"init": {"name": "normal", "std": std}}))
    return made


def test_every_trial_is_a_dot_at_its_settings_the_best_is_ringed_and_a_lost_one_is_a_cross():
    made = [*trials(), trial(1e-3, 1e-5, 0.99, status="diverged", seed=99)]
    axes = search(made).axes[0]
    dots = {tuple(place) for place in axes.collections[0].get_offsets()}
    assert dots == {(each.value("optimizer.lr"), each.value("regularizer.weight_decay")) for each in made[:-1]}
    best = max(made[:-1], key=lambda each: each.history.finite(VALID)[-1])
    cross, ring = (tuple(np.ravel(line.get_xydata())) for line in axes.lines)
    assert cross == (1e-3, 1e-5)
    assert ring == (best.value("optimizer.lr"), best.value("regularizer.weight_decay"))
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_the_better_a_trial_the_lighter_its_dot():
    made = trials(9)
    figure = search(made)
    dots = figure.axes[0].collections[0]
    lightness = (dots.get_facecolors()[:, :3] @ [0.2126, 0.7152, 0.0722]).tolist()
    by_place = dict(zip(map(tuple, dots.get_offsets()), lightness, strict=True))
    order = sorted(made, key=lambda each: each.history.finite(VALID)[-1])
    assert [by_place[each.value("optimizer.lr"), each.value("regularizer.weight_decay")] for each in order] == sorted(lightness)


def test_more_settings_stand_side_by_side_with_their_rank_correlation():
    made = trials()
    figure = search(made, [*SEARCHED, "optimizer.momentum"])
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 3]
    assert len(lines) == len(made)
    said = texts(figure)
    for key in (*SEARCHED, "optimizer.momentum"):
        rank = spearmanr([each.value(key) for each in made], [each.history.finite(VALID)[-1] for each in made]).statistic
        assert f"{abs(rank):.2g}" in said
    assert not overlaps(figure.texts)


def test_a_metric_against_a_setting_is_one_plot_with_a_curve_a_group():
    made = [each for std in (1.0, 0.1, 0.001) for each in spread_of(std, [std, std / 2])]
    made += [each for std in (1.0, 0.1, 0.001) for each in spread_of(std, [0.9, 0.8], "batch_norm", "batch norm")]
    figure = FIGURES["against"](runs(*made), {"metric": VALID, "setting": "init.std"}, "Does the spread matter?")
    (axes,) = figure.axes
    curves = [line for line in axes.lines if line.get_linewidth() > 1.6 and len(line.get_xdata()) == 3]
    np.testing.assert_allclose([line.get_xdata() for line in curves], [[0.001, 0.1, 1.0]] * 2)
    np.testing.assert_allclose([line.get_ydata() for line in curves], [[0.00075, 0.075, 0.75], [0.85] * 3])
    assert axes.get_xscale() == "log"
    assert "2 seeds, the same for every point" in texts(figure)


@pytest.mark.parametrize(
    ("kind", "spec", "message"),
    [
        ("search", {"metric": "valid/acc", "searched": SEARCHED}, "no run recorded 'valid/acc'; did you mean 'valid/accuracy'"),
        ("search", {"metric": VALID, "searched": ["optimizer.lr"]}, "needs two settings or more"),
        ("search", {"metric": VALID, "searched": ["optimizer.lr", "init"]}, "init must be a number to be an axis, got he"),
        ("against", {"metric": VALID, "setting": "optimizer.rate"}, "the runs have no setting 'optimizer.rate'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(kind, spec, message):
    with pytest.raises(UserError, match=message):
        FIGURES[kind](runs(*trials(4)), spec, "?")
