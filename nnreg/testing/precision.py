"""Arrays that notice when a formula computes in another precision than that of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nnreg.contracts import Array
from nnreg.testing.outcome import expect

DTYPES: tuple[type[np.floating[Any]], ...] = (np.float32, np.float64)


class Watched(np.ndarray[Any, Any]):
    """An array that writes down in which precisions it takes part."""

    precisions: ClassVar[set[np.dtype[Any]]] = set()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        """Compute as a plain array does, and look at the dtypes of what goes in and comes out."""
        plain = [_plain(value) for value in inputs]
        options = {name: _plain(value) for name, value in options.items()}
        if out:
            options["out"] = tuple(_plain(array) for array in out)
        result = getattr(ufunc, method)(*plain, **options)
        seen = (value for value in (*plain, result) if isinstance(value, np.ndarray | np.generic))
        self.precisions.update(value.dtype for value in seen if value.dtype.kind == "f")
        if out:
            return out[0]
        return result.view(Watched) if isinstance(result, np.ndarray) else result


@contextmanager
def watched(dtype: npt.DTypeLike) -> Iterator[Callable[..., Array]]:
    """Give a function that makes random arrays of one precision; fail in the end if another took part."""
    Watched.precisions.clear()
    rng = np.random.default_rng(0)
    yield lambda *shape: rng.standard_normal(shape).astype(dtype).view(Watched)
    others = sorted(str(found) for found in Watched.precisions - {np.dtype(dtype)})
    expect(not others, f"given {np.dtype(dtype)} it computes in {', '.join(others)} too; a Python float keeps the precision")


def _plain(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, Watched) else value
