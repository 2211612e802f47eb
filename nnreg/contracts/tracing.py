"""Formulas on vectors, taken down once and run without making a single array.

``theta -= lr * m / (np.sqrt(v) + eps)`` makes four arrays of the length of theta, and fills the cache with them. Called with
stand-ins for its vectors, the same formula says which elementwise operations it consists of; they are then carried out one by
one, in the same order and with the same rounding, into a few short work arrays, block of the vectors after block. Numbers such
as ``1 - beta1**t`` are computed by the formula itself, anew each time: only what it does to vectors is taken down.

A formula that does anything else with its vectors, such as look at their length or branch on their values, cannot be taken
down. It is called as it is, block after block, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from nnreg.contracts.arrays import Array

Instruction = tuple[Any, ...]
"""An operation, the places of its operands (``NUMBER`` for a number) and the place of its result."""

NUMBER = -1
POWERS: dict[float, np.ufunc] = {2: np.square, 0.5: np.sqrt, 1: np.positive, -1: np.reciprocal}  # as ndarray ** number does

IN_PLACE = {np.add, np.subtract, np.multiply, np.divide, np.square, np.sqrt, np.absolute, np.negative, np.maximum, np.minimum}
"""Operations that are as fast or faster where the result replaces an operand; np.sign, for one, is three times slower."""


class Untraceable(Exception):
    """A formula does with a vector what cannot be taken down."""


class Tape:
    """What a formula does to its vectors: operations in order, and the numbers in them."""

    def __init__(self, vectors: int) -> None:
        self.instructions: list[Instruction] = []
        self.numbers: list[float] = []
        self._places = vectors
        self.vectors = tuple([Stand(self, place) for place in range(vectors)])

    def note(self, operation: np.ufunc, inputs: Sequence[Any], out: Any = None) -> Stand:
        """Take down an operation; return a stand-in for its result."""
        places = [self.place(value) for value in inputs]
        if out is None:
            return self.result(operation, *places)
        if type(out) is not Stand or out.tape is not self:
            raise Untraceable
        self.instructions.append((operation, *places, out.place))
        return out

    def place(self, value: Any) -> int:
        """Return where an operand is; a number is taken down."""
        kind = type(value)
        if kind is float or kind is int:
            self.numbers.append(value)
            return NUMBER
        if kind is Stand and value.tape is self:
            at: int = value.place
            return at
        raise Untraceable

    def result(self, operation: np.ufunc, *places: int) -> Stand:
        """Take down an operation that has a result of its own; return a stand-in for it."""
        at = self._places
        self._places = at + 1
        self.instructions.append((operation, *places, at))
        return Stand(self, at)


def refused(*_: object, **__: object) -> Any:
    """Say that this cannot be taken down."""
    raise Untraceable


def _binary(operation: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Return the methods of ``x + y``, ``y + x`` and ``x += y``."""

    def plain(self: Stand, other: Any) -> Stand:
        tape = self.tape
        return tape.result(operation, self.place, tape.place(other))

    def reflected(self: Stand, other: Any) -> Stand:
        tape = self.tape
        return tape.result(operation, tape.place(other), self.place)

    def in_place(self: Stand, other: Any) -> Stand:
        tape, at = self.tape, self.place
        tape.instructions.append((operation, at, tape.place(other), at))
        return self

    return plain, reflected, in_place


class Stand:
    """Stands for a vector while a formula is taken down."""

    __slots__ = ("place", "tape")

    def __init__(self, tape: Tape, place: int) -> None:
        self.tape, self.place = tape, place

    __add__, __radd__, __iadd__ = _binary(np.add)
    __sub__, __rsub__, __isub__ = _binary(np.subtract)
    __mul__, __rmul__, __imul__ = _binary(np.multiply)
    __truediv__, __rtruediv__, __itruediv__ = _binary(np.divide)

    def __pow__(self, exponent: Any) -> Stand:
        if type(exponent) in (int, float) and exponent in POWERS:
            return self.tape.note(POWERS[exponent], (self,))
        return self.tape.note(np.power, (self, exponent))

    def __rpow__(self, number: Any) -> Stand:
        return self.tape.note(np.power, (number, self))

    def __neg__(self) -> Stand:
        return self.tape.note(np.negative, (self,))

    def __abs__(self) -> Stand:
        return self.tape.note(np.absolute, (self,))

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple[Any, ...] = (None,), **others: Any
    ) -> Stand:
        if method != "__call__" or others or ufunc.nout != 1:
            raise Untraceable
        return self.tape.note(ufunc, inputs, *out)

    def __getitem__(self, index: Any) -> Stand:
        if not is_all(index):
            raise Untraceable
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        if not is_all(index):
            raise Untraceable
        if value is not self:  # theta[...] += 1 ends with theta[...] = theta
            self.tape.note(np.positive, (value,), self)

    __array__ = __array_function__ = __bool__ = __len__ = __iter__ = __float__ = __int__ = __index__ = refused
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __copy__ = __deepcopy__ = __reduce_ex__ = refused
    __hash__ = None  # type: ignore[assignment]


def is_all(index: Any) -> bool:
    """Tell whether an index means the whole vector."""
    return index is Ellipsis or (type(index) is slice and index == slice(None))


