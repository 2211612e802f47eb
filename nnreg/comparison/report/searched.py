"""The picture of a search: what its panel on the page shows, in matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from nnreg.figures.page import INK, NAME, QUIET, RULE, Page, width_of, wrapped

WIDE, LEFT = 6.2, 0.95  # inches
CLOUD, SPOKES, BAR = 3.4, 2.5, 0.27
BEST, BARS = "#D55E00", "#0b62a8"


def search_page(panel: Mapping[str, Any], line: str) -> Page:
    """Draw a panel that ``search_panel`` made; ``line`` says below it how it came about."""
    spokes, weights = panel["spokes"], panel["weights"]
    below = 0.65 + CLOUD + 0.75
    high = below + (SPOKES + 1.15 if spokes else 0.0)
    captions = wrapped(weights["caption"], 8.0, WIDE + LEFT - 0.4) if weights else []
    last = high + 0.18 * len(captions) + 0.1
    height = last + BAR * len(weights["rows"]) if weights else high
    page = Page(LEFT + WIDE + 0.5, height, str(panel["question"]), str(panel["about"]), line)
    _cloud(page, panel["cloud"])
    if spokes:
        _spokes(page, spokes, below)
    for place, said in enumerate(captions):
        page.text(0.4, high + 0.18 * place, said, fontsize=8, color=QUIET)
    if weights and weights["rows"]:
        _bars(page, weights["rows"], last)
    return page


def _cloud(page: Page, cloud: Mapping[str, Any]) -> None:
    page.text(0.4, 0.08, cloud["caption"], fontsize=8, color=QUIET)
    page.text(0.4, 0.42, cloud["yname"], fontsize=8.5)
    axes = page.axes(LEFT, 0.6, WIDE, CLOUD)
    _bare(axes, (0, 100), (0, 100))
    axes.spines[["left", "bottom"]].set_visible(True)
    axes.set_xticks([tick["at"] for tick in cloud["across"]], [tick["text"] for tick in cloud["across"]], fontsize=8)
    axes.set_yticks([tick["at"] for tick in cloud["up"]], [tick["text"] for tick in cloud["up"]], fontsize=8)
    axes.set_xlabel(cloud["xname"], fontsize=8.5)
    for dot in cloud["dots"]:
        if dot["kind"] == "lost":
            axes.plot(dot["x"], dot["y"], "x", color=INK, markersize=6, markeredgewidth=1.6, clip_on=False)
            continue
        axes.plot(dot["x"], dot["y"], "o", color=_plain(dot["colour"]), markersize=8, markeredgecolor="white", clip_on=False)
        if dot["kind"] == "best":
            ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": BEST, "markeredgewidth": 1.8}
            axes.plot(dot["x"], dot["y"], "o", markersize=12, clip_on=False, **ring)
    if cloud["scale"]:
        _scale(page, cloud["scale"])


def _scale(page: Page, scale: Mapping[str, Any]) -> None:
    words = (scale["low"], scale["high"])
    wide = 1.2
    left = LEFT + WIDE - wide - width_of(words[1], 8) - 0.1
    page.text(left - 0.1, 0.42, words[0], fontsize=8, color=QUIET, ha="right")
    axes = page.axes(left, 0.36, wide, 0.12)
    count = len(scale["colours"])
    _bare(axes, (0, count), (0, 1))
    for place, colour in enumerate(scale["colours"]):
        axes.add_patch(Rectangle((place, 0), 1, 1, color=colour, linewidth=0))
    page.text(left + wide + 0.1, 0.42, words[1], fontsize=8, color=QUIET)


def _spokes(page: Page, spokes: Mapping[str, Any], top: float) -> None:
    page.text(0.4, top, spokes["caption"], fontsize=8, color=QUIET)
    axes = page.axes(LEFT, top + 0.65, WIDE, SPOKES)
    _bare(axes, (0, 100), (100, 0))
    for line in spokes["lines"]:
        points = [tuple(map(float, point.split())) for point in line["path"].removeprefix("M").split("L")]
        axes.plot(*zip(*points, strict=True), color=line["colour"], linewidth=1.4, alpha=0.85, clip_on=False)
    for place, each in enumerate(spokes["axes"]):
        axes.axvline(each["x"], color=QUIET, linewidth=0.8)
        x, half = LEFT + WIDE * each["x"] / 100, width_of(each["name"], 8) / 2
        inside = min(max(x, 0.3 + half), page.width - 0.3 - half)
        page.text(inside, top + 0.27 + 0.16 * (place % 2 and len(spokes["axes"]) > 4), each["name"], fontsize=8, ha="center")
        page.text(x, top + 0.56, each["high"], fontsize=7.5, color=QUIET, ha="center")
        page.text(x, top + 0.74 + SPOKES, each["low"], fontsize=7.5, color=QUIET, ha="center")


def _bars(page: Page, rows: list[Mapping[str, Any]], top: float) -> None:
    left = 0.55 + max(width_of(row["name"], NAME) for row in rows)
    axes = page.axes(left, top, LEFT + WIDE - left - 0.5, BAR * len(rows))
    _bare(axes, (0, 100), (len(rows), 0))
    for place, row in enumerate(rows):
        axes.add_patch(Rectangle((0, place + 0.2), row["wide"], 0.6, color=BARS, linewidth=0))
        axes.text(row["wide"] + 1, place + 0.5, row["text"], fontsize=8, va="center", color=INK)
        page.text(0.4, top + BAR * (place + 0.5), row["name"])


def _bare(axes: Axes, across: tuple[float, float], up: tuple[float, float]) -> None:
    axes.set(xlim=across, ylim=up, xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.spines[:].set_color(RULE)


def _plain(colour: str) -> str:
    """Return the colour that a page names ``var(--c0051f6)``."""
    return f"#{colour.removeprefix('var(--c').rstrip(')')}" if colour.startswith("var(") else colour
