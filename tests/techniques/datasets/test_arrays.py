"""Arrays of one's own in an .npz file; hostile and damaged ones too."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nnreg_std.datasets.arrays import Arrays

WHOLE = {"valid_fraction": 0.0, "test_fraction": 0.0, "standardise": False}
X, Y = np.arange(60.0).reshape(30, 2), np.arange(30) % 3


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Write arrays to a file of the working directory and load it."""
    monkeypatch.chdir(tmp_path)

    def load(parameters=None, **arrays):
        np.savez("data.npz", **arrays)
        return Arrays("data.npz", **parameters or {}).load()

    return load


def test_x_and_y_become_three_parts(archive):
    splits = archive(x=X, y=Y)
    assert {name: split.x.shape for name, split in splits.present().items()} == {
        "train": (18, 2),
        "valid": (6, 2),
        "test": (6, 2),
    }
    assert splits.outputs == 3
    assert splits.train.x.dtype == np.float32
    np.testing.assert_allclose(splits.train.x.std(axis=0), 1, atol=1e-6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    x=hnp.arrays(
        st.sampled_from([np.uint8, np.int32, np.float16, np.float32, np.bool_]),
        st.tuples(st.just(12), st.integers(1, 3)),
        elements={"allow_nan": False, "allow_infinity": False},
    ).filter(lambda x: (x != x[0]).any())
)
def test_rows_come_back_with_their_answers(tmp_path, x):
    y = np.arange(12.0)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    splits = Arrays(str(tmp_path / "data.npz"), task="values", **WHOLE).load()
    order = splits.train.y[:, 0].astype(int)
    assert sorted(order) == list(range(12))
    np.testing.assert_array_equal(splits.train.x, x[order].astype(np.float32))


def test_parts_that_are_there_are_taken_and_the_others_held_out(archive):
    splits = archive(x_train=X, y_train=Y, x_test=X[:4] + 0.5, y_test=Y[:4])
    assert {name: len(split.x) for name, split in splits.present().items()} == {"train": 24, "valid": 6, "test": 4}
    splits = archive(WHOLE, x_train=X, y_train=Y, x_valid=X[:5], y_valid=Y[:5], x_test=X[:4], y_test=Y[:4])
    assert {name: len(split.x) for name, split in splits.present().items()} == {"train": 30, "valid": 5, "test": 4}
    np.testing.assert_array_equal(splits.test.x, X[:4])
    np.testing.assert_array_equal(splits.test.y, Y[:4])


def test_given_parts_are_scaled_by_the_training_rows(archive):
    splits = archive(x_train=X, y_train=Y, x_test=X + 100, y_test=Y)
    raw = archive({"standardise": False}, x_train=X, y_train=Y, x_test=X + 100, y_test=Y)
    expected = (raw.test.x - raw.train.x.mean(axis=0)) / raw.train.x.std(axis=0)
    np.testing.assert_allclose(splits.test.x, expected, rtol=1e-4)


def test_rows_sorted_by_class_are_shuffled(archive):
    y = archive(WHOLE, x_train=np.arange(300.0)[:, None], y_train=np.arange(300) // 100).train.y
    assert (np.diff(y) != 0).sum() > 100


def test_labels_are_numbered_over_all_parts(archive):
    splits = archive(WHOLE, x_train=X, y_train=np.array(["a", "c"] * 15), x_test=X[:4], y_test=np.array(["c", "a", "c", "a"]))
    assert splits.outputs == 2
    assert splits.test.y.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("y_train", "y_test", "message"),
    [
        (
            np.arange(30) % 3,
            np.array([3, 1, 4, 1]),
            "'y_test' has labels that the training rows have not (3, 4; 50% of its rows)",
        ),
        (np.array(list("ab") * 15), np.array(list("abAb")), "'y_test' has labels that the training rows have not (A; 25%"),
        (np.array(["0", "1"] * 15), np.array([0, 1, 0, 1]), "'y_train' holds text and 'y_test' holds numbers"),
        (np.array([0, 1] * 15), np.array(list("0101")), "'y_test' holds text and 'y_train' holds numbers"),
    ],
)
def test_labels_that_are_tested_and_never_trained_on_are_refused(archive, y_train, y_test, message):
    with pytest.raises(ValueError) as caught:
        archive(x_train=X, y_train=y_train, x_test=X[:4], y_test=y_test)
    assert str(caught.value).startswith(message)


