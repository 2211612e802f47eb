"""The members of a study run, its figures drawn, its claims checked."""

from __future__ import annotations

import csv
import dataclasses
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import open_dict
from rich.console import Console
from rich.markup import escape

from nnreg import (
    console,
    figures,  # matplotlib, half a second, comes with the first kind that is asked for
    settings,
)
from nnreg.console import print_line
from nnreg.errors import UserError
from nnreg.records.card import Outcome
from nnreg.records.folder import occupied
from nnreg.records.results import Results, read_results
from nnreg.registry.hydra_source import register_source
from nnreg.runs import task
from nnreg.runs.request import Request, choices
from nnreg.runs.task import execute_task
from nnreg.studies import claims
from nnreg.studies.claims import Verdict
from nnreg.studies.definition import Member, Study
from nnreg.tracking.answer import AnswerRun, log_answer


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


def answer_study(study: Study, runs: Results, folder: Path) -> Answers:
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
            verdicts.append(claims.check_claim(claim, runs))
        except UserError as error:
            troubles.append(f"not measured, '{claim['say']}': {error}")
            verdicts.append(claims.unmeasured(claim))
    return Answers(verdicts, drawn, troubles)


def _draw(runs: Results, spec: Mapping[str, Any], title: str, path: Path) -> None:
    figures.save(figures.draw(runs, spec, str(spec.get("title", title))), path)


OUTPUT = "study"  # folder of what the study itself produces, beside the folders of its members
VERDICTS = "claims.csv"
REPORT = "study.json"


@dataclass(frozen=True)
class Report:
    """What became of a study.

    Attributes:
        study: what was asked for.
        folder: of the study's own output.
        runs: its members that have ended.
        verdicts: one for each claim.
        figures: the pictures, in order.
        failed: members that did not end as a result.
        command: that asks for the same again.
        troubles: a line for each figure that could not be drawn and each claim that could not be measured.
    """

    study: Study
    folder: Path
    runs: Results
    verdicts: Sequence[Verdict]
    figures: Sequence[Path]
    failed: int
    command: str
    troubles: Sequence[str] = ()


def run_study(
    study: Study, typed: Sequence[str], folders: Sequence[Path], home: Path, console: Console, only: int | None = None
) -> Report:
    """Run a study.

    Args:
        study: what to run.
        typed: overrides by the user, for every member.
        folders: of configuration, nnreg's own last.
        home: folder for the run folders of the members.
        console: where progress is told.
        only: number of the one member to run, or None for all.

    Raises:
        UserError: there is no member of that number, a member cannot be composed, a figure or a claim cannot be read. What is
            wrong with one of them once everything has been run is in the report.
    """
    _check_words(typed)
    check_study(study)
    console.print(f"[bold]{escape(study.title)}[/bold]", soft_wrap=True)
    members = study.members(typed)
    if only is not None and only not in range(len(members)):
        raise UserError(f"{study.name} has no member {only}: they are 0 to {len(members) - 1}")
    arms: dict[Path, str] = {}
    failed = 0
    with _composer(folders):
        for number, member in enumerate(members):
            if only in (None, number):
                folder = home / str(number)
                arms[folder] = member.arm
                outcome = _run_member(study, member, folder, number, folders, typed)
                if outcome.status == "failed" and outcome.steps == 0 and number == (only or 0):
                    raise UserError(str(outcome.error))  # such as missing data: no other member would fare better
                failed += outcome.status == "failed"
    runs = read_results(arms)
    output = home / OUTPUT
    output.mkdir(parents=True, exist_ok=True)
    words = [*([] if only is None else [f"member={only}"]), *typed]
    report = Report(study, output, runs, [], [], failed, _command(study, folders, *words))
    _write(report)  # whatever becomes of figures and claims, a comparison knows the arms
    if not failed and only is None:
        report = dataclasses.replace(report, **answer_study(study, runs, output)._asdict())
        _write(report)
    if only is None:
        _track(report, home)
    return report


def _check_words(typed: Sequence[str]) -> None:
    """Refuse what means something to sweeps only: a study says itself which runs it has.

    Raises:
        UserError: naming the word.
    """
    for word in typed:
        if settings.is_of_a_sweep(word):
            raise UserError(f"{word} is for sweeps, and a study says itself which runs it has: leave it out")
        if _is_swept(word):
            raise UserError(f"{word} names several values, and a study says itself what it varies: name one for all its runs")


def _is_swept(word: str) -> bool:
    try:
        return OverridesParser.create().parse_override(word).is_sweep_override()
    except HydraException:  # what is wrong with it is said when it is composed
        return False


