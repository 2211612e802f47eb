"""A file is believed for its checksum, and what is wrong with another one is said."""

import gzip

import numpy as np
import pytest

from nnreg_std.datasets import _published
from nnreg_std.datasets._published import FASHION_MNIST_FILES, KNOWN, MNIST_FILES, verified
from tests.techniques.idx_files import dump

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = (file.name for file in MNIST_FILES.files)


def check(small, name, content):
    """Verify content as if it were the file of this name."""
    file = next(file for file in small.files.files if file.name == name)
    return verified(content, file, small.files)


@pytest.mark.parametrize("name", [IMAGES, LABELS, TEST_IMAGES, TEST_LABELS])
def test_a_published_file_gives_its_array(small, name):
    np.testing.assert_array_equal(check(small, name, small.gzips[name]), small.arrays[name], strict=True)


def test_a_decompressed_file_is_as_good(small):
    np.testing.assert_array_equal(check(small, LABELS, small.payloads[LABELS]), small.arrays[LABELS])


def test_a_recompressed_file_is_as_good_where_the_payload_is_summed(small):
    recompressed = gzip.compress(small.payloads[IMAGES], compresslevel=1, mtime=12345)
    np.testing.assert_array_equal(check(small, IMAGES, recompressed), small.arrays[IMAGES])


def test_a_recompressed_file_is_refused_where_the_gzip_is_summed(small_by_gzip):
    recompressed = gzip.compress(small_by_gzip.payloads[IMAGES], mtime=12345)
    with pytest.raises(ValueError, match="corrupted: the SHA-256 of its gzip is not the published"):
        check(small_by_gzip, IMAGES, recompressed)


def test_a_decompressed_file_is_refused_where_the_gzip_is_summed(small_by_gzip):
    with pytest.raises(ValueError, match=r"Gzipped can only be verified as the \.gz files"):
        check(small_by_gzip, LABELS, small_by_gzip.payloads[LABELS])


@pytest.mark.parametrize("name, held", [(IMAGES, LABELS), (LABELS, IMAGES), (LABELS, TEST_LABELS), (TEST_IMAGES, IMAGES)])
@pytest.mark.parametrize("which", ["small", "small_by_gzip"])
def test_a_swapped_file_is_recognised(which, name, held, request):
    data = request.getfixturevalue(which)
    with pytest.raises(ValueError, match=f"^holds {held}: the files are swapped or renamed$"):
        check(data, name, data.gzips[held])


def test_a_file_of_another_set_is_recognised_in_both_directions(small, small_by_gzip, monkeypatch):
    monkeypatch.setattr(_published, "KNOWN", (small.files, small_by_gzip.files))
    with pytest.raises(ValueError, match=f"^holds {IMAGES} of Gzipped, not of Tiny$"):
        check(small, IMAGES, small_by_gzip.gzips[IMAGES])
    with pytest.raises(ValueError, match=f"^holds {IMAGES} of Tiny, not of Gzipped$"):
        check(small_by_gzip, IMAGES, small.gzips[IMAGES])
    with pytest.raises(ValueError, match=f"^holds {LABELS} of Tiny, not of Gzipped$"):
        check(small_by_gzip, IMAGES, small.payloads[LABELS])


@pytest.mark.parametrize("kept", [2, 10, 30, -9, -1])
def test_a_truncated_gzip_is_recognised(small, kept):
    with pytest.raises(ValueError, match=r"^is truncated: its gzip stream breaks off after"):
        check(small, IMAGES, small.gzips[IMAGES][:kept])


def test_a_truncated_plain_file_is_recognised(small):
    with pytest.raises(ValueError, match=r"^is truncated: its header announces 496 bytes and it has 300$"):
        check(small, IMAGES, small.payloads[IMAGES][:300])


def test_one_changed_byte_in_a_gzip_is_noticed(small):
    content = bytearray(small.gzips[IMAGES])
    content[100] ^= 1
    with pytest.raises(ValueError, match=r"corrupted|truncated"):
        check(small, IMAGES, bytes(content))


def test_one_changed_byte_in_a_plain_file_is_noticed(small):
    content = bytearray(small.payloads[IMAGES])
    content[100] ^= 1
    with pytest.raises(ValueError, match=r"^is corrupted: the SHA-256 of its payload is not the published"):
        check(small, IMAGES, bytes(content))


def test_fewer_rows_than_published_are_told(small):
    content = gzip.compress(dump(small.arrays[IMAGES][:10]))
    with pytest.raises(ValueError, match=r"^holds an array of shape \(10, 4, 3\), Tiny's has \(40, 4, 3\)$"):
        check(small, IMAGES, content)


@pytest.mark.parametrize("content", [b"", b"<html>sign in</html>", b"\x80\x04\x95pickle", b"PK\x03\x04"])
def test_what_is_no_idx_file_is_told(small, content):
    with pytest.raises(ValueError, match=r"^is not an IDX file"):
        check(small, IMAGES, content)


def test_an_endless_gzip_is_not_unpacked_to_the_end(small, monkeypatch):
    monkeypatch.setattr(_published, "KNOWN", ())
    bomb = gzip.compress(bytes(10_000_000))
    assert len(_published.inflated(bomb, 1000)) == 1000
    with pytest.raises(ValueError, match="not an IDX file"):
        check(small, IMAGES, bomb)


@pytest.mark.parametrize("files", KNOWN, ids=lambda files: files.title)
def test_each_published_set_is_described_completely(files):
    assert [file.shape for file in files.files] == [(60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,)]
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in files.files)
    assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in files.mirrors)
    assert len(files.mirrors) >= 2


def test_no_two_published_files_share_a_checksum():
    sums = [file.sha256 for files in KNOWN for file in files.files]
    assert len(set(sums)) == len(sums)


def test_the_sizes_are_the_published_ones():
    assert [file.size for file in MNIST_FILES.files] == [47_040_016, 60_008, 7_840_016, 10_008]


def test_fashion_mnist_trusts_the_gzip_and_mnist_the_payload():
    assert (MNIST_FILES.checksum_of, FASHION_MNIST_FILES.checksum_of) == ("payload", "gzip")
