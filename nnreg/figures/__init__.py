"""Figures of one run (``loss_figure``) and of many, by kind; matplotlib is imported when one is drawn.

``FIGURES["curves"](results, {"metric": "train/loss", "by": "optimizer"}, "Which rule learns fastest?")`` returns a matplotlib
figure; ``draw`` takes the kind from the words. Each kind's words are the fields of a dataclass in the module of its name.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnreg.errors import UserError, instead
from nnreg.process import uncollected

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnreg.figures.run import loss_figure as loss_figure
    from nnreg.results import Results


@dataclass(frozen=True)
class _Kind:
    """A kind of figure: the function in the module of its name, and the dataclass of its words there."""

    name: str
    words: str

    def __call__(self, results: Results, spec: Mapping[str, Any], title: str) -> Figure:
        figure: Figure = getattr(self._module, self.name)(results, {"kind": self.name, **spec}, title)
        return figure

    def check(self, spec: Mapping[str, Any]) -> None:
        """Read the words, for what is wrong with them."""
        self._module.read(getattr(self._module, self.words), {"kind": self.name, **spec})

    @property
    def _module(self) -> Any:
        return importlib.import_module(f"{__name__}.{self.name}")


_WORDS = {
    "curves": "Curves",
    "panels": "Panels",
    "heatmap": "Heatmap",
    "histograms": "Histograms",
    "paths": "Paths",
    "surface_3d": "Surface3D",
}
FIGURES: Mapping[str, _Kind] = {name: _Kind(name, words) for name, words in _WORDS.items()}


def check(spec: Mapping[str, Any]) -> None:
    """Make sure, before anything is run, that a figure can be asked for so: its kind, and its words as far as they need no run.

    Args:
        spec: ``kind``, and the words of that kind.

    Raises:
        UserError: kind or words are unknown, missing or of the wrong type.
    """
    _kind(spec).check(spec)


def draw(results: Results, spec: Mapping[str, Any], title: str) -> Figure:
    """Draw the figure that ``spec`` asks for with its ``kind``.

    Args:
        results: the runs of a study or a sweep.
        spec: ``kind``, and the words of that kind.
        title: the question that the figure answers.

    Raises:
        UserError: kind or words are unknown or of the wrong type, or the runs lack what the figure needs.
    """
    return _kind(spec)(results, spec, title)


def _kind(spec: Mapping[str, Any]) -> _Kind:
    if not isinstance(spec, Mapping):
        raise UserError(f"a figure is words such as {{kind: curves, metric: train/loss}}, got {spec!r}")
    kind = str(spec.get("kind"))
    if kind not in FIGURES:
        raise UserError(f"there is no figure of kind '{kind}'{instead(kind, FIGURES)}")
    return FIGURES[kind]


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a small ``.png`` or as ``.svg``."""
    importlib.import_module(f"{__name__}.saving").save(figure, path)


def __getattr__(name: str) -> Any:
    if name == "loss_figure":
        with uncollected():
            return importlib.import_module(f"{__name__}.run").loss_figure
    raise AttributeError(f"module {__name__} has no {name}")
