"""Where the CPU time of a tracked sweep goes: its runs one after the other in this process, with a clock around each part.

``python benchmarks/sweep.py --parts`` starts this with what is typed for the sweep, on one BLAS thread as runs have it.

The clocks are put around functions from outside; time in a part that is called by another counts for the inner one alone.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import chdir
from functools import wraps
from typing import Any

from machine import described

PARTS = {  # name: functions, as module:attribute
    "composing": ("nnreg.sweeps.sweeper:ProtocolSweeper.compose_ahead",),
    "Hydra around a job": ("nnreg.sweeps.launchers.work:run_job",),
    "data, loaded and hashed": ("nnreg.runs.assembly:load_shared",),
    "network and techniques": ("nnreg.runs.train:assemble",),
    "describing the run": ("nnreg.runs.train:describe",),
    "training and recording": ("nnreg.runs.train:_Training.do",),
    "evaluation": ("nnreg.engine.network:Network.evaluate",),
    "run folder": (*(f"nnreg.records.folder:DiskSink.{method}" for method in ("open", "write", "close")),),
    "figure of a run": ("nnreg.figures.run:loss_figure", "matplotlib.figure:Figure.savefig"),
    "MLflow, imported": ("nnreg.tracking.store:_import_mlflow",),
    "MLflow, database made": ("nnreg.tracking.store:_create_database",),
    "MLflow, a run begun": ("nnreg.tracking.sink:MlflowSink.open",),
    "MLflow, points sent": ("nnreg.tracking.sink:MlflowSink.write",),
    "MLflow, a run ended": ("nnreg.tracking.sink:MlflowSink.close",),
    "comparison": ("nnreg.sweeps.ending:report",),
    "comparison, figures": ("nnreg.figures.page:write_png",),
}


class Clocks:
    """CPU seconds and calls of each part, in this process."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys([*PARTS, "the rest"], 0.0)
        self.calls = dict.fromkeys([*PARTS, "the rest"], 0)
        self._running = ["the rest"]
        self._since = 0.0  # imports of this benchmark's parts are counted too: the process is new

    def around(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts for a part."""

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            self._switch()
            self._running.append(part)
            self.calls[part] += 1
            try:
                return function(*arguments, **named)
            finally:
                self._switch()
                self._running.pop()

        return timed

    def _switch(self) -> None:
        now = time.process_time()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now


def show(words: Sequence[str]) -> None:
    """Run a sweep in this process and print a line for each part."""
    from nnreg.cli.main import run

    clocks = Clocks()
    for part, places in PARTS.items():
        for place in places:
            module, _, path = place.partition(":")
            holder: Any = importlib.import_module(module)
            *owners, name = path.split(".")
            for owner in owners:
                holder = getattr(holder, owner)
            setattr(holder, name, clocks.around(part, getattr(holder, name)))
    with tempfile.TemporaryDirectory() as project, chdir(project), open(os.devnull, "w") as nowhere:  # noqa: PTH123
        shown, sys.stdout = sys.stdout, nowhere
        try:
            code = clocks.around("the rest", run)(words)
        finally:
            sys.stdout = shown
    if code:
        raise SystemExit(f"the sweep ended with code {code}")
    print(described(["numpy"]))
    print(f"{'CPU seconds':28}{'all':>8}{'calls':>8}{'each (ms)':>12}")
    for part, seconds in sorted(clocks.seconds.items(), key=lambda item: -item[1]):
        calls = max(clocks.calls[part], 1)
        print(f"{part:28}{seconds:8.2f}{calls:8d}{1_000 * seconds / calls:12.1f}")
    print(f"{'together':28}{sum(clocks.seconds.values()):8.2f}")


if __name__ == "__main__":
    show(sys.argv[1:])
