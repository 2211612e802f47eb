"""The compiled loop gives the same bits as the formula."""

from types import SimpleNamespace

import numpy as np
import pytest

from nnreg.contracts import Optimizer
from nnreg.contracts.optimizer import execute_by
from nnreg.contracts.tracing import Tape
from nnreg.engine import numerics
from nnreg.records.checkpoint import FILE, load_checkpoint
from nnreg.registry import entries
from nnreg.registry.building import make_technique

SIZE = 1001


def test_the_text_of_the_loop_reads_and_writes_each_number_once():
    tape = Tape(2)
    x, y = tape.vectors
    x -= 0.1 * y / (abs(x) + 1e-8)
    assert numerics.source(tape.instructions, 2).splitlines() == [
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
    execute_by(loop, numerics.Loop)
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
    loop = numerics.Loop(tape.instructions, [(x,)])
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
        np.testing.assert_array_equal(numba[name], array)


def test_without_numba_a_run_says_how_to_get_it(nnreg, monkeypatch):
    monkeypatch.setattr(numerics, "has_numba", lambda: False)
    assert nnreg("steps=2", "kernels=numba").complaint.endswith("kernels=numba needs numba: pip install 'nnreg[fast]'")
