"""Augmentations beside loops over single pictures, and trained with from beginning to end."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nnreg.contracts import Split, Splits
from nnreg.engine.augment import Augment
from nnreg.engine.training import Streams
from nnreg.records.folder import read_history
from nnreg_std.augmentations.cutout import Cutout
from nnreg_std.augmentations.label_noise import LabelNoise
from nnreg_std.augmentations.mixup import Mixup
from nnreg_std.augmentations.noise import Noise
from nnreg_std.augmentations.shift import Shift
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy

DTYPES = [np.float32, np.float64]
shapes = st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 7)) | st.tuples(
    st.integers(1, 5), st.integers(1, 7), st.integers(1, 7), st.integers(1, 3)
)


def pictures(shape, dtype=np.float64):
    return np.arange(1, math.prod(shape) + 1, dtype=dtype).reshape(shape)


@given(shapes, st.integers(0, 9), st.integers(0, 99))
def test_a_shift_is_a_copy_of_what_stays_inside(shape, pixels, seed):
    x, y = Shift(pixels).apply(pictures(shape), np.zeros(shape[0], int), np.random.default_rng(seed))
    moves = np.random.default_rng(seed).integers(-pixels, pixels + 1, size=(2, shape[0]))
    for picture, before, a, b in zip(x, pictures(shape), *moves, strict=True):
        for r, c in np.ndindex(shape[1:3]):
            inside = 0 <= r - a < shape[1] and 0 <= c - b < shape[2]
            np.testing.assert_array_equal(picture[r, c], before[r - a, c - b] if inside else 0)
    assert not y.any()


@given(shapes, st.floats(0, 1), st.integers(0, 99))
def test_cutout_blanks_a_square_around_a_pixel_and_nothing_else(shape, share, seed):
    x, _ = Cutout(share).apply(pictures(shape), np.zeros(shape[0], int), np.random.default_rng(seed))
    side = round(share * min(shape[1:3]))
    centres = np.random.default_rng(seed).integers(shape[1:3], size=(shape[0], 2))
    for picture, before, (row, column) in zip(x, pictures(shape), centres, strict=True):
        wanted = before.copy()
        top, left = row - side // 2, column - side // 2
        wanted[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = 0
        np.testing.assert_array_equal(picture, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_has_its_spread_and_is_the_same_in_every_precision(dtype):
    x = np.zeros((1000, 20), dtype)
    changed, _ = Noise(0.5).apply(x, np.zeros(1000, int), np.random.default_rng(0))
    assert changed.dtype == dtype
    assert changed.std() == pytest.approx(0.5, rel=0.02)
    assert abs(changed.mean()) < 0.02
    other = np.zeros((1000, 20), np.float64)
    Noise(0.5).apply(other, np.zeros(1000, int), np.random.default_rng(0))
    np.testing.assert_allclose(changed, other, rtol=1e-6)


@given(arrays.arrays(np.int64, st.integers(1, 9), elements=st.integers(0, 3)), st.floats(0.001, 1000), st.integers(0, 99))
def test_mixup_is_a_mixture_of_two_rows_and_of_their_classes(y, alpha, seed):
    made, x = Mixup(alpha), np.random.default_rng(9).standard_normal((len(y), 5))
    made.begin(4)
    mixed, shares = made.apply(x.copy(), y.copy(), np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    lam, j = rng.beta(alpha, alpha), rng.permutation(len(y))
    for i in range(len(y)):
        np.testing.assert_allclose(mixed[i], lam * x[i] + (1 - lam) * x[j[i]], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(shares[i], lam * np.eye(4)[y[i]] + (1 - lam) * np.eye(4)[y[j[i]]], atol=1e-15)


def test_the_loss_of_mixed_classes_is_the_mixed_loss_of_the_authors_code():
    rng = np.random.default_rng(0)
    logits, y, j, lam = rng.standard_normal((6, 4)), rng.integers(4, size=6), rng.permutation(6), 0.3
    shares = lam * np.eye(4)[y] + (1 - lam) * np.eye(4)[y[j]]
    loss = SoftmaxCrossEntropy()
    assert loss.value(logits, shares) == pytest.approx(lam * loss.value(logits, y) + (1 - lam) * loss.value(logits, y[j]))


@given(st.integers(1, 6), st.floats(0, 0.99), st.integers(0, 99))
def test_a_wrong_label_is_any_other_class(classes, rate, seed):
    made, y = LabelNoise(rate), np.random.default_rng(1).integers(classes, size=40)
    made.begin(classes)
    _, noisy = made.apply(np.zeros((40, 2)), y.copy(), np.random.default_rng(seed))
    is_wrong = np.random.default_rng(seed).random(40) < rate
    np.testing.assert_array_equal(noisy != y, is_wrong & (classes > 1))
    assert noisy.min() >= 0
    assert noisy.max() < classes


def test_other_classes_are_drawn_alike():
    made = LabelNoise(0.6)
    made.begin(4)
    _, noisy = made.apply(np.zeros((8000, 1)), np.full(8000, 2), np.random.default_rng(0))
    assert np.bincount(noisy) / 8000 == pytest.approx([0.2, 0.2, 0.4, 0.2], abs=0.03)


@pytest.mark.parametrize(
    ("made", "wrong"),
    [
        *((Noise, {"std": -0.1}), (Shift, {"pixels": -1}), (Cutout, {"share": 1.1})),
        *((Mixup, {"alpha": 0.0}), (LabelNoise, {"rate": 1.0})),
    ],
)
def test_parameters_out_of_range_are_refused(made, wrong):
    with pytest.raises(ValueError, match="must be in"):
        made(**wrong)


class NewArrays:
    """Returns arrays of its own, in double precision."""

    def apply(self, x, y, rng):
        assert x.shape == (4, 2, 3)
        return x.astype(np.float64) * 2, np.eye(3)[y]


def test_rows_come_in_their_shape_and_stay_in_the_array_of_the_batch_in_its_precision():
    split = Split(np.zeros((9, 6), np.float32), np.arange(9) % 3)
    splits = Splits(split, None, None, 3, "made up", shape=(2, 3))
    augment = Augment(NewArrays(), splits, Streams.from_seed(0).augmentation)
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    changed, shares = augment(x, np.array([0, 2, 1, 1]))
    assert changed is x
    np.testing.assert_array_equal(x, 2 * np.arange(24).reshape(4, 6))
    assert shares.dtype == np.float32


REFUSED = [
    (("augmentation=shift", "dataset=iris", "batch=9"), "augmentation=shift is for pictures, and rows of dataset=iris have no"),
    (("augmentation=cutout", "dataset=moons"), "augmentation=cutout is for pictures"),
    (
        ("augmentation=mixup", "dataset=diabetes", "loss=mse"),
        "augmentation=mixup takes classes as targets, dataset=diabetes has",
    ),
    (("augmentation=label_noise", "dataset=diabetes", "loss=mse"), "augmentation=label_noise takes classes as targets"),
    (("augmentation=mixup", "network=autoencoder", "loss=mse"), "takes classes as targets, network=autoencoder has values"),
    (
        ("augmentation=mixup", "loss=hinge"),
        "augmentation=mixup makes shares of classes of class numbers, which loss=hinge does",
    ),
]


@pytest.mark.long
@pytest.mark.parametrize(("words", "told"), REFUSED)
def test_what_cannot_be_changed_so_is_refused_in_one_line(nnreg, words, told):
    for more in ((), ("-m", "seed=1,2")):
        answer = nnreg("tracking=off", "steps=2", *words, *more)
        assert answer.code == 2
        assert told in answer.complaint
        assert "\n" not in answer.complaint.strip()


def records(folder):
    return [(record.step, record.metric, record.value) for record in read_history(Path(folder))]


def test_a_run_without_augmentation_is_what_it_was_and_validates_on_rows_as_they_are(nnreg):
    words = ("tracking=off", "steps=3", "hidden=[5]", "validate_every=1")
    for name in ("none", "noise"):
        assert nnreg(*words, f"augmentation={name}", "optimizer.lr=1e-30", f"hydra.run.dir={name}").code == 0
    plain, noisy = records("none"), records("noise")
    valid = [[value for _, metric, value in found if metric.startswith("valid/")] for found in (plain, noisy)]
    assert valid[0] == valid[1]
    train = [[value for _, metric, value in found if metric == "train/loss"] for found in (plain, noisy)]
    assert all(one != other for one, other in zip(*train, strict=True))


@pytest.mark.long
def test_mixed_rows_are_learnt_and_their_accuracy_is_that_of_rows_as_they_are(nnreg):
    answer = nnreg("tracking=off", "steps=300", "optimizer=adam", "augmentation=mixup", "hydra.run.dir=mixed")
    assert answer.code == 0, answer.err
    assert "augmentation mixup (alpha=0.2)" in answer.out
    summary = json.loads(Path("mixed/summary.json").read_text())
    assert summary["choices"]["augmentation"] == "mixup"
    assert summary["metrics"]["test/accuracy"] > 0.9
