"""``python -m nnreg check``: techniques held to their contract, one row each, failures with reasons, skips with why."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import re
import time
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nnreg import errors, testing
from nnreg.errors import UserError
from nnreg.numerals import fixed
from nnreg.registry import entries
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg.registry.nested import split_name
from nnreg.testing.report import Report, Result

COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}
NAMED = 3  # techniques named beside a reason that several share; of more, the number


def check_techniques(wanted: Sequence[str], *, everything: bool = False, verbose: bool = False) -> int:
    """Check techniques and print what became of it.

    Args:
        wanted: each ``kind/name``, a kind, or a distribution.
        everything: check all that is registered.
        verbose: list every check, as for a single technique.

    Returns:
        0 if everything that was checked keeps its contract, else 1.

    Raises:
        UserError: a word is none of these, or nothing was wanted.
    """
    entries = _selected(wanted, everything)
    console, started = Console(highlight=False, soft_wrap=True), time.perf_counter()
    reports = []
    with console.status("") as status:
        for entry in entries:
            status.update(f"checking {entry.kind}/{entry.name}")
            reports.append(_report(entry))
    if verbose or len(reports) == 1:
        _print_checks(console, reports)
    else:
        _print_table(console, reports)
        _print_failures(console, reports)
        _print_skips(console, reports)
    _print_total(console, reports, time.perf_counter() - started)
    return 0 if all(report.ok for report in reports) else 1


def _selected(wanted: Sequence[str], everything: bool) -> tuple[Entry, ...]:
    """Return the techniques meant, each once."""
    if not wanted and not everything:
        raise UserError("say what to check: a technique (optimizer/adam), a kind (optimizer), a distribution, or --all")
    words = (*entries.kinds(), *wanted) if everything else wanted
    return tuple(dict.fromkeys(entry for word in words for entry in _meant(word)))


def _meant(word: str) -> Iterable[Entry]:
    kind, slash, name = word.partition("/")
    distributions = _distributions()
    if slash and entries.techniques(kind):
        return [dataclasses.replace(entries.find_technique(kind, split_name(name)[0]), name=name)]
    if slash:
        raise UserError(f"there is no kind '{kind}'{errors.instead(kind, entries.kinds())}")
    if entries.techniques(word):
        return entries.techniques(word).values()
    if _normal(word) in distributions:
        return distributions[_normal(word)]
    if _is_installed(word):
        raise UserError(f'{word} is installed but registers no technique: its entry points must be in a group "nnreg.<kind>"')
    known = (*entries.kinds(), *distributions)
    raise UserError(f"there is no kind and no distribution '{word}'{errors.instead(word, known)}")


def _distributions() -> Mapping[str, list[Entry]]:
    """Return the techniques by the distribution that registered them; one that is quarrelled over belongs to all."""
    found: dict[str, list[Entry]] = {}
    for kind in entries.kinds():
        for entry in entries.techniques(kind).values():
            for _, distribution in entry.targets:
                found.setdefault(_normal(distribution), []).append(entry)
    return found


def _normal(distribution: str) -> str:
    """Return the one spelling of a distribution's many: nnreg_lion and NNReg.lion are nnreg-lion."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return False
    return True


def _report(entry: Entry) -> Report:
    name = f"{entry.kind}/{entry.name}"
    try:
        return testing.run(name)
    except BrokenPlugin as error:
        return Report(name, (Result("it_can_be_loaded", "failed", str(error)),))


def _print_checks(console: Console, reports: Sequence[Report]) -> None:
    for report in reports:
        console.print(f"[bold]{escape(report.technique)}[/bold]")
        for result in report.results:
            reason = f": {escape(result.reason)}" if result.reason else ""
            colour = COLOURS[result.outcome]
            console.print(f"  [{colour}]{result.outcome:7}[/{colour}]  {escape(result.sentence)}{reason}")
        console.print()


def _print_table(console: Console, reports: Sequence[Report]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("technique", no_wrap=True)
    for outcome in COLOURS:
        table.add_column(outcome, justify="right")
    for report in reports:
        counts = {outcome: len(report.of(outcome)) for outcome in ("passed", "failed", "skipped")}
        style = None if report.ok else "red"
        table.add_row(escape(report.technique), *map(str, counts.values()), style=style)
    console.print(table)
    console.print()


def _print_failures(console: Console, reports: Sequence[Report]) -> None:
    for report in reports:
        failed = report.of("failed")
        if not report.ok:
            console.print(f"[bold red]{escape(report.technique)}[/bold red]")
            for result in failed:
                console.print(f"  [red]failed[/red]  {escape(result.sentence)}: {escape(result.reason)}")
            if not failed:
                console.print("  [red]failed[/red]  nothing ran")
            console.print()


def _print_skips(console: Console, reports: Sequence[Report]) -> None:
    """Print why checks were skipped; techniques, and checks, that share a reason share a line."""
    shared: dict[str, dict[str, list[str]]] = {}
    for report in reports:
        for result in report.of("skipped"):
            shared.setdefault(result.reason, {}).setdefault(report.technique, []).append(result.sentence)
    if shared:
        console.print("[bold]skipped[/bold]")
    for reason, techniques in shared.items():
        names = list(techniques)
        who = ", ".join(names) if len(names) <= NAMED else f"{len(names)} techniques"
        count = sum(map(len, techniques.values()))
        console.print(f"  {count:4} {'check ' if count == 1 else 'checks'} of {escape(who)}: {escape(reason)}")
    if shared:
        console.print()


def _print_total(console: Console, reports: Sequence[Report], seconds: float) -> None:
    counts = {name: sum(sum(result.outcome == name for result in report.results) for report in reports) for name in COLOURS}
    total = ", ".join(f"[{COLOURS[name]}]{count:,} {name}[/{COLOURS[name]}]" for name, count in counts.items())
    wrong = sum(not report.ok for report in reports)
    techniques = "1 technique" if len(reports) == 1 else f"{len(reports)} techniques"
    ending = f"[red]{wrong} of them broke the contract[/red]" if wrong else "the contract is kept"
    console.print(f"{techniques}, {sum(counts.values()):,} checks in {fixed(seconds, 1)} s: {total}; {ending}")
