"""What every activation must do, whatever its curve."""

from __future__ import annotations

import numpy as np

from nnreg.contracts import Array
from nnreg.testing.arrays import DTYPES, expect_gradient, slopes, watched
from nnreg.testing.report import Subject, expect, expect_close, expect_equal

GRID = np.linspace(-6, 6, 120).reshape(20, 6) + 0.0137  # off the whole and half numbers, where kinks like to be
UPSTREAM = 0.2 + np.cos(7 * GRID)


def it_writes_its_output_in_place(subject: Subject) -> None:
    """All of ``out`` is written, in rows of a larger buffer too; nothing is returned."""
    activation, buffer = subject.make(), np.full((9, 6), np.nan)
    buffer[4:] = -7
    returned = activation.forward(GRID[:4].copy(), out=buffer[:4])
    expect(returned is None, f"forward returned a {type(returned).__name__}; it must write to 'out' and return None")
    expect(not np.isnan(buffer[:4]).any(), "forward left 'out' unwritten or wrote NaN; it must fill all of it")
    expect((buffer[4:] == -7).all(), "forward wrote outside 'out'")
    expect_equal(buffer[:4], _forward(subject, GRID)[:4], "rows of a larger batch gave other numbers")


def the_gradient_agrees_with_central_differences(subject: Subject) -> None:
    """``backward`` is the upstream gradient times the derivative of ``forward``, in float64, off the kinks."""
    measured = UPSTREAM * slopes(lambda z: _forward(subject, z), GRID)
    expect_gradient(_backward(subject, UPSTREAM, GRID), measured, "backward is not dy times the derivative of forward")


def what_it_reads_it_never_writes(subject: Subject) -> None:
    """z, y and the upstream gradient are others' memory."""
    z, dy, y, out = GRID.copy(), UPSTREAM.copy(), _forward(subject, GRID), np.empty_like(GRID)
    read = {"z": z, "dy": dy, "y": y}
    before = {name: array.copy() for name, array in read.items()}
    activation = subject.make()
    activation.forward(z, out=out)
    activation.backward(dy, z, y, out=out)
    for name, array in read.items():
        expect_equal(array, before[name], f"it wrote to '{name}'")


def each_element_is_on_its_own(subject: Subject) -> None:
    """An element's value does not depend on the others in the batch."""
    z = GRID[::5]
    together = _forward(subject, z)
    one_by_one = np.array([_forward(subject, z[i : i + 1, j : j + 1])[0, 0] for i, j in np.ndindex(z.shape)]).reshape(z.shape)
    expect_close(together, one_by_one, "an element alone has another value than in a batch", rtol=1e-12, atol=1e-15)


def it_keeps_the_precision(subject: Subject) -> None:
    """Output and every intermediate result have the dtype of the run."""
    for dtype in DTYPES:
        with watched(dtype) as array:
            z, y, dy, dz = (array(5, 4) for _ in range(4))
            activation = subject.make()
            activation.forward(z, out=y)
            activation.backward(dy, z, y, out=dz)


def large_inputs_stay_finite(subject: Subject) -> None:
    """Far out, where exp overflows, value and gradient are finite and nothing warns; in both precisions."""
    for dtype in DTYPES:
        z = np.array([[-1e4, -800, -100, -20, 0, 20, 100, 800, 1e4]], dtype)
        expect(np.isfinite(_forward(subject, z)).all(), f"forward is not finite somewhere in {z[0].tolist()}, {dtype.__name__}")
        dz = _backward(subject, np.ones_like(z), z)
        expect(np.isfinite(dz).all(), f"backward is not finite somewhere in {z[0].tolist()}, {dtype.__name__}")


def a_nan_stays_visible(subject: Subject) -> None:
    """A network that diverged must show it."""
    expect(np.isnan(_forward(subject, np.full((2, 2), np.nan))).all(), "forward hides NaN, and with it that a run diverged")


def empty_and_single_rows_are_fine(subject: Subject) -> None:
    """Batches of no row and of one."""
    for rows in (0, 1):
        y = _forward(subject, GRID[:rows])
        dz = _backward(subject, UPSTREAM[:rows], GRID[:rows])
        expect(np.isfinite(y).all() and np.isfinite(dz).all(), f"{rows} rows gave a result that is not finite")


def _forward(subject: Subject, z: Array) -> Array:
    out = np.full_like(z, np.nan)
    subject.make().forward(z.copy(), out=out)
    return out


def _backward(subject: Subject, dy: Array, z: Array) -> Array:
    out = np.full_like(z, np.nan)
    returned = subject.make().backward(dy.copy(), z.copy(), _forward(subject, z), out=out)
    expect(returned is None, f"backward returned a {type(returned).__name__}; it must write to 'out' and return None")
    return out
