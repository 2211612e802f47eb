"""Descents on a surface: paths on contours; where the surface has another number of dimensions than two, heights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from omegaconf import OmegaConf

from nnreg.contracts import Surface
from nnreg.contracts.objective import Interval
from nnreg.engine.descent import Terrain, Window, around, measure
from nnreg.errors import UserError
from nnreg.figures.groups import ARM, Group, ended, groups
from nnreg.figures.heights import Fall, draw_heights, explained, lowest_of
from nnreg.figures.page import BESIDE, INK, NAME, QUIET, Page, finish, legible, shaped, width_of
from nnreg.figures.spec import Common, check_limits, read_words
from nnreg.numerals import chosen, measured
from nnreg.records.results import Result, Results
from nnreg.records.statistics import Values
from nnreg.registry import building

MOST_IN_ONE = 5  # paths in one picture, unless a study wants more
MOST_PANELS = 40
DOTS = 60  # positions of a path that have a dot, at most
FAR = 30.0  # windows away, from which on a path is not drawn
NEAR = 1.0  # likewise, of one that ends outside the window
DEPTH = LinearSegmentedColormap.from_list("depth", ["#cfdae6", "#ffffff"])


@dataclass
class Paths(Common):
    """What a picture of paths may be told.

    Args:
        by: the setting that makes a path; ``arm`` for a study's arms.
        layout: ``overlay`` or ``panels``; left out: panels for more than five paths or several surfaces.
        columns: panels side by side.
        drop_last: how many of the last updates stay undrawn.
        xlim: window; left out: where the paths are.
        ylim: likewise.

    Raises:
        UserError: the layout is neither, or limits are not two ends.
    """

    by: str = "arm"
    layout: str | None = None
    columns: int | None = None
    drop_last: int = 0
    xlim: list[float] | None = None
    ylim: list[float] | None = None

    def __post_init__(self) -> None:
        if self.layout not in ("overlay", "panels", None):
            raise UserError(f"layout must be overlay or panels, got {self.layout}")
        check_limits(xlim=self.xlim, ylim=self.ylim)


class Track(NamedTuple):
    """One path.

    Attributes:
        label: what it is called.
        colour: of its line.
        positions: (n, 2), the start first.
        value: where it ended, or None where that is not to be said.
        diverged_at: update from which on it was lost, or None.
        surface: number of its surface.
        marker: which tells it from others, as matplotlib names it; "" for none.
    """

    label: str
    colour: str
    positions: Values
    value: float | None
    diverged_at: int | None = None
    surface: int = 0
    marker: str = ""


class Ground(NamedTuple):
    """A surface with its name."""

    name: str
    surface: Surface


class Trail(NamedTuple):
    """A path that has been drawn, for whoever wants to let it grow.

    Attributes:
        positions: that are seen.
        line: through them.
        dots: on every so many of them.
        every: updates between two dots.
        head: on the last.
    """

    positions: Values
    line: Line2D
    dots: Line2D
    every: int
    head: Line2D


class Picture(NamedTuple):
    """A picture of paths.

    Attributes:
        page: it stands on.
        trails: the paths.
        endings: what tells where they ended, which an animation keeps to its end.
    """

    page: Page
    trails: Sequence[Trail]
    endings: Sequence[Text] = ()

    @property
    def figure(self) -> Figure:
        """What is drawn."""
        return self.page.figure


def layout_of(words: Paths, tracks: int, grounds: int) -> str:
    """Return whether paths lie in one picture or in panels."""
    return words.layout or ("overlay" if tracks <= MOST_IN_ONE and grounds == 1 else "panels")


def draw_paths(tracks: Sequence[Track], grounds: Sequence[Ground], title: str, words: Paths | None = None) -> Picture:
    """Draw some paths.

    Args:
        tracks: what is drawn.
        grounds: the surfaces, which tracks name by number.
        title: the question.
        words: what a study wants.
    """
    words = words or Paths()
    layout = layout_of(words, len(tracks), len(grounds))
    if layout == "overlay" and len(grounds) > 1:
        raise UserError("paths on several surfaces cannot be laid over each other: use layout: panels")
    windows = [_window(each.surface, [track for track in tracks if track.surface == number], words)
               for number, each in enumerate(grounds)]  # fmt: skip
    terrains = [measure(each.name, each.surface, window) for each, window in zip(grounds, windows, strict=True)]
    return (_overlay if layout == "overlay" else _panels)(tracks, terrains, title, words)


def _overlay(tracks: Sequence[Track], terrains: Sequence[Terrain], title: str, words: Paths) -> Picture:
    terrain = terrains[0]
    width, height = _size(terrain, 6.2, 4.3)
    alone = len(tracks) == 1
    names = 0.3 if alone else max([width_of(track.label, NAME, "bold") for track in tracks] + [1.5]) + 0.45 + BESIDE
    page = Page(0.8 + width + names, height + 0.6, title, words.subtitle, _footer(tracks, terrains, words))
    axes = page.axes(0.8, 0.16, width, height)
    _contours(axes, terrain)
    trails = [_trail(axes, track, terrain) for track in tracks]
    _marks(axes, tracks, terrain)
    if alone:
        return Picture(page, trails, [axes.set_title(_ending(tracks[0]), fontsize=8, color=QUIET, pad=3, loc="right")])
    return Picture(page, trails, _list(page, tracks, 0.8 + width + 0.15, height))


def _list(page: Page, tracks: Sequence[Track], left: float, height: float) -> list[Text]:
    """Name the paths at the right, the one that ended lowest first: ends lie upon each other, so names cannot stand there."""
    order = sorted(tracks, key=lambda track: (track.diverged_at is not None, math.inf if track.value is None else track.value))
    step, endings = min(0.42, height / len(order)), []
    for place, track in enumerate(order):
        page.sign(left, 0.25 + place * step, track.marker or "o", track.colour)
        page.text(left + BESIDE, 0.25 + place * step, track.label, weight="bold", color=legible(track.colour))
        if step > 0.3:
            endings.append(page.text(left + BESIDE, 0.4 + place * step, _ending(track), fontsize=7.5, color=QUIET))
    return endings


def _panels(tracks: Sequence[Track], terrains: Sequence[Terrain], title: str, words: Paths) -> Picture:
    shown = tracks[:MOST_PANELS]
    columns = min(words.columns or (2 if len(shown) <= 4 else 3 if len(shown) <= 9 else 4), len(shown))
    rows = math.ceil(len(shown) / columns)
    wide = 3.3 if columns <= 2 else 2.45
    sizes = [_size(terrain, wide, 0.85 * wide) for terrain in terrains]
    width, height = max(size[0] for size in sizes), max(size[1] for size in sizes)
    across, down, left = width + 0.45, height + 0.58, 0.55
    if len(shown) < len(tracks):
        words.note = f"{words.note} The first {len(shown)} of {len(tracks)} paths are shown"
    page = Page(max(left + across * columns, 5.2), down * rows + 0.1, title, words.subtitle, _footer(tracks, terrains, words))
    trails, endings = [], []
    for index, track in enumerate(shown):
        row, column = divmod(index, columns)
        terrain = terrains[track.surface]
        axes = page.axes(left + across * column, 0.3 + down * row, *sizes[track.surface])
        _contours(axes, terrain)
        trails.append(_trail(axes, track, terrain))
        _marks(axes, [track], terrain)
        axes.set_title(track.label, fontsize=NAME, weight="bold", color=legible(track.colour), pad=3, loc="left")
        end = _ending(track)
        if width_of(track.label, NAME, "bold") + width_of(end, 7.5) < sizes[track.surface][0] - 0.1:
            endings.append(axes.set_title(end, fontsize=7.5, color=QUIET, pad=3, loc="right"))
        alike, lowest = len(terrains) == 1, index + columns >= len(shown)
        axes.set_xlabel("x" if lowest else "", fontsize=8, labelpad=1)
        axes.set_ylabel("y" if column == 0 else "", fontsize=8, labelpad=1)
        axes.tick_params(labelsize=7.5, labelleft=column == 0 or not alike, labelbottom=lowest or not alike)
    return Picture(page, trails, endings)


def _window(surface: Surface, tracks: Sequence[Track], words: Paths) -> Window:
    kept = [track.positions for track in tracks if not _leaves(track, surface)]
    everything = np.concatenate(kept or [track.positions for track in tracks])
    (left, right), (low, high) = around(surface, everything)
    given: list[Interval] = [(left, right), (low, high)]
    for axis, limits in enumerate((words.xlim, words.ylim)):
        if limits is not None:
            given[axis] = (limits[0], limits[1])
    return given[0], given[1]


def _leaves(track: Track, surface: Surface) -> bool:
    """Tell whether a path is lost, or ends outside the domain: it need not be seen whole."""
    low, high = np.array(surface.domain, dtype=np.float64).T
    end = track.positions[-1]
    return track.diverged_at is not None or not bool(np.all((end >= low) & (end <= high)))


def _size(terrain: Terrain, widest: float, highest: float) -> tuple[float, float]:
    """Return width and height of axes on which a unit of x is as long as a unit of y, unless that makes a slit."""
    ratio = (terrain.x[-1] - terrain.x[0]) / (terrain.y[-1] - terrain.y[0])
    ratio = min(max(ratio, 0.5), 3.0)
    return (widest, widest / ratio) if widest / ratio <= highest else (highest * ratio, highest)


def _contours(axes: Axes, terrain: Terrain) -> None:
    levels = terrain.levels
    if len(levels):
        top = max(float(np.nanmax(terrain.z)), levels[-1]) + 1e-300
        colours = [DEPTH(place) for place in np.linspace(0, 1, len(levels) + 1)]
        axes.contourf(terrain.x, terrain.y, terrain.z, levels=[terrain.lowest - 1e-300, *levels, top], colors=colours)
        axes.contour(terrain.x, terrain.y, terrain.z, levels=levels, colors="#b4bfca", linewidths=0.5, linestyles="solid")
    axes.set_xlim(terrain.x[0], terrain.x[-1])
    axes.set_ylim(terrain.y[0], terrain.y[-1])
    finish(axes, "x", "y")
    axes.grid(visible=False)


def _trail(axes: Axes, track: Track, terrain: Terrain) -> Trail:
    end = track.positions[-1]
    is_here = terrain.x[0] <= end[0] <= terrain.x[-1] and terrain.y[0] <= end[1] <= terrain.y[-1]
    seen = visible(track.positions, terrain, FAR if is_here else NEAR)
    every = max(1, math.ceil((len(seen) - 1) / DOTS))
    (line,) = axes.plot(*seen.T, color=track.colour, linewidth=1.3, alpha=0.95, solid_joinstyle="round")
    (dots,) = axes.plot(*seen[::every].T, color=track.colour, linestyle="", **shaped(track.marker, 3.2), markeredgewidth=0)
    style: dict[str, Any] = {
        "linestyle": "",
        **shaped(track.marker, 7),
        "markeredgecolor": "white",
        "zorder": 8,
    }
    (head,) = axes.plot(*seen[-1:].T, color=track.colour, **style)
    head.set_alpha(1.0 if is_here else 0.0)  # what is lost has no end
    return Trail(seen, line, dots, every, head)


def visible(positions: Values, terrain: Terrain, windows: float) -> Values:
    """Return the positions up to where a path is so many windows away, the last leg cut short: nothing is drawn at 1e150."""
    middle = np.array([terrain.x.mean(), terrain.y.mean()])
    reach = windows * max(np.ptp(terrain.x), np.ptp(terrain.y))
    with np.errstate(all="ignore"):
        away = ~(np.abs(positions - middle).max(axis=1) <= reach)
    if not away.any():
        return positions
    first = int(np.argmax(away))
    lost = positions[first]
    if first == 0 or not np.isfinite(lost).all():
        return positions[: max(first, 1)]
    before = positions[first - 1]
    longest = 20 * reach
    share = min(1.0, longest / float(np.abs(lost - before).max()))
    return np.concatenate([positions[:first], [before + share * (lost - before)]])


def _marks(axes: Axes, tracks: Sequence[Track], terrain: Terrain) -> None:
    for start in {tuple(track.positions[0]) for track in tracks}:
        axes.plot(*start, marker="s", markersize=5.5, color=INK, markeredgecolor="white", zorder=6)
    for minimum in terrain.minima:
        axes.plot(
            *minimum, marker="*", markersize=12, color="#ffd400", markeredgecolor=INK, markeredgewidth=0.8, zorder=1.9
        )  # below paths: they end there


def _ending(track: Track) -> str:
    if track.diverged_at is not None:
        return f"diverged at update {track.diverged_at}"
    return "" if track.value is None else f"f = {measured(track.value)}"


def _footer(tracks: Sequence[Track], terrains: Sequence[Terrain], words: Paths) -> str:
    updates = {len(track.positions) - 1 for track in tracks if track.diverged_at is None} or {0}
    most = max(updates)
    counted = f"{most:,} updates" if len(updates) == 1 else f"{min(updates):,} to {most:,} updates"
    every = max(1, math.ceil(most / DOTS))
    dots = "a dot for each" if every == 1 else f"a dot for every {every}"
    where = f"{terrains[0].name.replace('_', ' ')}: c" if len(terrains) == 1 else "c"
    parts = [f"{where}ontours evenly spaced in the logarithm of f above its minimum; square: start, star: minimum"]
    parts.append(f"{counted}{f' ({words.drop_last} more made)' if words.drop_last else ''}, {dots}")
    lost = sum(track.diverged_at is not None for track in tracks)
    if lost:
        parts.append(f"{lost} of {len(tracks)} diverged")
    if len(terrains) == 1 and (curvature := terrains[0].largest_curvature) is not None:
        parts.append(f"plain gradient descent is stable for lr < 2/L = {chosen(2 / curvature)}")
    parts += [words.note.strip().rstrip(".")] if words.note.strip() else []
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def paths(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw paths on contours that are evenly spaced in the logarithm of the height, as ``Paths`` says.

    Of descents in more or fewer dimensions than two the heights are drawn; beside others, whose paths are, they are left out.
    """
    if any(map(is_planar, results)):
        return picture(results, spec, title).figure
    words, falls = read_words(Paths, spec), [_fall(group) for group in groups(_descents(results), spec.get("by", ARM))]
    surfaces = [ground(runs[0]).surface for runs in ended(results).by("surface").values()]
    return draw_heights(falls, title, words.subtitle, f"{explained(surfaces)} {words.note}".strip()).figure


