"""The command line: sub-commands in front, everything else is a configuration for Hydra."""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nnreg.cli.words import ordered, read_words
from nnreg.console import say, warn
from nnreg.errors import Interrupted, UserError, instead
from nnreg.numerals import as_typed
from nnreg.registry import vocabulary
from nnreg.registry.overrides import quoted

if TYPE_CHECKING:
    from omegaconf import DictConfig

INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """Do what the command line says.

    Args:
        arguments: words after the program's name.

    Returns:
        The exit code: 0 for success, 1 for a failed run, 2 for a mistake in what was typed, 130 for Ctrl-C.
    """
    logging.raiseExceptions = False  # `--info | head` closes the pipe under Hydra's log
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr] # a terminal without Unicode shows ? for η
    try:
        _check_here()
        if arguments and arguments[0] in COMMANDS:
            return _command(arguments[0], arguments[1:])
        arguments = _words(arguments)
        if "--version" in arguments:
            sys.stdout.write(f"nnreg {version('nnreg')}\n")
            return 0
        return max([_compose(words) for words in _studied(arguments) or [arguments]])
    except UserError as error:
        warn(str(error))
        return 2
    except SystemExit as stop:  # such as after --help
        return int(stop.code or 0)
    except KeyboardInterrupt as interrupt:
        warn(str(interrupt) if isinstance(interrupt, Interrupted) else "interrupted")
        return INTERRUPTED
    except OSError as error:  # of a folder that was removed meanwhile, or a full disk
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        warn(
            f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}; what was recorded until then is kept"
        )
        return 1


def _studied(arguments: Sequence[str]) -> list[list[str]]:
    """Return what Hydra is told for each study that is named; nothing where there is none."""
    if not any(word.startswith("experiment=") for word in arguments):
        return []
    from nnreg.settings import conf_folder
    from nnreg.studies import command

    return command.study_words(arguments, conf_folder()) if command.names_experiments(arguments) else []


def _check_here() -> None:
    """Refuse to work in a folder that is gone."""
    try:
        Path.cwd()
    except OSError as error:
        raise UserError("the working directory was removed: change to one that is there") from error


def _compose(arguments: Sequence[str]) -> int:
    """Hand the arguments to Hydra."""
    from nnreg.cli.compose import compose, register_completion
    from nnreg.runs.task import task

    register_completion()
    return compose(arguments, task)


def _words(arguments: Sequence[str]) -> list[str]:
    """Return options first and overrides after them; refuse a first word that is neither a sub-command nor key=value."""
    first = next(iter(arguments), "")
    if re.fullmatch(r"\w[\w-]*", first):
        known, typed = instead(first, COMMANDS, "Commands"), "a setting is typed key=value, such as seed=1"
        raise UserError(f"there is no command '{first}'{known}; {vocabulary.meant_command(first) or typed}")
    options, overrides = read_words(arguments)
    asked = next((word for word in overrides if vocabulary.is_epochs(word.lstrip("+").partition("=")[0])), None)
    if asked is not None:
        raise UserError(_steps_instead(asked, [word for word in (*options, *overrides) if word not in (asked, "--multirun")]))
    return ordered(arguments)


def _steps_instead(asked: str, others: Sequence[str]) -> str:
    """Return what to type for a number of epochs: how many steps they are depends on the data and the batch."""
    key, _, value = asked.lstrip("+").partition("=")
    counted: list[str] = []

    def count(config: DictConfig) -> float:
        request = own_request(request_of(config))
        run = assemble(request.config, request.choices)
        rows, batch = len(run.splits.train.x), run.settings.batch
        steps = max(1, math.ceil(float(value) * rows / batch))
        counted.append(f"type steps={steps}, as many as {value} epochs of {rows:,} training rows are with batch={batch}")
        return 0.0

    from nnreg.cli.compose import compose
    from nnreg.runs.assembly import assemble
    from nnreg.runs.request import own_request, request_of

    with contextlib.suppress(Exception), tempfile.TemporaryDirectory() as aside:  # then it is said how to count
        quiet = ("hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none")
        compose([*others, *quiet, f"hydra.run.dir={quoted(aside)}"], count)
    return (
        f"there is no setting '{key}': a run is as long as its steps, {counted[0]}"
        if counted
        else vocabulary.meant_setting(key, "")
    )


def _command(name: str, arguments: Sequence[str]) -> int:
    return COMMANDS[name](_Parser(prog=f"python -m nnreg {name}", description=COMMANDS[name].__doc__), arguments)


