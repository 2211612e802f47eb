"""Hands words to Hydra, for the command line and for scripts alike, and turns what Hydra has against them into one line."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nnreg
from nnreg.errors import UserError
from nnreg.records.folder import discard
from nnreg.registry import hydra_source
from nnreg.registry.hydra_source import kinds_by_glob, register_source
from nnreg.sweeps import ending
from nnreg.sweeps.ending import sweep_folder
from nnreg.thrifty_hydra import thrifty
from nnreg.tracking import uploader

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from nnreg.runs.task import Value

FULL_ERROR = "HYDRA_FULL_ERROR"

Task = Callable[["DictConfig"], "Value"]


def conf_folder() -> Path:
    """Return where the YAML lives: inside the package in a wheel, beside it in a checkout."""
    package = Path(nnreg.__file__).resolve().parent
    return package / "conf" if (package / "conf").is_dir() else package.parent / "conf"


def compose(words: Sequence[str], task: Task) -> int:
    """Let Hydra compose what the words ask for, and call ``task`` with it; with ``-m`` among them, for every job of a sweep.

    Args:
        words: overrides and options, as typed after ``python -m nnreg``.
        task: takes a configuration, returns what a sweeper may minimise; it stands at the top of a module where jobs go to
            other processes.

    Returns:
        The exit code: 0, or what the task or Hydra ended the program with.

    Raises:
        UserError: there is a mistake in the words; nothing has been written then.
        KeyboardInterrupt: after the run was recorded as killed.
    """
    import hydra

    from nnreg.sweeps import register
    from nnreg.sweeps.resuming import completed_words

    words = completed_words(words)
    register_source()
    register()
    hydra_source.swept_by_glob = kinds_by_glob(words)
    ending.started = None
    main = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(task)
    try:
        with contextlib.ExitStack() as stack:
            for context in (explained(), thrifty(), _environment(FULL_ERROR, "1"), _program_arguments(words)):
                stack.enter_context(context)  # FULL_ERROR: Hydra raises, and does not print
            stack.enter_context(_uploading())
            main()
    except SystemExit as stop:
        if isinstance(stop.code, str):
            raise UserError(stop.code.removeprefix("nnreg: ")) from None
        return int(stop.code or 0)
    except Exception:
        if (begun := sweep_folder()) is not None:
            discard(begun)
        raise
    return 0


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what Hydra has against a configuration into one line, unless the user wants the traceback."""
    from nnreg.registry.mistakes import explain

    wants_traceback = os.environ.get(FULL_ERROR) == "1"
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        message = explain(error)
        if wants_traceback or message is None:
            raise
        raise UserError(message) from error


@contextlib.contextmanager
def _uploading() -> Iterator[None]:
    """Let the runs of a sweep reach the tracking store before the end, where a process of their own sends them."""
    try:
        yield
    finally:
        uploader.end_uploading()


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


@contextlib.contextmanager
def _program_arguments(words: Sequence[str]) -> Iterator[None]:
    """Let Hydra, which reads sys.argv, see these words."""
    before = sys.argv
    sys.argv = [before[0] if before else "nnreg", *words]
    try:
        yield
    finally:
        sys.argv = before
