"""Runs and sweeps from Python, with the names and overrides of the command line: ``from nnreg import run, sweep, compare``."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from nnreg.cli.compose import compose, conf_folder, put_aside
from nnreg.comparison import compare as comparing
from nnreg.comparison.compare import Comparison
from nnreg.engine.history import Record
from nnreg.errors import RunFailed, UserError
from nnreg.figures import Run
from nnreg.process import limited_threads
from nnreg.records.card import Outcome
from nnreg.records.results import Result, read_results
from nnreg.registry.overrides import of_run, of_sweep, quoted
from nnreg.runs import request, task
from nnreg.runs.request import Request, request_of
from nnreg.runs.task import Value
from nnreg.studies import command
from nnreg.sweeps.ending import sweep_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig


Words = ParamSpec("Words")
Found = TypeVar("Found")

OPTIONS = ("--config-dir=", "--config-name=")
UNLOGGED = ("hydra/job_logging", "hydra/hydra_logging")
LOG = "nnreg.log"

_one_at_a_time = threading.RLock()  # Hydra knows one application in a process


def _in_one_line(do: Callable[Words, Found]) -> Callable[Words, Found]:
    """Let a mistake be shown as one line, without the whole stack of Hydra and of what is below."""

    @functools.wraps(do)
    def done(*words: Words.args, **settings: Words.kwargs) -> Found:
        try:
            return do(*words, **settings)
        except UserError as error:
            raise error.with_traceback(None) from None

    return done


@_in_one_line
def run(*overrides: str, folder: str | Path | None = None, quiet: bool = False, **settings: Any) -> Run:
    """Run one configuration, as ``python -m nnreg`` does.

    ``run("optimizer=adam", "init=he", steps=500, optimizer__lr=0.01, tracking="off")``

    Args:
        overrides: exactly as typed on the command line.
        folder: run folder (default: a new one in ``runs/`` of the working directory).
        quiet: print nothing; else one line when the run has ended.
        settings: name to value in Python; ``optimizer__lr`` stands for ``optimizer.lr``.

    Returns:
        The run: its folder, summary, configuration and history. One that diverged is a result too.

    Raises:
        UserError: there is a mistake in what was asked for; nothing has been written then.
        RunFailed: the run broke off; its folder is kept.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    words = _words(overrides, of_run(settings), folder, "hydra.run.dir")
    if _studies(words):
        study = next(word for word in words if word.startswith(command.EXPERIMENT))
        raise UserError(f'{study} is a study with runs of its own: sweep("{study}") runs them all')
    ended: list[tuple[Request, Outcome]] = []
    refused: list[UserError] = []

    def alone(config: DictConfig) -> float:
        request = request_of(config)
        try:
            with _logged(request.folder):
                ended.append((request, task.alone(request, task.sinks(request, alone=False))))
        except UserError as error:  # Hydra would print what it was doing
            refused.append(error)
        return 0.0

    with _inside_a_program(quiet=quiet):
        compose(words, alone)
        for error in refused:
            raise error
        (request, outcome), *_ = ended
        if outcome.status == "failed":
            raise RunFailed(task.failure(request, outcome), request.folder)
    (result,) = read_results({request.folder: ""})
    return Run.of(result)


@_in_one_line
def sweep(
    *overrides: str,
    folder: str | Path | None = None,
    quiet: bool = False,
    metric: str | None = None,
    target: str | None = None,
    axes: tuple[str, str] | None = None,
    **settings: Any,
) -> Comparison:
    """Run a sweep, as ``python -m nnreg -m`` does, or a study, and compare its runs.

    ``sweep("optimizer=sgd,adam", init=["he", "xavier"], seed=range(5), tracking="off")``, ``sweep("experiment=zero_init")``

    Args:
        overrides: exactly as typed on the command line.
        folder: of the sweep (default: a new one in ``runs/`` of the working directory).
        quiet: print nothing; else what the command line prints.
        metric: see ``compare``.
        target: see ``compare``.
        axes: see ``compare``.
        settings: name to value in Python, or to a list, tuple, range or array of what to try: ``hidden=[[64, 64], [128]]``
            tries two networks.

    Raises:
        UserError: there is a mistake in what was asked for, or no run has anything to compare.
        KeyboardInterrupt: after the run under way was recorded as killed.
    """
    compared = {"sweep.metric": metric, "sweep.target": target, "sweep.axes": axes}
    chosen = {name: value for name, value in compared.items() if value is not None}
    words = _words(overrides, of_sweep(settings | chosen), folder, "hydra.sweep.dir")
    studies = _studies([word for word in words if word not in of_sweep(chosen)])
    if len(studies) > 1:
        raise UserError("each study is a sweep of its own: name one at a time, and give their folders to compare() together")
    with _inside_a_program(quiet=quiet):
        compose(studies[0] if studies else ["-m", *words], job)
        home = sweep_folder()
        if home is None or not home.is_dir():
            raise UserError("nothing was run, so there is nothing to compare")
        return comparing.compare([home], metric=metric, target=target, axes=axes)