def is_planar(run: Result) -> bool:
    """Tell whether a descent was on a surface of two dimensions, so that its path can be drawn."""
    return bool(run.history.series("x")[1].size)


def picture(results: Results, spec: Mapping[str, Any], title: str) -> Picture:
    """Draw paths; see ``paths``."""
    words, shown = read_words(Paths, spec), Results(run for run in _descents(results) if is_planar(run))
    surfaces = list(dict.fromkeys(map(_key, shown)))
    grounds = [ground(next(run for run in shown if _key(run) == key)) for key in surfaces]
    alone = layout_of(words, len(groups(shown, words.by)), len(grounds)) == "panels"
    found = groups(shown, words.by, alone=alone)
    tracks = [_track(group, words, surfaces) for group in found]
    tracks = sorted(tracks, key=_place) if alone else tracks
    return draw_paths(tracks, grounds, title, words)


def _place(track: Track) -> tuple[int, bool, float]:
    """Return what panels are sorted by: the surface, then who came lowest; diverged ones last."""
    return track.surface, track.diverged_at is not None, 0.0 if track.value is None else track.value


def rated(label: str, run: Result) -> str:
    """Return what a descent is called, its learning rate too: with another one every rule looks good or bad."""
    node = run.config.get("optimizer")
    rate = node.get("lr") if isinstance(node, Mapping) else None
    return label if rate is None or "lr " in label else f"{label}, lr {chosen(float(rate))}"


