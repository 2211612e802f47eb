"""Sweeps of odd shapes, whose reports must be readable too."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from nnreg.comparison.compare import compare
from nnreg.comparison.report.html import html
from nnreg.records.card import config_hash
from nnreg.records.manifest import Manifest, Raced
from tests.comparison.sweeps import leave, sweep

RULES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "nadam", "radam", "lion")


def curves(end: float, seed: int, steps: int = 120) -> dict[str, list[float]]:
    """Return what a run may have recorded on its way to a final loss."""
    rng, way = np.random.default_rng(seed), np.linspace(0, 1, steps)
    loss = np.exp(np.log(2.3) + way * np.log(end / 2.3) + 0.2 * rng.normal(size=steps) * np.sqrt(way))
    return {
        "train/loss": loss.tolist(),
        "valid/loss": (loss[::12] * 1.2).tolist(),
        "valid/accuracy": np.maximum(0, 1 - loss[::12] / 3).tolist(),
    }


def arms(home: Path, losses: Mapping[str, float], seeds: int = 4, spread: float = 0.1) -> Path:
    """Leave a sweep: what was typed for each arm, to its typical final loss; a negative one diverges at every second seed."""
    number = 0
    for words, loss in losses.items():
        for seed in range(seeds):
            is_lost = loss < 0 and seed % 2 == 0
            end = abs(loss) * float(np.exp(spread * np.random.default_rng([seed, number]).normal()))
            metrics = {"final/train_loss": end, "valid/loss_final": 1.2 * end, "valid/accuracy_final": 1 - end / 3,
                       "valid/accuracy_best": 1 - end / 3, "test/accuracy": 1 - end / 3}  # fmt: skip
            status = "diverged" if is_lost else "finished"
            leave(home / str(number), words.split(), seed=seed, status=status, metrics={} if is_lost else metrics,
                  curves={"train/loss": [2.3, 8.0, 900.0]} if is_lost else curves(end, number))  # fmt: skip
            number += 1
    return home


def _failed(home: Path) -> Path:
    arms(home, {"optimizer=adam": 0.1, "optimizer=sgd": 0.4})
    for seed in range(3):
        leave(home / f"9{seed}", ["optimizer=lion"], seed=seed, status="failed", metrics={}, curves={"train/loss": [2.3]})
    return home


def _many_axes(home: Path) -> Path:
    axes = itertools.product(("sgd", "adam"), ("he", "normal"), ("relu", "tanh"), ("[8]", "[64,64]"))
    return arms(home, {
        f"optimizer={rule} init={init} activation={shape} hidden={wide}": 0.05 * (place + 1)
        for place, (rule, init, shape, wide) in enumerate(axes)
    }, seeds=3)  # fmt: skip


def _raced(home: Path) -> Path:
    arms(home, {"optimizer=adam": 0.1, "optimizer=momentum": 0.12, "optimizer=sgd": 0.9}, seeds=5)
    race = Raced("final/train_loss", (0, 1, 2, 3, 4), ((3, 0.02), (5, 0.02)), ("adam", "momentum"), {"sgd": (3, "adam")}, 2)
    Manifest(command="python -m nnreg -m protocol=race", protocol="race", race=race).save(home)
    return home


def _searched(home: Path) -> Path:
    rng = np.random.default_rng(0)
    drawn = [(10 ** rng.uniform(-4, 0), rng.uniform(0.5, 0.99), 10 ** rng.uniform(-6, -1)) for _ in range(24)]
    arms(home, {
        f"optimizer=momentum optimizer.lr={lr} optimizer.momentum={momentum} regularizer=l2 regularizer.weight_decay={decay}":
            -1.0 if lr > 0.5 else 0.02 + abs(np.log10(lr) + 1.5) / 3
        for lr, momentum, decay in drawn
    }, seeds=1)  # fmt: skip
    Manifest(command="python -m nnreg -m protocol=random_search", protocol="random_search").save(home)
    return home


def _descended(home: Path) -> Path:
    arms(home, {"optimizer=adam": 0.01, "optimizer=sgd": 2.0, "optimizer=momentum": 0.3}, seeds=1)
    for folder in home.iterdir():
        summary = json.loads((folder / "summary.json").read_text())
        summary |= {"task": "descend", "dataset": None, "metrics": {"descent/value": summary["metrics"]["final/train_loss"]}}
        summary["choices"] |= {"surface": "quadratic"}
        config = OmegaConf.load(folder / "config.yaml")
        config.task, config.surface = "descend", {"name": "quadratic"}
        summary["config_hash"] = config_hash(OmegaConf.to_container(config))
        (folder / "config.yaml").write_text(OmegaConf.to_yaml(config))
        (folder / "summary.json").write_text(json.dumps(summary))
    return home


def _rates(home: Path) -> Path:
    losses = {
        f"optimizer={rule} optimizer.lr={rate}": -1.0 if rate == 1.0 else 0.1 * place * rate**0.1
        for place, rule in enumerate(RULES[:4], 1)
        for rate in (0.001, 0.01, 0.1, 1.0)
    }
    return arms(home, losses, seeds=3)


def _datasets(home: Path) -> Path:
    names = enumerate(("iris", "wine", "digits"), 1)
    pairs = itertools.product(names, enumerate(RULES[:3], 1))
    return arms(home, {f"dataset={name} optimizer={rule}": 0.1 * easy * good for (easy, name), (good, rule) in pairs})


def _long_names(home: Path) -> Path:
    wide = ",".join(["512"] * 9)
    return arms(home, {
        f"optimizer={'lookahead+' * place}momentum hidden=[{wide}] batch={batch}": 0.1 * (place + batch)
        for place in (0, 1) for batch in (16, 32, 64)
    })  # fmt: skip


def _grid(home: Path, rules: int, inits: Sequence[str]) -> Path:
    pairs = itertools.product(enumerate(RULES[:rules]), enumerate(inits, 1))
    return arms(home, {f"optimizer={rule} init={init}": 0.02 * 3**place * worse for (place, rule), (worse, init) in pairs})


def _rules(home: Path, count: int, **more: Any) -> Path:
    return arms(home, {f"optimizer={rule}": 0.02 * place for place, rule in enumerate(RULES[:count], 1)}, **more)


SHAPES: Mapping[str, Callable[[Path], Path]] = {
    "plain": lambda home: _grid(home, 4, ("he", "normal")),
    "one arm": lambda home: sweep(home, {("optimizer=adam",): [0.1, 0.2, 0.3]}),
    "forty arms": lambda home: _grid(home, 10, ("he", "normal", "lecun", "glorot")),
    "one seed": lambda home: _rules(home, 10, seeds=1),
    "two seeds": lambda home: _rules(home, 3, seeds=2),
    "diverged": lambda home: arms(home, {"optimizer=adam": 0.1, "optimizer=sgd": -0.2, "optimizer=momentum": -0.1}),
    "all diverged": lambda home: sweep(home, {("optimizer=adam",): [None] * 3, ("optimizer=sgd",): [None] * 3}),
    "failed": _failed,
    "many axes": _many_axes,
    "alike": lambda home: arms(home, {f"optimizer={rule}": 0.2 for rule in RULES}, spread=0.0),
    "race": _raced,
    "search": _searched,
    "rates": _rates,
    "datasets": _datasets,
    "long names": _long_names,
    "surface": _descended,
}


def report(home: Path, shape: str, *, pictures: bool = False) -> Path:
    """Return the report of a sweep of some shape; the pictures for who runs no scripts take most of the time."""
    found = compare([SHAPES[shape](home / "sweep")])
    if pictures:
        return found.save(home / "out")
    page = home / "report.html"
    page.write_text(html(found, {}), encoding="utf-8")
    return page
