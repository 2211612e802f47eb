"""What becomes of a study whose runs have ended: figures drawn, claims checked, all of it written, shown and tracked."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from nnreg import (
    console,
    figures,  # matplotlib, half a second, comes with the first kind that is asked for
)
from nnreg.console import print_line
from nnreg.errors import UserError, one_line
from nnreg.records.results import Results, read_results
from nnreg.studies import claims
from nnreg.studies.claims import Verdict
from nnreg.studies.definition import Study
from nnreg.tracking.sink import AnswerRun, log_answer

LEAST = 50  # columns of a terminal beside the numbers of claims, for their words to be folded there


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


def check_study(study: Study) -> None:
    """Refuse claims and figures that cannot be read, before hours of runs are made for them.

    Raises:
        UserError: naming the first.
    """
    for claim in study.claims:
        claims.read_claim(claim)
    for spec in study.figures:
        figures.check(spec)


def answer_study(study: Study, runs: Results, folder: Path, changed: str = "") -> Answers:
    """Draw every figure and check every claim; one that cannot be, such as of a metric that no run has, costs itself alone.

    Args:
        study: that was run.
        runs: its members.
        folder: for the pictures.
        changed: which of the study's settings the runs did not have: no claim is reproduced by them.
    """
    drawn: list[Path] = []
    verdicts: list[Verdict] = []
    troubles: list[str] = []
    for number, spec in enumerate(study.figures, 1):
        path = folder / f"{study.name if number == 1 else f'{study.name}-{number}'}.png"
        try:
            _draw(runs, spec, study.title, path)
            drawn.append(path)
        except Exception as error:  # of a metric that no run has, or of nnreg's own: the arms and the claims are there
            troubles.append(f"figure {number} was not drawn: {_why(error)}")
    for claim in study.claims:
        try:
            verdicts.append(claims.check_claim(claim, runs))
        except UserError as error:
            troubles += [] if changed else [f"not measured, '{claim['say']}': {error}"]
            verdicts.append(claims.unmeasured(claim))
    if changed:
        verdicts = [dataclasses.replace(verdict, holds=False, changed=changed) for verdict in verdicts]
    return Answers(verdicts, drawn, troubles)


def _draw(runs: Results, spec: Mapping[str, Any], title: str, path: Path) -> None:
    figures.save(figures.draw(runs, spec, str(spec.get("title", title))), path)


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {one_line(error)}"


OUTPUT = "study"  # folder of what the study itself produces, beside the folders of its members
VERDICTS = "claims.csv"
REPORT = "study.json"


@dataclass
class StudyEnding:
    """What became of a study: a sweep concludes with it.

    Attributes:
        study: what was asked for.
        arms: run folder to the name of its arm, of each member that was to be run.
        command: that asks for the same again.
        is_whole: whether all members were; else there are no figures, and no claims.
        changed: which of the study's settings its runs did not have, as typed words replaced them.
        folder: of the study's own output, once it is concluded.
        runs: its members that have ended.
        answers: figures, claims, and what was wrong with them.
    """

    study: Study
    arms: Mapping[Path, str]
    command: str
    is_whole: bool = True
    changed: str = ""
    folder: Path = Path()
    runs: Results = field(default_factory=lambda: Results(()))
    answers: Answers = field(default_factory=Answers)

    @property
    def failed(self) -> int:
        """Members that did not end as a result."""
        unrecorded = len(self.arms) - len(self.runs)
        return unrecorded + sum(1 for run in self.runs if run.summary["status"] == "failed")

    def conclude(self, home: Path) -> bool:
        """Draw every figure, check every claim, write and track what came of it; return whether all was possible."""
        self.folder = home / OUTPUT
        self.folder.mkdir(parents=True, exist_ok=True)
        self.runs = read_results(self.arms)
        self._write()  # whatever becomes of figures and claims, a comparison knows the arms
        if not self.failed and self.is_whole:
            self.answers = answer_study(self.study, self.runs, self.folder, self.changed)
            self._write()
        if self.is_whole:
            self._track(home.name)
        return not self.failed and not self.answers.troubles

    def show(self, console: Console) -> None:
        """Print the claims, reproduced or not, and where the pictures are."""
        console.print()
        if self.study.about:
            console.print(Text(self.study.about.strip()))  # why it is so; what was measured stands below
            console.print()
        print_verdicts(self.answers.verdicts, console)
        if self.failed:
            print_line(console, "failed", f"{self.failed} of {len(self.arms)} runs: no claim was checked")
        for figure in self.answers.figures:
            print_line(console, "figure", str(figure))
        for trouble in self.answers.troubles:
            print_line(console, "trouble", trouble)
        print_line(console, "study folder", str(self.folder.parent))

    def _write(self) -> None:
        """Write the claims as CSV and the whole as JSON."""
        verdicts = [dataclasses.asdict(verdict) for verdict in self.answers.verdicts]
        with (self.folder / VERDICTS).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [name.name for name in dataclasses.fields(Verdict)])
            writer.writeheader()
            writer.writerows(verdicts)
        told = [{key: value for key, value in verdict.items() if key != "changed" or value} for verdict in verdicts]
        arms = {run.folder.name: run.arm for run in self.runs}  # a comparison calls them so
        whole = self._content() | {"claims": told, "arms": arms, "troubles": list(self.answers.troubles)}
        (self.folder / REPORT).write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _content(self) -> dict[str, Any]:
        """Return what a page needs, in plain containers; the claims come to it."""
        first = self.runs[0] if len(self.runs) else None
        return {
            "name": self.study.name,
            "title": self.study.title,
            "command": self.command,
            "about": self.study.about,
            "findings": self.study.findings,
            "claims": [],
            "figures": [path.name for path in self.answers.figures],
            "runs": len(self.runs),
            "failed": self.failed,
            "seeds": list(self.runs.seeds),
            "diverged": sum(run.summary["status"] == "diverged" for run in self.runs),
            "dataset": _data(first.summary["dataset"]) if first else None,
            "seconds": round(sum(float(run.summary["seconds"]) for run in self.runs), 3),
        }

    def _track(self, sweep_id: str) -> None:
        """Log the study's figures and claims as a run of its own, beside its members."""
        verdicts, drawn = self.answers.verdicts, self.answers.figures
        counts = {"claims/reproduced": sum(verdict.holds for verdict in verdicts), "claims/total": len(verdicts)}
        answer = AnswerRun(
            label=f"study {self.study.name}",
            folder=self.folder,
            command=self.command,
            sweep_id=sweep_id,
            metrics={**({} if self.changed else counts), "runs": len(self.runs)},
            overrides=(f"experiment={self.study.name}",),
            page=drawn[0].name if drawn else REPORT,
            about="\n\n".join(filter(None, (self.study.title, self.study.about.strip()))),
            error=f"{self.failed} runs failed" if self.failed else next(iter(self.answers.troubles), None),
        )
        log_answer(answer, self.runs, console.warn)


