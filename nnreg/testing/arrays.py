"""Central differences, and arrays that notice when precision is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array, Weights
from nnreg.testing.report import expect, expect_close

STEP = 1e-6
RTOL, ATOL = 1e-5, 1e-7
KINK = 1e-2  # one-sided slopes further apart than this, relative to their size, belong to a kink


def slopes(f: Callable[[Array], Array], x: Array) -> Array:
    """Return the derivative of an elementwise function at each element of x, NaN where it has a kink."""
    here, left, right = f(x.copy()), f(x - STEP), f(x + STEP)
    return _smooth(left, here, right)


def gradient(f: Callable[[Array], float], x: Array) -> Array:
    """Return the gradient of a scalar function at x, float64 array of any shape; NaN where it has a kink."""
    here, found = f(x.copy()), np.empty_like(x)
    for index in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[index] = STEP
        found[index] = _smooth(np.array(f(x - nudge)), np.array(here), np.array(f(x + nudge)))
    return found


def expect_gradient(got: Array, measured: Array, what: str) -> None:
    """Demand that a formula's gradient is the measured one, wherever there is no kink."""
    got = np.asarray(got)
    expect(got.shape == measured.shape, f"{what}: got shape {got.shape}, expected {measured.shape}")
    smooth = np.isfinite(measured)
    expect(smooth.sum() * 2 >= smooth.size, f"{what}: more than half of the points are kinks or not finite, nothing to compare")
    expect_close(np.where(smooth, got, 0), np.where(smooth, measured, 0), f"{what} (central differences)", rtol=RTOL, atol=ATOL)


def _smooth(left: Array, here: Array, right: Array) -> Array:
    before, after = (here - left) / STEP, (right - here) / STEP
    central = (right - left) / (2 * STEP)
    return np.where(np.abs(after - before) <= KINK * (1 + np.abs(central)), central, np.nan)


DTYPES: tuple[type[np.floating[Any]], ...] = (np.float32, np.float64)
COMPARISONS = (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)


class Watched(np.ndarray[Any, Any]):
    """An array that writes down in which precisions it takes part.

    A comparison answers yes or no in any precision: what is compared is not written down, so that a mask may be drawn in
    float32 whatever the run. What is asked for in another precision by its name, ``g.astype(np.float64)`` or
    ``g.sum(dtype=np.float64)``, is an array that is not watched: it is seen where it meets one that is.
    """

    precisions: ClassVar[set[np.dtype[Any]]] = set()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        """Compute as a plain array does, look at the dtypes of what goes in and comes out, and go on watching."""
        plain = [_plain(value) for value in inputs]
        options = {name: _plain(value) for name, value in options.items()}
        if out:
            options["out"] = tuple(_plain(array) for array in out)
        result = getattr(ufunc, method)(*plain, **options)
        if ufunc not in COMPARISONS:
            _note(*plain)
        if options.get("dtype") is not None and not out:
            return result
        _note(result)
        return _watching(out[0] if out else result)

    def astype(self, dtype: Any, *arguments: Any, **options: Any) -> Any:
        """Return a plain array of another precision, as who asks for it by its name means it."""
        return _plain(self).astype(dtype, *arguments, **options) if np.dtype(dtype) != self.dtype else self.copy()

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        """Take products of any mixture of watched and plain arrays, which NumPy refuses to write into a given one."""
        if function is not np.dot:
            return super().__array_function__(function, types, arguments, options)
        result = np.dot(*map(_plain, arguments), **{name: _plain(value) for name, value in options.items()})
        _note(*map(_plain, arguments), result)
        return _watching(options.get("out", result))


@contextmanager
def watched(dtype: npt.DTypeLike) -> Iterator[Callable[..., Array]]:
    """Give a function that makes random arrays of one precision; fail in the end if another took part."""
    Watched.precisions.clear()
    rng = np.random.default_rng(0)
    yield lambda *shape: rng.standard_normal(shape).astype(dtype).view(Watched)
    others = sorted(str(found) for found in Watched.precisions - {np.dtype(dtype)})
    expect(not others, f"given {np.dtype(dtype)} it computes in {', '.join(others)} too; a Python float keeps the precision")


def watch(technique: object, dtype: npt.DTypeLike) -> None:
    """Put watched views, of the same memory, in place of the arrays of a precision that a technique keeps.

    Reaches attributes, and tuples, lists and dicts in them; not what an object of its own kind keeps inside.
    """
    for name, value in list(vars(technique).items()):
        vars(technique)[name] = _views(value, np.dtype(dtype))


def _views(value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, np.ndarray):
        return value.view(Watched) if value.dtype == dtype else value
    if isinstance(value, Weights):
        return Weights(*(_views(each, dtype) for each in value))
    if type(value) in (tuple, list):
        return type(value)(_views(each, dtype) for each in value)
    if type(value) is dict:
        return {key: _views(each, dtype) for key, each in value.items()}
    return value


def _note(*values: Any) -> None:
    seen = (value for value in values if isinstance(value, np.ndarray | np.generic))
    Watched.precisions.update(value.dtype for value in seen if value.dtype.kind == "f")


def _watching(value: Any) -> Any:
    return value.view(Watched) if type(value) is np.ndarray else value


def _plain(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, Watched) else value
