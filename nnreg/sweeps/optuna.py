"""``hparams_search=optuna_tpe`` and the like: trials that Optuna chooses from the results of those before.

Hydra's plugin for Optuna gives the names and the settings. The loop is our own: the plugin's ends with a traceback at the first
trial that diverges, and knows no seeds.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hydra.core.utils import JobReturn
from omegaconf import OmegaConf

from nnreg.console import say, warn
from nnreg.errors import UserError
from nnreg.registry import mistakes
from nnreg.registry.overrides import quoted
from nnreg.runs.task import Value, no_objective
from nnreg.sweeps.axes import Axis, Stage, Words, count_jobs
from nnreg.sweeps.launchers import base, work
from nnreg.sweeps.random_search import DIGITS, seeds_apart
from nnreg.sweeps.sweeper import ProtocolSweeper

PLACE = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
"""Name of the plugin's sweeper, whose place this one takes."""
RESULTS = "optimization_results.yaml"


class Trial(NamedTuple):
    """One proposal of Optuna's: its words, one list for each seed."""

    asked: Any
    jobs: list[Words]


class OptunaSearch(ProtocolSweeper):
    """Runs trials in batches, each chosen with the results of the earlier ones; with several seeds, by the mean over them.

    Args:
        sampler: Optuna's.
        direction: ``minimize`` or ``maximize``, or one for each of ``sweep.objectives``.
        storage: where Optuna keeps its study, or None for nowhere.
        study_name: of the study.
        n_trials: how many.
        n_jobs: trials that are chosen and run at once.
        max_failure_rate: the search ends when a larger share of a batch has no result.
        params: what is searched, beside what is typed.
        others: the plugin's other ways to say what is searched.
    """

    def __init__(
        self,
        sampler: Any,
        direction: Any,
        storage: str | None,
        study_name: str | None,
        n_trials: int,
        n_jobs: int,
        max_failure_rate: float,
        params: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> None:
        super().__init__(params=params)
        listed = direction if OmegaConf.is_list(direction) or isinstance(direction, list | tuple) else [direction]
        self._directions = [str(getattr(one, "name", one)) for one in listed]
        self._sampler, self._storage, self._study_name, self._others = sampler, storage, study_name, others
        self._trials, self._batch, self._most_failures = n_trials, n_jobs, max_failure_rate
        self._made = 0
        self.protocol = f"optuna ({type(sampler).__name__})"  # type: ignore[misc] # it depends on the sampler

    def count(self, axes: Sequence[Axis]) -> int:
        """Return trials times seeds."""
        self._check_settings()
        drawn, seeds = seeds_apart(axes)
        if not drawn:
            raise UserError(
                "there is nothing to search: add a range such as optimizer.lr=tag(log,interval(1e-4,1)) or a list such as "
                "optimizer=sgd,adam"
            )
        return self._trials * count_jobs(seeds)

    def stages(self, axes: Sequence[Axis]) -> Iterator[Stage]:
        """Refuse: nobody knows.

        Raises:
            UserError: always.
        """
        raise UserError(f"Optuna chooses its {self._trials} trials as it goes: sweep.dry_run cannot list them")

    def execute(self, axes: Sequence[Axis]) -> None:
        """Ask, run and tell, batch by batch."""
        if self._resuming:
            raise UserError("a search by Optuna is not gone on with: what it chose next hung on the results; start it again")
        self._check_objectives()
        study = self._study()
        for start in range(0, self._trials, self._batch):
            trials = [_ask(study, axes) for _ in range(min(self._batch, self._trials - start))]
            results = self._results(trials)
            failed = 0
            for trial, values in zip(trials, results, strict=True):
                is_result = all(map(math.isfinite, values))
                failed += not is_result
                study.tell(trial.asked, values if is_result else None, state=_state(is_result=is_result))
            if failed / len(trials) > self._most_failures:
                warn(f"the search ends: {failed} of {len(trials)} trials failed, more than hydra.sweeper.max_failure_rate")
                break
        self._conclude(study)

    def _study(self) -> Any:
        import optuna

        optuna.logging.set_verbosity(logging.WARNING)
        try:
            return optuna.create_study(
                study_name=self._study_name,
                storage=self._storage,
                sampler=self._sampler,
                directions=self._directions,
                load_if_exists=True,
            )
        except Exception as error:  # of a database, or of the sampler
            raise UserError(f"Optuna does not begin: {type(error).__name__}: {str(error).strip().splitlines()[0]}") from error

    def _check_settings(self) -> None:
        for name, value in self._others.items():
            if value is not None:
                raise UserError(f"hydra.sweeper.{name} is not read: give ranges as hydra.sweeper.params, or type them")
        if not hasattr(self._sampler, "infer_relative_search_space"):
            raise UserError("this sampler of Optuna has nothing to choose: protocol=grid runs every combination")
        if self._trials < 1 or self._batch < 1:
            raise UserError("hydra.sweeper.n_trials and hydra.sweeper.n_jobs must be 1 or more")

    def _check_objectives(self) -> None:
        named = self.settings.objectives or ["the final validation loss"]
        if len(named) != len(self._directions):
            raise UserError(
                f"hydra.sweeper.direction has {len(self._directions)} for {len(named)} objectives ({', '.join(named)}): "
                "name as many, such as sweep.objectives=[valid/loss_final,seconds] hydra.sweeper.direction=[minimize,minimize]"
            )

    def _results(self, trials: Sequence[Trial]) -> list[tuple[float, ...]]:
        """Run trials; return for each the mean of each objective over its seeds."""
        told = () if self.settings.objectives is None else (f"sweep.objectives={quoted(self.settings.objectives)}",)
        jobs = [(*words, *told, f"hydra.sweep.subdir={number}") for number, words in enumerate(_jobs(trials), self._made)]
        complaints = [self._complaint(words) for words in jobs]
        if not self._begun and all(complaints):
            raise UserError(str(complaints[0]))
        self._begin()
        assert self.hydra_context is not None
        assert self.config is not None
        shared = work.work_of(self.hydra_context, self.config, _nobody)
        for number, (words, said) in enumerate(zip(jobs, complaints, strict=True), self._made):
            if said is not None:
                base.record(shared, work.Job(number, words), said)
        sound = [words for words, said in zip(jobs, complaints, strict=True) if said is None]
        returns = self.launcher.launch(sound, initial_job_idx=self._made) if sound else []
        self._returns.append(returns)
        self._made += len(jobs)
        values = dict(zip(sound, map(self._result, returns, sound), strict=True))
        nothing = _as_tuple(no_objective(self.config))
        of_each = iter([values.get(words, nothing) for words in jobs])
        return [_means([next(of_each) for _ in trial.jobs]) for trial in trials]

    def _result(self, returned: JobReturn, words: Words) -> tuple[float, ...]:
        """Return the objectives of a job; NaN of one that broke off, whose error ``return_value`` would raise."""
        is_lost = self.is_broken_off(returned, self._home / words[-1].partition("=")[2])
        return _as_tuple(no_objective(self.config) if is_lost else returned.return_value)

    def _complaint(self, words: Words) -> str | None:
        """Return what is wrong with the words of a trial, such as a parameter that its optimizer does not have."""
        try:
            self.compose_ahead(words)
        except Exception as error:
            said = mistakes.explain(error)
            if said is None:
                raise
            return said
        return None

    def _conclude(self, study: Any) -> None:
        """Say what was best, and write it down as Hydra's plugin does."""
        found = [trial for trial in study.trials if trial.values is not None and trial.state == _state(is_result=True)]
        if not found:
            return
        names = self.settings.objectives or ["final validation loss"]
        content: dict[str, Any] = {"name": "optuna"}
        if len(names) == 1:
            content |= {"best_params": dict(study.best_trial.params), "best_value": study.best_value}
            say(f"best of {len(found)} trials, by {names[0]} ({study.best_value:.4g}): {_words(study.best_trial)}")
        else:
            content["solutions"] = [{"params": dict(trial.params), "values": list(trial.values)} for trial in study.best_trials]
            say(f"of {len(found)} trials {len(study.best_trials)} are such that no other is better in {' and '.join(names)}:")
            for trial in sorted(study.best_trials, key=lambda trial: trial.values):
                say(f"  {', '.join(f'{value:.4g}' for value in trial.values)}: {_words(trial)}")
        OmegaConf.save(OmegaConf.create(content), self._home / RESULTS)


def _nobody(config: Any) -> None:
    """Is called by no one: what cannot be composed is not run."""


def _jobs(trials: Sequence[Trial]) -> Iterator[Words]:
    return (words for trial in trials for words in trial.jobs)


def _means(values: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the mean of each objective over the seeds; NaN where one of the runs has no result."""
    return tuple(sum(column) / len(column) for column in zip(*values, strict=True))


def _as_tuple(value: Value) -> tuple[float, ...]:
    return tuple(map(float, value)) if isinstance(value, tuple | list) else (float(value),)


def _ask(study: Any, axes: Sequence[Axis]) -> Trial:
    """Let Optuna choose a value for each setting that is searched."""
    drawn, seeds = seeds_apart(axes)
    asked = study.ask()
    words = tuple(_suggest(asked, axis) if axis in drawn else axis.words[0] for axis in axes if axis not in seeds)
    return Trial(asked, [(*words, *seed) for seed in itertools.product(*(axis.words for axis in seeds))])


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


def _state(*, is_result: bool) -> Any:
    from optuna.trial import TrialState

    return TrialState.COMPLETE if is_result else TrialState.FAIL


def _words(trial: Any) -> str:
    shown = {key: f"{value:.{DIGITS}g}" if isinstance(value, float) else value for key, value in trial.params.items()}
    return " ".join(f"{key}={value}" for key, value in shown.items())
