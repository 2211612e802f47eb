"""Spirals by formula."""

import numpy as np
import pytest

from nnreg_std.datasets.spirals import Spirals


def every_row(**parameters):
    return Spirals(valid_fraction=0, test_fraction=0, **parameters).load().train


def test_the_default_is_three_arms_in_three_parts():
    splits = Spirals().load()
    assert {name: split.x.shape for name, split in splits.present().items()} == {
        "train": (900, 2),
        "valid": (300, 2),
        "test": (300, 2),
    }
    assert splits.outputs == 3
    assert splits.train.x.dtype == np.float32


@pytest.mark.parametrize("rows, classes", [(1500, 3), (100, 7), (20, 2)])
def test_classes_differ_by_at_most_one_row(rows, classes):
    counts = np.bincount(every_row(rows=rows, classes=classes).y, minlength=classes)
    assert counts.sum() == rows
    assert np.ptp(counts) <= 1


def test_without_noise_every_point_lies_on_its_arm():
    x, y = every_row(noise=0, turns=1.5, classes=4)
    r, φ = np.hypot(*x.T), np.arctan2(x[:, 1], x[:, 0])
    off = φ - 2 * np.pi * (1.5 * r + y / 4)
    np.testing.assert_allclose(np.cos(off), 1, atol=1e-5)


def test_points_fill_the_disc_of_radius_one():
    r = np.hypot(*every_row().x.T)
    assert r.max() == pytest.approx(1)
    assert np.histogram(r, bins=10, range=(0, 1.0001))[0].tolist() == pytest.approx([150] * 10, abs=1)


def test_noise_is_the_standard_deviation_of_the_angle():
    clean, noisy = every_row(rows=20_000, noise=0), every_row(rows=20_000, noise=0.1)
    turned = [np.arctan2(split.x[:, 1], split.x[:, 0]) for split in (clean, noisy)]
    by_radius = [angle[np.argsort(np.hypot(*split.x.T))] for angle, split in zip(turned, (clean, noisy), strict=True)]
    off = np.angle(np.exp(1j * (by_radius[1] - by_radius[0])))[2_000:]
    assert off.std() == pytest.approx(0.1, rel=0.05)
    assert off.mean() == pytest.approx(0, abs=0.01)


def test_no_straight_line_separates_the_arms():
    x, y = every_row(classes=2)
    design = np.column_stack([x, np.ones(len(x))])
    line = np.linalg.lstsq(design, 2.0 * y - 1, rcond=None)[0]
    assert ((design @ line > 0) == y).mean() < 0.75


def test_the_same_parameters_give_the_same_rows():
    first, second = Spirals().load(), Spirals().load()
    for name, split in first.present().items():
        np.testing.assert_array_equal(split.x, second.present()[name].x)
        np.testing.assert_array_equal(split.y, second.present()[name].y)


def test_another_random_state_gives_other_rows():
    assert (Spirals(random_state=1).load().train.x != Spirals().load().train.x).any()


def test_no_point_is_in_two_parts():
    parts = Spirals().load().present().values()
    assert len(np.unique(np.concatenate([split.x for split in parts]), axis=0)) == 1500


def test_the_division_is_independent_of_the_noise():
    clean, noisy = Spirals(noise=0).load(), Spirals(noise=0.3).load()
    np.testing.assert_allclose(np.hypot(*clean.valid.x.T), np.hypot(*noisy.valid.x.T), atol=1e-6)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"classes": 1}, r"classes must be in \[2, 100\], got 1"),
        ({"rows": 29}, r"rows must be in \[30, inf\), got 29"),
        ({"turns": 0.0}, r"turns must be in \(0, inf\), got 0.0"),
        ({"noise": -0.1}, r"noise must be in \[0, inf\), got -0.1"),
        ({"noise": float("nan")}, r"noise must be in \[0, inf\), got nan"),
        ({"random_state": -1}, r"random_state must be in \[0, inf\), got -1"),
        ({"valid_fraction": 1.0}, r"valid_fraction must be in \[0, 1\), got 1.0"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Spirals(**wrong)
