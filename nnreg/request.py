"""What is asked for when a run is: its configuration, where it goes, and where it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from nnreg.snapshot import Resumption


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        config: the composed configuration, without Hydra's own part.
        choices: kind to chosen option.
        folder: run folder, absolute.
        overrides: what was typed.
        command: one line that asks for the same again.
        sweep_id: common to the runs of a sweep, or None.
        job: number within the sweep, or None.
        resumption: where the run goes on, or None for one that begins.
    """

    config: DictConfig
    choices: Mapping[str, str]
    folder: Path
    overrides: tuple[str, ...]
    command: str
    sweep_id: str | None = None
    job: int | None = None
    resumption: Resumption | None = None
