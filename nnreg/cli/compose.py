"""Words handed to Hydra, for the command line and for scripts.

Composing is most of the time before a run begins, and a sweep composes every run. What is left out here changes no result: each
part says why. Hydra 1.4 does without the first one itself.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import version
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobRuntime
from hydra.plugins.search_path_plugin import SearchPathPlugin

from nnreg.errors import UserError
from nnreg.records.folder import discard
from nnreg.registry import hydra_source
from nnreg.registry.hydra_source import kinds_by_glob, register_source
from nnreg.sweeps import ending
from nnreg.sweeps.ending import sweep_folder
from nnreg.tracking import uploader

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from nnreg.runs.task import Value


@contextlib.contextmanager
def put_aside() -> Iterator[None]:
    """Give Hydra a clean desk while the block lasts, and the program its own back: it may be an application of Hydra."""
    known: dict[Any, list[Any]] = Plugins.instance().plugin_type_to_subclass_list
    search_paths = list(known[SearchPathPlugin])
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
        known[SearchPathPlugin] = search_paths  # the techniques are no options of the program's own configuration


PARSED = 4_096  # interpolations whose parse is kept
MARK = "is_thrifty"


@contextlib.contextmanager
def thrifty() -> Iterator[None]:
    """Spare the work while the block lasts; a block may stand in another, as a study composes its runs while it is composed."""
    from hydra._internal import defaults_list
    from hydra.core.config_store import ConfigStore
    from omegaconf import _utils, base

    with contextlib.ExitStack() as stack:
        stack.enter_context(_replaced(ConfigStore, "__deepcopy__", lambda _: _not_copied))
        stack.enter_context(_replaced(defaults_list, "_create_interpolation_map", _made_where_needed))
        for module in (base, _utils):  # a parse is only read
            stack.enter_context(_replaced(module, "parse", lru_cache(maxsize=PARSED)))
        yield


def _not_copied(store: Any, memo: object) -> Any:
    """Return the store of options itself: Hydra copies all of it to look for one, but what is looked up is a copy anyway."""
    return store


def _made_where_needed(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes the table of all choices only for a list in which one choice depends on another.

    Hydra makes it for each option that has a list of defaults, two dozen a run, and looks at it in that case alone.
    """
    from omegaconf import OmegaConf

    nothing = OmegaConf.create({"defaults": []})

    def made(overrides: Any, defaults: Any, self_added: bool) -> Any:
        depends = any(each.is_interpolation() for each in defaults)
        return make(overrides, defaults, self_added) if depends else nothing

    return made


@contextlib.contextmanager
def _replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """Replace an attribute by what is made of it, unless that was done by a block around this one."""
    before = vars(owner).get(name)
    if hasattr(before, MARK):
        yield
        return
    ours = make(before)
    setattr(ours, MARK, True)
    setattr(owner, name, ours)
    try:
        yield
    finally:
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


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
