"""``python -m nnreg reproduce``: runs studies, checks their claims, and writes the lab notebook anew."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from nnreg.errors import UserError
from nnreg.studies import definition, notebook, study_runs
from nnreg.studies.study_runs import Report


def reproduce(names: Sequence[str], typed: Sequence[str], folders: Sequence[Path], target: Path) -> int:
    """Run studies one after the other and print every claim's row at the end.

    Args:
        names: of studies; none for all of them.
        typed: overrides for every member of every study, such as ``tracking=off``.
        folders: of configuration, nnreg's own last.
        target: folder of the notebook.

    Returns:
        0 if every claim was reproduced, 1 if one was not, a study could not be run or a figure not be drawn.

    Raises:
        UserError: a study is unknown or cannot be read; nothing has been run then.
    """
    console = Console(highlight=False)
    chosen = [definition.read(name, folders) for name in names or definition.names(folders)]
    reports: list[Report] = []
    trouble: list[str] = []
    for study in chosen:
        began = time.perf_counter()
        stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
        try:
            report = study_runs.run(study, typed, folders, Path.cwd() / "runs" / f"{stamp}_{study.name}", console)
        except UserError as error:
            trouble.append(f"{study.name} was not run: {error}")
            console.print(escape(trouble[-1]), soft_wrap=True)
            continue
        reports.append(report)
        if not report.failed and not report.troubles:
            notebook.write_page(target, study_runs.content(report), report.figures, time.perf_counter() - began)
    if any(not report.failed and not report.troubles for report in reports):
        notebook.write_index(target)
    return _conclude(reports, trouble, target, console)


def _conclude(reports: Sequence[Report], trouble: Sequence[str], target: Path, console: Console) -> int:
    verdicts = [(report.study.name, verdict) for report in reports for verdict in report.verdicts]
    console.print()
    for report in reports:
        console.print(f"[bold]{report.study.name}[/bold]  {escape(report.study.title)}", soft_wrap=True)
        study_runs.print_verdicts(report.verdicts, console)
    held = sum(verdict.holds for _, verdict in verdicts)
    console.print(f"\n{held} of {len(verdicts)} claims reproduced; pages in {target}", soft_wrap=True)
    failed = [report.study.name for report in reports if report.failed]
    lines = [*trouble, *(f"{name}: some runs failed, no claim was checked" for name in failed)]
    lines += [f"{report.study.name} has no new page: {line}" for report in reports for line in report.troubles]
    for line in lines:
        console.print(f"[red]{escape(line)}[/red]", soft_wrap=True)
    return 0 if held == len(verdicts) and not lines else 1
