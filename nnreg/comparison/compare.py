"""A comparison as one object: found in run folders, shown as tables and figures, written as a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnreg.comparison import console
from nnreg.comparison.findings import Findings, find
from nnreg.figures import Run
from nnreg.records.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnreg.figures.page import Page


class Comparison(Findings):
    """What a sweep, or any set of runs, says: findings that show themselves in a terminal, a notebook and a folder."""

    @property
    def runs(self) -> Results:
        """Every run that is compared, arm by arm: its ``table`` and ``curves`` are for questions of one's own."""
        return Results(Run.of(run) for run in super().runs)

    @cached_property
    def _made(self) -> dict[str, Page | None]:
        return {}

    def page(self, name: str) -> Page | None:
        """Return a figure with its words, made once; None where these runs have none of that name."""
        from nnreg.comparison.report.pictures import MAKERS

        if name not in self._made:
            self._made[name] = MAKERS[name](self)
        return self._made[name]

    def figures(self) -> Mapping[str, Figure]:
        """Return the pictures that these runs have: ``curves``, ``standings``, ``wins``, ``heatmap``, ``target`` ..."""
        from nnreg.comparison.report.pictures import MAKERS

        return {name: page.figure for name in MAKERS if (page := self.page(name)) is not None}

    def save(self, folder: Path | str) -> Path:
        """Write ``report.html``, a PNG a figure, CSV tables, all of it as JSON; return the report's path."""
        from nnreg.comparison.report.files import write_files

        return write_files(self, Path(folder), self.page)

    def __str__(self) -> str:
        """Return the answer and the table, as the console shows them."""
        return f"{console.comparison_text(self)}\n{self.answer}\n"

    __repr__ = __str__  # that of a dataclass would fill pages with runs

    def _repr_html_(self) -> str:
        """Return the answer and the table for a notebook."""
        from nnreg.comparison.report import html

        return html.html_fragment(self)


def compare(
    folders: Sequence[Path | str],
    *,
    metric: str | None = None,
    target: str | None = None,
    axes: tuple[str, str] | None = None,
) -> Comparison:
    """Compare runs from their folders alone; no server is asked.

    Args:
        folders: of sweeps, studies or runs.
        metric: to rank and compare by (default: the final training loss; where regularizers were swept the validation loss,
            where the loss was the validation accuracy or R²; a descent's final value).
        target: such as ``valid/accuracy=0.95`` (default: what the median arm reaches, a descent's tolerance).
        axes: two swept settings for the heatmap (default: the first two).

    Raises:
        UserError: the runs cannot be read or compared.
    """
    return Comparison(**vars(find(folders, metric=metric, target=target, axes=axes)))