def test_the_loss_decides_what_whole_numbers_are(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    dataset = Arrays(str(tmp_path / "data.npz"))
    assert dataset.suited("values").load().targets == "values"
    assert dataset.suited("classes").load().targets == dataset.load().targets == "classes"
    assert Arrays(dataset.path, task="classes").suited("values").load().targets == "classes"


@pytest.mark.parametrize(
    "same",
    [
        np.asfortranarray(X),
        X.astype(">f8"),
        X.astype(np.float16),
        X.astype(np.longdouble),
        X[::-1][::-1],
        np.ma.masked_array(X),
    ],
    ids=["by columns", "big-endian", "half", "long", "backwards", "masked without a mask"],
)
def test_numbers_are_the_same_however_they_lie_in_memory(archive, same):
    expected = archive(x=X, y=Y)
    found = archive(x=np.asarray(same), y=Y)
    np.testing.assert_array_equal(found.train.x, expected.train.x)


@pytest.mark.long
def test_what_unpacks_to_far_more_is_refused_before_it_does(tmp_path):
    import tracemalloc

    file = tmp_path / "data.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("x", "y"):
            with packed.open(f"{name}.npy", "w", force_zip64=True) as member:
                shape = (40 * 2**20, 1) if name == "x" else (40 * 2**20,)
                np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": shape})
                for _ in range(320):
                    member.write(bytes(2**20))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"'x' unpacks from 0\.\d to 336 MB: if it is yours, save it with np\.savez"):
        Arrays(str(file)).load()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_pictures_are_laid_out_in_rows(archive):
    pictures = np.random.default_rng(0).integers(0, 256, (40, 4, 3), dtype=np.uint8)
    splits = archive(x=pictures, y=np.arange(40) % 2)
    assert (splits.train.x.shape, splits.shape) == ((24, 12), (4, 3))
    coloured = archive(x=pictures.reshape(40, 2, 2, 3), y=np.arange(40) % 2)
    assert (coloured.train.x.shape, coloured.shape) == ((24, 12), (2, 2, 3))


def test_several_values_a_row_are_a_regression_with_as_many_outputs(archive):
    splits = archive(x=X, y=np.stack([X[:, 0] ** 2, -X[:, 1]], axis=1))
    assert splits.targets == "values"
    assert splits.outputs == 2
    np.testing.assert_allclose(splits.train.y.std(axis=0), 1, atol=1e-6)


def test_one_column_of_answers_is_as_good_as_a_row_of_them(archive):
    assert archive(x=X, y=Y[:, None]).targets == "classes"


