"""``hparams_search=optuna``: trials that Optuna chooses from the results of those before.

The study is ``optuna.db`` in the sweep's folder: other tools of Optuna's find it there, an interrupted search goes on from it.
What a sampler draws with is not in it, so each proposal has a seed of its own, made of that of the search and its place in it:
a search that was interrupted proposes what an undisturbed one does. A trial that was cut short fails, as Optuna sees it, and is
asked for again with the same values: its runs go on in their folders.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from hydra.core.utils import JobReturn
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from nnreg.console import say, warn
from nnreg.engine.history import VALID_LOSS, Record
from nnreg.errors import UserError, one_line
from nnreg.numerals import as_typed, measured
from nnreg.records.card import COMPLETE, Outcome
from nnreg.records.folder import read_summary
from nnreg.registry import mistakes
from nnreg.registry.overrides import quoted
from nnreg.runs.task import Value, no_objective, objective_value
from nnreg.settings import TRAIN, task_of
from nnreg.sweeps.axes import Axis, Stage, Words, count_jobs
from nnreg.sweeps.launchers import base, work
from nnreg.sweeps.launchers.base import ParallelLauncher
from nnreg.sweeps.optuna_choices import SAMPLERS, load_optuna, make_pruner, make_sampler
from nnreg.sweeps.random_search import DIGITS, seeds_apart
from nnreg.sweeps.resuming import digest_of, status
from nnreg.sweeps.sweeper import ProtocolSweeper

DATABASE, RESULTS = "optuna.db", "optimization_results.yaml"
STUDY = "nnreg"  # the same in every folder: hyperband deals its brackets out by the name
SWEEP, RUNS, AGAIN, NO_RESULT = "sweep", "runs", "again", "no_result"
"""What a trial says of itself: its sweep, the folders of its runs, the trial whose place it takes, that it has no result."""


class Job(NamedTuple):
    """One run of a trial: the name of its folder, and its words, which name that too."""

    folder: str
    words: Words


class Trial(NamedTuple):
    """One proposal of Optuna's, its runs, one for each seed, and the steps of which Optuna knows a validation."""

    asked: Any
    jobs: list[Job]
    reported: set[int]


