"""The competitions of ``peers.py`` as tables of Markdown: least times, targets, and where another is ahead."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peers import Competition

OWN, TWO, FAST, FAST_TWO, LIMIT = "nnreg", "nnreg, two workers", "nnreg[fast]", "nnreg[fast], two workers", "sgemm alone"
TORCH = ("torch eager", "torch eager foreach", "torch eager fused", "torch.compile")
SCAN, SOURCE = ("jax scan of 100",), ("source's way",)


@dataclass(frozen=True)
class Target:
    """How many times as fast as the best of some others one of nnreg's ways shall be; the products alone are a share."""

    workload: str
    optimizer: str
    threads: int
    way: str
    others: tuple[str, ...]
    least: float

    def reached(self, competition: Competition) -> float:
        """Return the ratio of least times."""
        times = [competition.least(name) for name in self.others]
        known = [time for time in times if not math.isnan(time)]
        return min(known) / competition.least(self.way) if known else math.nan


def _targets() -> Iterator[Target]:
    for workload, optimizer, share in (("W1", "sgd", 0.8), ("W1", "adam", 0.7), ("W3", "sgd", 0.85), ("W3", "adam", 0.85)):
        yield Target(workload, optimizer, 1, OWN, (LIMIT,), share)
    for workload, optimizer in (("W1", "sgd"), ("W1", "adam"), ("W2", "sgd"), ("W2", "adam")):
        yield Target(workload, optimizer, 1, OWN, TORCH, 1.65)
        yield Target(workload, optimizer, 1, OWN, SCAN, 1.1 if workload == "W1" else 1.05)
    for workload, torch, jax in (("W1", 2.3, 1.4), ("W2", 1.6, 1.0), ("W3", 1.1, 0.93)):
        for optimizer in ("sgd", "adam"):
            yield Target(workload, optimizer, 2, TWO, TORCH, torch)
            yield Target(workload, optimizer, 2, TWO, SCAN, jax)
    yield Target("W1", "adam", 2, FAST_TWO, TORCH, 2.4)
    yield Target("W1", "adam", 2, FAST_TWO, SCAN, 1.5)
    for workload in ("W1", "W2", "W3"):
        for optimizer in ("sgd", "adam"):
            yield Target(workload, optimizer, 1, OWN, SOURCE, 5.5)


TARGETS = tuple(_targets())


def markdown(competitions: Sequence[Competition]) -> str:
    """Return all tables."""
    parts = [_times(threads, [*each]) for threads, each in groupby(competitions, key=lambda each: each.threads)]
    return "\n\n".join([*parts, _reached(competitions), _ahead(competitions)])


def _column(competition: Competition) -> str:
    return f"{competition.workload.name} {competition.optimizer}"


def _times(threads: int, competitions: Sequence[Competition]) -> str:
    lines = [
        f"### {'One thread' if threads == 1 else f'{threads} threads'}\n",
        "Least microseconds a step, and how many times nnreg's:\n",
        "| | " + " | ".join(map(_column, competitions)) + " |",
        "|---|" + "---:|" * len(competitions),
    ]
    for name in competitions[0].results:
        cells = [_cell(each.least(name), each.least(OWN)) for each in competitions]
        if any(cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(time: float, own: float) -> str:
    return "" if math.isnan(time) else f"{time:,.0f} · {time / own:.2f}"


def _reached(competitions: Sequence[Competition]) -> str:
    """Return what was aimed at and what came of it."""
    found = {(each.workload.name, each.optimizer, each.threads): each for each in competitions}
    lines = ["### Targets\n", "| workload | of | beside | target | reached |", "|---|---|---|---:|---:|"]
    for target in TARGETS:
        competition = found.get((target.workload, target.optimizer, target.threads))
        if competition is not None and not math.isnan(ratio := target.reached(competition)):
            beside = target.others[0] if len(target.others) == 1 else "torch, its best"
            reached = f"**{ratio:.2f}**" if ratio >= target.least else f"{ratio:.2f}"
            where = f"{_column(competition)}, {'one thread' if target.threads == 1 else 'two cores'}"
            lines.append(f"| {where} | {target.way} | {beside} | {target.least:.2f} | {reached} |")
    return "\n".join(lines)


def _ahead(competitions: Sequence[Competition]) -> str:
    """Say who is ahead of nnreg as it is installed, and where."""
    words = []
    for competition in competitions:
        ways = (OWN, TWO) if competition.threads > 1 else (OWN,)
        own = min((time for way in ways if not math.isnan(time := competition.least(way))), default=math.nan)
        faster = [
            f"{name} ({own / competition.least(name):.2f} times)"
            for name in competition.results
            if not name.startswith("nnreg") and name != LIMIT and competition.least(name) < own
        ]
        if faster:
            where = "one thread" if competition.threads == 1 else "two cores"
            words.append(f"- {_column(competition)}, {where}: {', '.join(faster)}")
    return "\n".join(["Ahead of nnreg's better way, without `nnreg[fast]`:\n", *(words or ["- nobody"])])
