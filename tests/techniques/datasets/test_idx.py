"""The IDX format."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nnreg_std.datasets import _idx
from tests.techniques.idx_files import dump

any_array = arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6))


@given(any_array)
def test_what_is_dumped_parses_to_the_same_array(array):
    parsed = _idx.parse(dump(array))
    np.testing.assert_array_equal(parsed, array, strict=True)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_with_a_value_error_or_parsed(payload):
    try:
        assert _idx.parse(payload).dtype == np.uint8
    except ValueError as error:
        assert "\n" not in str(error)


@given(st.integers(0, 255), st.binary(max_size=300))
def test_random_bytes_behind_a_right_magic_number_are_refused_with_a_value_error_or_parsed(dimensions, rest):
    try:
        parsed = _idx.parse(bytes([0, 0, _idx.UNSIGNED_BYTE, dimensions]) + rest)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert parsed.ndim == dimensions


@given(any_array, st.data())
def test_a_file_cut_short_anywhere_is_refused(array, data):
    payload = dump(array)
    length = data.draw(st.integers(0, len(payload) - 1))
    with pytest.raises(ValueError, match=r"truncated|not an IDX file"):
        _idx.parse(payload[:length])


def test_the_layout_is_the_published_one():
    # two labels, 7 and 2, written out by hand from the format's description
    by_hand = bytes.fromhex("00000801 00000002 07 02")
    assert _idx.parse(by_hand).tolist() == [7, 2]


def test_dimensions_are_big_endian_and_rows_come_first():
    by_hand = bytes.fromhex("00000802 00000002 00000003 000102030405")
    assert _idx.parse(by_hand).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_array_is_a_view_of_the_payload():
    assert not _idx.parse(dump(np.arange(5, dtype=np.uint8))).flags.owndata


def test_other_number_types_are_refused_by_name():
    with pytest.raises(ValueError, match="type is 0x0d, not 0x08"):
        _idx.parse(bytes.fromhex("00000d01 00000001 3f800000"))


def test_trailing_bytes_are_refused():
    with pytest.raises(ValueError, match="too long: its header announces 9 bytes and it has 10"):
        _idx.parse(dump(np.zeros(1, np.uint8)) + b"x")


def test_a_web_page_is_no_idx_file():
    with pytest.raises(ValueError, match="not an IDX file: it starts with b'<!DOCTYP'"):
        _idx.parse(b"<!DOCTYPE html>")
