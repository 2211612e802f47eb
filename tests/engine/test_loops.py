"""The compiled loop gives the same bits as the formula."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from nnreg.contracts import Optimizer
from nnreg.contracts.optimizer import execute_by
from nnreg.contracts.tracing import Tape
from nnreg.engine import loops, numerics
from nnreg.records.checkpoint import FILE, load_checkpoint
from nnreg.registry import entries
from nnreg.registry.building import make_technique

SIZE = 1001


def test_the_text_of_the_loop_reads_and_writes_each_number_once():
    tape = Tape(2)
    x, y = tape.vectors
    x -= 0.1 * y / (abs(x) + 1e-8)
    assert loops.source(tape.instructions, 2).splitlines() == [
        "def loop(numbers, v0, v1):",
        "    n0 = numbers[0]",
        "    n1 = numbers[1]",
        "    for i in range(v0.size):",
        "        x0 = v0[i]",
        "        x1 = v1[i]",
        "        x2 = n0 * x1",
        "        x3 = np.abs(x0)",
        "        x4 = x3 + n1",
        "        x5 = x2 / x4",
        "        x0 = x0 - x5",
        "        v0[i] = x0",
    ]
    assert tape.numbers == [0.1, 1e-8]


@pytest.mark.slow
@pytest.mark.extra("fast")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", list(entries.techniques("optimizer")))
def test_every_optimizer_compiled_goes_the_same_way_to_the_bit(name, dtype):
    plain, loop = (make_technique(entries.load_class(entries.find_technique("optimizer", name))) for _ in range(2))
    if type(plain).step is not Optimizer.step:
        pytest.skip("it works on whole layers")
    execute_by(loop, loops.Loop)
    loop.slice_size = 400
    start, grad = np.random.default_rng(0).standard_normal(SIZE).astype(dtype), np.zeros(SIZE, dtype)
    apart, together = (SimpleNamespace(theta=start.copy(), grad=grad, named={}) for _ in range(2))
    plain.bind(apart)
    loop.bind(together)
    for t, gradient in enumerate(np.random.default_rng(1).standard_normal((8, SIZE)), start=1):
        grad[...] = gradient
        grad[:3] = 0
        plain.step(t)
        loop.step(t)
    np.testing.assert_array_equal(together.theta, apart.theta)


def test_what_is_not_defined_to_the_last_bit_is_left_to_numpy():
    x = np.linspace(-1, 1, SIZE)
    tape = Tape(1)
    tape.vectors[0][...] = np.exp(tape.vectors[0])
    loop = loops.Loop(tape.instructions, [(x,)])
    loop.run(tape.numbers)
    assert not loop.is_compiled
    np.testing.assert_array_equal(x, np.exp(np.linspace(-1, 1, SIZE)))


@pytest.mark.slow
@pytest.mark.extra("fast")
def test_a_run_is_the_same_with_compiled_kernels(nnreg, project):
    for kernels in ("numpy", "numba"):
        said = nnreg("steps=20", "optimizer=adam", f"kernels={kernels}", f"hydra.run.dir={kernels}", "checkpoint_seconds=0")
        assert said.code == 0, said.err
    numpy, numba = (load_checkpoint(project / kernels / FILE).arrays for kernels in ("numpy", "numba"))
    for name, array in numpy.items():
        np.testing.assert_allclose(numba[name], array, rtol=1e-4, atol=1e-4, err_msg=name)  # sums are in another order


def test_without_numba_a_run_says_how_to_get_it(nnreg, monkeypatch):
    monkeypatch.setattr(numerics, "has_numba", lambda: False)
    assert nnreg("steps=2", "kernels=numba").complaint.endswith("kernels=numba needs numba: pip install 'nnreg[fast]'")


TEXT = """def loop(x):
    for i in range(x.size):
        x[i] = exp(x[i]) + T(1)"""
PROGRAM = f"""
import time
import numpy as np
from nnreg.engine.loops import compiled
import numba.core.compiler as compiler
before, told = compiler.compile_extra, []
def counted(*given, **named):
    told.append(1)
    return before(*given, **named)
compiler.compile_extra = counted
x = np.zeros(3, np.float32)
compiled({TEXT!r}, (x,), x.dtype)(x)
print(x.tolist(), len(told))
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder of this test's own, and a process that has compiled nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NNREG_LOOPS")  # where the tests keep theirs
    monkeypatch.setattr(loops, "_ready", {})
    return tmp_path / "nnreg" / "loops"


def result():
    x = np.zeros(3, np.float32)
    loops._ready.clear()
    loops.compiled(TEXT, (x,), x.dtype)(x)
    return x.tolist()


def processes(count):
    """Start processes at once; return what each says: the numbers, and how often it compiled."""
    started = [subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return [process.communicate(timeout=120)[0].rpartition(" ")[::2] for process in started]


linux = pytest.mark.skipif(sys.platform != "linux", reason="the cache folder is set by XDG_CACHE_HOME")


@pytest.mark.long
@linux
@pytest.mark.slow
@pytest.mark.extra("fast")
def test_processes_that_start_at_once_agree_and_the_next_compiles_nothing(cache):
    for numbers, _ in processes(3):
        assert numbers == "[2.0, 2.0, 2.0]"
    assert processes(1) == [("[2.0, 2.0, 2.0]", "0\n")]
    assert cache.stat().st_mode & 0o777 == 0o700
    assert not list(cache.glob(".loop_*"))


@pytest.mark.long
@linux
@pytest.mark.slow
@pytest.mark.extra("fast")
@pytest.mark.parametrize("pattern", ["*.py", "__pycache__/*.nbi", "__pycache__/*.nbc"])
@pytest.mark.parametrize("damage", [b"", b"damaged", None])
def test_a_damaged_entry_is_made_anew(cache, pattern, damage):
    assert result() == [2, 2, 2]
    for path in cache.glob(pattern):
        path.unlink() if damage is None else path.write_bytes(damage)
    assert result() == [2, 2, 2]
    assert list(cache.glob("__pycache__/*.nbc"))
    assert processes(1) == [("[2.0, 2.0, 2.0]", "0\n")]


@linux
@pytest.mark.slow
@pytest.mark.extra("fast")
def test_a_folder_that_others_may_write_to_is_left_alone(cache):
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    assert loops.cache_folder() is None
    assert result() == [2, 2, 2]
    assert not list(cache.iterdir())


@linux
@pytest.mark.slow
@pytest.mark.extra("fast")
def test_without_a_folder_code_is_compiled_for_the_process_alone(cache):
    cache.parent.mkdir()
    cache.write_text("in the way")
    assert loops.cache_folder() is None
    assert result() == [2, 2, 2]


@linux
@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners here")
def test_a_folder_of_somebody_else_is_left_alone(cache, monkeypatch):
    cache.mkdir(parents=True, mode=0o700)
    assert loops.cache_folder() == cache
    monkeypatch.setattr(os, "getuid", lambda: cache.stat().st_uid + 1)
    assert loops.cache_folder() is None


def test_the_folder_can_be_chosen(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("NNREG_LOOPS", str(tmp_path / "here"))
    assert loops.cache_folder() == tmp_path / "here"
    assert not cache.exists()
