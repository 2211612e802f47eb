"""The picture of what a step costs: a panel for each of what grows, logarithmic, with the slope at its right end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from scale import Cost, Measured, slope

from nnreg.figures.saving import save as save_figure
from nnreg.figures.style import INK, NAME, QUIET, Page, finish

OWN, PRODUCTS = "#2b6cb0", "#999999"
TOGETHER = {"rows as float32": "rows"}  # drawn into the panel of the other, dashed
WIDTH, HEIGHT, GAP = 3.1, 2.5, (1.0, 0.8)  # of a panel and between panels, in inches


def save(measured: Measured, about: str, path: Path) -> None:
    """Draw and write the picture, ``.png`` or ``.svg``."""
    names = [name for name in measured if TOGETHER.get(name) not in measured]
    lines = (len(names) + 1) // 2
    title = "What does a step cost as the network, the batch or the data grow?"
    subtitle = "Microseconds a step of nnreg, and of its matrix products alone; both axes logarithmic."
    page = Page(2 * WIDTH + 2 * GAP[0] + 0.4, lines * (HEIGHT + GAP[1]), title, subtitle, about)
    for place, name in enumerate(names):
        across, down = place % 2, place // 2
        axes = page.axes(GAP[0] + across * (WIDTH + GAP[0]), 0.3 + down * (HEIGHT + GAP[1]), WIDTH, HEIGHT)
        axes.set_title(measured[name][0].others, fontsize=NAME, color=QUIET, loc="left")
        _curve(axes, name, measured[name][1], "-")
        for other in (each for each, panel in TOGETHER.items() if panel == name and each in measured):
            _curve(axes, other, measured[other][1], "--")
        _finish(axes, name, [cost.value for cost in measured[name][1]])
    save_figure(page.figure, path)


def _curve(axes: Axes, name: str, costs: Sequence[Cost], line: str) -> None:
    values, colour = [cost.value for cost in costs], OWN
    power = f": cost ~ {name.split()[0]}$^{{{slope(costs):.2f}}}$" if len(costs) > 1 else ""
    words = f"{'kept as float32' if name in TOGETHER else 'nnreg'}{power}"
    axes.plot(values, [cost.step for cost in costs], line, marker="o", markersize=3.5, color=colour, linewidth=1.7, label=words)
    if name not in TOGETHER:
        worst, last = min(cost.share for cost in costs), costs[-1].share
        words = f"its products alone: {worst:.0%} at least, {last:.0%} at the end"
        axes.plot(values, [cost.products for cost in costs], color=PRODUCTS, linewidth=1.7, label=words)


def _finish(axes: Axes, name: str, values: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 100), max(high * 5, 10_000))
    finish(axes, name, "a step (µs)")
    axes.set_xticks(values, [f"{value:,}" for value in values])
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", visible=False)
    axes.yaxis.set_major_formatter(_with_commas)
    legend = axes.legend(loc="upper left", fontsize=8, frameon=False)
    for text in legend.get_texts():
        text.set_color(INK)


def _with_commas(value: float, _: float) -> str:
    return f"{value:,.0f}"
