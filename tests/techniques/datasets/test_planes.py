"""Moons, circles and blobs, by what the eye sees of them."""

import numpy as np
import pytest
from sklearn.datasets import make_circles, make_moons

from nnreg_std.datasets.blobs import Blobs
from nnreg_std.datasets.circles import Circles
from nnreg_std.datasets.moons import Moons


def every_row(dataset, **parameters):
    return dataset(valid_fraction=0, test_fraction=0, **parameters).load().train


def sorted_rows(x, y):
    table = np.column_stack([x, y]).round(5) + 0.0  # no minus zero
    return table[np.lexsort(table.T)]


@pytest.mark.parametrize("rows", [20, 21, 1500])
def test_moons_without_noise_are_those_of_scikit_learn(rows):
    ours = every_row(Moons, rows=rows, noise=0)
    ends = rows - rows // 2, rows // 2  # with an odd number ours has the extra point in class 0
    theirs = make_moons(ends, shuffle=False)
    np.testing.assert_allclose(sorted_rows(*ours), sorted_rows(*theirs), atol=2e-5)


def test_moons_are_two_half_circles_of_radius_1_that_reach_into_each_other():
    x, y = every_row(Moons, noise=0)
    upper, lower = x[y == 0], x[y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, atol=1e-6)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1, atol=1e-6)
    assert upper[:, 1].min() >= -1e-6
    assert lower[:, 1].max() <= 0.5 + 1e-6
    assert upper[:, 0].max() > lower[:, 0].min() + 0.9


def test_circles_without_noise_have_their_radii():
    x, y = every_row(Circles, noise=0, factor=0.3)
    np.testing.assert_allclose(np.hypot(*x.T), np.where(y == 0, 1, 0.3), atol=1e-6)


def test_circles_are_closed_with_points_at_equal_distances():
    x, y = every_row(Circles, rows=40, noise=0)
    theirs, _ = make_circles(40, shuffle=False, factor=0.5)
    for label in (0, 1):
        angles = np.sort(np.arctan2(*x[y == label].T))
        np.testing.assert_allclose(np.diff(angles), 2 * np.pi / 20, atol=1e-5)
    assert x.std() == pytest.approx(theirs.std(), rel=1e-4)


@pytest.mark.parametrize("dataset", [Moons, Circles, Blobs])
def test_noise_is_a_standard_deviation_in_each_dimension(dataset):
    clean, noisy = (dataset(rows=6000, noise=noise).load() for noise in (0.0, 0.05))
    if dataset is not Blobs:  # same division, since the noise is drawn in any case
        off = noisy.train.x - clean.train.x
        np.testing.assert_allclose(off.std(axis=0), 0.05, rtol=0.05)
        np.testing.assert_allclose(off.mean(axis=0), 0, atol=0.005)
    else:
        clouds = [noisy.train.x[noisy.train.y == label] for label in range(3)]
        np.testing.assert_allclose([cloud.std(axis=0) for cloud in clouds], 0.05, rtol=0.1)


def test_blobs_lie_around_one_centre_a_class_inside_the_cube():
    x, y = every_row(Blobs, classes=5, features=7, noise=0)
    centres = np.unique(np.column_stack([y, x]), axis=0)
    assert centres.shape == (5, 8)
    assert abs(centres[:, 1:]).max() <= 1


@pytest.mark.parametrize("rows, classes", [(1500, 3), (100, 7), (30, 2)])
def test_classes_differ_by_at_most_one_row(rows, classes):
    counts = np.bincount(every_row(Blobs, rows=rows, classes=classes).y, minlength=classes)
    assert counts.sum() == rows
    assert np.ptp(counts) <= 1


@pytest.mark.parametrize(
    "dataset, wrong, message",
    [
        (Moons, {"rows": 19}, r"rows must be in \[20, inf\), got 19"),
        (Moons, {"noise": -1.0}, r"noise must be in \[0, inf\), got -1.0"),
        (Circles, {"factor": 1.0}, r"factor must be in \(0, 1\), got 1.0"),
        (Circles, {"rows": 0}, r"rows must be in \[20, inf\), got 0"),
        (Blobs, {"rows": 49, "classes": 5}, r"rows must be in \[50, inf\), got 49"),
        (Blobs, {"classes": 1}, r"classes must be in \[2, 100\], got 1"),
        (Blobs, {"features": 0}, r"features must be in \[1, 10000\], got 0"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(dataset, wrong, message):
    with pytest.raises(ValueError, match=message):
        dataset(**wrong)
