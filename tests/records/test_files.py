"""What is read of a file that somebody else may have written, and what is refused."""

from __future__ import annotations

import gzip
import json
import os
import zipfile

import numpy as np
import pytest
from omegaconf import OmegaConf

from nnreg.errors import UserError
from nnreg.records.files import (
    Refused,
    check_plain,
    open_file,
    part_of,
    read_arrays,
    read_json,
    read_yaml,
    unpacked,
    write_whole,
)
from tests.records.hostile import CONFIG, CONFIGS, HARMLESS_TO_READ, TEXTS, archive, member, overlapping


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


@pytest.mark.parametrize("text", [CONFIG, "a: 1e-3\nb: 2026-01-31\nc: [.5, no, 'no', ~, 0x1f]\n", "x: &x [1, 2]\ny: *x\n"])
def test_yaml_is_read_as_omegaconf_reads_it(path, text):
    path.write_text(text)
    assert read_yaml(path) == (OmegaConf.to_container(OmegaConf.create(text)), text)


def test_yaml_that_is_only_dangerous_to_act_on_is_text(path, tmp_path):
    path.write_text(CONFIGS["secret"](tmp_path))
    assert read_yaml(path)[0]["experiment_name"] == "${oc.env:SECRET}"


@pytest.mark.parametrize("kind", sorted(CONFIGS.keys() - set(HARMLESS_TO_READ)))
def test_yaml_without_bounds_is_refused(path, tmp_path, kind):
    path.write_text(CONFIGS[kind](tmp_path))
    with pytest.raises(ValueError, match=r"."):
        read_yaml(path)


@pytest.mark.parametrize("kind", ["deep list", "deep map", "rather deep", "long number", "no text"])
def test_json_without_bounds_is_refused(path, kind):
    path.write_bytes(TEXTS[kind]())
    with pytest.raises(ValueError, match=r"."):
        read_json(path)


def test_json_is_read(path):
    facts = {"a": [1, 2.5, None, True], "b": {"c": "d"}}
    path.write_text(json.dumps(facts))
    assert read_json(path) == facts


def test_what_is_no_file_is_not_opened(path):
    os.mkfifo(path)
    for place in (path, path.parent, "/dev/zero"):
        with pytest.raises(Refused, match="is no file"):
            open_file(path.parent / place)


def test_a_packed_file_is_unpacked_whole_and_refused_where_it_says_or_proves_too_large(path):
    content = os.urandom(3 << 20)
    path.write_bytes(gzip.compress(content))
    with path.open("rb") as file:
        assert b"".join(unpacked(file)) == content
    bomb = gzip.compress(bytes(64 << 20))
    liar = bomb[:-4] + (3 << 20).to_bytes(4, "little")
    for packed, most in ((bomb, 0), (bomb[:-4] + bytes(4), 0), (liar, 3 << 20)):
        path.write_bytes(packed)
        with path.open("rb") as file:
            taken = 0
            with pytest.raises(Refused, match="it unpacks to more than"):
                for block in unpacked(file):
                    taken += len(block)
        assert taken <= most


def test_arrays_are_read_as_they_were_written(path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b/c": np.asfortranarray(np.eye(3, dtype=np.float32)), "d": np.array(7)}
    path.write_bytes(archive({name: member(array) for name, array in arrays.items()}))
    for found in (read_arrays(path), read_arrays(path, 10_000)):
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array, strict=True)


@pytest.mark.parametrize(
    ("content", "most", "said"),
    [
        (archive({"a": member(np.zeros(100))}, zipfile.ZIP_DEFLATED), None, "more than"),
        (archive({"a": member(np.zeros(1_000))}, zipfile.ZIP_DEFLATED), 5_000, "its arrays have 8,128 bytes, more than 5,000"),
        (archive({"a": member(np.zeros(10))}, zipfile.ZIP_LZMA), 5_000, "packed in another way"),
        (overlapping(50, 1_000), None, "more than"),
        (overlapping(30_000, 8), None, "it holds too many arrays"),
        (archive({"a": member(np.zeros(8), shape="(99999999999,)")}), None, "is not the array that it says"),
        (archive({"a": member(np.zeros(8), shape="(-1, -8)")}), None, "is not the array that it says"),
        (b"PK", None, "it is no archive of arrays"),
    ],
)
def test_arrays_are_refused_by_what_they_say_of_themselves(path, content, most, said):
    path.write_bytes(content)
    with pytest.raises(Refused, match=said):
        read_arrays(path, most)


@pytest.mark.parametrize("is_pipe", [False, True])
def test_a_file_is_not_written_through_what_lies_in_its_place(path, tmp_path, is_pipe):
    (tmp_path / "precious").write_text("as it was")
    if is_pipe:
        os.mkfifo(part_of(path))
    else:
        part_of(path).symlink_to(tmp_path / "precious")
    write_whole(path, "new")
    assert (path.read_text(), (tmp_path / "precious").read_text()) == ("new", "as it was")
    assert not part_of(path).exists()


def test_a_folder_with_a_link_in_it_is_named(tmp_path):
    (tmp_path / "run" / "inside").mkdir(parents=True)
    (tmp_path / "run" / "inside" / "file").write_text("")
    check_plain(tmp_path / "run")
    (tmp_path / "run" / "inside" / "link").symlink_to(tmp_path)
    with pytest.raises(UserError, match=r"inside/link is a symbolic link"):
        check_plain(tmp_path / "run")
