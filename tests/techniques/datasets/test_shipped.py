"""The tables that come with scikit-learn: their rows, written down."""

import hashlib

import numpy as np
import pytest
import sklearn.datasets

from nnreg_std.datasets import _shipped
from nnreg_std.datasets.breast_cancer import BreastCancer
from nnreg_std.datasets.diabetes import Diabetes
from nnreg_std.datasets.digits import DIGITS
from nnreg_std.datasets.iris import Iris
from nnreg_std.datasets.wine import Wine

TABLES = {
    "digits": DIGITS,
    "iris": Iris.table,
    "wine": Wine.table,
    "breast_cancer": BreastCancer.table,
    "diabetes": Diabetes.table,
}
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def digest(splits):
    sums = hashlib.sha256()
    for split in splits.present().values():
        sums.update(split.x.astype("<f4").tobytes())
        sums.update(split.y.astype("<f4" if splits.targets == "values" else "<i8").tobytes())
    return sums.hexdigest()


def every_row(dataset):
    return dataset(valid_fraction=0, test_fraction=0, standardise=False).load().train


@every_table
def test_the_rows_are_those_that_scikit_learn_loads(table):
    theirs = getattr(sklearn.datasets, table.loader)(return_X_y=True, **table.options)
    for ours, their in zip(_shipped.read(table), theirs, strict=True):
        np.testing.assert_array_equal(ours, their)
        assert ours.dtype == np.float64


@every_table
def test_scikit_learn_is_asked_when_its_files_have_moved(table, monkeypatch):
    direct = _shipped.read(table)
    monkeypatch.setattr(_shipped.importlib.util, "find_spec", lambda name: None)
    for ours, theirs in zip(direct, _shipped.read(table), strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.parametrize(
    ("dataset", "raw", "standardised"),
    [
        (
            Iris,
            "fd9b2213e3fb322d3ab30328b21b91aef76c50f4c2880b3363fb738ec03367b3",
            "46588f6f70e86fe2448994a7379c37966d3c702a4b18d9b7f88af7391c57660b",
        ),
        (
            Wine,
            "3d8e2c40b1e2cab7b2e6146daed216bd2be537288555071f1ef3de8f0b9826b8",
            "5148f6c70357837b202da02c47202b60566e8540518130d0d9910b595e94079b",
        ),
        (
            BreastCancer,
            "f7f96e871e3a0af035171480431d917828b80856a95a224413aef4cf1c1abf27",
            "29b3775b745904253c506f302dc66015f8dd5f82feda7bef1eed8ac82a535860",
        ),
        (
            Diabetes,
            "4243879a5512238417681bba5c653f030e61dd749782816f3e367e110798c3ae",
            "6f59682ba867ffe5a2d04e17c9e7aad8dea6f4f4b0f18d9aff7d1a56406c7551",
        ),
    ],
)
def test_the_rows_are_the_same_on_every_machine(dataset, raw, standardised):
    assert digest(dataset(standardise=False).load()) == raw
    assert digest(dataset().load()) == standardised


@pytest.mark.parametrize(
    ("dataset", "features", "counts"),
    [(Iris, 4, [50, 50, 50]), (Wine, 13, [59, 71, 48]), (BreastCancer, 30, [212, 357])],
)
def test_each_class_has_its_published_count(dataset, features, counts):
    rows = every_row(dataset)
    assert rows.x.shape == (sum(counts), features)
    assert np.bincount(rows.y).tolist() == counts
    assert dataset().load().outputs == len(counts)


def test_iris_has_the_35th_and_the_38th_flower_as_fisher_printed_them():
    flowers, _ = _shipped.read(Iris.table)
    assert flowers[34].tolist() == [4.9, 3.1, 1.5, 0.2]
    assert flowers[37].tolist() == [4.9, 3.6, 1.4, 0.1]


def test_in_breast_cancer_the_larger_nuclei_are_the_malignant_ones():
    rows = every_row(BreastCancer)
    assert rows.x[rows.y == 0, 0].mean() > rows.x[rows.y == 1, 0].mean()


def test_diabetes_has_one_value_a_patient_as_published():
    rows = every_row(Diabetes)
    assert rows.x.shape == (442, 10)
    assert rows.y.shape == (442, 1)
    assert (rows.y.min(), rows.y.max()) == (25, 346)
    assert rows.y.mean() == pytest.approx(152.13, abs=0.01)
    assert set(rows.x[:, 1]) == {1, 2}, "the second column is the sex"
