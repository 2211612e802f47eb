"""What a study answers once it has been run: its figures drawn, its claims checked, and what could not be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nnreg import figures  # matplotlib, half a second, comes with the first kind that is asked for
from nnreg.errors import UserError
from nnreg.records.results import Results
from nnreg.studies import claims
from nnreg.studies.claims import Verdict
from nnreg.studies.definition import Study


class Answers(NamedTuple):
    """What became of a study's questions.

    Attributes:
        verdicts: one for each claim.
        figures: the pictures, in order.
        troubles: a line for each figure that could not be drawn and each claim that could not be measured.
    """

    verdicts: Sequence[Verdict] = ()
    figures: Sequence[Path] = ()
    troubles: Sequence[str] = ()


def check(study: Study) -> None:
    """Refuse claims and figures that cannot be read, before hours of runs are made for them.

    Raises:
        UserError: naming the first.
    """
    for claim in study.claims:
        claims.read(claim)
    for spec in study.figures:
        figures.check(spec)


def answer(study: Study, runs: Results, folder: Path) -> Answers:
    """Draw every figure and check every claim; one that cannot be, such as of a metric that no run has, costs itself alone.

    Args:
        study: that was run.
        runs: its members.
        folder: for the pictures.
    """
    drawn: list[Path] = []
    verdicts: list[Verdict] = []
    troubles: list[str] = []
    for number, spec in enumerate(study.figures, 1):
        path = folder / f"{study.name if number == 1 else f'{study.name}-{number}'}.png"
        try:
            _draw(runs, spec, study.title, path)
            drawn.append(path)
        except UserError as error:
            troubles.append(f"figure {number} was not drawn: {error}")
    for claim in study.claims:
        try:
            verdicts.append(claims.check(claim, runs))
        except UserError as error:
            troubles.append(f"not measured, '{claim['say']}': {error}")
            verdicts.append(claims.unmeasured(claim))
    return Answers(verdicts, drawn, troubles)


def _draw(runs: Results, spec: Mapping[str, Any], title: str, path: Path) -> None:
    figures.save(figures.draw(runs, spec, str(spec.get("title", title))), path)
