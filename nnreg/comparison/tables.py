"""A comparison as rows: one an arm, one for every two arms. What the console, CSV, JSON, data frames and the report show."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnreg.comparison.pairs import Matrix
from nnreg.comparison.standings import Measured, Standing

HALF = "_half"
"""Ends the name of the column that holds half a mean's 95 % interval."""
_FIRST = ("train/loss_final", "train/loss_best", "valid/loss_final", "valid/loss_best", "valid/accuracy_final",
          "valid/accuracy_best", "valid/r2_final", "valid/r2_best", "test/loss", "test/accuracy", "test/r2")  # fmt: skip

Row = Mapping[str, Any]


def metrics_of(standings: Sequence[Standing], metric: str = "") -> list[str]:
    """Return the metrics that arms have, the one compared by first, seconds last."""
    seen = dict.fromkeys(name for standing in standings for name in standing.metrics)
    known = [name for name in dict.fromkeys((metric, *_FIRST, *seen)) if name in seen]
    return [name for name in known if name != "seconds"] + [name for name in known if name == "seconds"]


def settings_of(standings: Sequence[Standing]) -> list[str]:
    """Return the settings that tell arms apart, those that were tuned for each technique among them."""
    return list(dict.fromkeys(key for standing in standings for key in standing.arm.settings))


def arm_rows(standings: Sequence[Standing], metric: str) -> list[Row]:
    """Return one row an arm, best first: its settings, runs, means with half their intervals; None where there is no value."""
    names, settings = metrics_of(standings, metric), settings_of(standings)
    rows: list[Row] = []
    for standing in standings:
        row: dict[str, Any] = {"arm": standing.arm.name}
        row |= {setting: _plain(standing.arm.settings.get(setting)) for setting in settings}
        row |= {"runs": len(standing.arm.runs)}
        row |= {name: getattr(standing, name) for name in ("finished", "diverged", "failed")}
        for name in names:
            row |= _pair(name, standing.metrics.get(name))
        row |= _pair("steps_to_target", standing.steps_to_target) | _pair("seconds_to_target", standing.seconds_to_target)
        rows.append(row | {"reached": standing.reached})
    return rows


def pair_rows(matrices: Sequence[Matrix]) -> list[Row]:
    """Return one row for every two arms, then for every two values of each axis."""
    return [
        {
            "of": matrix.of,
            "metric": matrix.metric,
            "a": each.a,
            "b": each.b,
            "difference": _number(each.mean),
            f"difference{HALF}": _number(each.half),
            "seeds": each.seeds,
            "paired": each.paired,
            "winner": each.winner,
            "lost": each.lost,
            "correction": matrix.correction,
        }
        for matrix in matrices
        for each in matrix.differences
    ]


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write rows; numbers lose nothing, a missing one is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def _pair(name: str, measured: Measured | None) -> dict[str, float | None]:
    mean, half = (measured.mean, measured.half) if measured is not None else (None, None)
    return {name: _number(mean), f"{name}{HALF}": _number(half)}


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _plain(value: Any) -> Any:
    """Return a setting as a table holds it: a list as its words."""
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
