"""``nnreg ui``: MLflow's pages on the runs of a project or of a team, and a link that lands on their comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nnreg.console import say
from nnreg.errors import UserError
from nnreg.pages.links import links
from nnreg.pages.mlflow_server import Address, answers, last_line, server, stopping_on_signals
from nnreg.recording.mlflow_sink import reason
from nnreg.recording.tracking_target import ARTIFACTS, Target, UnreachableError, resolve


@dataclass(frozen=True)
class Wanted:
    """What to show where.

    Attributes:
        home: project folder.
        address: where to listen.
        store: database to serve, made at first use; else ``MLFLOW_TRACKING_URI``, else that of the project.
        artifacts: folder for the files of runs, made at first use; else ``mlartifacts`` in the folder of an SQLite database,
            or in the project.
    """

    home: Path
    address: Address
    store: str | None = None
    artifacts: Path | None = None


def serve(wanted: Wanted, say: Callable[[str], None] = say) -> int:
    """Show runs until Ctrl-C, and take those of others; where they are on a server already, only say where.

    Args:
        wanted: what to show where.
        say: takes the lines for the user.

    Returns:
        The exit code.

    Raises:
        UserError: there is nothing to show, the port is taken, or the server does not start.
    """
    address, target = wanted.address, resolve(wanted.home, wanted.store, None, say)
    if target.is_server:
        for line in _elsewhere(target, wanted):
            say(line)
        return 0
    _check(target, is_new=wanted.store is not None)
    address.check()
    artifacts = wanted.artifacts or target.artifacts or wanted.home / ARTIFACTS
    say("starting MLflow's pages (some seconds) ...")
    with stopping_on_signals() as stop, server(target.uri, artifacts.absolute(), address) as (process, log):
        if answers(address.here, process, stop):
            for line in _greeting(address):
                say(line)
            while process.poll() is None and not stop.wait(0.2):
                pass
        if not stop.is_set():
            raise UserError(f"MLflow's server does not run: {reason(last_line(log), target.shown)}")
    say("stopped")
    return 0


def _elsewhere(target: Target, wanted: Wanted) -> list[str]:
    """Return what to print of runs that are on a server already."""
    if wanted.store is not None:
        raise UserError(
            f"--store names a database to serve, such as postgresql+psycopg2:///nnreg, and {target.shown} is a server; "
            f"to look at its runs: `MLFLOW_TRACKING_URI={target.shown} python -m nnreg ui`"
        )
    return links(target.uri)


def _check(target: Target, *, is_new: bool) -> None:
    """Refuse a store that has nothing to show, unless it was asked for by name, or that does not answer."""
    if not is_new and target.sqlite_file is not None and not target.sqlite_file.exists():
        raise UserError(f"there are no runs yet (no {target.sqlite_file}): make one with `python -m nnreg`, then come back")
    try:
        target.probe()
    except UnreachableError as error:
        raise UserError(f"the runs cannot be shown: {error}") from error


def _greeting(address: Address) -> Iterator[str]:
    """Return what to print once the server answers: where to look and, where others reach it, how they take part."""
    yield from links(address.here)
    if address.is_open:
        first, *others = address.elsewhere
        yield f"others track here: MLFLOW_TRACKING_URI={first} python -m nnreg ..."
        if others:
            yield f"also known as:     {', '.join(others)}"
        yield "there is no password: whoever reaches this address can read, change and delete every run"
    yield "Ctrl-C stops it"
