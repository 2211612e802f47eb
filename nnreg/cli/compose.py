"""Words handed to Hydra, for the command line, its tab key and scripts."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.bash_completion import BashCompletion
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobRuntime
from hydra.plugins.completion_plugin import CompletionPlugin
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode

from nnreg.cli.words import is_sweep, ordered, tuned_on_a_surface
from nnreg.console import say
from nnreg.errors import UserError
from nnreg.process import terminable
from nnreg.records.folder import discard
from nnreg.registry import hydra_source
from nnreg.registry.hydra_source import kinds_by_glob, register_source
from nnreg.registry.nested_words import as_choices, completed
from nnreg.registry.overrides import keep_text
from nnreg.registry.varied import as_schedules
from nnreg.settings import conf_folder
from nnreg.sweeps import ending, register
from nnreg.sweeps.ending import sweep_folder

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


@contextlib.contextmanager
def composed_once(mode: RunMode) -> Iterator[None]:
    """Let Hydra use what it composes to learn whether words are a run or a sweep; it would compose the same once more.

    Args:
        mode: what the words look like; where the configuration says otherwise, Hydra composes as ever.
    """
    load = ConfigLoaderImpl.load_configuration
    made: list[tuple[list[str], DictConfig]] = []
    word = f"hydra.mode={mode.name}"

    def load_once(
        loader: ConfigLoaderImpl, config_name: str | None, overrides: list[str], run_mode: RunMode, *options: Any, **named: Any
    ) -> DictConfig:
        if named.get("validate_sweep_overrides", True) is False:  # it wants to know what the words are
            with contextlib.suppress(Exception):
                made[:] = [(list(overrides), load(loader, config_name, overrides, mode))]
                return made[0][1]
        elif made:
            told, config = made.pop()
            if run_mode == mode and overrides == [*told, word]:  # which Hydra adds where nothing says what they are
                config.hydra.mode = mode
                config.hydra.overrides.hydra.append(word)
                return config
            if run_mode == mode and overrides == told:
                return config
        return load(loader, config_name, overrides, run_mode, *options, **named)

    ConfigLoaderImpl.load_configuration = load_once  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        ConfigLoaderImpl.load_configuration = load  # type: ignore[method-assign]


FULL_ERROR = "HYDRA_FULL_ERROR"

Task = Callable[["DictConfig"], "Value"]


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

    words = keep_text(as_schedules(as_choices(ordered(words))))
    if is_sweep(words):
        from nnreg.sweeps.resuming import completed_words

        words = completed_words(words)
        if added := tuned_on_a_surface(words):
            others = "optimizer.lr=0.1 gives all one, protocol=grid their own"
            say(f"tuning        each rule's learning rate: {' '.join(added)} ({others})")
            words = [*words, *added]
    register_source()
    register(searches=any(word.startswith("-") or "hparams_search" in word or "sweeper" in word for word in words))
    hydra_source.swept_by_glob = kinds_by_glob(words)
    ending.started = None
    main = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(task)
    try:
        with contextlib.ExitStack() as stack:
            switch = _environment(FULL_ERROR, "1")  # Hydra raises, and does not print
            once = composed_once(RunMode.MULTIRUN if is_sweep(words) else RunMode.RUN)
            for context in (explained(), _missing_paths(), store_uncopied(), once, switch, _program_arguments(words)):
                stack.enter_context(context)
            stack.enter_context(terminable())
            if is_sweep(words):
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
    wants_traceback = os.environ.get(FULL_ERROR) == "1"
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        from nnreg.registry.mistakes import explain

        message = explain(error)
        if wants_traceback or message is None:
            raise
        raise UserError(message) from error


@contextlib.contextmanager
def _missing_paths() -> Iterator[None]:
    """Let a folder of configuration that is not there be a mistake; to Hydra it is a warning of two lines."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="provider=hydra.searchpath")
        warnings.filterwarnings("ignore", message=r"\s*Running Hydra app with --multirun")  # of hydra.mode: it was typed last
        yield


@contextlib.contextmanager
def _uploading() -> Iterator[None]:
    """Let the runs of a sweep reach the tracking store before the end, where a process of their own sends them."""
    try:
        yield
    finally:
        from nnreg.tracking.uploader import end_uploading

        end_uploading()


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


SCRIPT = r"""_nnreg_complete() {
    local words=($COMP_LINE) word=${COMP_WORDS[COMP_CWORD]} program
    if [[ ${words[0]} == *python* ]]; then
        [[ ${words[1]} == -m && ${words[2]} == nnreg ]] || return
        program="${words[0]} -m nnreg"
    else
        program=${words[0]}
    fi
    local choices=$(COMP_POINT=$COMP_POINT COMP_LINE=$COMP_LINE $program -sc query=bash)
    COMPREPLY=($(compgen -o nospace -o default -W "$choices" -- "$word"))
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _nnreg_complete nnreg python python3
"""


class NnregCompletion(BashCompletion):
    """Bash completion that knows the program as a module."""

    def install(self) -> None:
        """Print what a shell evaluates."""
        print(SCRIPT)  # noqa: T201 - this is the output

    def uninstall(self) -> None:
        """Print what takes it back."""
        print("complete -r nnreg python python3; unset -f _nnreg_complete")  # noqa: T201 - this is the output

    @staticmethod
    def help(command: str) -> str:
        """Return the line that installs or uninstalls it."""
        return f'eval "$(python -m nnreg -sc {command}=bash)"'

    def _query(self, config_name: str | None, line: str) -> list[str]:
        """Read the words before the last as they are read when they are typed."""
        *words, last = [*line.split(), *([""] if line[-1:].isspace() or not line else [])]
        return super()._query(config_name, " ".join([*as_choices(words), last]))

    def _query_config_groups(self, word: str, config_name: str | None, words: list[str]) -> tuple[list[str], bool]:
        """Know the techniques that may stand inside others, too."""
        inside = completed(word, words)
        return (inside, True) if inside else super()._query_config_groups(word, config_name, words)

    @staticmethod
    def strip_python_or_app_name(line: str) -> str:
        """Return what was typed after the program's name."""
        return re.sub(r"^\s*\S*python\S*\s+-m\s+nnreg\b\s*|^\s*\S+\s*", "", line, count=1)


def register_completion() -> None:
    """Put this completion in the place of Hydra's own for bash: Hydra refuses two for one shell.

    Hydra's is told by what it provides, not by its class: Hydra loads its plugins' modules a second time.
    """
    plugins = Plugins.instance()
    plugins.register(NnregCompletion)
    known: dict[Any, list[Any]] = plugins.plugin_type_to_subclass_list
    known[CompletionPlugin] = [
        plugin for plugin in known[CompletionPlugin] if plugin is NnregCompletion or plugin.provides() != "bash"
    ]
