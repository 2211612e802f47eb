"""Arithmetic in the form that is fastest here: matrix products, and what may overflow in silence.

OpenBLAS has kernels for small products that waste nothing on packing; on processors with AVX-512 they are 10 to 30 % faster
than the general ones, for at most a million multiplications. A larger product is therefore cut into blocks of rows, as one
stacked ``np.matmul`` over views. What is done depends on the shapes, the processor and the number of threads alone, never on
a measurement: the same run gives the same bits again.

OpenBLAS itself is asked for which processor its kernels are, and for its threads, whenever products are laid out: the
environment may tell it otherwise (``OPENBLAS_CORETYPE``), and a notebook holds it to one thread only while a run lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from nnreg.contracts import Array

silently = np.errstate(all="ignore")
"""Decorates what may overflow and is called now and then; it costs two microseconds a call."""


def silent_context() -> Context:
    """Return a context whose ``run`` calls what may overflow, in a tenth of that time, but not from within itself."""
    context = copy_context()
    context.run(np.seterr, all="ignore")
    return context


MOST = 1_000_000  # multiplications that the kernels for small products take
LEAST_ROWS = {True: 8, False: 12}  # of a block, where rows lie in memory one after the other, and where columns do
COPIED = 12_000  # elements of a matrix that is copied to be transposed; beyond, the copy costs more than it gains
SMALL = frozenset({"SkylakeX", "Cooperlake", "SapphireRapids"})  # OpenBLAS's names for processors with AVX-512

_LIBRARIES = ThreadpoolController().select(user_api="blas")


def kernels() -> tuple[str, int]:
    """Return for which processor the kernels of OpenBLAS are that compute now, and on how many threads; "" of another BLAS."""
    own = _own_library()
    return own.get("architecture") or "", own.get("num_threads", 0)


def blas() -> str:
    """Return the name and the version of the library that multiplies matrices, "" where it does not say."""
    own = _own_library()
    return f"{own.get('internal_api') or ''} {own.get('version') or ''}".strip()


def _own_library() -> dict[str, Any]:
    """Return what is known of NumPy's BLAS; SciPy brings one of its own."""
    found = _LIBRARIES.info()
    own: list[dict[str, Any]] = [each for each in found if "numpy" in each["filepath"]] or found
    return next(iter(own), {})


def has_numba() -> bool:
    """Tell whether numba is installed, which compiles loops."""
    return find_spec("numba") is not None


def has_small_kernels() -> bool:
    """Tell whether small products are faster: OpenBLAS on one thread, by its kernels for AVX-512."""
    processor, threads = kernels()
    return processor in SMALL and threads == 1


def product(a: Array, b: Array, out: Array) -> Callable[[], object]:
    """Return what multiplies two matrices whenever it is called.

    Args:
        a: float array (m, k), read; C-contiguous, or transposed from one that is, for the fast form.
        b: float array (k, n), read.
        out: float array (m, n), C-contiguous, written.
    """
    blocks = _blocks(a, b.shape[1]) if has_small_kernels() else 1
    if blocks == 1:
        return partial(np.matmul, a, b, out)
    return partial(np.matmul, _stack(a, blocks), b, out.reshape(blocks, -1, b.shape[1]))


def product_with_transposed(a: Array, b: Array, out: Array) -> Callable[[], object]:
    """Return what multiplies ``a``, (m, k), with the transpose of ``b``, (n, k), whenever it is called; arguments as above."""
    if not has_small_kernels() or b.size > COPIED:
        return partial(np.matmul, a, b.T, out)
    copied = np.empty(b.shape[::-1], b.dtype)
    multiply = product(a, copied, out)

    def copy_and_multiply() -> None:
        copied[...] = b.T
        multiply()

    return copy_and_multiply


def _blocks(a: Array, columns: int) -> int:
    """Return into how many blocks of rows to cut a product; 1 where that gains nothing."""
    rows, multiplications = len(a), a.size * columns
    along = a.flags.c_contiguous
    if multiplications <= MOST or not (along or a.T.flags.c_contiguous):
        return 1
    fewest = -(-multiplications // MOST)
    blocks = next((number for number in range(fewest, rows) if rows % number == 0), rows)
    return blocks if rows // blocks >= LEAST_ROWS[along] else 1


def _stack(a: Array, blocks: int) -> Array:
    """Return the rows of a matrix in blocks, (blocks, rows / blocks, columns): a view."""
    if a.flags.c_contiguous:
        return a.reshape(blocks, -1, a.shape[1])
    return a.T.reshape(a.shape[1], blocks, -1).transpose(1, 2, 0)