class _Parser(argparse.ArgumentParser):
    """Reads the words of a command, options anywhere among them; a mistake is one line."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override] # one of its forms
        """Read words."""
        parsed, unknown = self.parse_known_intermixed_args(args, namespace)
        if unknown:
            options = [option for option in self._option_string_actions if option.startswith("--")]
            raise UserError(
                f"`{self.prog}` has no option '{unknown[0]}'{instead(unknown[0].partition('=')[0], options, 'Options')}"
            )
        return parsed

    def error(self, message: str) -> NoReturn:
        """Refuse the words."""
        free = [str(action.metavar or action.dest) for action in self._actions if action.nargs in ("*", "?")]
        said = re.sub("|".join(f", {re.escape(name)}\\b" for name in free) or "$^", "", " ".join(message.split()))
        raise UserError(f"{said}; `{self.prog} --help` shows what it takes")


def _plugins(parser: _Parser, arguments: Sequence[str]) -> int:
    """List every registered technique, or show one: its parameters, formula, source paper, file and line."""
    parser.add_argument("technique", nargs="?", help="a kind such as optimizer, or one technique such as optimizer/adam")
    parsed = parser.parse_args(arguments)
    from nnreg.registry.catalogue import show_plugins

    code = show_plugins(parsed.technique)
    kind, _, name = (parsed.technique or "").partition("/")
    if name:
        from nnreg.settings import conf_folder
        from nnreg.studies.listing import show_studies_of

        show_studies_of(kind, name.partition("+")[0], [conf_folder()])
    return code


def _studies(parser: _Parser, arguments: Sequence[str]) -> int:
    """List every study with its question, or show one: what is done and why, its claims."""
    parser.add_argument("study", nargs="?", help="name of one, such as descent_momentum")
    parser.add_argument(
        "--config-dir", type=Path, action="append", default=[], help="folder with studies of your own in experiment/"
    )
    parsed = parser.parse_args(arguments)
    from nnreg.settings import conf_folder
    from nnreg.studies import command
    from nnreg.studies.listing import show_studies

    command.check_folders(parsed.config_dir)
    return show_studies(parsed.study, [*parsed.config_dir, conf_folder()], parsed.config_dir)


def _check(parser: _Parser, arguments: Sequence[str]) -> int:
    """Hold techniques to the contract of their kind: what passed, what failed and why, what was skipped and why."""
    parser.add_argument("wanted", nargs="*", help="a technique (optimizer/adam), a kind (optimizer), or a distribution")
    parser.add_argument("--all", action="store_true", help="everything that is registered")
    parser.add_argument("-v", "--verbose", action="store_true", help="list every check")
    parsed = parser.parse_args(arguments)
    from nnreg.testing import command

    return command.check_techniques(parsed.wanted, everything=parsed.all, verbose=parsed.verbose)


def _new(parser: _Parser, arguments: Sequence[str]) -> int:
    """Write a complete plugin around a new technique, ready to be filled in: code, tests, metadata."""
    parser.add_argument("kind", help="such as optimizer")
    parser.add_argument("name", help="what will be typed to choose it, such as my_rule")
    parser.add_argument("--folder", type=Path, help="to be made (default: nnreg-NAME, here)")
    form = parser.add_mutually_exclusive_group()
    for option, meaning in (
        ("layer", "an activation with parameters, randomness or another width"),
        ("inner", "a technique around another one, optimizer=NAME+adam"),
    ):
        form.add_argument(f"--{option}", action="store_const", const=option, dest="form", default="usual", help=meaning)
    parsed = parser.parse_args(arguments)
    from nnreg.registry.scaffold import new_plugin

    return new_plugin(parsed.kind, parsed.name, parsed.folder, form=parsed.form)


def _ui(parser: _Parser, arguments: Sequence[str]) -> int:
    """Start the MLflow server on this folder's runs, or a team's, and print the link to their comparison; Ctrl-C stops it."""
    from nnreg.tracking.location import UI_HOST, UI_PORT

    parser.add_argument("--host", default=UI_HOST, help="address to listen on (default %(default)s: this machine only)")
    parser.add_argument("--port", type=int, default=UI_PORT, help="port to listen on (default %(default)s)")
    parser.add_argument("--store", help="database to serve, such as postgresql+psycopg2:///nnreg (default: this folder's)")
    parser.add_argument("--artifacts", type=Path, help="folder for the files of runs (default: mlartifacts here)")
    parser.add_argument("--name", action="append", default=[], help="under which others call this machine (may be repeated)")
    parser.add_argument("--no-open", action="store_true", help="do not open a browser")
    parsed = parser.parse_args(arguments)
    from nnreg.tracking import ui
    from nnreg.tracking.ui import Address

    address = Address(parsed.host, parsed.port, tuple(parsed.name))
    return ui.serve_ui(ui.Wanted(Path.cwd(), address, parsed.store, parsed.artifacts, opens=not parsed.no_open))


def _play(parser: _Parser, arguments: Sequence[str]) -> int:
    """Open a page on which techniques move under one's hands: a slider for each parameter; Ctrl-C ends it."""
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: one that is free); this machine only")
    parser.add_argument("--no-open", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--follow", type=Path, action="append", default=[], metavar="SWEEP|RUN", help="show its curves while it trains"
    )
    parser.add_argument("--export", type=Path, metavar="FILE.html", help="write the Valley as one page that needs no server")
    parser.add_argument("words", nargs="*", help="what it begins with: surface=, optimizer=a,b,c, steps=, start=[x,y], seed=")
    parsed = parser.parse_args(arguments)
    from nnreg.play.export import export, fragment_of, read_words

    wanted = read_words(parsed.words)
    if parsed.export is not None:
        export(parsed.export, wanted)
        say(f"{parsed.export}")
        return 0
    from nnreg.play.following import followed_first
    from nnreg.play.server import Wanted, serve

    fragment = fragment_of(wanted) if parsed.words else followed_first(parsed.follow)
    return serve(Wanted(parsed.port, not parsed.no_open, fragment, tuple(parsed.follow)))