READ = "x_ and y_ of train, valid and test are read, x and y for train"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X}, f"the archive has no array 'x_train'; {READ}. It has: a"),
        ({}, f"the archive has no array 'x_train'; {READ}. It has: nothing"),
        ({"x": X}, "the archive has no array 'y'"),
        ({"x": X, "y": Y, "x_test": X}, "the archive has no array 'y_test'"),
        ({"x": X, "y": Y, "y_valid": Y}, "the archive has no array 'x_valid'"),
        ({"x": X, "y": Y, "x_val": X, "y_val": Y}, "the archive has an array 'x_val' that would be left unused"),
        ({"x": X, "y": Y, "x_train": X, "y_train": Y}, "the archive has an array 'x' that would be left unused"),
        ({"x": X[:5], "y": Y}, "'x' has 5 rows and 'y' has 30: give one answer for each row"),
        ({"x": np.float64(3), "y": Y}, "'x' must hold numbers, one row or more, got float64 ()"),
        ({"x": X[:0], "y": Y[:0]}, "'x' must hold numbers, one row or more, got float64 (0, 2)"),
        ({"x": X.astype(str), "y": Y}, "'x' must hold numbers, one row or more, got <U32 (30, 2)"),
        ({"x": X.astype(complex), "y": Y}, "'x' must hold numbers, one row or more, got complex128 (30, 2)"),
        ({"x": X, "y": np.ones((30, 2, 2))}, "'y' must hold numbers or text (rows,), or values (rows, columns), got"),
        ({"x": X, "y": Y, "x_test": X[:, :1], "y_test": Y}, "'x_test' has rows of shape (1,), those to train on have (2,)"),
        ({"x": X, "y": np.eye(3)[Y]}, "the target looks one-hot coded"),
        ({"x": X, "y": np.zeros(30)}, "the target has one class only"),
        ({"x": np.ones((30, 2)), "y": Y}, "every feature is the same in all rows: there is nothing to learn from"),
        ({"x": np.zeros(30, dtype=[("a", float)]), "y": Y}, "'x' must hold numbers, one row or more"),
        ({"x": X.astype(complex), "y": Y}, "'x' must hold numbers, one row or more, got complex128"),
        ({"x": X.astype("M8[s]"), "y": Y}, "'x' must hold numbers, one row or more, got datetime64"),
        ({"x": X, "y": Y.astype("M8[s]")}, "'y' must hold numbers or text"),
        ({"x": X, "y": np.where(Y == 1, np.nan, Y)}, "the target holds numbers that are not finite"),
        ({"x": X * np.nan, "y": Y}, "the features hold numbers that are not finite"),
        ({"x": X[:4], "y": np.array(list("abab"))}, "4 rows are too few"),
        ({"x": X, "y": np.array([{}] * 30)}, "'y' is damaged, or holds Python objects, which are not unpickled: save"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused_in_one_line(archive, arrays, message):
    with pytest.raises(ValueError) as caught:
        archive(**arrays)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


class Bomb:
    """Unpickling it fails the test."""

    def __reduce__(self):
        return pytest.fail, ("something was unpickled",)


def as_bytes(**arrays):
    memory = io.BytesIO()
    np.savez(memory, **arrays)
    return memory.getvalue()


def zipped(**members):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return memory.getvalue()


def huge_header():
    memory = io.BytesIO()
    np.lib.format.write_array_header_1_0(memory, {"descr": "<f8", "fortran_order": False, "shape": (10**13,)})
    return memory.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x,y\n1,2\n",
        pickle.dumps(Bomb()),
        as_bytes(x=X, y=np.array([Bomb()] * 30)),
        as_bytes(x=X, y=Y)[:200],
        zipped(x=b"no array", y=b"none"),
        zipped(x=pickle.dumps(Bomb()), y=pickle.dumps(Bomb())),
        zipped(x=huge_header(), y=huge_header()),
    ],
    ids=["empty", "text", "pickle", "objects", "cut off", "no arrays", "pickles", "72 TB"],
)
def test_hostile_and_damaged_files_are_refused_in_one_line_and_nothing_in_them_runs(tmp_path, content):
    file = tmp_path / "data.npz"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"is damaged") as caught:
        Arrays(str(file)).load()
    assert "\n" not in str(caught.value)
    assert "allow_pickle" not in str(caught.value)


def test_flipped_bits_are_noticed(tmp_path):
    content = bytearray(as_bytes(x=X, y=Y))
    content[300] ^= 255
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(ValueError, match="'x' is damaged"):
        Arrays(str(tmp_path / "data.npz")).load()


def test_other_arrays_in_the_archive_are_left_alone(archive):
    assert archive(x=X, y=Y, feature_names=np.array([Bomb()])).outputs == 3


def test_a_single_array_says_how_to_save_two(tmp_path):
    np.save(tmp_path / "data.npy", X)
    with pytest.raises(ValueError, match=r"np\.savez\(FILE, x=features, y=targets\)"):
        Arrays(str(tmp_path / "data.npy")).load()
