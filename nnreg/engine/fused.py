"""Layers as compiled code: an affine map and what stands behind it, with everything but the products in a few passes.

The products stay calls of BLAS. What follows one of them, up to the next, is a stage: bias, norm, activation and dropout are
one loop forward; the activation's derivative, the norm's gradient and the sums for the bias are one loop backward. It writes
into the arrays of the layers that it stands for, so that whoever looks at them sees what they would have computed. A layer that
cannot be taken down ends its stage and computes by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from nnreg.contracts import Array, Layer
from nnreg.contracts.columns import Cell, Sheet, Twin, form_of, twin_of
from nnreg.engine import cores
from nnreg.engine.layers import Activated, Product
from nnreg.engine.loops import compiled
from nnreg.engine.passes import Passes

MOST_LAYOUTS = 12  # of all lengths of batches
LINE = 16  # numbers of float32 in a line of the cache


class Layout(NamedTuple):
    """A loop with all it is called with.

    Attributes:
        loop: computes.
        arguments: arrays, and which units; backward, dy stands before them.
        output: what it writes.
        seen: each activation with what it reads and what it writes.
    """

    loop: Callable[..., object]
    arguments: tuple[Any, ...]
    output: Array
    seen: tuple[tuple[Activated, tuple[Array, Array]], ...] = ()


class Stage:
    """A product, and the layers behind it as loops.

    Args:
        product: multiplies.
        layers: that follow it, each with a twin; at least one.

    Raises:
        Exception: whatever a formula that cannot be taken down makes of a stand-in.
    """

    def __init__(self, product: Product, layers: Sequence[Layer]) -> None:
        self.layers = (product, *layers)
        self._product = product
        twins = [twin_of(layer) for layer in layers]
        self._twins: list[Twin] = [twin for twin in twins if twin is not None]
        theta, grad = product.bias
        self._dtype = theta.dtype
        whole = product.answers
        self._arrays: dict[str, Array] = {"z": whole, "b": theta, "db": grad}
        for number, twin in enumerate(self._twins):
            self._arrays |= {f"{number}.{name}": array for name, array in twin.arrays.items()}
        self._dz: Array = np.empty(whole.shape, self._dtype)
        if len(self._twins) < len(twins) or any(array.dtype != self._dtype for array in self._arrays.values()):
            raise ValueError("a stage is of twins in one precision")
        self._activated = [(number, layer) for number, layer in enumerate(layers) if isinstance(layer, Activated)]
        self._draws = [twin.draw for twin in self._twins]
        self._numbers = self._told()
        self._layouts: dict[tuple[bool | None, int], Layout] = {}
        self._flow: list[str] = []  # the arrays from the product's to the last layer's, in training
        for training in (True, False, None):
            self._layout(len(whole), training=training)

    def forward(self, x: Array, *, training: bool) -> Array:
        """Return what the last layer makes of x."""
        rows = len(self._product.multiply(x))
        if training:
            for draw in self._draws:
                draw(rows)
        loop, arguments, output, seen = self._layouts.get((training, rows)) or self._layout(rows, training=training)
        loop(*arguments)
        for layer, arrays in seen:
            layer.last = arrays
        return output

    def backward(self, dy: Array, *, need_dx: bool = True) -> Array:
        """Write all gradients; return dx."""
        loop, arguments, output, _ = self._layouts.get((None, len(dy))) or self._layout(len(dy))
        loop(dy, *arguments)
        return self._product.multiply_back(output, need_dx=need_dx)

    def look_again(self) -> None:
        """Take the formulas down anew if numbers of the techniques have changed."""
        if self._numbers != (told := self._told()):
            self._numbers = told
            self._layouts.clear()

    def _told(self) -> list[tuple[Any, ...]]:
        techniques: list[Any] = [layer.activation if isinstance(layer, Activated) else layer for layer in self.layers[1:]]
        return [tuple(getattr(each, field.name) for field in fields(each)) for each in techniques if is_dataclass(each)]

    def _layout(self, rows: int, *, training: bool | None = None) -> Layout:
        """Lay out a pass: forward in training or in evaluation, or backward."""
        if len(self._layouts) >= MOST_LAYOUTS:
            self._layouts.clear()
        layout = self._lay_out_back(rows) if training is None else self._lay_out(rows, training=training)
        self._layouts[training, rows] = layout
        return layout

    def _lay_out(self, rows: int, *, training: bool) -> Layout:
        sheet, cells = self._stand_ins(self._arrays)
        x = cells["z"]
        x += cells["b"]
        flow = [x]
        for number, twin in enumerate(self._twins):
            before = flow[-1].node
            flow.append((twin.forward if training else twin.evaluate)(flow[-1], _own(cells, number), rows))
            if flow[-2].node != before:
                raise ValueError("a formula must not write its x")
        names = {id(cell): name for name, cell in cells.items()}
        ends = [names[id(cell)] for cell in flow]
        if training:
            self._flow = ends
        views = _views(self._arrays, rows)
        seen = [(layer, (views[ends[number]], views[ends[number + 1]])) for number, layer in self._activated]
        loop, given = self._compiled(sheet, [*views.values()])
        return Layout(loop, (*views.values(), *given), views[ends[-1]], tuple(seen))

    def _lay_out_back(self, rows: int) -> Layout:
        arrays = {"dy": self._dz, "dz": self._dz, **self._arrays}
        sheet, cells = self._stand_ins(arrays)
        gradient = Cell(sheet, cells["dy"].node)
        for number in range(len(self._twins) - 1, -1, -1):
            gradient = self._twins[number].backward(gradient, cells[self._flow[number]], _own(cells, number), rows)
        cells["dz"][...] = gradient
        cells["db"][...] = gradient.sum(axis=0)
        dy, *views = _views(arrays, rows).values()
        loop, given = self._compiled(sheet, [dy, *views])
        return Layout(loop, (*views, *given), views[0])

    def _stand_ins(self, arrays: Mapping[str, Array]) -> tuple[Sheet, dict[str, Cell]]:
        sheet = Sheet(self._dtype, [form_of(array, self._dz.shape[1]) for array in arrays.values()])
        return sheet, dict(zip(arrays, sheet.cells, strict=True))

    def _compiled(self, sheet: Sheet, arrays: Sequence[Array]) -> tuple[Callable[..., object], tuple[Any, ...]]:
        """Return a loop, and what it is given last."""
        passes = Passes(*sheet.program())
        work: Array = np.empty((max(passes.kept, 1), self._dz.shape[1]), self._dtype)
        numbers: Array = np.array(sheet.numbers, self._dtype)
        units, threads = self._dz.shape[1], cores.threads()
        loop = compiled(passes.text, (*arrays, work, numbers, 0, units), self._dtype)
        if threads == 1 or not passes.is_divisible or arrays[0].size < cores.LEAST:
            return loop, (work, numbers, 0, units)
        return divided(loop, units, threads), (work, numbers)


def divided(loop: Callable[..., object], units: int, threads: int) -> Callable[..., None]:
    """Return a loop that computes some units on each core: whole lines of the cache, so that no two write to the same one."""
    parts = [(first * LINE, min(last * LINE, units)) for first, last in cores.shares(-(-units // LINE), threads)]

    def compute(*arguments: Any) -> None:
        cores.together([partial(loop, *arguments, first, last) for first, last in parts])

    return compute


def _own(cells: Mapping[str, Cell], number: int) -> SimpleNamespace:
    """Return the stand-ins for the arrays of one twin, by their names."""
    opening = f"{number}."
    return SimpleNamespace(**{name.removeprefix(opening): cell for name, cell in cells.items() if name.startswith(opening)})


def _views(arrays: Mapping[str, Array], rows: int) -> dict[str, Array]:
    return {name: array[:rows] if array.ndim == 2 else array for name, array in arrays.items()}


def staged(layers: Sequence[Layer]) -> list[Layer | Stage]:
    """Return what computes in the place of some layers that follow each other: stages where there can be some."""
    found = list[Layer | Stage]()
    left = list(layers)
    while left:
        first = left.pop(0)
        behind = list[Layer]()
        if isinstance(first, Product):
            for layer in left:
                if twin_of(layer) is None:
                    break
                behind.append(layer)
        stage = _stage(first, behind)
        found.append(stage or first)
        del left[: len(stage.layers) - 1 if stage else 0]
    return found


def _stage(first: Layer, behind: list[Layer]) -> Stage | None:
    """Return the longest stage that can be taken down."""
    for count in range(len(behind), 0, -1):
        assert isinstance(first, Product)
        with contextlib.suppress(Exception):  # whatever a formula does with an array that a stand-in does not know
            return Stage(first, behind[:count])
    return None
