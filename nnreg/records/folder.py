"""The run folder: everything a run produces is here before it is anywhere else.

config.yaml       the resolved configuration; `python -m nnreg rerun FOLDER` trains from it again
history.csv.gz    every record, one `step,metric,value` a line (history.csv while the run is going)
summary.json      what was run, and how it ended: status ("running" until then), final and best metrics
checkpoint.npz    the latest state; `python -m nnreg resume FOLDER` goes on from it
network.npz       the network that training ended with; `nnreg predict FOLDER` asks it, `init=saved` begins with it
mlflow.json       where in MLflow the run is, and whether all of it is there, if it is tracked
loss.png          the picture; pictures=all draws more, of what the network answers
sources/          of techniques that were registered in Python, to be read only: nothing here is ever run
diagnostics.png   the picture of the layers, where they were measured
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from nnreg.engine.history import History, Record
from nnreg.errors import UserError
from nnreg.records.card import Outcome, RunCard, config_hash
from nnreg.records.checkpoint import FILE
from nnreg.records.earlier import current_command, current_words
from nnreg.records.files import BLOCK, open_file, part_of, read_json, unpacked, whole_file, write_whole
from nnreg.records.manifest import FILE as MANIFEST
from nnreg.records.metrics import TRAIN_MEAN
from nnreg.settings import task_of

CONFIG, HISTORY, SUMMARY, FIGURE = "config.yaml", "history.csv", "summary.json", "loss.png"
LAYERS_FIGURE, NETWORK = "diagnostics.png", "network.npz"
SOURCES = "sources"
LOCK, SENDING = ".lock", ".sending.lock"
HEADER = "step,metric,value"
RUNNING = "running"
GZIP = 31  # window of 32 kB, as a gzip file, which without a name and a time is the same for the same history


def _no_pictures(card: RunCard, history: History) -> None:
    """Draw nothing."""


class DiskSink:
    """Writes the run folder; records reach the disk within a second, so a killed run keeps what it recorded.

    Args:
        draw: draws the pictures of a run that ends into its folder.
    """

    period = 1.0

    def __init__(self, draw: Callable[[RunCard, History], None] = _no_pictures) -> None:
        self._draw = draw

    def open(self, card: RunCard) -> None:
        """Write what is run and its configuration; start the history, or cut it to where a resumed run goes on."""
        self._card, folder = card, card.folder
        folder.mkdir(parents=True, exist_ok=True)
        plain, packed = folder / HISTORY, folder / f"{HISTORY}.gz"
        write_whole(folder / SUMMARY, _as_json(_summary(card, None)))  # first: from here on the run has not ended
        (folder / NETWORK).unlink(missing_ok=True)  # of what ended here before
        if not card.resumed_at:  # begins, maybe again in a folder that has seen another run
            (folder / FILE).unlink(missing_ok=True)
        if card.resumed_at is None:  # one that begins again stays the same run of the store
            for name in (TRACKED, SPOOL):
                (folder / name).unlink(missing_ok=True)
        write_whole(folder / CONFIG, OmegaConf.to_yaml(OmegaConf.create(dict(card.config))))
        for slot, text in card.sources.items():
            (folder / SOURCES).mkdir(exist_ok=True)
            write_whole(folder / SOURCES / f"{slot}.py", text)
        with whole_file(plain) as begun:
            begun.writelines(
                f"{line}\n".encode() for line in itertools.chain([HEADER], itertools.islice(_lines(folder), card.past.size))
            )
        packed.unlink(missing_ok=True)
        self._file: IO[str] = plain.open("a", encoding="utf-8", newline="")

    def write(self, records: Sequence[Record]) -> None:
        """Append records; ``repr`` of a float loses nothing."""
        self._file.write("".join(f"{step},{metric},{value!r}\n" for step, metric, value in records))
        self._file.flush()

    def close(self, outcome: Outcome, history: History) -> None:
        """Compress the history, have the pictures drawn, write the summary last: its status says that the folder is whole."""
        self._file.close()
        folder = self._card.folder
        plain = folder / HISTORY
        with plain.open("rb") as written, whole_file(folder / f"{HISTORY}.gz") as packed:
            packer = zlib.compressobj(zlib.Z_BEST_COMPRESSION, wbits=GZIP)
            packed.writelines(packer.compress(block) for block in iter(partial(written.read, BLOCK), b""))
            packed.write(packer.flush())
        plain.unlink()
        part_of(folder / FILE).unlink(missing_ok=True)  # of a write that was cut off
        try:
            self._draw(self._card, history)
        finally:  # a run has ended also where its picture cannot be drawn
            write_whole(folder / SUMMARY, _as_json(_summary(self._card, outcome)))


@contextlib.contextmanager
def occupied(folder: Path, name: str = LOCK, seconds: float = 0.0) -> Iterator[None]:
    """Keep every other process out of a run folder; the hold ends with this process, however that ends.

    Args:
        folder: of the run.
        name: of the lock: there is another for those who send the run.
        seconds: for which to wait for whoever is in it.

    Raises:
        UserError: another process is in it.
    """
    lock = FileLock(folder / name)
    try:
        lock.acquire(timeout=seconds)
    except Timeout as error:
        raise UserError(f"the run in {folder} is still going on, in another process") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows lets no one remove it here; it is empty and hidden
            (folder / name).unlink()
        lock.release()


FORMER_MEAN = "train/loss_final"
"""What earlier versions called the mean of the last training losses of single batches."""


def check_unused(folder: Path, setting: str) -> None:
    """Refuse a folder in which a run or a sweep is: none is overwritten, and none mixed with what was there.

    Args:
        folder: of what is to be run.
        setting: that names it, such as ``hydra.run.dir``.

    Raises:
        UserError: there is one, going on or not.
    """
    if (folder / LOCK).exists():
        with occupied(folder):
            pass
    is_run = any((folder / name).exists() for name in (SUMMARY, HISTORY, f"{HISTORY}.gz"))
    if not is_run and not (folder / MANIFEST).exists() and not any(folder.glob(f"*/{SUMMARY}")):
        return
    here = Path(os.path.relpath(folder))
    shown = folder if ".." in here.parts else here
    resume = f"resume {shown}" if is_run else f"-m sweep.resume={shown}"
    raise UserError(
        f"{shown} holds {'a run' if is_run else 'runs'} already, and none is overwritten: choose another folder with "
        f"{setting}=FOLDER, or leave that out; `python -m nnreg {resume}` goes on with what is there"
    )


class Damaged(Exception):
    """A run folder cannot be read; the message says why, to follow "left out: "."""


def read_facts(folder: Path) -> dict[str, Any] | None:
    """Return what ``summary.json`` says of a run, ended or not, or None where there is none.

    Raises:
        Damaged: it cannot be read, or is not that of a run.
    """
    try:
        facts = read_json(folder / SUMMARY)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # no file, no JSON, no UTF-8, no permission, nested without end
        raise Damaged(f"its {SUMMARY} is damaged") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("status"), str):
        raise Damaged(f"its {SUMMARY} is not that of a run")
    metrics = facts.get("metrics")
    if isinstance(metrics, dict) and FORMER_MEAN in metrics:
        facts["metrics"] = {TRAIN_MEAN if name == FORMER_MEAN else name: value for name, value in metrics.items()}
    words = facts.get("overrides")
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        facts["overrides"] = current_words(words)
    if isinstance(command := facts.get("command"), str):
        facts["command"] = current_command(command)
    return facts


def known_facts(folder: Path) -> dict[str, Any]:
    """Return what ``summary.json`` says of a run, ended or not; nothing where there is none, or a damaged one."""
    try:
        return read_facts(folder) or {}
    except Damaged:
        return {}


def read_summary(folder: Path) -> dict[str, Any] | None:
    """Return what ``summary.json`` says of a run that has ended; None of any other folder, and of a damaged one."""
    facts = known_facts(folder)
    return facts if facts and facts["status"] != RUNNING else None


def read_history(folder: Path, first: int | None = None) -> History:
    """Return the records of a run, ended or not: all of them, or the first so many.

    Raises:
        OSError: there is no history.
        ValueError: the file is damaged.
        EOFError: likewise.
        zlib.error: likewise.
    """
    history = History()
    for line in itertools.islice(_lines(folder), first):
        history.add(_record(line))
    return history


def read_records(folder: Path, start: int = 0) -> Iterator[tuple[list[Record], int]]:
    """Yield what was written whole of the history of a run from a byte on, piece by piece, and the byte at which each ends.

    Raises:
        OSError: there is no history.
        ValueError: the file is damaged.
    """
    end = start
    for lines in _whole_lines(folder, start):
        first = 1 if end == 0 else 0  # without the header
        end += len(lines)
        yield [_record(line) for line in lines.decode().split("\n")[first:-1]], end


def write_ending(card: RunCard, outcome: Outcome) -> None:
    """Write how a run ended whose own process died; what that wrote of it, such as its dataset, stays as it is."""
    known, ending = known_facts(card.folder), _ending(outcome) | {"died": True}
    kept = {name: value for name, value in known.items() if name not in ending}
    write_whole(card.folder / SUMMARY, _as_json(_summary(card, outcome) | ending | kept))


def secure_history(folder: Path) -> None:
    """Wait until what was written of the history would survive a power failure."""
    with (folder / HISTORY).open("rb+") as file:
        os.fsync(file.fileno())


def _lines(folder: Path) -> Iterator[str]:
    """Yield the lines of the history that were written whole, without the header."""
    lines = (line for whole in _whole_lines(folder) for line in whole.decode().split("\n")[:-1])
    return itertools.islice(lines, 1, None)


LONGEST_LINE = 1_000  # characters


def _whole_lines(folder: Path, start: int = 0) -> Iterator[bytes]:
    """Yield the history from a byte on, piece by piece, each of whole lines; what comes after the last one was cut off."""
    rest = b""
    for block in _content(folder, start):
        whole, end, rest = (rest + block).rpartition(b"\n")
        if len(rest) > LONGEST_LINE:
            raise ValueError("a line of it has no end")
        if end:
            yield whole + end


def _content(folder: Path, start: int = 0) -> Iterator[bytes]:
    """Yield the history from a byte on, piece by piece."""
    try:
        plain = open_file(folder / HISTORY)  # first: there are both, if the run was killed while packing
    except FileNotFoundError:
        with open_file(folder / f"{HISTORY}.gz") as packed:
            for block in unpacked(packed):
                if start < len(block):
                    yield block[start:]
                start = max(0, start - len(block))
        return
    with plain:
        plain.seek(start)
        while block := plain.read(BLOCK):
            yield block


def _record(line: str) -> Record:
    step, metric, value = line.split(",")
    number = int(step)
    if not 0 <= number < 1 << 63:
        raise ValueError(f"there is no step {step}")
    return Record(number, metric, float(value))


def _as_json(facts: dict[str, object]) -> str:
    return json.dumps(facts, indent=2) + "\n"


def discard(folder: Path) -> None:
    """Remove a folder in which nothing but Hydra's notes was written, and its parent if that is empty then."""
    notes = {folder / "multirun.yaml", folder / "nnreg.log"}  # what they say was said on the terminal too
    written = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != ".hydra" and path not in notes]
    if written or not folder.is_dir():
        return
    shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _summary(card: RunCard, outcome: Outcome | None) -> dict[str, object]:
    return {"label": card.label, **({"status": RUNNING} if outcome is None else _ending(outcome)), **_facts(card)}


def _ending(outcome: Outcome) -> dict[str, object]:
    return {
        "status": outcome.status,
        "error": outcome.error,
        "diverged_at_step": outcome.diverged_at,
        "early_stop": None if outcome.early_stop is None else outcome.early_stop._asdict(),
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 6),
        "metrics": dict(outcome.summary),
    }


def _facts(card: RunCard) -> dict[str, object]:
    return {
        "task": task_of(card.config),
        "config_hash": config_hash(card.config),
        "choices": dict(card.choices),
        "overrides": list(card.overrides),
        "command": card.command,
        "seed": card.seed,
        "parameters": card.parameters,
        "dataset": None if card.dataset is None else vars(card.dataset) | {"rows": dict(card.dataset.rows)},
        "plugins": dict(card.plugins),
        "code": dict(card.code),
        "versions": dict(card.versions),
        "git": dict(card.git),
        "sweep_id": card.sweep_id,
        "job": card.job,
        "resumed_at_step": card.resumed_at,
    }


TRACKED = "mlflow.json"
SPOOL = "spool.json"  # what versions before kept of a run that the store did not take
