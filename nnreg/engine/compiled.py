"""An optimizer's formula as one compiled loop, where numba is installed (``pip install 'nnreg[fast]'``).

What was taken down of the formula, operation by operation, becomes the body of a loop over the elements; numba compiles it.
Every vector is then read and written once a step. Only operations whose results are exactly defined are compiled, and nothing
is reordered: the result is the same to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from nnreg.contracts import Array
from nnreg.contracts.tracing import NUMBER, Instruction, Program

FORMS = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.positive: "{}",
    np.square: "{0} * {0}",
    np.sqrt: "np.sqrt({})",
    np.absolute: "np.abs({})",
    np.maximum: "np.maximum({}, {})",
    np.minimum: "np.minimum({}, {})",
    np.sign: "np.sign({})",
}
"""Operations of which IEEE 754 leaves no bit open."""


def available() -> bool:
    """Tell whether numba is installed."""
    return find_spec("numba") is not None


class Loop(Program):
    """Instructions compiled to one loop over the elements of vectors, or the calls of NumPy where one cannot be compiled.

    Args:
        instructions: what a tape took down.
        blocks: for each block of the vectors its part of each, float arrays (n,).

    Raises:
        Untraceable: an operation does not keep the vectors' precision.
    """

    def __init__(self, instructions: Sequence[Instruction], blocks: Sequence[Sequence[Array]]) -> None:
        super().__init__(instructions, blocks)
        self.is_compiled = all(operation in FORMS for operation, *_ in instructions)
        if not self.is_compiled:
            return
        import numba  # here: it takes most of a second

        names: dict[str, Any] = {"np": np}
        exec(source(instructions, len(blocks[0])), names)  # a text of ours: places and operations alone
        self._loop = numba.njit(error_model="numpy")(names["loop"])
        self._blocks = blocks

    def run(self, numbers: Sequence[float]) -> None:
        """Carry the instructions out with these numbers."""
        if not self.is_compiled:
            super().run(numbers)
            return
        self.take(numbers)
        for block in self._blocks:
            self._loop(self._numbers, *block)


def source(instructions: Sequence[Instruction], vectors: int) -> str:
    """Return the text of a function ``loop(numbers, v0, v1, ...)``."""
    body, count = [], 0
    for operation, *operands, result in instructions:
        named = []
        for place in operands:
            named.append(f"n{count}" if place == NUMBER else f"x{place}")
            count += place == NUMBER
        body.append(f"x{result} = {FORMS[operation].format(*named)}")
    written = sorted({result for *_, result in instructions if result < vectors})
    lines = [
        f"def loop(numbers, {', '.join(f'v{place}' for place in range(vectors))}):",
        *(f"    n{number} = numbers[{number}]" for number in range(count)),
        "    for i in range(v0.size):",
        *(f"        x{place} = v{place}[i]" for place in range(vectors)),
        *(f"        {line}" for line in body),
        *(f"        v{place}[i] = x{place}" for place in written),
    ]
    return "\n".join(lines)