def show_report(report: Report, console: Console) -> None:
    """Print the claims, reproduced or not, and where the pictures are."""
    console.print()
    print_verdicts(report.verdicts, console)
    if report.failed:
        print_line(console, "failed", f"{report.failed} of {len(report.runs)} runs: no claim was checked")
    for figure in report.figures:
        print_line(console, "figure", str(figure))
    for trouble in report.troubles:
        print_line(console, "trouble", trouble)
    print_line(console, "study folder", str(report.folder.parent))


def print_verdicts(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print a row for each claim: measured, expected, in words; never cut, so that it can be searched."""
    width = max((len(verdict.measured) for verdict in verdicts), default=0)
    wider = max((len(verdict.expect) for verdict in verdicts), default=0)
    for verdict in verdicts:
        mark = "[green]reproduced    [/green]" if verdict.holds else "[red]NOT reproduced[/red]"
        row = f"{verdict.measured:<{width}}  {verdict.expect:<{wider}}  {verdict.say}"
        console.print(f"  {mark}  {escape(row)}", soft_wrap=True)


def _run_member(
    study: Study, member: Member, folder: Path, number: int, folders: Sequence[Path], typed: Sequence[str]
) -> Outcome:
    """Compose and run one member; a study's members are the runs of a sweep."""
    own = ",".join(f"'file://{folder.absolute()}'" for folder in folders[:-1])
    overrides = [f"experiment={study.name}", f"hydra.searchpath=[{own}]", *member.overrides]
    config = compose("config", overrides=overrides, return_hydra_config=True)
    chosen = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
        config.pop("study", None)
    folder.mkdir(parents=True, exist_ok=True)
    request = Request(
        config=config,
        choices=choices(chosen),
        folder=folder,
        overrides=member.overrides,
        command=_command(study, folders, f"member={number}", *typed),
        sweep_id=folder.parent.name,
        job=number,
    )
    with occupied(folder):
        return execute_task(request, task.sinks(request, alone=False))


def _command(study: Study, folders: Sequence[Path], *words: str) -> str:
    """Return the command line that asks for the same again."""
    own = [f"--config-dir={folder}" for folder in folders[:-1]]
    return shlex.join(["python", "-m", "nnreg", *own, f"experiment={study.name}", *words])


@contextmanager
def _composer(folders: Sequence[Path]) -> Iterator[None]:
    """Let Hydra compose from nnreg's folder, with the user's own in front."""
    register_source()
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(folders[-1])):
        yield


def _write(report: Report) -> None:
    """Write the claims as CSV and the whole as JSON."""
    with (report.folder / VERDICTS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(Verdict)])
        writer.writeheader()
        writer.writerows(dataclasses.asdict(verdict) for verdict in report.verdicts)
    arms = {run.folder.name: run.arm for run in report.runs}  # a comparison calls them so
    whole = content(report) | {"arms": arms, "troubles": list(report.troubles)}
    (report.folder / REPORT).write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def content(report: Report) -> dict[str, Any]:
    """Return what a page needs of a report, in plain containers."""
    first = report.runs[0] if len(report.runs) else None
    return {
        "name": report.study.name,
        "title": report.study.title,
        "command": report.command,
        "about": report.study.about,
        "findings": report.study.findings,
        "claims": [dataclasses.asdict(verdict) for verdict in report.verdicts],
        "figures": [path.name for path in report.figures],
        "runs": len(report.runs),
        "failed": report.failed,
        "seeds": list(report.runs.seeds),
        "diverged": sum(run.summary["status"] == "diverged" for run in report.runs),
        "dataset": _data(first.summary["dataset"]) if first else None,
        "seconds": round(sum(float(run.summary["seconds"]) for run in report.runs), 3),
    }


def _data(card: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what identifies a dataset anywhere: its digest, not the folder of this machine that it was read from."""
    return None if card is None else {key: value for key, value in card.items() if key != "source"}


def _track(report: Report, home: Path) -> None:
    """Log the study's figures and claims as a run of its own, beside its members."""
    held = sum(verdict.holds for verdict in report.verdicts)
    answer = AnswerRun(
        label=f"study {report.study.name}",
        folder=report.folder,
        command=report.command,
        sweep_id=home.name,
        metrics={"claims/reproduced": held, "claims/total": len(report.verdicts), "runs": len(report.runs)},
        overrides=(f"experiment={report.study.name}",),
        page=report.figures[0].name if report.figures else REPORT,
        about=report.study.title,
        error=f"{report.failed} runs failed" if report.failed else next(iter(report.troubles), None),
    )
    log_answer(answer, report.runs, console.warn)
