"""Runs, sweeps and comparisons that are killed at random moments and gone on with, for tests.

``python -m tests.cli.killing runs 50 FOLDER [SEED]`` (or ``sweeps``, ``comparisons``) prints what did not come out, to the last
bit, as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnreg.comparison.findings import FOLDER
from nnreg.records.folder import CONFIG, SUMMARY
from nnreg.records.manifest import read_manifest
from tests.cli import copies
from tests.runs.interrupted import traces

SECONDS = 300.0
SMALL = ("dataset=iris", "batch=16", "hidden=[8]", "validate_every=20", "checkpoint_seconds=0.02")
RUNS = (
    ("optimizer=adam", "steps=1500", "dropout=dropout"),
    ("optimizer=momentum", "steps=1500", "sampler=epoch", "norm=batch_norm"),
    ("optimizer=rmsprop", "steps=1500", "patience=400", "schedule=cosine"),
)
SWEEP = ("-m", "optimizer=sgd,adam", "seed=1,2", "steps=600", *SMALL)
ENDINGS = (
    (),
    (),
    (signal.SIGTERM,),
    (signal.SIGHUP,),
    (signal.SIGINT, signal.SIGINT),
    (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM),
)


def _done(words: tuple[str, ...], home: Path) -> copies.Copy:
    """Type a line and wait for its end."""
    copy = copies.begin(words, home)
    assert copy.wait(SECONDS) is not None, f"{words} hangs"
    assert "Traceback" not in copy.said("err"), copy.said("err")
    return copy


def _ended(copy: copies.Copy, rng: random.Random) -> None:
    """End a process in one of the ways."""
    copy.kill(*rng.choice(ENDINGS))
    assert copy.wait(SECONDS) is not None, "it does not end"


def kill_run(home: Path, rng: random.Random, known: dict[Any, Any]) -> str:
    """Kill a run, once or twice, and go on with it; return what is wrong then."""
    words = (*rng.choice(RUNS), *SMALL, "tracking=off")
    if words not in known:
        began = time.monotonic()
        assert _done((*words, "hydra.run.dir=whole"), home).code == 0
        known[words] = traces(home / "whole"), time.monotonic() - began
        shutil.rmtree(home / "whole")
    whole, took = known[words]
    line = (*words, "hydra.run.dir=run")
    for _ in range(rng.choice((1, 1, 2))):
        copy = copies.begin(line, home)
        time.sleep(rng.uniform(0.0, took))
        _ended(copy, rng)
        if (home / "run" / CONFIG).exists():
            line = ("resume", "run")
    again = _done(line, home)
    if again.code != 0 and "is complete" not in again.said("err"):
        return f"exit code {again.code}: {again.said('err')}"
    return "" if traces(home / "run") == whole else "another result"


def kill_sweep(home: Path, rng: random.Random, known: dict[Any, Any]) -> str:
    """Kill a sweep and go on with it; return what is wrong then."""
    words = (*SWEEP, "tracking=off", f"hydra/launcher={rng.choice(_launchers())}")
    if words not in known:
        began = time.monotonic()
        assert _done((*words, "hydra.sweep.dir=whole"), home).code == 0
        known[words] = _sweep(home / "whole"), time.monotonic() - began
        shutil.rmtree(home / "whole")
    whole, took = known[words]
    copy = copies.begin((*words, "hydra.sweep.dir=sweep"), home)
    time.sleep(rng.uniform(0.0, took))
    _ended(copy, rng)
    return _resumed((*words, "hydra.sweep.dir=sweep"), home, whole)


def kill_comparison(home: Path, rng: random.Random, known: dict[Any, Any]) -> str:
    """Kill a tracked sweep while its comparison is made, and go on with it; return what is wrong then."""
    if not known:
        undisturbed = home / "undisturbed"  # with a store of its own
        undisturbed.mkdir()
        copy = copies.begin((*SWEEP, "hydra.sweep.dir=sweep"), undisturbed)
        began = _runs_ended(undisturbed / "sweep", copy)
        assert copy.wait(SECONDS) == 0
        known["comparison"] = _sweep(undisturbed / "sweep"), time.monotonic() - began
    whole, took = known["comparison"]
    copy = copies.begin((*SWEEP, "hydra.sweep.dir=sweep"), home)
    _runs_ended(home / "sweep", copy)
    time.sleep(rng.uniform(0.0, took))
    _ended(copy, rng)
    if wrong := _resumed((*SWEEP, "hydra.sweep.dir=sweep"), home, whole):
        return wrong
    with contextlib.closing(sqlite3.connect(home / "mlflow.db")) as store:
        sent = store.execute("select name, status from runs where lifecycle_stage = 'active'").fetchall()
    if sorted(status for _, status in sent) != ["FINISHED"] * 5 or sum(name == "comparison" for name, _ in sent) != 1:
        return f"the store has {sent}"
    return ""


def _launchers() -> tuple[str, ...]:
    with contextlib.suppress(ImportError):
        import hydra_plugins.hydra_joblib_launcher  # noqa: F401

        return ("basic", "joblib")
    return ("basic",)


def _runs_ended(folder: Path, copy: copies.Copy) -> float:
    """Wait until the runs of a sweep have ended; return when."""
    while copy.is_running() and ((found := read_manifest(folder)) is None or found.seconds is None):
        time.sleep(0.005)
    return time.monotonic()


def _resumed(words: tuple[str, ...], home: Path, whole: Any) -> str:
    """Go on with a sweep; return what is not as it was without an interruption."""
    line = ("-m", "sweep.resume=sweep") if (home / "sweep" / "sweep.json").exists() else words
    again = _done(line, home)
    if again.code != 0:
        return f"exit code {again.code}: {again.said('err')}"
    left = [str(path.relative_to(home)) for path in (home / "sweep").rglob("*") if _is_left_over(path)]
    if left:
        return f"left behind: {left}"
    return "" if _sweep(home / "sweep") == whole else "another result"


def _is_left_over(path: Path) -> bool:
    return path.name.endswith(".part") or (path.name.startswith(".") and path.name not in (".hydra", ".lock", ".sending.lock"))


def _sweep(home: Path) -> tuple[Any, ...]:
    """Return every bit of a sweep but the times it took."""
    runs = {path.parent.name: traces(path.parent) for path in sorted(home.glob(f"*/{SUMMARY}"))}
    said = json.loads((home / FOLDER / "comparison.json").read_text(encoding="utf-8"))
    pairs, files = (home / FOLDER / "pairs.csv").read_text(), sorted(path.name for path in (home / FOLDER).glob("[!.]*.*"))
    return runs, said["answer"], said["metric"], said["seeds"], pairs, [name for name in files if name != "mlflow.json"]


KINDS: dict[str, Callable[[Path, random.Random, dict[Any, Any]], str]] = {
    "runs": kill_run,
    "sweeps": kill_sweep,
    "comparisons": kill_comparison,
}


def main(kind: str, count: int, home: Path, seed: int = 0) -> int:
    """Kill so many; print what is wrong, and return how often something was."""
    copies.import_everything()
    rng, known, wrong = random.Random(seed), dict[Any, Any](), 0
    for number in range(count):
        folder = home / str(number)
        folder.mkdir(parents=True)
        complaint = KINDS[kind](folder, rng, known)
        if complaint:
            wrong += 1
            print(f"{folder}: {complaint}", flush=True)
    return wrong


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:])), "wrong")
