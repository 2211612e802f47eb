"""Data whose rows are known as they were before any dataset scaled or coded them, and networks that are trained on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets as shipped

from nnreg.registry import entries
from nnreg_std.datasets import _locating

TABLE = "age;city;smokes;weight;risk\n"
CITIES = ("Paris", "Köln", "Łódź")


def write_table(path: Path, rows: int = 120, *, gaps: bool = False) -> list[list[str]]:
    """Write a table with decimal commas, words and labels, in Windows-1250, and return its cells."""
    rng = np.random.default_rng(3)
    cells = []
    for row in range(rows):
        age, city = rng.uniform(20, 80), CITIES[int(rng.integers(3))]
        label = "high" if age + 10 * (city == "Köln") > 55 else "low"
        missing = gaps and row % 10 == 9
        cells.append(
            [
                f"{age:.2f}".replace(".", ","),
                city,
                str(row % 2 == 0),
                "" if missing else f"{rng.normal(70, 9):.1f}".replace(".", ","),
                label,
            ]
        )
    text = TABLE + "".join(";".join(row) + "\n" for row in cells)
    path.write_bytes(text.encode("cp1250"))
    return cells


def fake_pictures(monkeypatch: Any, folder: Path, size: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """Let the published datasets of pictures be small, and return the pictures and labels that are validated with."""
    rng = np.random.default_rng(5)
    pictures, labels = rng.integers(0, 256, (160, size, size), dtype=np.uint8), np.arange(160, dtype=np.uint8) % 10
    monkeypatch.setattr(_locating, "_read", lambda *_: ([pictures[:120], labels[:120], pictures[120:], labels[120:]], folder))
    return pictures[80:120], labels[80:120]


def held_out(name: str, **parameters: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the validation rows of a dataset in its own units, found by its own division and not by what a run has kept."""
    made = entries.load_class(entries.find_technique("dataset", name))
    unscaled = {"standardise": False} if "standardise" in made.__dataclass_fields__ else {}
    x, y = made(**unscaled, **parameters).load().valid
    return x, y


def rows_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return validation rows and answers as a person has them."""
    x, y = held_out(name)
    names = NAMES.get(name)
    return x * SCALES.get(name, 1), y if names is None else np.asarray(names)[y]


SCALES: Mapping[str, float] = {"digits": 16}
NAMES: Mapping[str, Any] = {
    "iris": shipped.load_iris().target_names.tolist(),
    "wine": shipped.load_wine().target_names.tolist(),
    "breast_cancer": shipped.load_breast_cancer().target_names.tolist(),
}
Trained = Callable[..., Path]
