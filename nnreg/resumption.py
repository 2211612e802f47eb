"""What a run folder holds to go on from: its last checkpoint, and the records that belong to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from omegaconf import DictConfig

from nnreg.engine.training import paced
from nnreg.errors import UserError
from nnreg.records.checkpoint import FILE, Checkpoint, load_checkpoint
from nnreg.records.folder import read_history
from nnreg.registry import building, entries
from nnreg.request import Request
from nnreg.run_card import describe
from nnreg.snapshot import Resumption, versions


def read(folder: Path, request: Request, warn: Callable[[str], None]) -> Resumption:
    """Read where a run goes on.

    Args:
        folder: of the run, as it is shown to a person.
        request: the run.
        warn: takes one line for each version that is another one now.

    Raises:
        UserError: the checkpoint or the history is damaged, or the updates already made would have been others.
    """
    path = folder / FILE
    if not path.exists():
        return Resumption()
    found = load_checkpoint(path)
    _check_pace(found, request.config)
    try:
        past = read_history(request.folder, found.records)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"the history in {folder} is damaged ({error}): delete {path} to train from the start") from error
    if past.size < found.records:
        raise UserError(
            f"the history in {folder} has {past.size} of the {found.records} records before its checkpoint: "
            f"delete {path} to train from the start"
        )
    now = versions(describe(request))
    for name in sorted(now.keys() & found.versions.keys()):
        if now[name] != found.versions[name]:
            warn(f"{name} is {now[name]} and was {found.versions[name]}: the last bits may differ from here on")
    return Resumption(found, past)


def _check_pace(found: Checkpoint, config: DictConfig) -> None:
    """Refuse another number of steps where the updates already made would have been other ones."""
    if found.config.get("steps") == config.steps:
        return
    before, after = (_pace(config, steps) for steps in (int(found.config["steps"]), config.steps))
    if any(before(t) != after(t) for t in range(1, found.step + 1)):
        raise UserError(
            f"schedule={config.schedule.name} depends on the number of steps: with steps={config.steps} the {found.step} "
            f"updates already made would have been others; `python -m nnreg rerun` trains anew"
        )


def _pace(config: DictConfig, steps: int) -> Callable[[int], float]:
    entry = entries.find_technique("schedule", str(config.schedule.name))
    return paced(building.build_entry(entry, config.schedule), steps, config.get("warmup", 0))
