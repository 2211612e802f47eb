"""Formulas on matrices, taken down once, for loops that carry several of them out in one pass over memory.

An activation is two formulas on matrices, (rows, units); a norm is formulas on matrices, on vectors with one number a unit,
on columns with one number a row, (rows, 1), and sums over the rows or over the units. Called with stand-ins, such a formula
says what it does to each element, and what it adds up. Numbers, such as ``1 - rate``, are computed by the formula itself, anew
each time.

A formula that does anything else with its arrays, such as sort a row or branch on values, cannot be taken down: it stays what
it is, calls of NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

import numpy as np

from nnreg.contracts.arrays import Array
from nnreg.contracts.tracing import POWERS, Untraceable, is_all, refused

LOAD, TOTAL, ACROSS = "load", "total", "across"
"""What no ufunc is: an array as it lies in memory, the sum of a matrix over its rows, and over its units."""


class Form(NamedTuple):
    """What a value has a number for: each row, each unit, or both, as a matrix."""

    by_row: bool
    by_unit: bool


MATRIX, VECTOR, COLUMN = Form(True, True), Form(False, True), Form(True, False)
SUMS = {TOTAL: VECTOR, ACROSS: COLUMN}


def form_of(array: Array, units: int) -> Form:
    """Return the form of an array: (rows, units), (units,) or (rows, 1).

    Raises:
        ValueError: it has none of these.
    """
    if array.ndim == 1 and len(array) == units:
        return VECTOR
    if array.ndim != 2 or array.shape[1] not in (units, 1):
        raise ValueError(f"a formula on columns takes (rows, {units}), ({units},) or (rows, 1), got {array.shape}")
    return MATRIX if array.shape[1] == units else COLUMN


COMPARISONS = frozenset({np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal})
JUNCTIONS = {np.logical_and: "and", np.bitwise_and: "and", np.logical_or: "or", np.bitwise_or: "or"}
NEGATIONS = frozenset({np.logical_not, np.invert})
BETWEEN = frozenset({np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.power})
ALONE = frozenset(
    {
        np.negative,
        np.positive,
        np.square,
        np.sqrt,
        np.absolute,
        np.sign,
        np.reciprocal,
        np.exp,
        np.expm1,
        np.log,
        np.log1p,
        np.tanh,
    }
)


class Node(NamedTuple):
    """A value in a formula.

    Attributes:
        operation: a ufunc, ``np.where``, ``LOAD``, ``TOTAL`` or ``ACROSS``.
        operands: nodes by number, and numbers as -1 - their place; of ``LOAD`` the array's place.
        form: for what there is one.
        is_truth: whether it is true or false.
    """

    operation: Any
    operands: tuple[int, ...]
    form: Form
    is_truth: bool = False


class Sheet:
    """What formulas do to arrays, value by value, and the numbers in them.

    Args:
        dtype: of the arrays.
        forms: of the arrays.

    Attributes:
        cells: stand-ins for the arrays.
        nodes: all values, each computed from those before it.
        numbers: all numbers.
    """

    def __init__(self, dtype: np.dtype[Any], forms: Sequence[Form]) -> None:
        self.dtype = dtype
        self.nodes = [Node(LOAD, (place,), form) for place, form in enumerate(forms)]
        self.numbers: list[float] = []
        self.cells = tuple(Cell(self, place) for place in range(len(self.nodes)))

    def program(self) -> tuple[tuple[Node, ...], tuple[int, ...]]:
        """Return all values, and for each array which of them it holds in the end."""
        return tuple(self.nodes), tuple(cell.node for cell in self.cells)

    def operand(self, value: Any) -> int:
        """Return which node an operand is; a number is taken down."""
        kind = type(value)
        if kind is float or kind is int or kind is bool:
            self.numbers.append(float(value))
            return -len(self.numbers)
        if kind is Cell and value.sheet is self:
            at: int = value.node
            return at
        raise Untraceable

    def value(self, operation: Any, *inputs: Any) -> Cell:
        """Take down an operation; return a stand-in for its result."""
        return self.result(operation, [self.operand(value) for value in inputs])

    def result(self, operation: Any, operands: Sequence[int]) -> Cell:
        """Do the same for operands that are known."""
        given = [self.nodes[at] for at in operands if at >= 0]
        truths = [node.is_truth for node in given]
        is_truth = operation in COMPARISONS or operation in JUNCTIONS or operation in NEGATIONS
        if (
            not given
            or (is_truth and operation not in COMPARISONS and not (all(truths) and len(given) == len(operands)))
            or (operation in COMPARISONS and any(truths))
            or (operation in BETWEEN and all(truths))
            or (operation in ALONE and any(truths))
            or (operation is np.where and not truths[0])
            or not (is_truth or operation in BETWEEN or operation in ALONE or operation in (np.where, *SUMS))
        ):
            raise Untraceable
        form = SUMS.get(operation) or Form(*(any(needs) for needs in zip(*(node.form for node in given), strict=True)))
        self.nodes.append(Node(operation, tuple(operands), form, is_truth))
        return Cell(self, len(self.nodes) - 1)

    def write(self, cell: Cell, value: Any) -> Cell:
        """Let an array, or an intermediate one, hold another value from now on."""
        at, held = self.operand(value), self.nodes[cell.node]
        made = self.nodes[at] if at >= 0 else None
        if held.is_truth or (made is not None and any(needs > has for needs, has in zip(made.form, held.form, strict=True))):
            raise Untraceable
        if made is None or made.is_truth or made.form != held.form or made.operation is LOAD:
            self.nodes.append(Node(np.positive, (at,), held.form))
            at = len(self.nodes) - 1
        cell.node = at
        return cell


def _binary(operation: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Return the methods of ``x + y``, ``y + x`` and ``x += y``."""

    def plain(self: Cell, other: Any) -> Cell:
        return self.sheet.value(operation, self, other)

    def reflected(self: Cell, other: Any) -> Cell:
        return self.sheet.value(operation, other, self)

    def in_place(self: Cell, other: Any) -> Cell:
        return self.sheet.write(self, self.sheet.value(operation, self, other))

    return plain, reflected, in_place


