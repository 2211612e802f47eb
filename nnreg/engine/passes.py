"""A formula on columns as the text of a loop: as few passes over its matrices as its sums over rows allow.

What needs no sum over rows is computed in the first pass, what needs one in the pass after the one that adds it up. Within a
pass, what needs a sum over units goes along its row once more, after the sum. Each pass computes anew what it needs and is not
kept in an array: arithmetic costs less than memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nnreg.contracts.columns import ACROSS, COLUMN, COMPARISONS, JUNCTIONS, LOAD, MATRIX, NEGATIONS, TOTAL, VECTOR, Form, Node
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


class Spot(NamedTuple):
    """Where in a program a value is computed.

    Attributes:
        level: how many sums over rows are known.
        form: of the values there: vectors between two passes, matrices along a row, columns between two ways along it.
        rank: how many sums over the units of the row at hand are known.
        ranks: of all that is computed in a pass.
    """

    level: int
    form: Form
    rank: int = 0
    ranks: Mapping[int, int] = {}


PLACES = {MATRIX: "[i, j]", VECTOR: "[j]", COLUMN: "[i, 0]"}


class Passes:
    """The passes of one program.

    Args:
        nodes: values, as a sheet took them down; those of the arrays first.
        ends: for each array the value that it holds in the end.

    Attributes:
        kept: how many vectors of work memory it needs.
        text: of a function ``loop(a0, a1, ..., work, numbers, first, last)``, which computes these units.
        is_divisible: whether it may be called for some of the units and for the others, in any order: no sum goes over them.

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
        added = [node for node in self._needed if nodes[node].operation in (TOTAL, ACROSS)]
        self._sums = {node: len(used) + row for row, node in enumerate(added)}  # of the rows at hand, or terms along a row
        self.kept = len(used) + len(added)
        self.is_divisible = all(nodes[node].operation is not ACROSS for node in self._needed)
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

    def _find_ranks(self, level: int, ends: Iterable[int]) -> dict[int, int]:
        """Return of all that a pass computes for its ends how many sums over the units must be known before."""
        ranks = dict[int, int]()

        def find(node: int) -> int:
            if node < 0 or not self._nodes[node].form.by_row:
                return 0
            if node not in ranks:
                is_read = self._nodes[node].operation is LOAD or (node in self._stored and self._levels[node] < level)
                below = 0 if is_read else max(map(find, self._operands(node)))
                ranks[node] = below + (self._nodes[node].operation is ACROSS and not is_read)
            return ranks[node]

        for node in ends:
            find(node)
        return dict(sorted(ranks.items()))

    def _used_later(self) -> list[int]:
        """Return the vectors that are computed in one place and used in another."""
        later = set[int]()
        for node in self._needed:
            for at in self._operands(node):
                is_own = at >= 0 and self._nodes[at].form == VECTOR and self._nodes[at].operation is not LOAD
                if is_own and (self._nodes[node].form.by_row or self._levels[node] > self._levels[at]):
                    later.add(at)
        return sorted(later | {node for node in self._needed if self._nodes[node].operation is TOTAL})

    def _lines(self) -> Iterator[str]:
        arrays = [f"a{place}" for place in range(len(self._ends))]
        first = next((place for place in range(len(self._ends)) if self._nodes[place].form == MATRIX), 0)
        yield f"def loop({', '.join(arrays)}, work, numbers, first, last):"
        yield f"    rows, units = a{first}.shape"
        yield "    first, last = np.uint64(first), np.uint64(last)"  # a place that might count from the end is no vector's
        for number in range(self._numbers):
            yield f"    n{number} = numbers[{number}]"
        for level in range(1 + max(self._levels.values(), default=0)):
            yield from self._vectors(level)
            yield from self._pass(level)

    def _vectors(self, level: int) -> Iterator[str]:
        """Yield the loop over the units before a pass."""
        spot = Spot(level, VECTOR)
        nodes = [node for node in self._needed if self._nodes[node].form == VECTOR and self._levels[node] == level]
        own = [node for node in nodes if self._nodes[node].operation not in (LOAD, TOTAL)]
        stores = [(node, place) for node, place in self._stored.items() if node in nodes]
        lines, known = list[str](), set[int]()
        for node in (*own, *(node for node, _ in stores)):
            self._compute(node, spot, known, lines)
        lines += [f"work[{self._rows[node]}, j] = {self._as_number(node)}" for node in own if node in self._rows]
        lines += [self._store(node, place) for node, place in stores]
        if lines:
            yield "    for j in range(first, last):"
            yield from (f"        {line}" for line in lines)

    def _pass(self, level: int) -> Iterator[str]:
        """Yield the loop over the rows."""
        sums = [
            node for node in self._sums if self._nodes[node].operation is TOTAL and self._levels[node] == level + 1
        ]  # that it adds up
        stores = [node for node in self._stored if self._nodes[node].form.by_row and self._levels[node] == level]
        if not sums and not stores:
            return
        lines = self._row(level, sums, stores)
        if not sums:
            yield "    for i in range(rows):"
            yield from (f"        {line}" for line in lines)
            return
        yield "    for j in range(first, last):"
        yield from (f"        work[{self._rows[total]}, j] = T(0)" for total in sums)
        yield f"    for start in range(0, rows, {ROWS}):"
        yield "        for j in range(first, last):"
        yield from (f"            work[{self._sums[total]}, j] = T(0)" for total in sums)
        yield f"        for i in range(start, min(start + {ROWS}, rows)):"
        yield from (f"            {line}" for line in lines)
        yield "        for j in range(first, last):"
        yield from (f"            work[{self._rows[total]}, j] += work[{self._sums[total]}, j]" for total in sums)

    def _row(self, level: int, sums: Sequence[int], stores: Sequence[int]) -> Iterator[str]:
        """Yield what is done to a row: along it once, and once more after each sum over its units that the rest needs."""
        ranks = self._find_ranks(level, (*(self._nodes[total].operands[0] for total in sums), *stores))
        found = set[int]()  # numbers of the row
        for rank in range(1 + max(ranks.values())):
            columns = [node for node, at in ranks.items() if at == rank and self._nodes[node].form == COLUMN]
            lines = list[str]()
            for node in columns:
                self._compute(node, Spot(level, COLUMN, rank, ranks), found, lines)
            yield from lines
            yield from (self._store(node, self._stored[node]) for node in columns if node in stores)
            across = [node for node, at in ranks.items() if at == rank + 1 and self._nodes[node].operation is ACROSS]
            added = [total for total in sums if ranks[self._nodes[total].operands[0]] == rank]
            kept = [node for node in stores if ranks[node] == rank and self._nodes[node].form == MATRIX]
            yield from self._along(Spot(level, MATRIX, rank, ranks), (*added, *across), kept, set(found))
            yield from (f"x{node} = across(work, {self._sums[node]}, units)" for node in across)
            found.update(across)

    def _along(self, spot: Spot, sums: Sequence[int], kept: Sequence[int], known: set[int]) -> Iterator[str]:
        """Yield a loop over the units of a row."""
        lines = list[str]()
        terms = [self._nodes[node].operands[0] for node in sums]
        for node in (*terms, *kept):
            self._compute(node, spot, known, lines)
        for node, term in zip(sums, terms, strict=True):
            sign = "+=" if self._nodes[node].operation is TOTAL else "="
            lines.append(f"work[{self._sums[node]}, j] {sign} {self._as_number(term)}")
        lines += [self._store(node, self._stored[node]) for node in kept]
        if lines:
            yield "for j in range(first, last):"
            yield from (f"    {line}" for line in lines)

    def _compute(self, node: int, spot: Spot, known: set[int], lines: list[str]) -> None:
        """Append what makes a value, x and its number, from what there is before it."""
        if node < 0 or node in known:
            return
        known.add(node)
        operation, operands, form, _ = self._nodes[node]
        if operation is LOAD:
            (place,) = operands
            if self._ends[place] != place and self._is_over(self._ends[place], form, spot):
                raise Untraceable
            lines.append(f"x{node} = a{place}{PLACES[form]}")
        elif form.by_row and node in self._stored and self._is_before(node, spot):
            lines.append(f"x{node} = a{self._stored[node]}{PLACES[form]}")
        elif form == VECTOR and (spot.form != VECTOR or operation is TOTAL or self._levels[node] < spot.level):
            lines.append(f"x{node} = work[{self._rows[node]}, j]")
        else:
            for at in operands:
                self._compute(at, spot, known, lines)
            is_logical = operation in JUNCTIONS or operation in NEGATIONS
            given = [
                f"x{at}" if at >= 0 and (is_logical or (operation is np.where and not number)) else self._as_number(at)
                for number, at in enumerate(operands)
            ]
            lines.append(f"x{node} = {_FORMS[operation].format(*given)}")

    def _is_before(self, node: int, spot: Spot) -> bool:
        """Tell whether a value of rows was computed before a spot."""
        if self._levels[node] == spot.level:
            return spot.ranks.get(node, spot.rank) < spot.rank
        return self._levels[node] < spot.level

    def _is_over(self, written: int, form: Form, spot: Spot) -> bool:
        """Tell whether at a spot an array holds another value already than in the beginning."""
        if form.by_row:
            return self._is_before(written, spot)
        return self._levels[written] < spot.level or (spot.form != VECTOR and self._levels[written] == spot.level)

    def _store(self, node: int, place: int) -> str:
        return f"a{place}{PLACES[self._nodes[node].form]} = {self._as_number(node)}"

    def _as_number(self, node: int) -> str:
        if node < 0:
            return f"n{-1 - node}"
        return f"(T(1) if x{node} else T(0))" if self._nodes[node].is_truth else f"x{node}"


assert set(_FORMS) >= COMPARISONS
