"""MNIST and Fashion-MNIST as techniques: a small set in their place, and the real MNIST where there is a copy."""

import inspect
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nnreg_std.datasets.fashion_mnist import FashionMNIST
from nnreg_std.datasets.mnist import MNIST

both = pytest.mark.parametrize("dataset", [MNIST, FashionMNIST])

DATA = os.environ.get("NNREG_DATA", "")
TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # as published in the literature
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture
def real_folder():
    if not DATA:
        pytest.skip("NNREG_DATA is not set: no copy of MNIST to read")
    if not any((Path(DATA) / inside / "train-images-idx3-ubyte.gz").is_file() for inside in (".", "mnist")):
        pytest.skip(f"no MNIST in NNREG_DATA={DATA}")
    return DATA


@both
def test_a_dataset_downloads_itself_and_remembers(dataset, small, serve, monkeypatch):
    mirror = serve(small.gzips)
    monkeypatch.setattr(dataset, "files", replace(small.files, mirrors=(mirror.url,)))
    for _ in range(2):
        splits = dataset(valid_size=5).load()
    assert {name: split.x.shape for name, split in splits.present().items()} == {
        "train": (35, 12),
        "valid": (5, 12),
        "test": (20, 12),
    }
    assert splits.outputs == 10
    assert mirror.requests == dict.fromkeys(small.gzips, 1)


@both
def test_its_folder_may_be_given(dataset, small, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "files", small.files)
    assert dataset(data_dir=str(small.put(tmp_path)), valid_size=0).load().source == str(tmp_path)


@both
@pytest.mark.parametrize("size", [-1, 60_000])
def test_a_validation_size_out_of_its_range_is_refused(dataset, size):
    with pytest.raises(ValueError, match=rf"valid_size must be in \[0, 60000\), got {size}"):
        dataset(valid_size=size)


@both
def test_its_parameters_are_the_folder_the_validation_size_and_the_rows_used(dataset):
    assert list(inspect.signature(dataset).parameters) == ["data_dir", "valid_size", "rows"]


@pytest.mark.data
def test_the_real_mnist_has_its_published_shape_and_counts(real_folder):
    splits = MNIST(data_dir=real_folder, valid_size=0).load()
    assert (splits.train.x.shape, splits.test.x.shape) == ((60_000, 784), (10_000, 784))
    assert splits.train.x.dtype == np.uint8
    assert (splits.train.x.min(), splits.train.x.max(), splits.divisor) == (0, 255, 255)
    assert np.bincount(splits.train.y).tolist() == TRAIN_COUNTS
    assert np.bincount(splits.test.y).tolist() == TEST_COUNTS
    assert splits.train.x.mean() / 255 == pytest.approx(0.1307, abs=1e-4)  # the mean everybody normalises with
    assert splits.train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


@pytest.mark.data
def test_the_real_mnist_holds_out_its_last_rows_as_views(real_folder):
    splits = MNIST(data_dir=real_folder).load()
    assert (len(splits.train.y), len(splits.valid.y)) == (55_000, 5_000)
    assert splits.train.x.base is splits.valid.x.base is not None


@pytest.mark.data
def test_real_mnist_in_the_place_of_fashion_mnist_is_told(real_folder, tmp_path):
    folder = next(Path(real_folder) / inside for inside in ("mnist", ".") if (Path(real_folder) / inside).is_dir())
    for file in folder.glob("*-ubyte.gz"):
        (tmp_path / file.name).symlink_to(file.resolve())
    with pytest.raises(ValueError, match="holds train-images-idx3-ubyte of MNIST, not of Fashion-MNIST"):
        FashionMNIST(data_dir=str(tmp_path)).load()
