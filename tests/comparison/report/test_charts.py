"""Which curves stand together, and what is said of those that are left out."""

import math

import numpy as np
import pytest

from nnreg.comparison.compare import compare, metrics
from nnreg.comparison.gathering import gather
from nnreg.comparison.report.charts import MOST_CURVES, curve, curves, facets
from tests.comparison.sweeps import leave, sweep


def crowd(tmp_path, **data):
    """Return a comparison of two optimizers times thirteen widths, adam and the narrow ones the best, on each dataset."""
    jobs = {
        (*([f"dataset={name}"] if name else []), f"optimizer={rule}", f"hidden=[{width}]"): [width + worse + harder] * 2
        for name, harder in (data or {"": 0.0}).items()
        for rule, worse in (("adam", 0.1), ("sgd", 0.3))
        for width in range(1, 14)
    }
    return compare([sweep(tmp_path / "sweep", jobs)])


def test_of_too_many_arms_the_best_are_drawn_and_this_is_said(tmp_path):
    (panel,), said = facets(crowd(tmp_path))
    best = [f"{rule}, hidden {width}" for width in range(1, 8) for rule in ("adam", "sgd")]
    assert [group.label for group in panel.groups] == best
    assert len(best) == MOST_CURVES
    assert said == "the 14 best of 26 by final training loss"


def test_on_several_datasets_the_best_of_each_are_drawn(tmp_path):
    compared = crowd(tmp_path, iris=100.0, wine=0.0)
    found, said = facets(compared)
    assert [panel.heading for panel in found] == ["iris", "wine"]
    best = [f"{rule}, hidden {width}" for width in range(1, 8) for rule in ("adam", "sgd")]
    assert [[group.label for group in panel.groups] for panel in found] == [best, best]
    assert said == "the 14 best of 26 by final training loss on each"


@pytest.mark.long
def test_no_arm_is_called_the_best_of_several_datasets(tmp_path):
    assert "best/final_train_loss" in metrics(crowd(tmp_path / "one"))
    assert not [name for name in metrics(crowd(tmp_path / "two", iris=1.0, wine=0.0)) if name.startswith("best/")]


def curves_of(tmp_path, rows, metric="train/loss"):
    """Return the curve of an arm whose seeds recorded these rows."""
    homes = [leave(tmp_path / str(seed), seed=seed, curves={metric: row.tolist()}) for seed, row in enumerate(rows)]
    return curve(gather(homes).arms[0], metric)


def test_a_band_is_that_of_the_smoothed_curves_that_it_surrounds(tmp_path):
    """The spread of single steps is not that of a curve: Student's 95 % of the curves as drawn, of losses their logs."""
    jagged = np.random.default_rng(0).lognormal(size=(4, 40))
    drawn = curves_of(tmp_path, jagged)
    weights = np.kaiser(11, 2.0) / np.kaiser(11, 2.0).sum()
    inner = np.array([np.convolve(np.log(row), weights, mode="valid") for row in jagged])  # steps 5 to 34: the whole window
    half = 3.182446 / math.sqrt(4) * inner.std(axis=0, ddof=1)
    np.testing.assert_allclose(np.log(drawn.mean[5:35]), inner.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(np.log(drawn.high[5:35] / drawn.mean[5:35]), half, rtol=1e-6)
    np.testing.assert_allclose(np.log(drawn.mean[5:35] / drawn.low[5:35]), half, rtol=1e-6)
    assert (drawn.low > 0).all(), "no band falls through the floor of a logarithmic axis"


def test_smoothing_does_not_invent_the_start(tmp_path):
    steep = np.exp(-np.linspace(0, 8, 40)) * np.ones((4, 1)) * 2.9394
    drawn = curves_of(tmp_path, steep)
    assert drawn.mean[0] == pytest.approx(2.9394)
    assert drawn.raw[1][0] == pytest.approx(2.9394)


@pytest.mark.parametrize(("seeds", "singles"), [(1, 0), (2, 2), (3, 3), (4, 0)])
def test_below_four_seeds_each_is_drawn_and_no_band(tmp_path, seeds, singles):
    drawn = curves_of(tmp_path, np.random.default_rng(1).lognormal(size=(seeds, 20)))
    assert len(drawn.singles) == singles
    assert (drawn.high > drawn.mean).any() == (seeds > 3)


def test_what_is_scored_is_the_point_at_the_end_of_the_training_curve_alone(tmp_path):
    compared = compare([sweep(tmp_path / "sweep", {("optimizer=adam",): [0.1, 0.2, 0.4], ("optimizer=sgd",): [None] * 3})])
    training, validation, *_ = curves(compared)["views"]
    adam, sgd = training["curves"]
    assert adam["final"]["y"] == pytest.approx(0.2, rel=1e-4), "the geometric mean of the three, as in the table"
    assert adam["final"]["x"] == 4
    assert "final" not in sgd
    assert not any("final" in each for each in validation["curves"])
