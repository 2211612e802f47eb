"""Runs and sweeps from Python, with the names and overrides of the command line: ``from nnreg import run, sweep, compare``.

Techniques may be classes of the program, and data its arrays.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import numpy as np

from nnreg.cli.compose import compose, put_aside
from nnreg.comparison import compare as comparing
from nnreg.comparison.compare import Comparison
from nnreg.engine.history import Record
from nnreg.errors import RunFailed, UserError, one_line
from nnreg.figures import Run
from nnreg.process import limited_threads
from nnreg.records.card import Outcome
from nnreg.records.files import whole_file
from nnreg.records.results import Result, read_results
from nnreg.registry import entries, fingerprint
from nnreg.registry.overrides import named, of_run, of_sweep, quoted
from nnreg.registry.schemas import schema_of
from nnreg.runs import request, task
from nnreg.runs.request import Request, request_of
from nnreg.runs.task import Value
from nnreg.settings import conf_folder
from nnreg.studies import command
from nnreg.sweeps.ending import sweep_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from nnreg.runs.trained import TrainedNetwork


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
        settings: name to value in Python; ``optimizer__lr`` stands for ``optimizer.lr``. A technique may be a class, or an
            instance: ``optimizer=MyRule(lr=0.1)``; the dataset arrays: ``(x, y)``, ``(x, y, x_test, y_test)``, or a dict of
            such.

    Returns:
        The run: its folder, summary, configuration and history. One that diverged is a result too.

    Raises:
        UserError: there is a mistake in what was asked for; nothing has been written then.
        RunFailed: the run broke off; its folder is kept.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    with _kept_arrays(settings) as plain:
        return _run(_words(overrides, of_run(plain), folder, "hydra.run.dir"), quiet=quiet)


def _run(words: list[str], *, quiet: bool) -> Run:
    if _studies(words):
        study = next(word for word in words if word.startswith(command.EXPERIMENT))
        raise UserError(f'{study} is a study with runs of its own: sweep("{study}") runs them all')
    ended: list[tuple[Request, Outcome]] = []
    refused: list[UserError] = []

    def alone(config: DictConfig) -> float:
        request = request_of(config)
        try:
            with task.where_typed(), _logged(request.folder):
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
def load(run: str | Path | Run) -> TrainedNetwork:
    """Return the network that a run ended with, to be asked: ``load("runs/...").predict(rows)``.

    Args:
        run: its folder, a ``network.npz``, or what ``run`` returned.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    from nnreg.runs import kept

    return kept.load(run)


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
            tries two networks; techniques may be classes, and the dataset arrays, as in ``run``.

    Raises:
        UserError: there is a mistake in what was asked for, or no run has anything to compare.
        KeyboardInterrupt: after the run under way was recorded as killed.
    """
    compared = {"sweep.metric": metric, "sweep.target": target, "sweep.axes": axes}
    chosen = {name: value for name, value in compared.items() if value is not None}
    with _kept_arrays(settings) as plain, _inside_a_program(quiet=quiet):
        words = _words(overrides, of_sweep(plain | chosen), folder, "hydra.sweep.dir")
        studies = _studies([word for word in words if word not in of_sweep(chosen)])
        if len(studies) > 1:
            raise UserError(
                "each study is a sweep of its own: name one at a time, and give their folders to compare() together"
            )
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


@_in_one_line
def register(technique: type, *, kind: str | None = None, name: str | None = None) -> type:
    """Let a class of this program be chosen by name, as an installed technique is; also as a decorator, ``@nnreg.register``.

    Its source is recorded with every run. It lasts as long as the program; another class of its name takes its place.

    Args:
        technique: the class.
        kind: such as ``optimizer`` (default: that of the contract that it subclasses).
        name: by which it is chosen (default: ``my_rule`` for ``MyRule``).

    Returns:
        The class.

    Raises:
        UserError: it cannot be a technique, its name is taken, or its source cannot be read.
    """
    entry = entries.register_class(technique, kind, name)
    schema_of(entry)
    if entry.own is not None:
        fingerprint.source_of(technique)
    return technique


ARRAYS = Path("runs", "arrays")
"""Where arrays are kept that a program gave for a dataset, each by the hash of its numbers."""
_NAMES = ("x_train", "y_train", "x_valid", "y_valid", "x_test", "y_test")


@contextlib.contextmanager
def _kept_arrays(settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield settings without classes and arrays: those are registered, these kept in files, which a mistake takes back."""
    given, kept = settings.get("dataset"), dict(settings)
    fresh: list[Path] = []
    several = given if isinstance(given, list) else [given]
    if several and all(map(_are_arrays, several)):
        files = [_written_arrays(one, fresh) for one in several]
        kept |= {"dataset": "arrays", "dataset__path": files if isinstance(given, list) else files[0]}
    try:
        yield named(kept)
    except RunFailed:
        raise
    except UserError:
        begun = sweep_folder()
        for file in fresh if begun is None or not begun.is_dir() else []:
            file.unlink(missing_ok=True)
            for folder in file.parents[:2]:
                with contextlib.suppress(OSError):  # there are others
                    folder.rmdir()
        raise


def _are_arrays(given: object) -> bool:
    """Tell whether a dataset was given by its arrays, and not by name."""
    return isinstance(given, Mapping) or (
        isinstance(given, tuple) and bool(given) and all(hasattr(one, "__len__") and not isinstance(one, str) for one in given)
    )


def _written_arrays(given: Any, fresh: list[Path]) -> str:
    """Write arrays to a file of their own unless they are there, and return its path."""
    if not isinstance(given, Mapping):
        names = {2: ("x", "y"), 4: (*_NAMES[:2], *_NAMES[4:]), 6: _NAMES}.get(len(given))
        if names is None:
            raise UserError(f"dataset takes (x, y), (x, y, x_test, y_test) or a dict of arrays, got {len(given)} values")
        given = dict(zip(names, given, strict=True))
    arrays = {str(name).lower(): _array(str(name), value) for name, value in given.items()}
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    file = ARRAYS / f"{digest.hexdigest()[: fingerprint.DIGITS]}.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as stream:
            cast("Any", np.savez)(stream, **arrays)
        fresh.append(file.absolute())
    return file.as_posix()


def _array(name: str, value: Any) -> np.ndarray:
    """Return an array of numbers or of text, made of whatever NumPy can make one of."""
    try:
        array = np.asarray(value)
        array = np.array(array.tolist()) if array.dtype == object else array
    except Exception as error:  # of other libraries' arrays: on a GPU, of rows of several lengths
        raise UserError(f"dataset: {name} is no array ({type(error).__name__}: {one_line(error)})") from error
    if array.dtype.kind not in "biufU" or array.ndim == 0:
        raise UserError(f"dataset: {name} must be an array of numbers, or of text as labels, got {type(value).__name__}")
    return array


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
