"""The checkpoint file: it loses no bit, is never half written, and does no harm whoever wrote it."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nnreg.errors import UserError
from nnreg.records.checkpoint import FACTS, FILE, Checkpoint, load_checkpoint, save_checkpoint

EMPTY = Checkpoint(
    step=3,
    seconds=0.5,
    records=4,
    config={"seed": 0, "optimizer": {"name": "adam", "lr": 0.001}, "hidden": [8]},
    data="0" * 64,
    versions={"numpy": "2.0"},
    batches={"stream": np.random.default_rng(0).bit_generator.state, "taken": 0},
    masks=dict(np.random.default_rng(1).bit_generator.state),
    arrays={},
)
numbers = arrays.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]), arrays.array_shapes(min_dims=0, min_side=0)
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / FILE


@pytest.fixture
def content(path):
    """The bytes of a checkpoint."""
    save_checkpoint(path, filled(theta=np.arange(5.0)))
    return path.read_bytes()


def filled(**named):
    return dataclasses.replace(EMPTY, arrays=named)


def archive(path, members, compression=zipfile.ZIP_STORED):
    """Write an .npz file by hand."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), **options)
    return stream.getvalue()


def page(**changes):
    facts = {field.name: getattr(EMPTY, field.name) for field in dataclasses.fields(EMPTY) if field.name != "arrays"}
    return npy(np.frombuffer(json.dumps({"format": 1, "names": []} | facts | changes).encode(), np.uint8))


@given(theta=numbers, moment=numbers)
def test_what_is_loaded_is_what_was_saved_to_the_last_bit(tmp_path_factory, theta, moment):
    path = tmp_path_factory.mktemp("run") / FILE
    save_checkpoint(path, filled(**{"theta": theta, "optimizer/m": moment}))
    found = load_checkpoint(path)
    assert dataclasses.replace(found, arrays={}) == EMPTY
    assert found.arrays["theta"].tobytes() == theta.tobytes()
    assert (found.part("optimizer")["m"].dtype, found.part("optimizer")["m"].shape) == (moment.dtype, moment.shape)


def test_only_the_file_itself_is_left_behind(path):
    save_checkpoint(path, filled(theta=np.zeros(3)))
    assert [entry.name for entry in path.parent.iterdir()] == [FILE]


def test_numpy_reads_it_without_pickles(path):
    save_checkpoint(path, filled(theta=np.arange(3)))
    with np.load(path, allow_pickle=False) as found:
        assert found["theta"].tolist() == [0, 1, 2]


def test_a_write_that_is_cut_off_leaves_the_checkpoint_before(path, content, monkeypatch):
    monkeypatch.setattr(np.lib.format, "write_array", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_checkpoint(path, EMPTY)
    assert path.read_bytes() == content


def test_python_objects_are_never_written(path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        save_checkpoint(path, filled(theta=np.array([object()])))
    assert not path.exists()


class Bomb:
    """What a pickle can do: anything, when it is read."""

    def __reduce__(self):
        return exec, ("raise SystemExit('the pickle was executed')",)


@pytest.mark.parametrize("name", [FACTS, "theta"])
def test_a_pickle_in_it_is_not_executed(path, name):
    armed = npy(np.array([Bomb()], dtype=object), allow_pickle=True)
    archive(path, {FACTS: page(), "theta": npy(np.zeros(2)), name: armed})
    with pytest.raises(UserError, match=r"damaged or no checkpoint .*Object arrays cannot be loaded"):
        load_checkpoint(path)


def test_a_pickle_of_that_name_is_not_executed(path):
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UserError, match="damaged or no checkpoint"):
        load_checkpoint(path)


def header(shape, dtype="<f8"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize("shape", [(10**6,), (10**18,), (-1, -8)], ids=["cut off", "more than there is", "negative"])
def test_an_array_that_is_not_what_it_says_is_refused(path, shape):
    archive(path, {FACTS: page(), "theta": header(shape) + bytes(64)})
    with pytest.raises(UserError, match="damaged or no checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "another version of nnreg"),
        ({"names": ["theta"]}, "some of its arrays are missing"),
        ({"step": "3"}, "step must be int, got str"),
        ({"step": -1}, "it is of step -1"),
        ({"seconds": float("nan")}, "nan seconds"),
        ({"config": []}, "config must be dict, got list"),
        ({"extra": 1}, "KeyError: 'extra'"),
    ],
)
def test_facts_that_are_not_those_of_a_checkpoint_are_refused(path, changes, said):
    archive(path, {FACTS: page(**changes)})
    with pytest.raises(UserError, match=said):
        load_checkpoint(path)


def test_an_archive_without_facts_is_no_checkpoint(path):
    np.savez(path, theta=np.zeros(3))
    with pytest.raises(UserError, match="no checkpoint"):
        load_checkpoint(path)


@given(st.data())
def test_a_damaged_file_is_told_in_one_line_or_holds_what_was_saved(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("run") / FILE
    save_checkpoint(path, filled(theta=np.arange(5.0)))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans(), "cut"):
        del content[data.draw(st.integers(0, len(content) - 1), "to") :]
    for _ in range(data.draw(st.integers(0, 3), "flips") if content else 0):
        content[data.draw(st.integers(0, len(content) - 1), "at")] ^= data.draw(st.integers(1, 255), "by")
    path.write_bytes(content)
    try:
        found = load_checkpoint(path)
    except UserError as error:
        assert "\n" not in str(error)
        assert "delete it to train this run from its start" in str(error)
    else:
        assert dataclasses.replace(found, arrays={}) == EMPTY
        assert {name: array.tolist() for name, array in found.arrays.items()} == {"theta": [0, 1, 2, 3, 4]}


def test_a_checkpoint_of_a_version_that_named_no_other_streams_is_read(path):
    save_checkpoint(path, filled(theta=np.arange(3.0)))
    with np.load(path) as saved:
        members = dict(saved)
    facts = json.loads(members.pop(FACTS).tobytes())
    del facts["streams"]
    archive(path, {FACTS: npy(np.frombuffer(json.dumps(facts).encode(), np.uint8)), "theta": npy(members["theta"])})
    assert load_checkpoint(path).streams == {}
