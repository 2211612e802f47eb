"""The picture of what a step costs: a panel for each of what grows, logarithmic, with the slope at its right end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from scale import Cost, Measured, slope

from nnreg.figures.page import INK, NAME, QUIET, Page, finish, save_figure

OWN, OTHER, PRODUCTS = "#2b6cb0", "#c05621", "#999999"
TOGETHER = {"rows as float32": "rows"}  # drawn into the panel of the other, dashed, with hollow dots
HANDLE = 3.2  # length of a line in the legend, in letters, so that dashes are seen
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
        _curve(axes, name, measured[name][1])
        for other in (each for each, panel in TOGETHER.items() if panel == name and each in measured):
            _curve(axes, other, measured[other][1])
        _finish(axes, name, [cost.value for cost in measured[name][1]])
    save_figure(page.figure, path)


def _curve(axes: Axes, name: str, costs: Sequence[Cost]) -> None:
    values, is_other = [cost.value for cost in costs], name in TOGETHER
    power = f": cost ~ {name.split()[0]}$^{{{slope(costs):.2f}}}$" if len(costs) > 1 else ""
    words = f"{'the same, kept as float32' if is_other else 'nnreg'}{power}"
    line, colour, size = ("--", OTHER, 6.0) if is_other else ("-", OWN, 3.5)
    dots = {"marker": "o", "markersize": size, "markerfacecolor": "none" if is_other else colour}
    axes.plot(values, [cost.step for cost in costs], line, color=colour, linewidth=1.7, label=words, **dots)
    if not is_other:
        words = f"its products alone, {shares(costs)} of a step"
        axes.plot(values, [cost.products for cost in costs], color=PRODUCTS, linewidth=1.7, label=words)


def shares(costs: Sequence[Cost]) -> str:
    """Return how much of a step the products are: ``67 to 91 %``, or ``76 %`` where it is the same everywhere."""
    least, most = (round(100 * end(cost.share for cost in costs)) for end in (min, max))
    return f"{least} %" if least == most else f"{least} to {most} %"


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
    legend = axes.legend(loc="upper left", fontsize=8, frameon=False, handlelength=HANDLE)
    for text in legend.get_texts():
        text.set_color(INK)


def _with_commas(value: float, _: float) -> str:
    return f"{value:,.0f}"