def _descents(results: Results) -> Results:
    shown = ended(results)
    others = [run.folder.name for run in shown if run.config.get("task", "train") != "descend"]
    if others:
        raise UserError(f"paths need runs with task=descend, {others[0]} is none")
    return shown


def _fall(group: Group) -> Fall:
    run = group.runs[0]
    heights = run.history.series("value")[1] - lowest_of(ground(run).surface)
    return Fall(rated(group.label, run), group.colour, heights, run.summary.get("diverged_at_step"), group.marker)


def _track(group: Group, words: Paths, surfaces: list[str]) -> Track:
    run = group.runs[0]  # of several seeds the first
    end = -words.drop_last or None
    value = None if words.drop_last else run.summary["metrics"].get("descent/value")
    where = surfaces.index(_key(run))
    lost = run.summary.get("diverged_at_step")
    return Track(rated(group.label, run), group.colour, path_of(run)[:end], value, lost, where, group.marker)


def path_of(run: Result) -> Values:
    """Return the positions of a descent, (n, 2)."""
    return np.stack([run.history.series(axis)[1] for axis in ("x", "y")], axis=-1)


def ground(run: Result) -> Ground:
    """Return the surface of a descent, made from the run's configuration."""
    config = OmegaConf.create(dict(run.config))
    return Ground(str(run.value("surface")), building.build_technique(config, run.summary["choices"], "surface"))


def _key(run: Result) -> str:
    return str(run.config["surface"])
