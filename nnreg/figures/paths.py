"""Paths of descents on a surface's contours, in one picture or in panels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from omegaconf import OmegaConf

from nnreg.errors import UserError
from nnreg.figures.groups import Group, ended, groups
from nnreg.figures.spec import read_words
from nnreg.figures.tracks import Ground, Paths, Picture, Track, Values, draw_paths, layout_of
from nnreg.records.results import Result, Results
from nnreg.registry import building


def paths(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw paths on contours that are evenly spaced in the logarithm of the height, as ``Paths`` says."""
    return picture(results, spec, title).figure


def picture(results: Results, spec: Mapping[str, Any], title: str) -> Picture:
    """Draw paths; see ``paths``."""
    words, shown = read_words(Paths, spec), ended(results)
    others = [run.folder.name for run in shown if run.config.get("task", "train") != "descend"]
    if others:
        raise UserError(f"paths need runs with task=descend, {others[0]} is none")
    surfaces = list(dict.fromkeys(map(_key, shown)))
    grounds = [ground(next(run for run in shown if _key(run) == key)) for key in surfaces]
    alone = layout_of(words, len(groups(shown, words.by)), len(grounds)) == "panels"
    found = groups(shown, words.by, alone=alone)
    tracks = [_track(group, words, surfaces) for group in found]
    return draw_paths(tracks, grounds, title, words)


def _track(group: Group, words: Paths, surfaces: list[str]) -> Track:
    run = group.runs[0]  # a descent knows no chance
    end = -words.drop_last or None
    value = None if words.drop_last else run.summary["metrics"].get("descent/value")
    where = surfaces.index(_key(run))
    return Track(group.label, group.colour, path_of(run)[:end], value, run.summary.get("diverged_at_step"), where)


def path_of(run: Result) -> Values:
    """Return the positions of a descent, (n, 2)."""
    return np.stack([run.history.series(axis)[1] for axis in ("x", "y")], axis=-1)


def ground(run: Result) -> Ground:
    """Return the surface of a descent, made from the run's configuration."""
    config = OmegaConf.create(dict(run.config))
    return Ground(str(run.value("surface")), building.build_technique(config, run.summary["choices"], "surface"))


def _key(run: Result) -> str:
    return str(run.config["surface"])
