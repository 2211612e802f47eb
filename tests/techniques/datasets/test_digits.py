"""The digits of scikit-learn."""

import hashlib

import numpy as np
import pytest

from nnreg_std.datasets import _shipped
from nnreg_std.datasets.digits import Digits

CLASS_COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # the UCI repository's description of the test part


def digest(splits):
    sums = hashlib.sha256()
    for split in splits.present().values():
        sums.update(split.x.astype("<f4").tobytes())
        sums.update(split.y.astype("<i8").tobytes())
    return sums.hexdigest()


@pytest.fixture
def every_row():
    return Digits(valid_fraction=0, test_fraction=0).load().train


def test_there_are_1797_rows_of_64_pixels_in_three_parts():
    splits = Digits().load()
    assert {name: split.x.shape for name, split in splits.present().items()} == {
        "train": (1079, 64),
        "valid": (359, 64),
        "test": (359, 64),
    }
    assert (splits.outputs, splits.shape) == (10, (8, 8))


def test_pixels_are_sixteenths_from_0_to_1_in_float32(every_row):
    assert every_row.x.dtype == np.float32
    assert sorted(set(every_row.x.ravel() * 16)) == list(range(17))


def test_each_class_has_its_published_count(every_row):
    assert np.bincount(every_row.y).tolist() == CLASS_COUNTS


@pytest.mark.parametrize("name", ["train", "valid", "test"])
def test_each_part_has_the_classes_in_proportion(name):
    split = Digits().load().present()[name]
    np.testing.assert_allclose(np.bincount(split.y) / len(split.y), np.array(CLASS_COUNTS) / 1797, atol=0.002)


def test_the_rows_are_those_that_scikit_learn_loads(every_row):
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    theirs = np.column_stack([pixels, labels])
    ours = np.column_stack([every_row.x * 16, every_row.y])
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))


def test_scikit_learn_is_asked_when_its_file_has_moved(monkeypatch):
    direct = digest(Digits().load())
    monkeypatch.setattr(_shipped.importlib.util, "find_spec", lambda name: None)
    assert digest(Digits().load()) == direct


def test_the_same_parameters_give_the_same_rows_on_every_machine():
    assert digest(Digits().load()) == "1351e923ebdc1f9981ab57c5fd2ab2f534be1643f823a85a10c81e8a82054081"


def test_another_random_state_gives_another_division():
    assert digest(Digits(random_state=1).load()) != digest(Digits().load())


def test_the_global_random_state_plays_no_part():
    np.random.seed(1)  # noqa: NPY002 - the legacy state is what must not matter
    first = digest(Digits().load())
    np.random.seed(2)  # noqa: NPY002
    assert digest(Digits().load()) == first


def test_no_drawing_is_in_two_parts():
    from sklearn.datasets import load_digits

    pixels = load_digits().data
    assert len(np.unique(pixels, axis=0)) == len(pixels), "rows are distinct, so equal rows would be the same drawing"
    rows = np.concatenate([split.x for split in Digits().load().present().values()])
    assert len(np.unique(rows, axis=0)) == 1797


def test_parts_may_be_left_out():
    splits = Digits(valid_fraction=0, test_fraction=0.1).load()
    assert list(splits.present()) == ["train", "test"]


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"valid_fraction": 1.0}, r"valid_fraction must be in \[0, 1\), got 1.0"),
        ({"test_fraction": -0.1}, r"test_fraction must be in \[0, 1\), got -0.1"),
        ({"random_state": -1}, r"random_state must be in \[0, inf\), got -1"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Digits(**wrong)
