"""What happens to a batch at both ends of a network as compiled code: its rows converted, its loss with the gradient."""

from __future__ import annotations

import dis
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from nnreg.contracts import Array, Features, Loss, Targets
from nnreg.contracts.objective import LossLoop, loop_of
from nnreg.engine.loops import ELEMENTARY, compiled

KNOWN = frozenset({"T", "np", "IndexError", "ValueError", "range", "len", "float", "int", "min", "max", "abs", *ELEMENTARY})
"""Names that the text of a loss may use besides its own."""

CONVERT = """def loop(kept, out, high, low):
    for i in range(kept.shape[0]):
        for j in range(kept.shape[1]):
            {}
"""


def converting(example: Features, dtype: np.dtype[Any], divisor: np.float32) -> Callable[[Features, Array], None]:
    """Return what writes rows to an array, converted: the same numbers as NumPy gives.

    Bytes are multiplied by the reciprocal of the divisor in two parts, which is exact where the first has few digits, and is
    tried for all of them; where it is not, they are divided.

    Args:
        example: some rows as they are kept, (n, features).
        dtype: of the network.
        divisor: of what is kept; 1 for none.
    """
    high, low = _reciprocal(divisor)
    line = "out[i, j] = kept[i, j]"
    if divisor != 1:
        every = np.arange(256, dtype=np.float32)
        is_exact = example.dtype == np.uint8 and np.array_equal(every * high + every * low, every / divisor)
        value = "np.float32(kept[i, j])"
        line = f"out[i, j] = {value} * high + {value} * low" if is_exact else f"out[i, j] = {value} / high"
        high = high if is_exact else divisor
    loop = compiled(CONVERT.format(line), (example, np.empty(example.shape, dtype), high, low))
    return lambda kept, out: loop(kept, out, high, low)


def _reciprocal(divisor: np.float32) -> tuple[np.float32, np.float32]:
    """Return 1 / divisor as a number of half the digits, and what it lacks."""
    exact = 1 / float(divisor)
    high = (np.float32(exact).view(np.uint32) & np.uint32(0xFFFFF000)).view(np.float32)
    return high, np.float32(exact - float(high))


class CompiledLoss:
    """A loss by its loop, where it has one for the targets at hand; by its own methods where it has none.

    Args:
        loss: the technique.
        dtype: of the logits.
    """

    def __init__(self, loss: Loss, dtype: np.dtype[Any]) -> None:
        self._loss, self._dtype = loss, dtype
        self._loops: dict[tuple[int, str], Callable[[Array, Targets, Array], float] | None] = {}
        self._out: Array = np.empty((0, 0), dtype)

    def value_and_gradient(self, logits: Array, targets: Targets, out: Array) -> float:
        """Return the mean loss and write its gradient."""
        kind = (targets.ndim, targets.dtype.str)
        if kind not in self._loops:
            self._loops[kind] = self._loop(logits, targets, out)
        loop = self._loops[kind]
        return self._loss.value_and_gradient(logits, targets, out) if loop is None else loop(logits, targets, out)

    def value(self, logits: Array, targets: Targets) -> float:
        """Return the mean loss."""
        if self._out.shape != logits.shape:
            self._out = np.empty_like(logits)
        return self.value_and_gradient(logits, targets, self._out)

    def _loop(self, logits: Array, targets: Targets, out: Array) -> Callable[[Array, Targets, Array], float] | None:
        said = loop_of(self._loss, targets)
        if said is None or (text := text_of(said)) is None:
            return None
        names, loss = said.numbers, self._loss
        numbers: Array = np.zeros(len(names), self._dtype)
        try:
            loop = compiled(text, (numbers, logits, targets, out), self._dtype)
        except Exception:  # whatever in it numba does not know
            return None

        def call(logits: Array, targets: Targets, out: Array) -> float:
            for place, name in enumerate(names):
                numbers[place] = getattr(loss, name)
            return float(loop(numbers, logits, targets, out))

        return call


def text_of(said: LossLoop) -> str | None:
    """Return the source of a loss's loop under the name that loops have, or None where it is more than that."""
    function = said.function
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return None
    used = {each.argval for each in dis.get_instructions(function) if each.opname.startswith("LOAD_GLOBAL")}
    if used - KNOWN or function.__closure__ or not text.startswith(f"def {function.__name__}("):
        return None
    head, _, body = text.partition(") -> ")
    body = body.partition(":\n")[2]
    names = [name.partition(":")[0] for name in head.partition("(")[2].split(",")]
    return f"def loop({','.join(names)}):\n{body}"
