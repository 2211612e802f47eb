"""What a step costs as width, depth, batch and rows grow, beside the matrix products alone.

``python benchmarks/scale.py`` prints a table for each of the four and writes ``docs/scale.png``: logarithmic on both axes, the
slope at the right end named. The networks have 784 inputs, ReLU and 10 classes, one thread, float32, sgd, by nnreg's public
path: every loss recorded. It and the products take turns in short blocks; what is shown is the least of them, which is what the
machine can do. ``--most 1000`` leaves out widths, batches and rows beyond, ``--clock cpu`` is for a machine that is busy.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from contenders import LIMIT, OWN
from machine import described
from peers import compete
from processes import CLOCKS, Contestant
from workloads import ROWS, Kept, Workload

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = Path(__file__).parents[1] / "docs" / "scale.png"
BLOCK = 0.04  # seconds
RATE = 1e11  # multiplications and additions a second, to guess how many steps that is

OWN_COLOUR, OTHER_COLOUR, PRODUCTS_COLOUR = "#2b6cb0", "#c05621", "#999999"
TOGETHER = {"rows as float32": "rows"}  # drawn into the panel of the other, dashed, with hollow dots
HANDLE = 3.2  # length of a line in the legend, in letters, so that dashes are seen
WIDTH, HEIGHT, GAP = 3.1, 2.5, (1.0, 0.8)  # of a panel and between panels, in inches


@dataclass(frozen=True)
class Axis:
    """What grows, and what stays as it is meanwhile.

    Attributes:
        name: of what grows.
        others: what stays, in words.
        workloads: by value.
    """

    name: str
    others: str
    workloads: Mapping[int, Workload]


@dataclass(frozen=True)
class Cost:
    """What a step costs.

    Attributes:
        value: of what grows.
        step: in microseconds.
        products: of them, the matrix products alone.
    """

    value: int
    step: float
    products: float

    @property
    def share(self) -> float:
        """Of the products in the step, at best 1."""
        return self.products / self.step


Measured = Mapping[str, tuple[Axis, Sequence[Cost]]]


def _rows(kept: Kept, least: int = 1000) -> dict[int, Workload]:
    return {rows: Workload("rows", (100,) * 4, 128, rows=rows, kept=kept) for rows in (least, 10_000, 100_000, 1_000_000)}


W1 = "four hidden layers of 100, batch 128"
AXES = {
    axis.name: axis
    for axis in (
        Axis(
            "width",
            "two hidden layers, batch 128",
            {units: Workload("width", (units, units), 128, kept="uint8") for units in (64, 128, 256, 512, 1024, 2048, 4096)},
        ),
        Axis(
            "depth",
            "hidden layers of 256, batch 128",
            {layers: Workload("depth", (256,) * layers, 128, kept="uint8") for layers in (1, 2, 4, 8, 16)},
        ),
        Axis(
            "batch",
            "four hidden layers of 100",
            {rows: Workload("batch", (100,) * 4, rows, kept="uint8") for rows in (16, 32, 64, 128, 256, 512, 1024)},
        ),
        Axis("rows", f"kept as bytes, {W1}", _rows("uint8")),
        Axis("rows as float32", W1, _rows("float32")),
    )
}


def with_rows(axis: Axis, rows: int) -> Axis:
    """Return an axis on which networks have so many rows to train on, unless it is rows that grow."""
    if axis.name.startswith("rows"):
        return axis
    return replace(axis, workloads={value: replace(workload, rows=rows) for value, workload in axis.workloads.items()})


def measure(axes: Sequence[Axis], blocks: int, clock: str = "wall", most: int = sys.maxsize) -> Measured:
    """Return what steps cost.

    Args:
        axes: what grows.
        blocks: of nnreg and of the products, in turn.
        clock: "wall" or "cpu".
        most: greatest value of what grows.
    """
    with ExitStack() as stack:
        contestants = [stack.enter_context(Contestant(name, 1, clock)) for name in (OWN, LIMIT)]
        return {axis.name: (axis, [*_costs(axis, contestants, blocks, most)]) for axis in axes}


def _costs(axis: Axis, contestants: Sequence[Contestant], blocks: int, most: int) -> Iterator[Cost]:
    for value, workload in axis.workloads.items():
        if value <= most:
            found = compete(contestants, workload, "sgd", blocks, steps(workload))
            for result in found.values():
                if result.trouble:
                    raise RuntimeError(result.trouble)
            yield Cost(value, *(min(found[name].times) for name in (OWN, LIMIT)))


def steps(workload: Workload) -> int:
    """Return how many steps make a block."""
    pairs = sum(fan_in * fan_out for fan_in, fan_out in zip(workload.widths, workload.widths[1:], strict=False))
    return max(1, min(100, round(BLOCK * RATE / (6 * pairs * workload.batch))))


def slope(costs: Sequence[Cost]) -> float:
    """Return p of cost ~ value ** p at the right end: through the last three points, by least squares; NaN of a single one."""
    last = costs[-3:]
    if len(last) < 2:
        return math.nan
    x, y = np.log([[float(cost.value), cost.step] for cost in last]).T
    return float(np.polyfit(x, y, 1)[0])


def markdown(measured: Measured) -> str:
    """Return a table for each of what has grown."""
    parts = []
    for axis, costs in measured.values():
        lines = [f"{cost.value:,} | {cost.step:,.0f} | {cost.products:,.0f} | {cost.share:.0%}" for cost in costs]
        head = f"{axis.name} ({axis.others}) | a step (µs) | its products alone (µs) | share\n--:|--:|--:|--:"
        words = f"Cost ~ {axis.name.split()[0]} ^ {slope(costs):.2f} at the end." if len(costs) > 1 else ""
        parts.append("\n".join([head, *lines, "", words]))
    return "\n\n".join(parts).replace("\n\n\n", "\n\n").rstrip() + "\n"


def save_picture(measured: Measured, about: str, path: Path) -> None:
    """Draw and write the picture, ``.png`` or ``.svg``: a panel for each of what grows, the slope at its right end."""
    from nnreg.figures.page import NAME, QUIET, Page, save_figure  # here: the processes that train need no matplotlib

    names = [name for name in measured if TOGETHER.get(name) not in measured]
    lines = (len(names) + 1) // 2
    title = "What does a step cost as the network, the batch or the data grow?"
    subtitle = "Microseconds a step of nnreg, and of its matrix products alone; both axes logarithmic."
    page = Page(2 * WIDTH + 2 * GAP[0] + 0.4, lines * (HEIGHT + GAP[1]), title, subtitle, about)
    for place, name in enumerate(names):
        across, down = place % 2, place // 2
        axes = page.axes(GAP[0] + across * (WIDTH + GAP[0]), 0.3 + down * (HEIGHT + GAP[1]), WIDTH, HEIGHT)
        axes.set_title(measured[name][0].others, fontsize=NAME, color=QUIET, loc="left")
        _curve(axes, name, measured[name][1])
        for other in (each for each, panel in TOGETHER.items() if panel == name and each in measured):
            _curve(axes, other, measured[other][1])
        _finish(axes, name, [cost.value for cost in measured[name][1]])
    save_figure(page.figure, path)


def _curve(axes: Axes, name: str, costs: Sequence[Cost]) -> None:
    values, is_other = [cost.value for cost in costs], name in TOGETHER
    power = f": cost ~ {name.split()[0]}$^{{{slope(costs):.2f}}}$" if len(costs) > 1 else ""
    words = f"{'the same, kept as float32' if is_other else 'nnreg'}{power}"
    line, colour, size = ("--", OTHER_COLOUR, 6.0) if is_other else ("-", OWN_COLOUR, 3.5)
    dots = {"marker": "o", "markersize": size, "markerfacecolor": "none" if is_other else colour}
    axes.plot(values, [cost.step for cost in costs], line, color=colour, linewidth=1.7, label=words, **dots)
    if not is_other:
        words = f"its products alone, {shares(costs)} of a step"
        axes.plot(values, [cost.products for cost in costs], color=PRODUCTS_COLOUR, linewidth=1.7, label=words)


def shares(costs: Sequence[Cost]) -> str:
    """Return how much of a step the products are: ``67 to 91 %``, or ``76 %`` where it is the same everywhere."""
    least, most = (round(100 * end(cost.share for cost in costs)) for end in (min, max))
    return f"{least} %" if least == most else f"{least} to {most} %"


def _finish(axes: Axes, name: str, values: Sequence[int]) -> None:
    from nnreg.figures.page import INK, finish

    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 100), max(high * 5, 10_000))
    finish(axes, name, "a step (µs)")
    axes.set_xticks(values, [f"{value:,}" for value in values])
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", visible=False)
    axes.yaxis.set_major_formatter(_with_commas)
    legend = axes.legend(loc="upper left", fontsize=8, frameon=False, handlelength=HANDLE)
    for text in legend.get_texts():
        text.set_color(INK)


def _with_commas(value: float, _: float) -> str:
    return f"{value:,.0f}"


def main(given: Sequence[str] | None = None) -> None:
    """Print the tables and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axes", nargs="+", choices=AXES, default=list(AXES), metavar="NAME")
    parser.add_argument("--most", type=int, default=sys.maxsize, help="greatest value of what grows")
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--rows", type=int, default=ROWS, help="to train on, where it is not they that grow")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    arguments = parser.parse_args(given)
    axes = [with_rows(AXES[name], arguments.rows) for name in arguments.axes]
    measured = measure(axes, arguments.blocks, arguments.clock, arguments.most)
    about = f"{described(['numpy'])}; one thread, {arguments.clock} time, the least of {arguments.blocks} blocks"
    print(f"{about}\n\n{markdown(measured)}")
    save_picture(measured, about, arguments.picture)


if __name__ == "__main__":
    main()
