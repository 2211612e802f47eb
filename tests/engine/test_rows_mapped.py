"""Rows in a file that is mapped into memory are the rows of an array, and are never loaded whole."""

import sys
from pathlib import Path

import numpy as np
import pytest

from nnreg.contracts import Split, Splits
from nnreg.engine.rows import Gather, Unconverted, converted
from nnreg.runs.assembly import digest_of
from tests.engine.test_rows import trained
from tests.memory import measured

DTYPES = [np.float32, np.float64]


@pytest.fixture
def mapped(tmp_path):
    """Return what maps an array: a copy of it in a file."""

    def make(array):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, array)
        return np.load(path, mmap_mode="r")

    return make


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kept", [np.uint8, np.float16, np.float32, np.float64])
def test_mapped_rows_are_gathered_and_read_in_parts_as_those_of_an_array(mapped, kept, dtype):
    x, numbers = (100 * np.random.default_rng(0).random((40, 5))).astype(kept), np.array([3, 39, 3, 0])
    plain, lazy = (converted(Split(array, np.arange(40)), dtype, 1) for array in (x, mapped(x)))
    np.testing.assert_array_equal(Gather(lazy, 4)(numbers)[0], Gather(plain, 4)(numbers)[0], strict=True)
    np.testing.assert_array_equal(np.asarray(lazy.x[5:25]), np.asarray(plain.x[5:25]), strict=True)
    assert isinstance(lazy.x, Unconverted) == (kept != dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_training_on_mapped_rows_is_training_on_an_array_to_the_last_bit(mapped, dtype):
    rng = np.random.default_rng(0)
    x, y = rng.random((600, 100)), rng.integers(3, size=600)
    both = [Splits(*[Split(array, y)] * 3, outputs=3, source="made up") for array in (x, mapped(x))]
    assert trained(both[0], dtype) == trained(both[1], dtype)
    assert digest_of(both[0]) == digest_of(both[1])


DATASET = """
import numpy as np

from nnreg.contracts import Dataset, Split, Splits


class Mapped(Dataset):
    \"\"\"Rows of a file.\"\"\"

    def load(self):
        x, y = np.load("x.npy", mmap_mode="r"), np.load("y.npy")
        return Splits(Split(x, y), Split(x[-40_000:], y[-40_000:]), None, outputs=2, source="x.npy")
"""
PROGRAM = """
import re, resource
from pathlib import Path

import numpy as np

import nnreg
from rows_of_a_file import Mapped

nnreg.register(Mapped)
words = ("dataset=mapped", "steps=3", "hidden=[4]", "watch_train=true", "validate_every=3", "tracking=off")
nnreg.run(*words, "train_size=5", "batch=5", quiet=True)  # imports all that a run does
held = int(re.search(r"VmData:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 2**10
resource.setrlimit(resource.RLIMIT_DATA, (held + 60 * 2**20,) * 2)
try:
    np.ones((120_000, 200), np.float32)
except MemoryError:
    found = nnreg.run(*words, "sampler=curriculum", quiet=True)
    print("accuracy", found.history.finite("train/accuracy")[-1])
"""


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited as Linux does it")
def test_a_run_needs_no_memory_for_rows_in_a_file(tmp_path):
    rows, columns = 120_000, 200  # 192 MB, and 96 MB in float32
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float64, (rows, columns))
    y = np.arange(rows) % 2
    x[:, 0] = y
    x.flush()
    np.save(tmp_path / "y.npy", y)
    (tmp_path / "rows_of_a_file.py").write_text(DATASET)
    assert "accuracy" in measured(PROGRAM, Path(tmp_path)).text
