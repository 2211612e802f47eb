"""Words handed to Hydra, for the command line and for scripts."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import version
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobRuntime
from hydra.plugins.search_path_plugin import SearchPathPlugin

from nnreg.errors import UserError
from nnreg.records.folder import discard
from nnreg.registry import hydra_source
from nnreg.registry.hydra_source import kinds_by_glob, register_source
from nnreg.studies.command import register_sweeper
from nnreg.sweeps import ending, register
from nnreg.sweeps.ending import sweep_folder
from nnreg.tracking import uploader

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from nnreg.runs.task import Value


@contextlib.contextmanager
def put_aside() -> Iterator[None]:
    """Give Hydra a clean desk while the block lasts, and the program its own back: it may be an application of Hydra."""
    known: dict[Any, list[Any]] = Plugins.instance().plugin_type_to_subclass_list
    search_paths, classes = list(known[SearchPathPlugin]), dict(Plugins.instance().class_name_to_class)
    hydra, config = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    base, name = version.VersionBase.instance().version_base, JobRuntime.instance().get("name")
    swept = hydra_source.swept_by_glob
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra, HydraConfig.instance().cfg = hydra, config
        version.VersionBase.instance().version_base = base
        JobRuntime.instance().set("name", name)
        hydra_source.swept_by_glob = swept
        Plugins.instance().class_name_to_class = classes  # its sweeps have its own launchers
        known[SearchPathPlugin] = search_paths  # the techniques are no options of the program's own configuration


@contextlib.contextmanager
def store_uncopied() -> Iterator[None]:
    """Let Hydra look for options in its store of them, and not in a copy of all of it that it makes for each look.

    What it finds is a copy anyway. ``--help`` looks 120 times, and would take three times as long. Hydra 1.4 does so itself.
    """
    if "__deepcopy__" in vars(ConfigStore):  # a block around this one has done it
        yield
        return
    ConfigStore.__deepcopy__ = lambda store, _: store  # type: ignore[attr-defined] # Python asks for it by this name
    try:
        yield
    finally:
        del ConfigStore.__deepcopy__  # type: ignore[attr-defined]


FULL_ERROR = "HYDRA_FULL_ERROR"

Task = Callable[["DictConfig"], "Value"]


def conf_folder() -> Path:
    """Return where the YAML lives: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
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

    if {"-m", "--multirun"} & set(words):
        from nnreg.sweeps.resuming import completed_words

        words = completed_words(words)
    register_source()
    register(searches=any(word.startswith("-") or "hparams_search" in word or "sweeper" in word for word in words))
    register_sweeper()
    hydra_source.swept_by_glob = kinds_by_glob(words)
    ending.started = None
    main = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(task)
    try:
        with contextlib.ExitStack() as stack:
            for context in (explained(), store_uncopied(), _environment(FULL_ERROR, "1"), _program_arguments(words)):
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
