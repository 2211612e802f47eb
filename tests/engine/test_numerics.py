"""Matrix products cut into blocks are the same products; what overflows inside is silent, outside NumPy warns."""

import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from nnreg.engine import numerics
from nnreg.engine.numerics import product, product_with_transposed, silent_context, silently

SHAPES = [
    (128, 784, 100),
    (128, 100, 100),
    (100, 784, 50),
    (127, 784, 100),
    (96, 130, 120),
    (3, 4, 5),
    (1, 9000, 200),
    (200, 300, 400),
]


@pytest.fixture(params=[True, False], ids=["small kernels", "none"])
def kernels(request, monkeypatch):
    monkeypatch.setattr(numerics, "has_small_kernels", lambda: request.param)
    return request.param


def matrices(m, k, n, dtype=np.float64):
    rng = np.random.default_rng(0)
    return (rng.standard_normal(shape).astype(dtype) for shape in ((m, k), (k, n), (m, n)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_all_three_products_of_a_layer_are_those_of_matmul(shape, dtype, kernels):
    m, k, n = shape
    x, w, dy = matrices(*shape, dtype)
    y, dw, dx = np.empty((m, n), dtype), np.empty((k, n), dtype), np.empty((m, k), dtype)
    for call in (product(x, w, y), product(x.T, dy, dw), product_with_transposed(dy, w, dx)):
        call()
    tolerance = {"rtol": 1e-4, "atol": 1e-2} if dtype is np.float32 else {"rtol": 1e-9, "atol": 1e-9}
    for made, wanted in ((y, x @ w), (dw, x.T @ dy), (dx, dy @ w.T)):
        np.testing.assert_allclose(made, wanted, **tolerance)


def test_a_product_sees_what_its_matrices_hold_when_it_is_called(kernels):
    x, w, y = matrices(128, 784, 100)
    dx = np.empty_like(x)
    forward, backward = product(x, w, y), product_with_transposed(y, w, dx)
    forward()
    w *= 2
    x += 1
    forward()
    backward()
    np.testing.assert_allclose(y, x @ w, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dx, y @ w.T, rtol=1e-9, atol=1e-9)


def test_the_first_rows_of_a_larger_array_will_do(kernels):
    x, w, y = matrices(256, 784, 100)
    product(x[:128], w, y[:128])()
    np.testing.assert_allclose(y[:128], x[:128] @ w, rtol=1e-9, atol=1e-9)


def test_a_matrix_that_lies_scattered_in_memory_is_not_cut(kernels):
    x, w, y = matrices(256, 784, 100)
    product(x[::2], w, y[:128])()
    np.testing.assert_allclose(y[:128], x[::2] @ w, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_block_is_larger_than_the_kernels_take_nor_too_thin_to_gain(shape):
    x, w, _ = matrices(*shape)
    for a in (x, x.T):
        blocks = numerics._blocks(a, w.shape[1])
        if blocks > 1:
            assert a.size * w.shape[1] / blocks <= numerics.MOST
            assert len(a) % blocks == 0
            assert len(a) // blocks >= 8


@pytest.mark.skipif(not numerics.kernels()[0], reason="NumPy computes with another BLAS than OpenBLAS")
def test_how_many_threads_there_are_counts_when_a_product_is_laid_out_not_when_this_was_imported(monkeypatch):
    monkeypatch.setattr(numerics, "SMALL", {numerics.kernels()[0]})
    for threads in (1, 2, 1):
        with threadpool_limits(threads, user_api="blas"):
            assert numerics.has_small_kernels() == (threads == 1)


@pytest.mark.parametrize(
    ("processor", "threads", "small"),
    [("SkylakeX", 1, True), ("SkylakeX", 2, False), ("Cooperlake", 1, True), ("Haswell", 1, False), ("", 0, False)],
)
def test_small_kernels_are_those_of_openblas_for_avx_512_on_one_thread(processor, threads, small, monkeypatch):
    monkeypatch.setattr(numerics, "kernels", lambda: (processor, threads))
    assert numerics.has_small_kernels() is small


@pytest.mark.skipif(numerics.kernels()[0] not in {*numerics.SMALL, "Haswell", "Zen"}, reason="no x86 processor with AVX2")
def test_openblas_is_asked_which_kernels_it_took_as_the_environment_may_choose_others():
    command = [sys.executable, "-c", "from nnreg.engine.numerics import kernels; print(*kernels())"]
    told = os.environ | {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1"}
    assert subprocess.run(command, env=told, check=True, capture_output=True, text=True).stdout.split() == ["Haswell", "1"]


# What overflows inside is silent; outside, NumPy warns as it was told to.


def overflow(x=1e300):
    return np.array(x) * np.array(1e300)


def test_what_a_silent_context_runs_does_not_warn_however_often():
    run = silent_context().run
    assert [run(overflow), run(overflow, 2e300)] == [np.inf, np.inf]


def test_outside_of_it_numpy_warns_as_ever_also_after_an_error_inside():
    def wrong():
        raise LookupError("mine")

    context = silent_context()
    with pytest.raises(LookupError, match="mine"):
        context.run(wrong)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        overflow()
    assert context.run(overflow) == np.inf


def test_a_decorated_function_does_not_warn():
    assert silently(overflow)() == np.inf
