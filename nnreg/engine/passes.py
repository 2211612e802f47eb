"""A formula on columns as the text of a loop: as few passes over its matrices as its sums over rows allow.

What needs no sum is computed in the first pass, what needs one in the pass after the one that adds it up. Each pass computes
anew what it needs and is not kept in an array: arithmetic costs less than memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nnreg.contracts.columns import COMPARISONS, JUNCTIONS, LOAD, NEGATIONS, TOTAL, Node
from nnreg.contracts.tracing import Untraceable
from nnreg.engine.loops import ELEMENTARY, FORMS

ROWS = 256  # that are added up first

_FORMS = (
    FORMS
    | {np.reciprocal: "T(1) / {}", np.where: "({1} if {0} else {2})"}
    | {getattr(np, name): f"{name}({{}})" for name in ELEMENTARY}
    | dict(
        zip((np.greater, np.greater_equal, np.less, np.less_equal), ("{} > {}", "{} >= {}", "{} < {}", "{} <= {}"), strict=True)
    )
    | {np.equal: "{} == {}", np.not_equal: "{} != {}"}
    | {junction: f"({{}} {word} {{}})" for junction, word in JUNCTIONS.items()}
    | dict.fromkeys(NEGATIONS, "not {}")
)


class Passes:
    """The passes of one program.

    Args:
        nodes: values, as a sheet took them down; those of the arrays first.
        ends: for each array the value that it holds in the end.

    Attributes:
        kept: how many vectors of work memory it needs.
        text: of a function ``loop(a0, a1, ..., work, numbers)``.

    Raises:
        Untraceable: an array would be overwritten before its last use.
    """

    def __init__(self, nodes: Sequence[Node], ends: Sequence[int]) -> None:
        self._nodes, self._ends = nodes, ends
        self._needed = self._find_needed()
        self._levels = self._find_levels()
        self._stored = {node: place for place, node in enumerate(ends) if node != place}
        self._numbers = 1 + max((-1 - at for node in self._needed for at in self._operands(node) if at < 0), default=-1)
        used = self._used_later()
        self._rows = {node: row for row, node in enumerate(used)}
        totals = [node for node in self._needed if nodes[node].operation is TOTAL]
        self._sums = {node: len(used) + row for row, node in enumerate(totals)}  # of the rows at hand
        self.kept = len(used) + len(totals)
        self.text = "\n".join(self._lines())

    def _operands(self, node: int) -> tuple[int, ...]:
        return () if self._nodes[node].operation is LOAD else self._nodes[node].operands

    def _find_needed(self) -> list[int]:
        needed, waiting = set[int](), [node for place, node in enumerate(self._ends) if node != place]
        while waiting:
            node = waiting.pop()
            if node not in needed:
                needed.add(node)
                waiting += [at for at in self._operands(node) if at >= 0]
        return sorted(needed)

    def _find_levels(self) -> dict[int, int]:
        levels = dict[int, int]()
        for node in self._needed:
            level = max((levels[at] for at in self._operands(node) if at >= 0), default=0)
            levels[node] = level + (self._nodes[node].operation is TOTAL)
        return levels

    def _used_later(self) -> list[int]:
        """Return the vectors that are computed in one place and used in another."""
        later = set[int]()
        for node in self._needed:
            for at in self._operands(node):
                is_own = at >= 0 and not self._nodes[at].is_matrix and self._nodes[at].operation is not LOAD
                if is_own and (self._nodes[node].is_matrix or self._levels[node] > self._levels[at]):
                    later.add(at)
        return sorted(later | {node for node in self._needed if self._nodes[node].operation is TOTAL})

    def _lines(self) -> Iterator[str]:
        arrays = [f"a{place}" for place in range(len(self._ends))]
        first = next((place for place in range(len(self._ends)) if self._nodes[place].is_matrix), 0)
        yield f"def loop({', '.join(arrays)}, work, numbers):"
        yield f"    rows, units = a{first}.shape"
        for number in range(self._numbers):
            yield f"    n{number} = numbers[{number}]"
        for level in range(1 + max(self._levels.values(), default=0)):
            yield from self._vectors(level)
            yield from self._matrices(level)

    def _vectors(self, level: int) -> Iterator[str]:
        """Yield the loop over the units before a pass."""
        nodes = [node for node in self._needed if not self._nodes[node].is_matrix and self._levels[node] == level]
        own = [node for node in nodes if self._nodes[node].operation not in (LOAD, TOTAL)]
        lines, known = list[str](), set[int]()
        for node in own:
            self._compute(node, level, known, lines, is_matrix=False)
        stores = [(node, place) for node, place in self._stored.items() if node in nodes]
        for node, _ in stores:
            self._compute(node, level, known, lines, is_matrix=False)
        lines += [f"work[{self._rows[node]}, j] = {self._as_number(node)}" for node in own if node in self._rows]
        lines += [f"a{place}[j] = {self._as_number(node)}" for node, place in stores]
        if lines:
            yield "    for j in range(units):"
            yield from (f"        {line}" for line in lines)

    def _matrices(self, level: int) -> Iterator[str]:
        """Yield a pass."""
        sums = [node for node in self._sums if self._levels[node] == level + 1]
        stores = [
            (node, place) for node, place in self._stored.items() if self._nodes[node].is_matrix and self._levels[node] == level
        ]
        if not sums and not stores:
            return
        lines, known = list[str](), set[int]()
        for node in (*(self._nodes[total].operands[0] for total in sums), *(node for node, _ in stores)):
            self._compute(node, level, known, lines, is_matrix=True)
        lines += [f"work[{self._sums[total]}, j] += {self._as_number(self._nodes[total].operands[0])}" for total in sums]
        lines += [f"a{place}[i, j] = {self._as_number(node)}" for node, place in stores]
        if not sums:
            yield "    for i in range(rows):"
            yield "        for j in range(units):"
            yield from (f"            {line}" for line in lines)
            return
        yield "    for j in range(units):"
        yield from (f"        work[{self._rows[total]}, j] = T(0)" for total in sums)
        yield f"    for start in range(0, rows, {ROWS}):"
        yield "        for j in range(units):"
        yield from (f"            work[{self._sums[total]}, j] = T(0)" for total in sums)
        yield f"        for i in range(start, min(start + {ROWS}, rows)):"
        yield "            for j in range(units):"
        yield from (f"                {line}" for line in lines)
        yield "        for j in range(units):"
        yield from (f"            work[{self._rows[total]}, j] += work[{self._sums[total]}, j]" for total in sums)

    def _compute(self, node: int, level: int, known: set[int], lines: list[str], *, is_matrix: bool) -> None:
        """Append what makes a value, x and its number, from what there is before a pass."""
        if node < 0 or node in known:
            return
        known.add(node)
        operation, operands, of_matrix, _ = self._nodes[node]
        if operation is LOAD:
            (place,) = operands
            written = self._ends[place]
            over = written != place and (
                self._levels[written] < level or (is_matrix and not of_matrix and self._levels[written] == level)
            )
            if over:
                raise Untraceable
            lines.append(f"x{node} = a{place}[i, j]" if of_matrix else f"x{node} = a{place}[j]")
        elif of_matrix and node in self._stored and self._levels[node] < level:
            lines.append(f"x{node} = a{self._stored[node]}[i, j]")
        elif not of_matrix and (is_matrix or operation is TOTAL or self._levels[node] < level):
            lines.append(f"x{node} = work[{self._rows[node]}, j]")
        else:
            for at in operands:
                self._compute(at, level, known, lines, is_matrix=is_matrix)
            is_logical = operation in JUNCTIONS or operation in NEGATIONS
            given = [
                f"x{at}" if at >= 0 and (is_logical or (operation is np.where and not spot)) else self._as_number(at)
                for spot, at in enumerate(operands)
            ]
            lines.append(f"x{node} = {_FORMS[operation].format(*given)}")

    def _as_number(self, node: int) -> str:
        if node < 0:
            return f"n{-1 - node}"
        return f"(T(1) if x{node} else T(0))" if self._nodes[node].is_truth else f"x{node}"


assert set(_FORMS) >= COMPARISONS
