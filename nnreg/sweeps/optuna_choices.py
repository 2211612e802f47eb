"""The samplers and pruners of Optuna's by the names that ``hparams_search`` gives them, and the settings that they take."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from nnreg.errors import UserError, instead, one_line

TARGET = "hydra_plugins.nnreg.OptunaSearch"
OLDEST = 4  # version of Optuna


class Choice(NamedTuple):
    """What a name stands for.

    Attributes:
        made: name of Optuna's class.
        settings: where its own defaults do not fit or are missing; text names a setting of the runs.
        needs: what is to be installed beside Optuna.
    """

    made: str
    settings: Mapping[str, Any] = {}
    needs: str = ""


SAMPLERS: Mapping[str, Choice] = {
    "tpe": Choice("TPESampler"),
    "random": Choice("RandomSampler"),
    "nsgaii": Choice("NSGAIISampler"),
    "nsgaiii": Choice("NSGAIIISampler"),
    "qmc": Choice("QMCSampler"),
    "cmaes": Choice("CmaEsSampler", needs="cmaes"),
    "gp": Choice("GPSampler", needs="torch"),
}
PRUNERS: Mapping[str, Choice] = {
    "none": Choice("NopPruner"),
    "median": Choice("MedianPruner"),
    "percentile": Choice("PercentilePruner", {"percentile": 25.0}),
    "hyperband": Choice("HyperbandPruner", {"min_resource": "validate_every", "max_resource": "steps"}),
    "successive_halving": Choice("SuccessiveHalvingPruner", {"min_resource": "validate_every"}),
    "threshold": Choice("ThresholdPruner"),
}
LISTS_ALL = ("grid", "brute_force")
"""Samplers of Optuna's that choose nothing."""


@dataclass
class OptunaSettings:
    """What ``hydra.sweeper`` holds; ``sampler`` and ``pruner`` are settings of those that ``hparams_search`` names."""

    _target_: str = TARGET
    defaults: list[Any] = field(default_factory=lambda: ["_self_", {"sampler": None}])
    sampler: dict[str, Any] = field(default_factory=dict)
    pruner: dict[str, Any] = field(default_factory=dict)
    direction: Any = "minimize"
    storage: str | None = None
    study_name: str | None = None
    n_trials: int = 20
    n_jobs: int = 2
    max_failure_rate: float = 1.0
    params: dict[str, Any] | None = None


def register_settings() -> None:
    """Make Hydra know the sweeper's settings, and ``hydra/sweeper/sampler=NAME``, which earlier versions had."""
    store = ConfigStore.instance()
    settings = OmegaConf.structured(OptunaSettings)
    for name in ("sampler", "pruner"):
        OmegaConf.set_struct(settings[name], False)  # Hydra would refuse what Optuna's classes take
    store.store(group="hydra/sweeper", name="optuna", node=settings, provider="nnreg")
    for name in (*SAMPLERS, "grid"):
        store.store(group="hydra/sweeper/sampler", name=name, node={"name": name}, provider="nnreg")


def load_optuna() -> Any:
    """Return the package.

    Raises:
        UserError: it is not installed, or too old.
    """
    try:
        import optuna
    except ImportError as error:
        raise UserError("hparams_search needs what is not installed: `python -m pip install 'nnreg[optuna]'`") from error
    if int(optuna.__version__.partition(".")[0]) < OLDEST:
        upgrade = "`python -m pip install --upgrade 'nnreg[optuna]'`"
        raise UserError(f"hparams_search needs Optuna {OLDEST} or later, {optuna.__version__} is installed: {upgrade}")
    optuna.logging.set_verbosity(logging.WARNING)
    return optuna


def make_sampler(name: str, settings: Mapping[str, Any], place: int) -> Any:
    """Return the sampler for one proposal: its seed is made of that of the search and its place in it.

    Args:
        name: of the sampler.
        settings: that it takes; a ``seed`` among them is that of the search.
        place: of the proposal in the search, from 0.

    Raises:
        UserError: see ``make_pruner``; or it chooses nothing.
    """
    if name in LISTS_ALL:
        raise UserError(f"hparams_search.sampler={name} has nothing to choose: protocol=grid runs every combination")
    seed = settings.get("seed")
    if isinstance(seed, int) and not settings.get("scramble"):  # qmc: what is scrambled is one sequence, by one seed
        settings = {**settings, "seed": int(np.random.SeedSequence([seed, place]).generate_state(1)[0])}
    return _made("sampler", name, SAMPLERS, settings, {})


def make_pruner(name: str, settings: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    """Return a pruner.

    Args:
        name: of the pruner.
        settings: that it takes.
        config: of the runs.

    Raises:
        UserError: there is none of this name, it takes no such settings, or needs what is not installed.
    """
    return _made("pruner", name, PRUNERS, settings, config)


def _made(kind: str, name: str, known: Mapping[str, Choice], settings: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    if name not in known:
        raise UserError(f"hparams_search.{kind}: there is no '{name}'{instead(name, known)}")
    optuna, choice = load_optuna(), known[name]
    if choice.needs and importlib.util.find_spec(choice.needs) is None:
        needs = f"`python -m pip install {choice.needs}`"
        raise UserError(f"hparams_search.{kind}={name} needs what is not installed: {needs}")
    make = getattr(getattr(optuna, f"{kind}s"), choice.made)
    _check_settings(kind, name, settings, _typable(make))
    usual = {key: config[value] if isinstance(value, str) else value for key, value in choice.settings.items()}
    usual = {key: max(1, config["steps"] // 100) if value == "auto" else value for key, value in usual.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # who chooses it by name wants it
            return make(**usual | dict(settings))
    except (TypeError, ValueError) as error:
        raise UserError(f"hparams_search.{kind}={name}: {one_line(error)}") from error


def _check_settings(kind: str, name: str, settings: Mapping[str, Any], takes: Mapping[str, set[str]]) -> None:
    for key, value in settings.items():
        if key not in takes:
            raise UserError(f"hydra.sweeper.{kind}: {name} has no setting '{key}'{instead(key, takes)}")
        if type(value).__name__ not in takes[key] | {"int", "NoneType"}:
            wanted = " or ".join(sorted(takes[key] - {"None"}))
            raise UserError(f"hydra.sweeper.{kind}.{key}={value}: it takes {wanted}")


def _typable(make: Any) -> dict[str, set[str]]:
    """Return the arguments that take numbers and words, with the names of their types: no functions, no objects."""
    parameters = inspect.signature(make).parameters.values()
    types = {each.name: set(re.findall(r"\w+", inspect.formatannotation(each.annotation))) for each in parameters}
    types = {name: words - {"Optional"} for name, words in types.items()}
    return {name: words for name, words in types.items() if words <= {"int", "float", "bool", "str", "None"}}
