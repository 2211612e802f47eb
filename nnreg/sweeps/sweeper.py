"""The plain grid, and what the sweepers of all protocols share.

A launcher of ours is handed jobs as they were composed to be checked, any other lists of words, as by Hydra's own sweeper. A
job that is to take up what an earlier attempt
left in its folder is told so by the word ``sweep.resume=FOLDER``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import pickle
import re
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnreg.console import say, warn
from nnreg.errors import Interrupted, UserError, of_wrong_type, one_line
from nnreg.process import terminable
from nnreg.records.folder import check_unused
from nnreg.records.manifest import GRID, Manifest, Tuned
from nnreg.registry import entries
from nnreg.registry.hydra_source import remember_options
from nnreg.registry.overrides import quoted
from nnreg.runs.assembly import sharing_data
from nnreg.settings import SweepSettings, is_of_a_sweep, task_of
from nnreg.sweeps import resuming
from nnreg.sweeps.axes import Axis, Stage, Words, check_comparison, confirm, count_jobs, list_jobs, read_axes
from nnreg.sweeps.composing import Composer
from nnreg.sweeps.ending import NO_RUNS, Ending, SweepTable
from nnreg.sweeps.launchers.base import JobLauncher, ParallelLauncher
from nnreg.sweeps.launchers.work import Job
from nnreg.sweeps.resuming import JobCheck, Place, digest_of, is_whole, place
from nnreg.sweeps.standing import Teller

Kind = TypeVar("Kind")

MOST_COMPOSED = 1_000  # jobs whose configurations are kept, 25 kB each; those beyond are composed again where they run


class ProtocolSweeper(Sweeper):
    """A sweeper by one of nnreg's protocols.

    Args:
        max_batch_size: jobs that are handed to the launcher at once, or None for all.
        params: swept settings of a YAML.
    """

    protocol: ClassVar[str]
    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    def __init__(self, max_batch_size: int | None = None, params: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._batch_size, self._params = max_batch_size, params
        self._returns: list[Sequence[JobReturn]] = []
        self._composed: dict[Words, bytes] = {}
        self._complaints: dict[Words, str] = {}
        self._codes: resuming.Codes = {}
        self._named: dict[str, int] = {}
        self._broken_off = 0

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what Hydra has composed, and prepare the launcher."""
        from hydra.core.plugins import Plugins

        self.hydra_context, self.config = hydra_context, config
        remember_options(hydra_context.config_loader)
        self._composer = Composer(hydra_context.config_loader, config)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task_function, config=config
        )

    @abstractmethod
    def count(self, axes: Sequence[Axis]) -> int:
        """Return the number of runs, without making up each of them."""

    @abstractmethod
    def stages(self, axes: Sequence[Axis]) -> Iterator[Stage]:
        """Yield what would be run, for a person to read; what depends on results is left open."""

    @abstractmethod
    def execute(self, axes: Sequence[Axis]) -> None:
        """Run the sweep, by calls of ``launch``."""

    def ending(self) -> Ending | None:
        """Return what is to be done when all runs have ended, or None for the usual comparison."""
        return None

    def sweep(self, arguments: list[str]) -> Any:
        """Do everything; return what the launcher returned for each batch.

        Raises:
            UserError: a word of the sweep is wrong, it is larger than its limit, or there is nothing to go on with.
            SystemExit: with code 0, after a dry run, or where everything was complete.
            Interrupted: by Ctrl-C; what was run is kept.
        """
        if self._batch_size is not None and self._batch_size < 1:
            raise UserError(f"hydra.sweeper.max_batch_size must be 1 or more, or null for all at once, got {self._batch_size}")
        self.settings = self.read(SweepSettings, "sweep")
        if isinstance(self.launcher, ParallelLauncher):
            _refuse_registered(arguments)
        axes = read_axes(arguments, self._params, self.hydra_context.config_loader)
        self._manifest = Manifest(
            command=resuming.command(self.config),
            overrides=tuple(resuming.lasting(arguments)),
            protocol=self.protocol,
            jobs=self.count(axes),
            settings={name: getattr(self.settings, name) for name in ("metric", "target", "axes")},
        )
        if not self._manifest.jobs:
            raise UserError(NO_RUNS)
        check_comparison(self.settings, axes, task_of(self.config))
        before = resuming.folder(self.config, self.settings, arguments)
        self._resuming, self._spent, self._before = before is not None, 0.0, Manifest()
        self._home = Path(self.config.hydra.sweep.dir).absolute() if before is None else before
        if before is None:
            check_unused(self._home, "hydra.sweep.dir")
        wanted = [self.settings.metric, (self.settings.target or "").replace(":", "=").partition("=")[0].strip()]
        self._job_check = JobCheck([metric for metric in wanted if metric])
        if self.settings.dry_run:
            with sharing_data():
                self.refuse_wrong(
                    [words for stage in self.stages(axes) for words in itertools.islice(stage.jobs, self.settings.max_jobs)]
                )
            list_jobs(self.stages(axes), self._manifest.jobs, self.settings.max_jobs)
            raise SystemExit(0)
        if before is not None:
            self._take_up(before)
        else:
            confirm(self._manifest.jobs, self.settings.max_jobs)
        self._run(axes)
        for callback in self.hydra_context.callbacks.callbacks:  # Hydra lets them know nothing of the sweep
            if isinstance(callback, SweepTable):
                callback.ending, callback.broken_off = self.ending(), self._broken_off
        return self._returns

    def read(self, kind: type[Kind], key: str) -> Kind:
        """Return settings from a node of the configuration.

        Raises:
            UserError: a value is of the wrong type or out of its range.
        """
        try:
            merged = OmegaConf.merge(OmegaConf.structured(kind), OmegaConf.to_container(self.config[key], resolve=True))
            return kind(**OmegaConf.to_container(merged, resolve=True))  # type: ignore[arg-type] # a mapping's container
        except OmegaConfBaseException as error:
            name = f"{key}.{error.full_key or error.key}"
            said = of_wrong_type(str(error), f"{name}=")
            a_list = f"it takes a list, such as '{name}=[1,2,3]'"
            raise UserError(f"{name}: {a_list if 'is not a ListConfig' in said else said}") from error
        except ValueError as error:
            raise UserError(f"{key}.{error}".replace(f"{key}.{key}.", f"{key}.")) from error

    def compose(self, words: Sequence[str]) -> DictConfig:
        """Return the configuration of a job, Hydra's own part included."""
        return self._composer.compose(words)

    def compose_ahead(self, words: Words) -> DictConfig:
        """Return the configuration of a job, and keep it for ``launch_jobs`` to hand on with these very words."""
        config = self.compose(words)
        if len(self._composed) < MOST_COMPOSED:
            self._composed[words] = pickle.dumps(config)
        return config

    def launch_jobs(self, jobs: Sequence[Words], first: int) -> Sequence[JobReturn]:
        """Let the launcher run jobs, and return what came of each; ``first`` is the number of the first of them, to it."""
        if not isinstance(self.launcher, JobLauncher):
            return self.launcher.launch(jobs, initial_job_idx=first)
        return self.launcher.launch_jobs(
            [Job(number, words, self._composed.pop(words, None)) for number, words in enumerate(jobs, first)]
        )

    def _ahead(self, words: Words, number: int, stage: str) -> tuple[str, str]:
        """Compose a job as if its folder were that of its number; return the hash of its configuration, and its folder's name.

        The hash is needed where an earlier attempt may have run the job; its folder is found by that then.

        Raises:
            UserError: other code would be mixed with that of the runs there, or two jobs would have one folder.
        """
        config = self.compose_ahead((*words, *self._told(Place(str(number)), stage)))
        if not self._resuming:
            return "", str(number) if stage else self._own_folder(config, number)
        if changed := resuming.other_code(config, self._codes):
            raise UserError(
                f"the runs in {resuming.typed_path(self._home)} were made with other code: {changed}; sweep.mix_code=true runs "
                "what is left as arms of its own, a new sweep runs all anew"
            )
        return digest_of(config), str(number)

    def _wrong_with(self, words: Words, number: int, stage: str) -> str:
        """Return why a job that was composed ahead cannot be run; of one beyond those that are kept nothing."""
        composed = self._composed.get((*words, *self._told(Place(str(number)), stage)))
        if (alike := _seedless(words)) not in self._complaints and composed is not None:
            self._complaints[alike] = self.complaint(pickle.loads(composed))
        return self._complaints.get(alike, "") if composed is not None else ""

    def complaint(self, config: DictConfig) -> str:
        """Return why a composed job cannot be run, "" if it can, as far as its settings, data, loss and batch tell."""
        return self._job_check.complaint(config)

    def refuse_wrong(self, jobs: Sequence[Words]) -> None:
        """Refuse jobs that are not run yet; those whose words are not all known are not looked at.

        Raises:
            UserError: naming the first, and how many there are.
        """
        known = [words for words in jobs if not any("=<" in word for word in words)]
        alike = [_seedless(words) for words in known]
        whys = {words: self.complaint(self.compose(words)) for words in dict.fromkeys(alike)}
        self._refuse({number: whys[words] for number, words in enumerate(alike) if whys[words]}, known, 0)

    def _refuse(self, wrong: Mapping[int, str], jobs: Sequence[Words], first: int) -> None:
        """Refuse the sweep for what is wrong with some of its jobs, by number."""
        if not wrong:
            return
        number, why = next(iter(wrong.items()))
        common = set.intersection(*map(set, jobs)) if len(jobs) > 1 else set()
        words = " ".join(word for word in jobs[number - first] if word not in common and not is_of_a_sweep(word))
        others = f"; {len(wrong)} of {len(jobs)} jobs cannot be run" if len(jobs) > 1 else ""
        raise UserError(f"job {number}{f' ({words})' if words else ''}: {why}{others}")

    def _own_folder(self, config: DictConfig, number: int) -> str:
        """Return the name of a job's folder below the sweep's, which no other job has."""
        name = resuming.subdir_of(config, number)
        other = self._named.setdefault(name, number)
        if other == number and len(Path(name).parts) == 1 and name not in (".", ".."):
            return name
        typed = OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"]  # type: ignore[call-overload,index]
        why = f"is the folder of jobs {other} and {number}" if other != number else "is no folder right below the sweep's"
        raise UserError(
            f"hydra.sweep.subdir={typed}: {name} {why}, and every run needs one of its own: leave it out, or add the number, "
            "such as '${optimizer.name}_${hydra.job.num}'"
        )

    def tuned(self, tuning: Tuned) -> None:
        """Write down how a parameter was chosen."""
        self._write(tuning=tuning)

    def launch(self, jobs: Sequence[Words], stage: str = "", *, alone: bool = False, first: int = 0) -> list[Path]:
        """Run those of some jobs that are not complete, and return the folder of each.

        Args:
            jobs: words of each.
            stage: name of their folder below the sweep's.
            alone: whether nothing but these is compared, whatever an earlier attempt left.
            first: number of the first of them.
        """
        home = self._home / stage
        # composed first: a mistake shows before anything is written
        ahead = [self._ahead(words, number, stage) for number, words in enumerate(jobs, first)]
        places = place([digest for digest, _ in ahead], home, first) if self._resuming else [Place(name) for _, name in ahead]
        if alone:
            self._write(compared=tuple(spot.folder for spot in places))
        is_over = [spot.is_complete and is_whole(home / spot.folder) for spot in places]
        numbers = [number for number, over in enumerate(is_over, first) if not over]
        todo = [(jobs[number - first], places[number - first]) for number in numbers]
        if todo:
            complaints = ((number, self._wrong_with(jobs[number - first], number, stage)) for number in numbers)
            self._refuse({number: why for number, why in complaints if why}, jobs, first)
            words, spot = todo[0]
            self._begin((*words, *self._told(spot, stage)))
        size = self._batch_size or max(len(todo), 1)
        for start in range(0, len(todo), size):
            self.hand_over(todo[start : start + size], stage, first + start)
        self._composed.clear()  # what is complete, or got another folder
        return [home / spot.folder for spot in places]

    def hand_over(self, todo: Sequence[tuple[Words, Place]], stage: str, first: int) -> None:
        """Let the launcher run jobs; ``first`` is the number of the first of them, to the launcher."""
        returns = self.launch_jobs([(*words, *self._told(spot, stage)) for words, spot in todo], first)
        self._returns.append(returns)
        for returned, (_, spot) in zip(returns, todo, strict=True):
            self._broken_off += self.is_broken_off(returned, self._home / stage / spot.folder)

    def is_broken_off(self, returned: JobReturn, folder: Path) -> bool:
        """Tell whether a job raised something that nobody recorded, and if so warn of it."""
        if returned.status != JobStatus.FAILED:
            return False
        error = returned._return_value  # its property would raise it, and the sweep would end
        warn(f"the run in {folder} broke off ({type(error).__name__}: {one_line(error)})")
        return True

    def _told(self, spot: Place, stage: str) -> Words:
        """Return what a job is told besides its own words; nothing in a plain sweep, whose folders Hydra numbers."""
        if not self._resuming and not stage:
            return ()
        subdir = f"{stage}/{spot.folder}" if stage else spot.folder
        words = (f"hydra.sweep.subdir={subdir if subdir.isdecimal() else quoted(subdir)}",)
        return (*words, f"sweep.resume={quoted(str(self._home))}") if self._resuming else words

    def _take_up(self, folder: Path) -> None:
        """Go on in the folder of an earlier attempt, here and in every job."""
        resuming.redirect(self.config, folder)
        self._before = resuming.manifest(folder)
        self._codes = {} if self.settings.mix_code else resuming.codes_in(folder)
        self._spent = (self._before.spent or 0.0) + (self._before.seconds or 0.0)
        self._manifest = dataclasses.replace(self._manifest, tuning=self._before.tuning, compared=self._before.compared)

    def _run(self, axes: Sequence[Axis]) -> None:
        """Execute, and write down how long it took, whatever way it ends."""
        began = time.perf_counter()
        self._begun = False
        with contextlib.ExitStack() as self._held:
            try:
                if self._resuming:
                    resuming.hold(self._held, self._home)
                with terminable(), sharing_data():
                    if isinstance(self.launcher, ParallelLauncher):
                        self.launcher.prepare(self._home)
                    self.execute(axes)
            except KeyboardInterrupt as interrupt:
                if not self._begun:
                    raise
                self._write(spent=round(self._spent + time.perf_counter() - began, 3))
                raise Interrupted(f"interrupted; `{resuming.how(self._home)}` goes on with the sweep") from interrupt
            except OSError as error:
                if not self._begun:
                    raise
                with contextlib.suppress(OSError):
                    self._write(spent=round(self._spent + time.perf_counter() - began, 3))
                why = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
                raise UserError(f"the sweep broke off ({why}); `{resuming.how(self._home)}` goes on with it") from error
            self._write(seconds=round(self._spent + time.perf_counter() - began, 3), spent=None, concluded=False)
        is_over = self._before.seconds is not None and self._before.concluded is not False
        if is_over and not self._begun and self.ending() is None:
            say(f"nothing to resume: all runs in {self._home} are complete; `{resuming.comparing(self._home)}` compares them")
            raise SystemExit(0)

    def _begin(self, words: Words | None) -> None:
        """Write what the sweep is, when nothing has been found wrong with it; the words are its first run's, if one can be."""
        if self._begun:
            return
        kernels = self._before.kernels
        if not kernels and words is not None:
            composed = self._composed.get(words)
            config = self.compose(words) if composed is None else pickle.loads(composed)
            kernels = resuming.kernels_of(config, self._manifest.jobs or 1)
        self._manifest = dataclasses.replace(self._manifest, kernels=kernels)
        Path(self.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
        if not self._resuming:
            resuming.hold(self._held, self._home)
        OmegaConf.save(self.config, self._home / "multirun.yaml")
        self._begun = True
        self._manifest.save(self._home)
        self._held.enter_context(Teller(self._home))

    def _write(self, **changes: Any) -> None:
        """Change what the folder says of the sweep; of one that has begun nothing, nothing is written."""
        self._manifest = dataclasses.replace(self._manifest, **changes)
        if self._begun:
            self._manifest.save(self._home)


class Grid(ProtocolSweeper):
    """Runs every combination once."""

    protocol = GRID

    def count(self, axes: Sequence[Axis]) -> int:
        """Return the number of combinations."""
        return count_jobs(axes)

    def stages(self, axes: Sequence[Axis]) -> Iterator[Stage]:
        """Yield the one stage that there is, or its beginning: no more is read of it than ``sweep.max_jobs``."""
        yield Stage("", combinations([dataclasses.replace(axis, most=self.settings.max_jobs) for axis in axes]))

    def execute(self, axes: Sequence[Axis]) -> None:
        """Run them."""
        self.launch(list(combinations(axes)))


def _refuse_registered(arguments: Sequence[str]) -> None:
    """Refuse techniques that only this process knows where runs have processes of their own."""
    for group, slot in entries.groups().items():
        for name in entries.registered_techniques(entries.slots()[slot]):
            if any(re.match(rf"\+*{group}(@[\w.]+)?=(.*\W)?{name}\b", word) for word in arguments):
                raise UserError(f"{slot}={name} is registered in this process only: leave out hydra/launcher, or install it")


def _seedless(words: Words) -> Words:
    """Return the words of a job without its seed, which no other setting must suit, unless one refers to it."""
    if any("${" in word for word in words):
        return words
    return tuple(word for word in words if not re.fullmatch(r"seed=\d+", word))


def combinations(axes: Sequence[Axis]) -> Iterator[Words]:
    """Yield the words of each combination, the last axis fastest."""
    return itertools.product(*(axis.words for axis in axes))
