"""Where image datasets are looked for, and what comes out."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from nnreg_std.datasets import _published
from nnreg_std.datasets._locating import load_images

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = (file.name for file in _published.MNIST_FILES.files)


@pytest.fixture
def offline(small):
    """The small set, with no mirror to fetch it from."""
    return small.files


def is_small(splits, small):
    np.testing.assert_array_equal(splits.train.x, small.arrays[IMAGES].reshape(40, 12), strict=True)
    np.testing.assert_array_equal(splits.train.y, small.arrays[LABELS])
    np.testing.assert_array_equal(splits.test.x, small.arrays[TEST_IMAGES].reshape(20, 12), strict=True)
    np.testing.assert_array_equal(splits.test.y, small.arrays[TEST_LABELS])
    assert splits.shape == small.arrays[IMAGES].shape[1:]
    return True


@pytest.mark.parametrize("inside", [".", "tiny"])
def test_a_data_folder_may_hold_the_files_or_a_folder_of_them(small, offline, tmp_path, inside):
    small.put(tmp_path / "data" / inside)
    splits = load_images(offline, str(tmp_path / "data"), 0)
    assert is_small(splits, small)
    assert splits.source == str((tmp_path / "data" / inside).resolve())


@pytest.mark.parametrize("inside", [".", "tiny"])
def test_the_environment_variable_may_name_either_layout(small, offline, tmp_path, monkeypatch, inside):
    monkeypatch.setenv("NNREG_DATA", str(small.put(tmp_path / "data" / inside)))
    assert is_small(load_images(offline, None, 0), small)


@pytest.mark.parametrize("spelling", ["{}.gz", "{}", "{}.gz dotted", "{} dotted"])
def test_files_may_be_compressed_or_not_and_spelled_either_way(small, offline, tmp_path, spelling):
    pattern, *dotted = spelling.split()
    for name in small.gzips:
        content = small.gzips[name] if pattern.endswith(".gz") else small.payloads[name]
        (tmp_path / pattern.format(name.replace("-idx", ".idx") if dotted else name)).write_bytes(content)
    assert is_small(load_images(offline, str(tmp_path), 0), small)


def test_a_file_that_a_browser_unpacked_but_named_gz_is_read(small, offline, tmp_path):
    small.put(tmp_path, train_images=small.payloads[IMAGES])
    assert is_small(load_images(offline, str(tmp_path), 0), small)


def test_a_relative_folder_and_a_home_folder_are_understood(small, offline, tmp_path, monkeypatch):
    small.put(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_images(offline, "data", 0).source == load_images(offline, "~/data", 0).source == str(tmp_path / "data")


def test_the_argument_beats_the_variable_which_beats_the_cache(small, offline, tmp_path, cache, monkeypatch):
    small.put(cache / "tiny")
    assert load_images(offline, None, 0).source == str(cache / "tiny")
    monkeypatch.setenv("NNREG_DATA", str(small.put(tmp_path / "variable")))
    assert load_images(offline, None, 0).source == str(tmp_path / "variable")
    small.put(tmp_path / "argument")
    assert load_images(offline, str(tmp_path / "argument"), 0).source == str(tmp_path / "argument")


def test_an_argument_that_lacks_files_is_an_error_even_if_others_have_them(small, offline, tmp_path, cache):
    small.put(cache / "tiny")
    folder = small.put(tmp_path / "data")
    (folder / f"{TEST_LABELS}.gz").unlink()
    with pytest.raises(
        FileNotFoundError, match=f"^Tiny: no {TEST_LABELS}.gz in {folder} or its sub-folder tiny; put .* there"
    ) as e:
        load_images(offline, str(folder), 0)
    assert "\n" not in str(e.value)


def test_an_argument_that_does_not_exist_is_an_error(offline, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"none of the four files in {tmp_path}/nowhere or its sub-folder tiny"):
        load_images(offline, f"{tmp_path}/nowhere", 0)


def test_a_variable_that_lacks_files_falls_on_to_the_cache(small, offline, tmp_path, cache, monkeypatch):
    monkeypatch.setenv("NNREG_DATA", str(tmp_path / "nowhere"))
    small.put(cache / "tiny")
    assert is_small(load_images(offline, None, 0), small)


def test_an_empty_variable_counts_as_unset(small, offline, cache, monkeypatch):
    monkeypatch.setenv("NNREG_DATA", "")
    small.put(cache / "tiny")
    assert is_small(load_images(offline, None, 0), small)


def test_the_second_load_comes_from_the_cache(small, serve):
    mirror = serve(small.gzips)
    files = replace(small.files, mirrors=(mirror.url,))
    for _ in range(2):
        assert is_small(load_images(files, None, 0), small)
    assert mirror.requests == dict.fromkeys(small.gzips, 1)


def test_a_damaged_file_in_the_cache_is_fetched_again(small, serve, cache):
    small.put(cache / "tiny", t10k_images=small.gzips[TEST_IMAGES][:50])
    mirror = serve(small.gzips)
    assert is_small(load_images(replace(small.files, mirrors=(mirror.url,)), None, 0), small)
    assert mirror.requests == {TEST_IMAGES: 1}


def test_when_all_fails_one_line_says_what_was_tried_and_what_to_do(small, serve, tmp_path, cache, monkeypatch):
    mirror = serve({}, lambda handler, content: handler.answer(b"", status=404))
    monkeypatch.setenv("NNREG_DATA", str(tmp_path / "mine"))
    with pytest.raises(FileNotFoundError) as caught:
        load_images(replace(small.files, mirrors=(mirror.url,)), None, 0)
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        f"NNREG_DATA: none of the four files in {tmp_path}/mine",
        f"cache: none of the four files in {cache}/tiny",
        f"download: no mirror delivered {IMAGES}.gz: {mirror.url} answered HTTP 404 Not Found",
        "set NNREG_DATA=<folder> or dataset.data_dir=<folder>",
        *(f"{name}.gz" for name in small.gzips),
    ):
        assert part in message


def test_swapped_files_are_told_with_path_and_remedy(small, offline, tmp_path):
    small.put(tmp_path, train_labels=small.gzips[TEST_LABELS])
    wanted = (
        f"^{tmp_path}/{LABELS}.gz holds {TEST_LABELS}: the files are swapped or renamed; "
        f"put Tiny's published {LABELS}.gz there or all four in its sub-folder tiny$"
    )
    with pytest.raises(ValueError, match=wanted):
        load_images(offline, str(tmp_path), 0)


@pytest.mark.parametrize(
    "content, complaint",
    [
        (lambda good: good[:50], "is truncated"),
        (lambda good: good[:40] + b"????" + good[44:], "is (a )?corrupted|is truncated"),
        (lambda good: b"<html>", "is not an IDX file"),
        (lambda good: pickle.dumps([1, 2]), "is not an IDX file"),
        (lambda good: b"", "is not an IDX file"),
    ],
    ids=["truncated", "corrupted", "web page", "pickle", "empty"],
)
def test_a_damaged_file_is_told_with_its_path(small, offline, tmp_path, monkeypatch, content, complaint):
    monkeypatch.setenv("NNREG_DATA", str(small.put(tmp_path / "tiny", train_images=content(small.gzips[IMAGES])).parent))
    with pytest.raises(ValueError, match=f"^{tmp_path}/tiny/{IMAGES}.gz ({complaint}).*; put Tiny's published .* there$"):
        load_images(offline, None, 0)


def test_files_of_another_set_are_told_and_their_owner_named(small, small_by_gzip, tmp_path, monkeypatch):
    monkeypatch.setattr(_published, "KNOWN", (small.files, small_by_gzip.files))
    with pytest.raises(ValueError, match=f"holds {IMAGES} of Tiny, not of Gzipped"):
        load_images(small_by_gzip.files, str(small.put(tmp_path)), 0)


def test_one_folder_may_hold_several_sets(small, small_by_gzip, tmp_path):
    small.put(tmp_path)
    small_by_gzip.put(tmp_path / "gzipped")
    assert is_small(load_images(small.files, str(tmp_path), 0), small)
    assert is_small(load_images(small_by_gzip.files, str(tmp_path), 0), small_by_gzip)


def test_the_last_training_rows_are_held_out_without_a_copy(small, offline, cache):
    small.put(cache / "tiny")
    splits = load_images(offline, None, 7)
    assert (len(splits.train.y), len(splits.valid.y), len(splits.test.y)) == (33, 7, 20)
    np.testing.assert_array_equal(splits.valid.y, small.arrays[LABELS][-7:])
    np.testing.assert_array_equal(splits.valid.x, small.arrays[IMAGES][-7:].reshape(7, 12))
    assert splits.train.x.base is splits.valid.x.base is not None


def test_holding_nothing_out_gives_no_validation_split(small, offline, cache):
    small.put(cache / "tiny")
    assert load_images(offline, None, 0).valid is None


def test_holding_everything_out_is_refused(small, offline, cache):
    small.put(cache / "tiny")
    with pytest.raises(ValueError, match="valid_size must be less than the 40 training rows, got 40"):
        load_images(offline, None, 40)


def test_only_the_first_rows_are_used_where_fewer_are_asked_for(offline, small, tmp_path):
    small.put(tmp_path / "data")
    splits = load_images(offline, str(tmp_path / "data"), 5, rows=20)
    assert (len(splits.train.y), len(splits.valid.y)) == (15, 5)
    np.testing.assert_array_equal(splits.valid.y, small.arrays["train-labels-idx1-ubyte"][15:20])
