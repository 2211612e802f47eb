"""Run cards and histories made up for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnreg.engine.history import FINAL_LOSS, START_LOSS, TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, History, Record
from nnreg.records.card import DatasetCard, RunCard

PLAIN = {
    "optimizer": "sgd",
    "init": "he",
    "activation": "relu",
    "network": "mlp",
    "dataset": "digits",
    "loss": "softmax_cross_entropy",
    "regularizer": "none",
    "norm": "none",
    "dropout": "none",
    "schedule": "constant",
    "sampler": "with_replacement",
    "augmentation": "none",
    "bias": "zeros",
}
"""What a plain run of training chooses: slot to technique."""


def card(folder: Path, **changes: Any) -> RunCard:
    """Return the card of an ordinary run, with changes."""
    facts: dict[str, Any] = {
        "label": "adam-he",
        "folder": folder,
        "choices": {
            "optimizer": "adam",
            "init": "he",
            "activation": "relu",
            "dataset": "digits",
            "loss": "softmax_cross_entropy",
        },
        "config": {
            "seed": 0,
            "hidden": [100, 100],
            "steps": changes.get("steps", 200),
            "batch": 128,
            "dtype": "float32",
            "sampler": {"name": "with_replacement"},
            "optimizer": {"name": "adam", "lr": 0.001},
            "init": {"name": "he"},
            "activation": {"name": "relu"},
            "dataset": {"name": "digits"},
            "loss": {"name": "softmax_cross_entropy"},
        },
        "overrides": ("optimizer=adam", "init=he"),
        "command": "python -m nnreg optimizer=adam init=he seed=0",
        "colour": "#e69f00",
        "plugins": {"nnreg": "0.1.0"},
        "dataset": DatasetCard("digits", "made up", "0" * 64, {"train": 1000, "valid": 300, "test": 300}, 64, 10),
        "parameters": 17_610,
        "seed": 0,
        "steps": 200,
    }
    return RunCard(**facts | changes)


def history(steps: int = 200) -> History:
    """Return a falling training loss, and a validation every tenth step."""
    made = History()
    made.add(Record(0, START_LOSS, 2.3))
    for step in range(steps):
        made.add(Record(step, TRAIN_LOSS, 2.3 / (1 + step)))
        if (step + 1) % 10 == 0:
            made.add(Record(step + 1, VALID_LOSS, 2.5 / (1 + step)))
            made.add(Record(step + 1, VALID_ACCURACY, 1 - 0.9 / (1 + step)))
    made.add(Record(steps, FINAL_LOSS, 2.3 / (1 + steps)))
    return made