@_in_one_line
def compare(
    *runs: Path | str | Result, metric: str | None = None, target: str | None = None, axes: tuple[str, str] | None = None
) -> Comparison:
    """Compare runs from their folders alone, as ``python -m nnreg compare`` does; no server is asked.

    Args:
        runs: folders of sweeps, studies or runs, or what ``run`` has returned.
        metric: to rank and compare by (default: the final training loss; where regularizers were swept the validation loss,
            where the loss was the validation accuracy or R²; a descent's final value).
        target: such as ``valid/accuracy=0.95`` (default: what the median arm reaches, a descent's tolerance).
        axes: two swept settings for the heatmap (default: the first two).

    Raises:
        UserError: the runs cannot be read or compared.
    """
    folders = [run.folder if isinstance(run, Result) else run for run in runs]
    return comparing.compare(folders, metric=metric, target=target, axes=axes)


def job(config: DictConfig, is_enough: Callable[[Record], bool] | None = None) -> Value:
    """Run one job of a sweep; it stands here, at the top of a module, for launchers that send it to other processes."""
    with _logged(request.request_of(config).folder):
        return task.task(config, is_enough)


def _words(overrides: Sequence[str], written: Sequence[str], folder: str | Path | None, key: str) -> list[str]:
    """Return everything that is typed.

    Raises:
        UserError: a word is an option of the command line, or a setting is given twice.
    """
    for word in overrides:
        if not isinstance(word, str):
            raise UserError(f"{word!r} is no override: give text such as 'optimizer=adam', or a keyword such as steps=500")
        if word.startswith("-") and not word.startswith(OPTIONS):
            raise UserError(f"{word} belongs to the command line: here are --config-dir=FOLDER, key=value, run() and sweep()")
    typed = [word.partition("=")[0] for word in overrides]
    for name in (word.partition("=")[0] for word in written):
        if name in typed:
            raise UserError(f"{name} is given twice: as text and as a keyword")
    words = [*overrides, *written]
    words += [f"{key}={quoted(str(folder))}"] if folder is not None else []
    groups = {word.partition("=")[0] for word in words}
    return [*words, *(f"{group}=none" for group in UNLOGGED if group not in groups)]


def _studies(words: Sequence[str]) -> list[list[str]]:
    """Return what Hydra is told for each study that some words name; nothing where they name none."""
    return command.study_words(words, conf_folder()) if command.names_experiments(words) else []


@contextlib.contextmanager
def _inside_a_program(*, quiet: bool) -> Iterator[None]:
    """Leave the program, its streams and its Hydra as they are found."""
    stream = contextlib.redirect_stdout(io.StringIO()) if quiet else contextlib.nullcontext()
    with _one_at_a_time, put_aside(), limited_threads(), stream:
        yield


@contextlib.contextmanager
def _logged(folder: Path) -> Iterator[None]:
    """Keep notes in the run folder, in a file that appears with the first; show them where the program has no log."""
    root, own = logging.getLogger(), logging.getLogger("nnreg")
    kept = logging.FileHandler(folder / LOG, delay=True, encoding="utf-8")
    kept.setFormatter(logging.Formatter("[%(asctime)s][%(name)s][%(levelname)s] %(message)s"))
    added: list[tuple[logging.Logger, logging.Handler]] = [(root, kept)]
    added += [] if root.handlers else [(own, logging.StreamHandler())]
    level = own.level
    own.setLevel(level or logging.INFO)
    for logger, handler in added:
        logger.addHandler(handler)
    try:
        yield
    finally:
        own.setLevel(level)
        for logger, handler in added:
            logger.removeHandler(handler)
            handler.close()