def _data(card: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what identifies a dataset anywhere: its digest, not the folder of this machine that it was read from."""
    return None if card is None else {key: value for key, value in card.items() if key != "source"}


def print_verdicts(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print a row for each claim: measured, expected, in words; in a terminal these are folded, elsewhere a row is a line."""
    width = max((len(verdict.measured) for verdict in verdicts), default=0)
    wider = max((len(verdict.expect) for verdict in verdicts), default=0)
    grid = Table.grid(Column(no_wrap=True), Column(no_wrap=True), Column(no_wrap=True), Column(), padding=(0, 2, 0, 0))
    lines = []
    for verdict in verdicts:
        mark = "[green]reproduced    [/green]" if verdict.holds else "[red]NOT reproduced[/red]"
        mark = "  [yellow]other settings[/yellow]" if verdict.changed else f"  {mark}"
        measured, expect, say = map(escape, (f"{verdict.measured:<{width}}", f"{verdict.expect:<{wider}}", verdict.say))
        grid.add_row(mark, measured, expect, say)
        lines.append(f"{mark}  {measured}  {expect}  {say}")
    if lines and console.is_terminal and console.width >= width + wider + LEAST:
        console.print(grid, highlight=False)
    else:
        for line in lines:
            console.print(line, soft_wrap=True)
    if changed := next((verdict.changed for verdict in verdicts if verdict.changed), ""):
        console.print(f"  no claim was checked, as they are of the study's own settings: {escape(changed)}", soft_wrap=True)