def _rerun(parser: _Parser, arguments: Sequence[str]) -> int:
    """Train again from the configuration saved in a run folder; overrides may change it."""
    parser.add_argument("folder", type=Path, help="a run folder, such as runs/2026-01-31_12-00-00-000000_adam-he")
    parser.add_argument("overrides", nargs="*", help="key=value, as in a plain run")
    parsed = parser.parse_args(arguments)
    from nnreg.runs import resume, task

    words = resume.rerun_words(parsed.folder, parsed.overrides)
    resume.tell_of_other_code(parsed.folder, parsed.overrides)
    task.made_again = True
    try:
        return _compose([*words, *parsed.overrides])
    finally:
        task.made_again = False


def _resume(parser: _Parser, arguments: Sequence[str]) -> int:
    """Go on with an interrupted run, bit for bit as if it had never stopped; steps=N trains a finished one longer."""
    parser.add_argument("folder", type=Path, help="a run folder, such as runs/2026-01-31_12-00-00-000000_adam-he")
    parser.add_argument("overrides", nargs="*", help="steps=N, tracking=off and the like: what leaves every update as it is")
    parsed = parser.parse_args(arguments)
    from nnreg.runs.resume import resume_run

    return resume_run(parsed.folder, parsed.overrides)


def _predict(parser: _Parser, arguments: Sequence[str]) -> int:
    """Ask the network that a run ended with about new rows: a table of predictions."""
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="folder of a run that has ended, such as runs/2026-01-31_..._adam-he"
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="rows as the dataset has them: a table (.csv), an .npz with x; or .png",
    )
    parser.add_argument("--output", type=Path, metavar="FILE.csv", help="write all predictions there, with every probability")
    parsed = parser.parse_args(arguments)
    from nnreg.runs.predict import predict_files

    return predict_files(parsed.run, parsed.files, parsed.output)


def _runs(parser: _Parser, arguments: Sequence[str]) -> int:
    """Look after tracked runs: `clean` marks those whose process is gone, `push` sends those kept on disk to the server."""
    parser.add_argument("action", choices=("clean", "push"))
    parser.add_argument("folders", nargs="*", type=Path, help="push: run folders (default: all below runs/)")
    parser.add_argument("--store", help="push: where to (default: MLFLOW_TRACKING_URI, else this folder's own runs to its own)")
    parsed = parser.parse_intermixed_args(arguments)  # options may stand between the action and the folders
    from nnreg.tracking import commands

    if parsed.action == "clean":
        return commands.clean(Path.cwd())
    return commands.push(Path.cwd(), parsed.folders, store=parsed.store)