class OptunaSearch(ProtocolSweeper):
    """Runs trials in batches, each chosen with the results of the earlier ones; with several seeds, by the mean over them.

    Args:
        sampler: settings of the sampler.
        pruner: settings of the pruner.
        direction: ``minimize`` or ``maximize``, or one for each of ``sweep.objectives``.
        storage: address of a database of Optuna's, or None for ``optuna.db`` in the sweep's folder.
        study_name: of the study.
        n_trials: how many, those of an earlier attempt included.
        n_jobs: trials that are chosen and run at once.
        max_failure_rate: the search ends when a larger share of a batch has no result.
        params: what is searched, beside what is typed.
    """

    def __init__(
        self,
        sampler: Mapping[str, Any],
        pruner: Mapping[str, Any],
        direction: Any,
        storage: str | None,
        study_name: str | None,
        n_trials: int,
        n_jobs: int,
        max_failure_rate: float,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(params=params)
        listed = direction if OmegaConf.is_list(direction) or isinstance(direction, list | tuple) else [direction]
        self._directions = [str(getattr(one, "name", one)) for one in listed]
        self._sampler_settings, self._pruner_settings = dict(sampler), dict(pruner)
        self._storage, self._study_name = storage, study_name
        self._trials, self._batch, self._most_failures = n_trials, n_jobs, max_failure_rate
        self._watched: Trial | None = None  # the one that runs, where there is a pruner

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what Hydra has composed, and prepare a launcher whose runs can be ended by the pruner, if there is one."""
        chosen = config.get("hparams_search") or {}
        self._sampler_name = str(self._sampler_settings.pop("name", None) or chosen.get("sampler", "tpe"))
        self._pruner_name = str(chosen.get("pruner", "none"))
        made = SAMPLERS.get(self._sampler_name)
        self.protocol = f"optuna ({made.made if made else self._sampler_name})"  # type: ignore[misc] # it depends on the sampler
        task: Any = task_function
        watched = partial(task, is_enough=self._is_enough) if self._prunes else task
        super().setup(hydra_context=hydra_context, task_function=watched, config=config)

    @property
    def _prunes(self) -> bool:
        return self._pruner_name != "none"

    def count(self, axes: Sequence[Axis]) -> int:
        """Return trials times seeds."""
        self._check_settings()
        drawn, seeds = seeds_apart(axes)
        if not drawn:
            raise UserError(
                "there is nothing to search: add a range such as optimizer.lr=tag(log,interval(1e-4,1)) or a list such as "
                "optimizer=sgd,adam"
            )
        if self._prunes and count_jobs(seeds) > 1:
            raise UserError(
                f"hparams_search.pruner={self._pruner_name} is for trials of one seed: the mean over {count_jobs(seeds)} is "
                "known when all have come to their end; search with one seed, or leave the pruner out"
            )
        return self._trials * count_jobs(seeds)

    def stages(self, axes: Sequence[Axis]) -> Iterator[Stage]:
        """Refuse: nobody knows.

        Raises:
            UserError: always.
        """
        raise UserError(f"Optuna chooses its {self._trials} trials as it goes: sweep.dry_run cannot list them")

    def execute(self, axes: Sequence[Axis]) -> None:
        """Ask, run and tell, batch by batch, until there are as many trials as wanted."""
        self._check_objectives()
        study = self._study()
        try:
            self._give_up_interrupted(study)
            while (left := self._trials - sum(map(_is_told, self._ours(study)))) > 0:
                trials = [self._ask(study, axes) for _ in range(min(self._batch, left))]
                failed = sum(self._tell(study, *told) for told in zip(trials, self._results(trials), strict=True))
                if failed / len(trials) > self._most_failures:
                    warn(f"the search ends: {failed} of {len(trials)} trials failed, more than hydra.sweeper.max_failure_rate")
                    break
        finally:
            if not self._begun and not self._resuming:  # nothing was run: nothing is left behind
                (self._home / DATABASE).unlink(missing_ok=True)
        self._conclude(study)

    def _check_settings(self) -> None:
        if self._trials < 1 or self._batch < 1:
            raise UserError("hydra.sweeper.n_trials and hydra.sweeper.n_jobs must be 1 or more")
        self._optuna = load_optuna()
        make_sampler(self._sampler_name, self._sampler_settings, 0)
        self._pruner = make_pruner(self._pruner_name, self._pruner_settings, self.config)
        if self._prunes and isinstance(self.launcher, ParallelLauncher):
            raise UserError(
                f"hparams_search.pruner={self._pruner_name} watches runs in this process, one after the other: leave out "
                "hydra/launcher, or the pruner"
            )

    def _check_objectives(self) -> None:
        for one in self._directions:
            if one not in ("minimize", "maximize"):
                raise UserError(f"hydra.sweeper.direction is minimize or maximize, got {one}")
        named = self.settings.objectives or ["the final validation loss"]
        if len(named) != len(self._directions):
            raise UserError(
                f"hydra.sweeper.direction has {len(self._directions)} for {len(named)} objectives ({', '.join(named)}): "
                "name as many, such as sweep.objectives=[valid/loss_final,seconds] hydra.sweeper.direction=[minimize,minimize]"
            )
        metric, _, which = (self.settings.objectives or [f"{VALID_LOSS}_final"])[0].rpartition("_")
        is_watched = metric.startswith("valid/") and which in ("final", "best") and task_of(self.config) == TRAIN
        if self._prunes and not (is_watched and len(named) == 1):
            raise UserError(
                f"hparams_search.pruner={self._pruner_name} goes by the validations of a training: it takes one objective, "
                "such as sweep.objectives=[valid/loss_final]"
            )
        self._metric = metric

    def _study(self) -> Any:
        """Return the study, a new one or that of the attempt that is gone on with.

        Raises:
            UserError: there is one where none is expected, none where one is, or Optuna cannot open it.
        """
        path = self._home / DATABASE
        if self._storage is None and path.exists() != self._resuming:
            raise UserError(
                f"{path} holds a search: resume=true goes on with it, and hydra.sweep.dir=FOLDER begins another elsewhere"
                if path.exists()
                else f"{self._home} has no {DATABASE}: this search cannot be gone on with; start it again"
            )
        self._home.mkdir(parents=True, exist_ok=True)
        try:
            storage = self._optuna.storages.RDBStorage(self._storage or f"sqlite:///{path}")
            self._held.callback(lambda: (storage.remove_session(), storage.engine.dispose()))
            study = self._optuna.create_study(
                study_name=self._study_name or (STUDY if self._storage is None else self._home.name),
                storage=storage,
                pruner=self._pruner,
                directions=self._directions,
                load_if_exists=True,
            )
        except Exception as error:  # of a database
            raise UserError(f"Optuna does not begin: {type(error).__name__}: {str(error).strip().splitlines()[0]}") from error
        if [one.name.lower() for one in study.directions] != self._directions:
            raise UserError("hydra.sweeper.direction is another one than that of the search that is gone on with")
        return study

    def _ours(self, study: Any) -> list[Any]:
        """Return the trials of this sweep, those of earlier attempts included; a database of the user's may hold others."""
        trials = study.get_trials(deepcopy=False)
        return [each for each in trials if self._storage is None or each.user_attrs.get(SWEEP) == self._home.name]

    def _give_up_interrupted(self, study: Any) -> None:
        """Let trials fail that an earlier attempt did not bring to an end, and put their values in line again."""
        for trial in self._ours(study):
            if trial.state == self._optuna.trial.TrialState.RUNNING:
                study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)
                if RUNS in trial.user_attrs and NO_RESULT not in trial.user_attrs:
                    study.enqueue_trial(trial.params, user_attrs={**trial.user_attrs, AGAIN: trial.number})

    def _ask(self, study: Any, axes: Sequence[Axis]) -> Trial:
        """Let Optuna choose a value for each setting that is searched."""
        drawn, seeds = seeds_apart(axes)
        before = [trial for trial in self._ours(study) if not _is_given_up(trial)]
        study.sampler = make_sampler(self._sampler_name, self._sampler_settings, len(before))
        asked = study.ask()
        try:
            words = tuple(_suggest(asked, axis) if axis in drawn else axis.words[0] for axis in axes if axis not in seeds)
        except ValueError as error:  # a list is another one than in an earlier attempt
            raise UserError(f"Optuna cannot choose: {one_line(error)}") from error
        jobs = [(*words, *seed) for seed in itertools.product(*(axis.words for axis in seeds))]
        folders = asked.user_attrs.get(RUNS, ())
        if len(folders) != len(jobs):
            first = 1 + max((int(name) for trial in before for name in trial.user_attrs.get(RUNS, ())), default=-1)
            folders = [str(number) for number in range(first, first + len(jobs))]
            asked.set_user_attr(SWEEP, self._home.name)
            asked.set_user_attr(RUNS, folders)
        again = asked.user_attrs.get(AGAIN)
        reported = {} if again is None else study.trials[again].intermediate_values
        for step, value in reported.items():
            asked.report(value, step)
        named = zip(folders, jobs, strict=True)
        return Trial(asked, [Job(name, (*job, *self._told_besides(name))) for name, job in named], set(reported))

    def _told_besides(self, folder: str) -> Words:
        objective = () if self.settings.objectives is None else (f"sweep.objectives={quoted(self.settings.objectives)}",)
        resume = (f"sweep.resume={quoted(str(self._home))}",) if self._resuming else ()
        return (*objective, f"hydra.sweep.subdir={folder}", *resume)

    def _is_enough(self, record: Record) -> bool:
        """Report a validation to Optuna, and return whether the run is to end with it."""
        trial = self._watched
        if trial is None or record.metric != self._metric or not math.isfinite(record.value):
            return False
        if record.step not in trial.reported:  # by an earlier attempt, which may have come further
            trial.reported.add(record.step)
            trial.asked.report(record.value, record.step)
        return record.step == max(trial.reported) and bool(trial.asked.should_prune())

    def _tell(self, study: Any, trial: Trial, values: tuple[float, ...]) -> bool:
        """Tell Optuna what came of a trial; return whether it failed."""
        states = self._optuna.trial.TrialState
        if all(map(math.isfinite, values)):
            study.tell(trial.asked, values)
            return False
        if any(status(self._home / job.folder) == "pruned" for job in trial.jobs):
            study.tell(trial.asked, state=states.PRUNED)
            return False
        trial.asked.set_user_attr(NO_RESULT, True)
        study.tell(trial.asked, state=states.FAIL)
        return True

    def _results(self, trials: Sequence[Trial]) -> list[tuple[float, ...]]:
        """Run trials; return for each the mean of each objective over its seeds."""
        jobs = [job for trial in trials for job in trial.jobs]
        complaints = {job.folder: said for job in jobs if (said := self._complaint(job.words)) is not None}
        if not self._begun and not self._resuming and len(complaints) == len(jobs):
            raise UserError(complaints[jobs[0].folder])
        self._begin(next((job.words for job in jobs if job.folder not in complaints), None))
        shared = work.work_of(self.hydra_context, self.config, _nobody)
        for job in jobs:
            if job.folder in complaints:
                base.record(shared, work.Job(int(job.folder), job.words), complaints[job.folder])
        known = {job.folder: self._known(job) for job in jobs if job.folder not in complaints}
        values = {folder: value for folder, value in known.items() if value is not None}
        todo = [job for job in jobs if job.folder not in values and job.folder not in complaints]
        values |= self._run_watched(trials, todo) if self._prunes else self._run_jobs(todo)
        nothing = _as_tuple(no_objective(self.config))
        return [_means([values.get(job.folder, nothing) for job in trial.jobs]) for trial in trials]

    def _run_watched(self, trials: Sequence[Trial], todo: Sequence[Job]) -> dict[str, tuple[float, ...]]:
        """Run jobs one trial after the other, each known to who ends it."""
        values: dict[str, tuple[float, ...]] = {}
        for trial in trials:
            self._watched = trial
            values |= self._run_jobs([job for job in trial.jobs if job in todo])
        return values

    def _run_jobs(self, jobs: Sequence[Job]) -> dict[str, tuple[float, ...]]:
        """Hand jobs to the launcher; return the objectives of each by its folder, NaN of one that broke off."""
        if not jobs:
            return {}
        returns = self.launch_jobs([job.words for job in jobs], int(jobs[0].folder))
        self._returns.append(returns)
        return {job.folder: self._result(returned, job) for returned, job in zip(returns, jobs, strict=True)}

    def _result(self, returned: JobReturn, job: Job) -> tuple[float, ...]:
        is_lost = self.is_broken_off(returned, self._home / job.folder)  # ``return_value`` would raise its error
        return _as_tuple(no_objective(self.config) if is_lost else returned.return_value)

    def _known(self, job: Job) -> tuple[float, ...] | None:
        """Return the objectives of a run that an earlier attempt brought to its end, or None where it is to be run."""
        folder = self._home / job.folder
        if not self._resuming or status(folder) not in COMPLETE:
            return None
        facts = read_summary(folder) or {}
        if facts.get("config_hash") != digest_of(self.compose(job.words)):
            return None
        try:
            ended = Outcome(facts["status"], facts["steps"], facts["seconds"], facts["metrics"])
            return _as_tuple(objective_value(self.config, ended))
        except UserError:  # it has nothing of an objective's name, and would not when run again
            return _as_tuple(no_objective(self.config))

    def _complaint(self, words: Words) -> str | None:
        """Return what is wrong with the words of a trial, such as a parameter that its optimizer does not have."""
        try:
            return self.complaint(self.compose_ahead(words)) or None
        except Exception as error:
            said = mistakes.explain(error)
            if said is None:
                raise
            return said

    def _conclude(self, study: Any) -> None:
        """Say what was best, and write it down."""
        states = [trial.state.name for trial in self._ours(study)]
        if "COMPLETE" not in states:
            return
        pruned = f", {states.count('PRUNED')} others ended early" if "PRUNED" in states else ""
        trials = f"{states.count('COMPLETE')} trials{pruned}"
        names = self.settings.objectives or ["final validation loss"]
        content: dict[str, Any] = {"name": "optuna"}
        if len(names) == 1:
            content |= {"best_params": dict(study.best_trial.params), "best_value": study.best_value}
            say(f"best of {trials}, by {names[0]} ({measured(study.best_value, 4)}): {_words(study.best_trial)}")
        else:
            content["solutions"] = [{"params": dict(trial.params), "values": list(trial.values)} for trial in study.best_trials]
            say(f"of {trials} {len(study.best_trials)} are such that no other is better in {' and '.join(names)}:")
            for trial in sorted(study.best_trials, key=lambda trial: trial.values):
                say(f"  {', '.join(measured(value, 4) for value in trial.values)}: {_words(trial)}")
        OmegaConf.save(OmegaConf.create(content), self._home / RESULTS)


