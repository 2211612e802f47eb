"""Sweeps made up for comparisons: real run folders on disk, and runs in memory where numbers alone matter."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nnreg.comparison.gathering import Arm, Gathered, Tuning
from nnreg.comparison.judging import ruler_of
from nnreg.comparison.standings import NONE, Standing, measured
from nnreg.records.card import config_hash
from nnreg.records.results import Result, Results

CHOICES = {
    "activation": "relu",
    "dataset": "iris",
    "dropout": "none",
    "init": "he",
    "loss": "softmax_cross_entropy",
    "norm": "none",
    "optimizer": "sgd",
    "regularizer": "none",
    "schedule": "constant",
    "bias": "zeros",
}
PARAMETERS = {
    "sgd": {"lr": 0.01},
    "adam": {"lr": 0.001, "beta1": 0.9},
    "momentum": {"lr": 0.01, "momentum": 0.9},
    "normal": {"std": 0.01},
    "iris": {"random_state": 0},
    "wine": {"random_state": 0},
    "digits": {"random_state": 0},
    "moons": {"noise": 0.2, "random_state": 0},
    "l2": {"weight_decay": 0.1},
    "lookahead": {"lr": None, "k": 5},
}
SETTINGS = {"task": "train", "hidden": [8], "steps": 20, "batch": 32, "tolerance": 0.01, "tracking": "off", "start": None}
CURVE = {"train/loss": [2.0, 1.5, 1.0, 0.5], "valid/loss": [1.9, 0.9], "valid/accuracy": [0.5, 0.8]}


def _node(name: str) -> dict[str, Any]:
    """Return the configuration of a technique, such as ``lookahead+sgd``."""
    outer, _, inner = name.partition("+")
    return {"name": outer, **PARAMETERS.get(outer, {}), **({"inner": _node(inner)} if inner else {})}


def leave(
    folder: Path,
    overrides: Sequence[str] = (),
    *,
    seed: int = 0,
    status: str = "finished",
    metrics: Mapping[str, float] | None = None,
    curves: Mapping[str, Sequence[float]] | None = None,
    settings: Mapping[str, Any] | None = None,
    digest: str | None = None,
    data_dir: str | None = None,
    code: Mapping[str, str] | None = None,
    versions: Mapping[str, str] | None = None,
) -> Path:
    """Leave a run's folder as a run does; overrides are ``optimizer=adam``, ``optimizer.lr=0.1`` or ``hidden=[8,8]``."""
    typed = dict(override.split("=", 1) for override in overrides)
    choices = {kind: typed.get(kind, name) for kind, name in CHOICES.items()}
    config: dict[str, Any] = {**SETTINGS, "seed": seed, **(settings or {})}
    config |= {kind: _node(name) for kind, name in choices.items()}
    for key, value in typed.items():
        if key not in CHOICES and key != "seed" and (key.partition(".")[0] in config):
            OmegaConf.update(made := OmegaConf.create(config), key, OmegaConf.create(f"x: {value}")["x"])
            config = OmegaConf.to_container(made)
    config["dataset"] |= {"data_dir": data_dir} if data_dir else {}
    rows = {"train": 90, "valid": 30, "test": 30}
    facts = {
        "label": f"{choices['optimizer']}-{choices['init']}",
        "status": status,
        "error": "it broke" if status == "failed" else None,
        "diverged_at_step": 3 if status == "diverged" else None,
        "early_stop": None,
        "steps": 4,
        "seconds": 2.0,
        "metrics": dict(metrics if metrics is not None else {"final/train_loss": 0.5}),
        "task": config["task"],
        "config_hash": config_hash(config),
        "choices": choices,
        "overrides": [*overrides, f"seed={seed}"],
        "command": "python -m nnreg",
        "seed": seed,
        "parameters": 67,
        "dataset": {"name": choices["dataset"], "source": "", "digest": digest or choices["dataset"], "rows": rows},
        "plugins": {"nnreg": "0.1.0"},
        "sweep_id": folder.parent.name,
        "job": 0,
        "resumed_at_step": None,
    }
    facts |= {"code": dict(code or {}), "versions": dict(versions or {}), "git": {}}
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(config)))
    lines = [f"{step},{metric},{value!r}" for metric, values in (curves or CURVE).items() for step, value in enumerate(values)]
    (folder / "history.csv.gz").write_bytes(gzip.compress("\n".join(["step,metric,value", *lines, ""]).encode(), mtime=0))
    (folder / "summary.json").write_text(json.dumps(facts, indent=2) + "\n")
    return folder


def sweep(home: Path, jobs: Mapping[tuple[str, ...], Sequence[float | None]], **same: Any) -> Path:
    """Leave a sweep: what was typed for each arm, to its final training losses at seeds 1, 2, ...; None for a diverged run."""
    number = 0
    for overrides, losses in jobs.items():
        for seed, loss in enumerate(losses, 1):
            metrics = {"final/train_loss": loss, "valid/loss_final": loss, "valid/accuracy_best": 1 - (loss or 0.0) / 10}
            status = "diverged" if loss is None else "finished"
            leave(home / str(number), overrides, seed=seed, status=status, metrics=metrics if loss is not None else {}, **same)
            number += 1
    return home


def standing(name: str, values: Mapping[int, float | None], metric: str = "final/train_loss", **settings: Any) -> Standing:
    """Return how an arm did in memory: seed to value, None for a diverged run."""
    return measured_by(name, {metric: values}, **settings)


def measured_by(name: str, metrics: Mapping[str, Mapping[int, float | None]], **settings: Any) -> Standing:
    """Return how an arm did by several metrics, each seed to value; None for a diverged run, which has none of them."""
    seeds = next(iter(metrics.values()))
    runs = Results(_run(seed, {metric: values[seed] for metric, values in metrics.items()}) for seed in seeds)
    arm = Arm(name, settings or {"optimizer": name}, runs, "#000000")
    endings = Counter(run.summary["status"] for run in runs)
    finished = {
        metric: {seed: value for seed, value in values.items() if value is not None} for metric, values in metrics.items()
    }
    made = {metric: measured(values, ruler_of(metric, runs)) for metric, values in finished.items()}
    return Standing(arm, made, NONE, NONE, 0, endings)


def _run(seed: int, values: Mapping[str, float | None]) -> Result:
    status, metrics = ("diverged", {}) if None in values.values() else ("finished", dict(values))
    dataset = {"rows": {"train": 90, "valid": 30, "test": 30}}
    summary = {"status": status, "metrics": metrics, "choices": {"optimizer": "sgd"}, "dataset": dataset, "task": "train"}
    summary |= {"seconds": 2.0, "steps": 4}
    return Result(Path(), summary, {"seed": seed})


def gathered(
    *found: Standing,
    paired: bool = True,
    tuning: Tuning | None = None,
    metric: str = "final/train_loss",
    companion: str | None = None,
) -> Gathered:
    """Return what would have been gathered of some arms."""
    axes: dict[str, list[Any]] = {}
    for each in found:
        for key, value in each.arm.settings.items():
            axes.setdefault(key, []).append(value)
    seeds = sorted({run.seed for each in found for run in each.arm.runs})
    plain = Tuning("grid", {}, "", (), False, Results(()))
    arms = [each.arm for each in found]
    return Gathered((Path("sweep"),), arms, axes, seeds, paired, tuning or plain, (), metric, companion)
