"""The run folder: everything a run produces is here before it is anywhere else.

config.yaml       the resolved configuration; `python -m nnreg rerun FOLDER` trains from it again
history.csv.gz    every record, one `step,metric,value` a line (history.csv while the run is going)
summary.json      how it ended: status, final and best metrics, what was run
loss.png          the picture
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from omegaconf import OmegaConf

from nnreg.records import TRAIN_LOSS, History, Outcome, Record, RunCard

CONFIG, HISTORY, SUMMARY, FIGURE = "config.yaml", "history.csv", "summary.json", "loss.png"


class DiskSink:
    """Writes the run folder; records reach the disk within a second, so a killed run keeps what it recorded."""

    period = 1.0

    def open(self, card: RunCard) -> None:
        """Write the configuration and start the history."""
        self._card = card
        card.folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(OmegaConf.create(dict(card.config)), card.folder / CONFIG)
        self._file: IO[str] = (card.folder / HISTORY).open("w", encoding="utf-8", newline="")
        self._file.write("step,metric,value\n")
        self._file.flush()

    def write(self, records: Sequence[Record]) -> None:
        """Append records; ``repr`` of a float loses nothing."""
        self._file.write("".join(f"{step},{metric},{value!r}\n" for step, metric, value in records))
        self._file.flush()

    def close(self, outcome: Outcome, history: History) -> None:
        """Compress the history, draw the figure, and write the summary last: its presence says that the folder is whole."""
        self._file.close()
        folder = self._card.folder
        plain = folder / HISTORY
        with gzip.GzipFile(f"{plain}.gz", "wb", mtime=0) as packed:
            packed.write(plain.read_bytes())
        plain.unlink()
        if history.finite(TRAIN_LOSS).size:
            from nnreg.figures import loss_figure

            loss_figure(self._card, history).savefig(folder / FIGURE)
        aside = folder / f"{SUMMARY}.part"
        aside.write_text(json.dumps(_summary(self._card, outcome), indent=2) + "\n", encoding="utf-8")
        aside.replace(folder / SUMMARY)


def read_summary(folder: Path) -> dict[str, object] | None:
    """Return what ``summary.json`` says, or None for a run that has not ended."""
    path = folder / SUMMARY
    summary: dict[str, object] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return summary


def read_history(folder: Path) -> History:
    """Return every record of a run, ended or not."""
    packed, plain = folder / f"{HISTORY}.gz", folder / HISTORY
    text = gzip.decompress(packed.read_bytes()).decode() if packed.exists() else plain.read_text(encoding="utf-8")
    history = History()
    for line in text.splitlines()[1:]:
        step, metric, value = line.split(",")
        history.add(Record(int(step), metric, float(value)))
    return history


def discard(folder: Path) -> None:
    """Remove a folder in which nothing but Hydra's notes was written, and its parent if that is empty then."""
    notes = {folder / "multirun.yaml", folder / "nnreg.log"}  # what they say was said on the terminal too
    written = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != ".hydra" and path not in notes]
    if written or not folder.is_dir():
        return
    shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _summary(card: RunCard, outcome: Outcome) -> dict[str, object]:
    return {
        "label": card.label,
        "status": outcome.status,
        "error": outcome.error,
        "diverged_at_step": outcome.diverged_at,
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 6),
        "metrics": dict(outcome.summary),
        "choices": dict(card.choices),
        "overrides": list(card.overrides),
        "command": card.command,
        "seed": card.seed,
        "parameters": card.parameters,
        "dataset": None if card.dataset is None else vars(card.dataset) | {"rows": dict(card.dataset.rows)},
        "plugins": dict(card.plugins),
        "sweep_id": card.sweep_id,
        "job": card.job,
    }