def _reproduce(parser: _Parser, arguments: Sequence[str]) -> int:
    """Run studies, check their claims, print every row, and write the lab notebook anew."""
    parser.add_argument("names", nargs="*", help="of studies, and key=value for all of their runs, such as tracking=off")
    parser.add_argument("--all", action="store_true", help="every study there is")
    parser.add_argument("--folder", type=Path, default=Path("experiments"), help="of the notebook (default %(default)s)")
    parser.add_argument(
        "--config-dir", type=Path, action="append", default=[], help="folder with studies of your own in experiment/"
    )
    parsed = parser.parse_args(arguments)
    from nnreg.settings import conf_folder
    from nnreg.studies import command

    names, typed = ([word for word in parsed.names if ("=" in word) is wanted] for wanted in (False, True))
    if bool(names) == parsed.all:
        raise UserError("say which studies to reproduce, or --all; `python -m nnreg --help` lists them under experiment")
    command.check_folders(parsed.config_dir)
    return command.reproduce(names, typed, parsed.config_dir, conf_folder(), parsed.folder, _compose)


def _compare(parser: _Parser, arguments: Sequence[str]) -> int:
    """Compare the runs of sweeps, or single runs, from their folders alone: table, answer, and a report with figures."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="SWEEP|RUN", help="folders of sweeps, studies or runs")
    by_default = "final training loss; validation loss where regularizers were swept, accuracy or R² where the loss was"
    parser.add_argument("--metric", help=f"to rank and compare by, such as valid/accuracy_final (default: {by_default})")
    parser.add_argument("--target", help="to be reached, such as valid/accuracy=0.95 (default: what the median arm reaches)")
    parser.add_argument("--axes", help="two swept settings for the heatmap, such as optimizer,init (default: the first two)")
    parser.add_argument("--folder", type=Path, help="for the report (default: SWEEP/comparison; comparisons/ for several)")
    parsed = parser.parse_args(arguments)
    from nnreg.comparison.compare import compare_command

    return compare_command(parsed.folders, metric=parsed.metric, target=parsed.target, axes=parsed.axes, folder=parsed.folder)


def _watch(parser: _Parser, arguments: Sequence[str]) -> int:
    """Show where a sweep stands that runs elsewhere, from its folder alone: runs ended, time left, the best so far."""
    parser.add_argument(
        "sweep", type=Path, metavar="SWEEP", help="folder of a sweep or a study, such as runs/2026-01-31_..._sweep"
    )
    parser.add_argument("--once", action="store_true", help="show it once, not until the sweep ends")
    parser.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help="between two looks (default %(default)g)")
    parsed = parser.parse_args(arguments)
    if not 0.05 <= parsed.every <= 3600:
        raise UserError(f"--every takes seconds from 0.05 to 3600, got {as_typed(parsed.every)}")
    from nnreg.sweeps.standing import watch_sweep

    return watch_sweep(parsed.sweep, once=parsed.once, seconds=parsed.every)


def _find_lr(parser: _Parser, arguments: Sequence[str]) -> int:
    """Train once at rising learning rates, draw the loss over the rate, and suggest one to type."""
    from nnreg.runs.find_lr import Range, find_rate, words_for

    usual = Range()
    parser.add_argument("words", nargs="*", help="key=value, as in a plain run; its steps, warmup and schedule do not count")
    parser.add_argument("--low", type=float, default=usual.low, help="the first rate (default %(default)g)")
    parser.add_argument("--high", type=float, default=usual.high, help="the last rate (default %(default)g)")
    parser.add_argument("--steps", type=int, default=usual.steps, help="updates between them (default %(default)s)")
    parser.add_argument("--config-dir", action="append", default=[], help="folder with YAML of your own")
    parser.add_argument("-m", "--multirun", action="store_true", help=argparse.SUPPRESS)
    parsed = parser.parse_args(arguments)
    from nnreg.cli.compose import compose
    from nnreg.records.folder import discard
    from nnreg.runs.request import request_of

    tried, typed = Range(parsed.low, parsed.high, parsed.steps), [f"--config-dir={each}" for each in parsed.config_dir]
    words = words_for([*["-m"] * parsed.multirun, *typed, *parsed.words], tried)
    ended: list[int] = []
    refused: list[UserError] = []

    def find(config: DictConfig) -> float:
        request = request_of(config)
        try:
            ended.append(find_rate(request, tried, [*typed, *parsed.words]))
        except UserError as error:  # Hydra would print what it was doing
            discard(request.folder)
            refused.append(error)
        return 0.0

    code = compose(words, find)
    for error in refused:
        raise error
    return next(iter(ended), code)


COMMANDS: Mapping[str, Callable[[_Parser, Sequence[str]], int]] = {
    "plugins": _plugins,
    "studies": _studies,
    "check": _check,
    "new": _new,
    "ui": _ui,
    "play": _play,
    "rerun": _rerun,
    "resume": _resume,
    "runs": _runs,
    "predict": _predict,
    "reproduce": _reproduce,
    "compare": _compare,
    "find_lr": _find_lr,
    "watch": _watch,
}
