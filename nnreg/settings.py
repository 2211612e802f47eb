"""What a run chooses besides its techniques: each setting's type, default, meaning and range, written once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nnreg.contracts import check_range


@dataclass(frozen=True)
class Settings:
    """The settings of one run; ``python -m nnreg steps=500`` changes one.

    Args:
        seed: starts every random stream; same seed, same initial weights, batches and masks, whatever the optimizer.
        hidden: widths of the hidden layers, first to last.
        steps: number of updates.
        batch: rows of one mini-batch.
        sampling: ``replacement`` draws each batch from all training rows; ``epoch`` goes through a fresh permutation.
        validate_every: steps between two looks at the validation split.
        dtype: precision of parameters, gradients and activations.
        tracking: ``mlflow`` logs the run there; ``off`` keeps it in the run folder only.
        tracking_uri: MLflow store or server; null: MLFLOW_TRACKING_URI, else mlflow.db in the working directory.
        experiment_name: MLflow experiment; null: MLFLOW_EXPERIMENT_NAME, else nnreg.

    Raises:
        ValueError: a setting is out of its range.
    """

    seed: int = 0
    hidden: list[int] = field(default_factory=lambda: [100, 100, 100, 100])
    steps: int = 2000
    batch: int = 128
    sampling: Literal["replacement", "epoch"] = "replacement"
    validate_every: int = 100
    dtype: Literal["float32", "float64"] = "float32"
    tracking: Literal["mlflow", "off"] = "mlflow"
    tracking_uri: str | None = None
    experiment_name: str | None = None

    def __post_init__(self) -> None:
        check_range(self, seed="[0, inf)", steps="[1, inf)", batch="[1, inf)", validate_every="[1, inf)")
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(
                f"hidden must list at least one layer width of 1 or more, such as hidden=[100,100], got {self.hidden}"
            )
