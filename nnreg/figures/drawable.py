"""A finished run that can be drawn, as scripts and notebooks get it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnreg import figures
from nnreg.engine.history import TRAIN_LOSS
from nnreg.errors import UserError
from nnreg.records.card import DatasetCard, RunCard
from nnreg.records.results import Result, Results
from nnreg.registry import palette
from nnreg.settings import ACTIVATIONS, DESCEND, task_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES: Mapping[str, str] = {DESCEND: "paths", ACTIVATIONS: "histograms"}
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
        kind = FIGURES.get(task_of(self.config))
        if kind is not None:
            return figures.draw(Results([self]), {"kind": kind}, str(self.summary["label"]))
        if not self.history.finite(TRAIN_LOSS).size:
            raise UserError(f"{self.folder} has no training loss to draw: it {str(self.summary['status']).replace('_', ' ')}")
        return figures.loss_figure(self._card, self.history)

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
            colour=palette.shaded(choices.get("optimizer", "none"), choices.get("init", "none")),
            plugins=summary["plugins"],
            dataset=None if summary["dataset"] is None else DatasetCard(**summary["dataset"]),
            parameters=summary["parameters"],
            seed=self.seed,
            steps=int(self.config["steps"]),
        )
