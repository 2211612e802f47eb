"""Which curves stand together, and what is said of those that are left out."""

import math

import numpy as np

from nnreg.comparison.compare import compare, metrics
from nnreg.comparison.gathering import gather
from nnreg.comparison.report.charts import MOST_CURVES, curve, facets
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


def test_no_arm_is_called_the_best_of_several_datasets(tmp_path):
    assert "best/final_train_loss" in metrics(crowd(tmp_path / "one"))
    assert not [name for name in metrics(crowd(tmp_path / "two", iris=1.0, wine=0.0)) if name.startswith("best/")]


def test_a_band_is_that_of_the_smoothed_curves_that_it_surrounds(tmp_path):
    """The spread of single steps is not that of a curve: Student's 95 % of the curves as they are drawn."""
    jagged = np.random.default_rng(0).normal(size=(3, 40))
    homes = [leave(tmp_path / str(seed), seed=seed, curves={"train/loss": row.tolist()}) for seed, row in enumerate(jagged)]
    drawn = curve(gather(homes).arms[0], "train/loss")
    weights = np.kaiser(11, 2.0) / np.kaiser(11, 2.0).sum()
    inner = np.array([np.convolve(row, weights, mode="valid") for row in jagged])  # steps 5 to 34: the whole window
    half = 4.302653 / math.sqrt(3) * inner.std(axis=0, ddof=1)
    np.testing.assert_allclose(drawn.mean[5:35], inner.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(drawn.high[5:35] - drawn.mean[5:35], half, rtol=1e-6)
    np.testing.assert_allclose(drawn.mean[5:35] - drawn.low[5:35], half, rtol=1e-6)
