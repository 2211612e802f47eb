"""Runs of a sweep share their data: loaded once, written by nobody, gone when the sweep has ended."""

import numpy as np
import pytest

from nnreg.contracts import Split, Splits
from nnreg.runs.assembly import digest_of, load_shared, sharing_data


class Source:
    """A dataset that counts how often it is read."""

    def __init__(self):
        self.read, self.x = 0, np.ones((4, 2), np.float32)

    def __call__(self):
        self.read += 1
        return Splits(Split(self.x, np.zeros(4, int)), None, None, outputs=2, source="here")


@pytest.fixture
def source():
    return Source()


def test_runs_that_share_read_once(source):
    with sharing_data():
        first, second = load_shared("a", source), load_shared("a", source)
    assert source.read == 1
    assert first[0].train.x is second[0].train.x
    assert first[1] == second[1] == digest_of(source())


def test_runs_that_do_not_share_read_again_as_files_may_have_changed(source):
    for _ in range(2):
        load_shared("a", source)
    with sharing_data():
        load_shared("a", source)
    load_shared("a", source)
    assert source.read == 4


def test_only_the_last_data_is_kept(source):
    with sharing_data():
        for key in "aba":
            load_shared(key, source)
    assert source.read == 3


def test_no_run_can_write_into_what_the_next_will_see(source):
    splits, _ = load_shared("a", source)
    with pytest.raises(ValueError, match="read-only"):
        splits.train.x[0, 0] = 2
    source.x[0, 0] = 2  # whoever made it still can
    assert splits.train.x[0, 0] == 2