class Program:
    """Instructions bound to memory: a flat list of calls that writes into vectors and work arrays that are there already.

    Args:
        instructions: what a tape took down.
        blocks: for each block of the vectors its part of each, float arrays (n,), n as large as in the first or smaller.

    Raises:
        Untraceable: an operation does not keep the vectors' precision.
    """

    def __init__(self, instructions: Sequence[Instruction], blocks: Sequence[Sequence[Array]]) -> None:
        longest = blocks[0][0]
        for operation, *operands, _ in instructions:
            if set(operands) != {NUMBER}:  # a number that fills a vector takes its precision
                _check_precision(operation, operands, longest.dtype)
        registers = _registers(instructions, len(blocks[0]))
        work = [np.empty_like(longest) for _ in range(1 + max(registers.values(), default=-1))]
        count = sum(operands.count(NUMBER) for _, *operands, _ in instructions)
        self._numbers: Array = np.empty(count, longest.dtype)
        self._each: Any = memoryview(self._numbers)  # type: ignore[arg-type] # sets an element in a fifth of NumPy's time
        self._calls: list[Callable[[], Any]] = []
        for block in blocks:
            memory = dict(enumerate(block)) | {place: work[at][: len(block[0])] for place, at in registers.items()}
            numbers = iter([self._numbers[number, ...] for number in range(count)])  # arrays without dimensions
            for operation, *operands, result in instructions:
                inputs = [next(numbers) if place == NUMBER else memory[place] for place in operands]
                self._calls.append(_bound(operation, inputs, memory[result]))

    def run(self, numbers: Sequence[float]) -> None:
        """Carry the instructions out with these numbers."""
        self.take(numbers)
        for call in self._calls:
            call()

    def take(self, numbers: Sequence[float]) -> None:
        """Keep the numbers of this time where the calls read them."""
        each = self._each
        try:
            for place, number in enumerate(numbers):
                each[place] = number
        except OverflowError:  # infinite, in this precision
            self._numbers[...] = numbers


def _bound(operation: np.ufunc, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
    if operation in (np.maximum, np.minimum):  # NumPy warns of theirs by position
        return partial(operation, *inputs, out=out)
    return partial(operation, *inputs, out)  # by position is .15 µs faster


def _check_precision(operation: np.ufunc, operands: Sequence[int], dtype: np.dtype[Any]) -> None:
    given: tuple[Any, ...] = tuple(float if place == NUMBER else dtype for place in operands)
    try:
        *taken, made = operation.resolve_dtypes((*given, None))
    except TypeError as error:
        raise Untraceable from error
    if {*taken, made} != {dtype}:
        raise Untraceable


def _registers(instructions: Sequence[Instruction], vectors: int) -> dict[int, int]:
    """Give each intermediate result a work array, and the same one again to a later result once it is no longer needed."""
    last = {place: at for at, (_, *places) in enumerate(instructions) for place in places}
    given: dict[int, int] = {}
    free: list[int] = []
    for at, (operation, *operands, result) in enumerate(instructions):
        done = [given[place] for place in {*operands} if place in given and last[place] == at and place != result]
        if operation in IN_PLACE:
            free += done
        if result >= vectors and result not in given:
            given[result] = free.pop() if free else len(set(given.values()))
        if operation not in IN_PLACE:
            free += done
        if result in given and last[result] == at:  # nobody reads it
            free.append(given[result])
    return given


class Walk:
    """Applies a formula to vectors of any length, block after block.

    Args:
        vectors: float arrays (n,) of one dtype, read and written in place.
        size: most elements of a block.
        executor: makes what carries instructions out.
    """

    def __init__(self, vectors: Sequence[Array], size: int, executor: type[Program] = Program) -> None:
        total = vectors[0].size
        size = -(-total // max(1, -(-total // size)))  # as many blocks as needed, all about as long
        self._blocks = [tuple(vector[start : start + size] for vector in vectors) for start in range(0, total, size or 1)]
        self._executor = executor
        self._programs: dict[tuple[Instruction, ...], Program] = {}
        self._last: tuple[tuple[Instruction, ...], Program] | None = None  # formulas mostly do the same again
        self._traceable = bool(self._blocks) and all(type(vector) is np.ndarray for vector in vectors)

    def apply(self, formula: Callable[..., object], **numbers: float) -> None:
        """Call ``formula(*vectors, **numbers)``, which changes some of the vectors in place."""
        if self._traceable:
            try:
                tape = Tape(len(self._blocks[0]))
                formula(*tape.vectors, **numbers)
                program = self._program(tape, formula)
            except Exception:  # whatever a formula does with a vector that a stand-in does not know
                self._traceable = False
            else:
                program.run(tape.numbers)
                return
        for block in self._blocks:
            formula(*block, **numbers)

    def _program(self, tape: Tape, formula: Callable[..., object]) -> Program:
        key = tuple(tape.instructions)
        if self._last is not None and key == self._last[0]:  # sooner than by hash
            return self._last[1]
        if key not in self._programs:
            kept = getattr(getattr(formula, "__self__", None), "__dict__", {})
            if any(isinstance(value, Stand) for value in kept.values()):
                raise Untraceable  # whoever reads that attribute expects a vector
            self._programs[key] = self._executor(tape.instructions, self._blocks)
        self._last = key, self._programs[key]
        return self._programs[key]
