"""Figures of one run (``loss_figure``) and of many, by kind; matplotlib is imported when one is drawn.

``FIGURES["curves"](results, {"metric": "train/loss", "by": "optimizer"}, "Which rule learns fastest?")`` returns a matplotlib
figure; ``draw`` takes the kind from the words. A kind has its words in a dataclass beside the function that draws it.
``Run`` is a finished run that can be drawn, as scripts and notebooks get it.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnreg.engine.history import TRAIN_LOSS, History, layer_metrics
from nnreg.errors import UserError, instead
from nnreg.process import uncollected
from nnreg.records.card import DatasetCard, RunCard
from nnreg.records.folder import FIGURE, LAYERS_FIGURE
from nnreg.records.results import Result, Results
from nnreg.registry import palette
from nnreg.settings import ACTIVATIONS, DESCEND, task_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUICK = {"compress_level": 3}  # half the time of the usual 6, and 4 % more bytes


@dataclass(frozen=True)
class _Kind:
    """A kind of figure: the function of its name in a module of this room, and the dataclass of its words there."""

    name: str
    module: str
    words: str

    def __call__(self, results: Results, spec: Mapping[str, Any], title: str) -> Figure:
        figure: Figure = getattr(self._module, self.name)(results, {"kind": self.name, **spec}, title)
        return figure

    def check(self, spec: Mapping[str, Any]) -> None:
        """Read the words, for what is wrong with them."""
        self._module.read_words(getattr(self._module, self.words), {"kind": self.name, **spec})

    @property
    def _module(self) -> Any:
        return importlib.import_module(f"{__name__}.{self.module}")


_WORDS: Mapping[str, tuple[str, str]] = {
    "curves": ("curves", "Curves"),
    "panels": ("panels", "Panels"),
    "heatmap": ("heatmap", "Heatmap"),
    "against": ("searched", "Against"),
    "search": ("searched", "Search"),
    "histograms": ("layers", "Histograms"),
    "paths": ("surfaces", "Paths"),
    "surface_3d": ("relief", "Surface3D"),
}
FIGURES: Mapping[str, _Kind] = {name: _Kind(name, *where) for name, where in _WORDS.items()}


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
    importlib.import_module(f"{__name__}.page").save_figure(figure, path)


def loss_figure(card: RunCard, history: History) -> Figure:
    """Draw one training run: its loss, and how well the network does on the validation split."""
    figure: Figure = _figures_of_runs().loss_figure(card, history)
    return figure


@functools.cache
def _figures_of_runs() -> Any:
    """Import matplotlib, once: each time that it were done like this, the garbage of a run would stay for good."""
    with uncollected():
        return importlib.import_module(f"{__name__}.run")


def draw_pictures(card: RunCard, history: History) -> None:
    """Draw what a run recorded into its folder, its loss, and its layers where they were measured; nothing of a trial."""
    if card.is_trial:
        return
    if history.finite(TRAIN_LOSS).size:
        loss_figure(card, history).savefig(card.folder / FIGURE, pil_kwargs=QUICK)
    if layer_metrics(history, "weight_norm"):
        importlib.import_module(f"{__name__}.layers").layer_figure(card, history).savefig(card.folder / LAYERS_FIGURE)


PICTURED: Mapping[str, str] = {DESCEND: "paths", ACTIVATIONS: "histograms"}
"""Kind of figure that shows a run which trains nothing."""


class Run(Result):
    """One run that has ended: its folder, summary, configuration, history, tables and figure."""

    @classmethod
    def of(cls, result: Result) -> Run:
        """Return a run with all that a result knows, its records too where they have been read."""
        return cls(result.folder, result.summary, result.config, result.arm, result.records)

    def figure(self) -> Figure:
        """Draw the run: its loss, or the path of a descent, or the outputs of untrained layers.

        Raises:
            UserError: nothing was recorded that could be drawn.
        """
        kind = PICTURED.get(task_of(self.config))
        if kind is not None:
            return draw(Results([self]), {"kind": kind}, str(self.summary["label"]))
        if not self.history.finite(TRAIN_LOSS).size:
            raise UserError(f"{self.folder} has no training loss to draw: it {str(self.summary['status']).replace('_', ' ')}")
        return loss_figure(self._card, self.history)

    @property
    def _card(self) -> RunCard:
        """What is known of the run, as when it began."""
        choices, summary = self.summary["choices"], self.summary
        return RunCard(
            label=summary["label"],
            folder=self.folder,
            choices=choices,
            config=self.config,
            overrides=tuple(summary["overrides"]),
            command=summary["command"],
            colour=palette.of_run(choices),
            plugins=summary["plugins"],
            dataset=None if summary["dataset"] is None else DatasetCard(**summary["dataset"]),
            parameters=summary["parameters"],
            seed=self.seed,
            steps=int(self.config["steps"]),
        )