def _compared(operation: np.ufunc) -> Callable[[Cell, Any], Cell]:
    return lambda self, other: self.sheet.value(operation, self, other)


class Cell:
    """Stands for an array while a formula is taken down."""

    __slots__ = ("node", "sheet")

    def __init__(self, sheet: Sheet, node: int) -> None:
        self.sheet, self.node = sheet, node

    __add__, __radd__, __iadd__ = _binary(np.add)
    __sub__, __rsub__, __isub__ = _binary(np.subtract)
    __mul__, __rmul__, __imul__ = _binary(np.multiply)
    __truediv__, __rtruediv__, __itruediv__ = _binary(np.divide)
    __and__, __rand__, _ = _binary(np.logical_and)
    __or__, __ror__, _ = _binary(np.logical_or)
    __eq__, __ne__ = map(_compared, (np.equal, np.not_equal))  # type: ignore[assignment]
    __gt__, __ge__, __lt__, __le__ = map(_compared, (np.greater, np.greater_equal, np.less, np.less_equal))

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the arrays."""
        return self.sheet.dtype

    def __pow__(self, exponent: Any) -> Cell:
        if type(exponent) not in (int, float) or exponent not in POWERS:
            raise Untraceable
        return self.sheet.value(POWERS[exponent], self)

    def __neg__(self) -> Cell:
        return self.sheet.value(np.negative, self)

    def __abs__(self) -> Cell:
        return self.sheet.value(np.absolute, self)

    def __invert__(self) -> Cell:
        return self.sheet.value(np.logical_not, self)

    def fill(self, number: float) -> None:
        """Write a number everywhere."""
        self.sheet.write(self, number)

    def clip(self, low: float, high: float, out: Cell | None = None) -> Cell:
        """Keep values between two numbers."""
        made = self.sheet.value(np.minimum, self.sheet.value(np.maximum, self, low), high)
        return made if out is None else self.sheet.write(out, made)

    def copy(self) -> Cell:
        """Return one that is written on its own."""
        return Cell(self.sheet, self.node)

    def sum(self, axis: int, keepdims: bool = False) -> Cell:
        """Return the sum of a matrix over its rows, or over its units as a column."""
        operation = {(0, False): TOTAL, (1, True): ACROSS}.get((axis, keepdims))
        if operation is None or self.sheet.nodes[self.node].form != MATRIX:
            raise Untraceable
        return self.sheet.value(operation, self)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple[Any, ...] = (None,), **others: Any
    ) -> Cell:
        if method != "__call__" or others or ufunc.nout != 1:
            raise Untraceable
        made = self.sheet.value(ufunc, *inputs)
        return made if out[0] is None else self.sheet.write(out[0], made)

    def __array_function__(self, function: Any, types: Any, given: Any, named: Any) -> Cell:
        take: Callable[..., Cell] = FUNCTIONS.get(function, refused)
        return take(*given, **named)

    def __getitem__(self, index: Any) -> Cell:
        if not is_all(index):
            raise Untraceable
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        if not is_all(index):
            raise Untraceable
        if value is not self:
            self.sheet.write(self, value)

    __array__ = __bool__ = __len__ = __iter__ = __float__ = __int__ = __index__ = refused
    __contains__ = __copy__ = __deepcopy__ = __reduce_ex__ = refused
    __hash__ = None  # type: ignore[assignment]


def _chosen(truth: Cell, one: Any, other: Any) -> Cell:
    sheet = next(each.sheet for each in (truth, one, other) if type(each) is Cell)
    return sheet.value(np.where, truth, one, other)


def _copied(target: Cell, value: Any, *, where: Any = True) -> Any:
    return target.sheet.write(target, value if where is True else _chosen(where, value, target))


def _like(number: float) -> Callable[[Cell], Cell]:
    def made(like: Cell) -> Cell:
        return like.sheet.write(Cell(like.sheet, like.node), number)

    return made


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _chosen,
    np.clip: Cell.clip,
    np.copyto: _copied,
    np.empty_like: _like(0.0),
    np.zeros_like: _like(0.0),
    np.ones_like: _like(1.0),
    np.full_like: lambda like, number: _like(number)(like),
}
"""Functions of NumPy that are no ufunc, as a sheet takes them down."""


class Twin(Protocol):
    """What a layer computes, as formulas on columns: beside its own methods, which work by NumPy, for ``kernels=numba``.

    A layer that answers each row with as many units may have a method ``twin()`` that returns one, once it is bound, or None.
    Its formulas are then carried out together with those of its neighbours, in as few passes over memory as its sums allow.
    They must compute what the layer's ``forward`` and ``backward`` do, but for the order of sums; ``nnreg.testing`` checks it.

    A formula is written in NumPy's words, on whole matrices, (n, units), on vectors, (units,), and on columns, (n, 1):
    arithmetic, comparisons, ``np.where``, ``np.exp``, ``np.tanh`` and the like, ``x.sum(axis=0)``, the sum over the rows, and
    ``x.sum(axis=1, keepdims=True)``, that over the units. What is kept is written into an array: ``a.y[...] = x * a.scale``.
    """

    arrays: Mapping[str, Array]
    """What the formulas read and write, by the names that they have in ``a``: float arrays (rows, units) or (rows, 1), of which
    the first n rows are meant, or (units,)."""

    def draw(self, n: int) -> None:
        """Draw what is random in a training pass of n rows, before it; most do nothing."""

    def forward(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y of a training pass, one of the arrays or x itself.

        Args:
            x: (n, units), read.
            a: the arrays.
            n: rows.
        """

    def evaluate(self, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return y in evaluation, likewise."""

    def backward(self, dy: Any, x: Any, a: SimpleNamespace, n: int) -> Any:
        """Return dx, a new matrix, and write the gradients of parameters.

        Args:
            dy: (n, units), read.
            x: what the last training ``forward`` was given, read.
            a: the arrays as it left them.
            n: rows.
        """


def twin_of(layer: object) -> Twin | None:
    """Return what a layer computes as formulas on columns, or None where it says nothing of it."""
    make: Callable[[], Twin] | None = getattr(layer, "twin", None)
    return make() if make is not None else None