def _is_told(trial: Any) -> bool:
    """Tell whether a trial came to an end, be it that it diverged or failed."""
    return trial.state.name in ("COMPLETE", "PRUNED") or (trial.state.name == "FAIL" and NO_RESULT in trial.user_attrs)


def _is_given_up(trial: Any) -> bool:
    """Tell whether another trial has taken the place of one that was cut short."""
    return trial.state.name == "FAIL" and NO_RESULT not in trial.user_attrs


def _nobody(config: Any) -> None:
    """Is called by no one: what cannot be composed is not run."""


def _means(values: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the mean of each objective over the seeds; NaN where one of the runs has no result."""
    return tuple(sum(column) / len(column) for column in zip(*values, strict=True))


def _as_tuple(value: Value) -> tuple[float, ...]:
    return tuple(map(float, value)) if isinstance(value, tuple | list) else (float(value),)


def _suggest(asked: Any, axis: Axis) -> str:
    """Return the word that Optuna chooses: a number of an interval, or one of a list, whose order means nothing to it."""
    interval = axis.interval
    if interval is None:
        values = [word.partition("=")[2] for word in axis.words]
        return f"{axis.key}={asked.suggest_categorical(axis.key, values)}"
    low, high, is_log = interval.start, interval.end, "log" in interval.tags
    if low is None or high is None or not low <= high or (is_log and low <= 0):
        raise UserError(f"{axis.override.input_line}: a range goes from a number up to another, on a log scale from above 0")
    if isinstance(low, int) and isinstance(high, int):
        return f"{axis.key}={asked.suggest_int(axis.key, low, high, log=is_log)}"
    value = float(f"{asked.suggest_float(axis.key, low, high, log=is_log):.{DIGITS}g}")
    return f"{axis.key}={min(max(value, float(low)), float(high))!r}"


def _words(trial: Any) -> str:
    shown = {key: as_typed(value, DIGITS) if isinstance(value, float) else value for key, value in trial.params.items()}
    return " ".join(f"{key}={value}" for key, value in shown.items())
