"""A sweep with sound, raising and dying plugins, run by the real command line on any launcher, and on the basic one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

QUICK = ("dataset=iris", "hidden=[8]", "steps=20", "batch=30", "validate_every=10")
SOUND, RAISES, DIES = ("sgd", "mine", "probe"), "raiser", "killer"
PLUGINS = '''
"""Optimizers of somebody else's: one that looks around, one that raises, one whose process dies."""

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_info

from nnreg.contracts import Optimizer


@dataclass
class Probe(Optimizer):
    """Goes downhill, and writes down where; waits until so many processes have done so."""

    lr: float = 0.1
    company: int = 1

    def update(self, theta, g, *, t, lr):
        theta -= lr * g
        seen = {
            "pid": os.getpid(),
            "cwd": os.getcwd(),
            "threads": [pool["num_threads"] for pool in threadpool_info()],
            "data": os.environ.get("NNREG_DATA"),
        }
        Path(f"probe_{os.getpid()}.json").write_text(json.dumps(seen))
        deadline = time.monotonic() + 180
        while len(list(Path().glob("probe_*.json"))) < self.company and time.monotonic() < deadline:
            time.sleep(0.1)


@dataclass
class Raiser(Optimizer):
    """Raises in the middle of a run."""

    lr: float = 0.1

    def update(self, theta, g, *, t, lr):
        if t == 7:
            raise RuntimeError("no more")
        theta -= lr * g


@dataclass
class Killer(Optimizer):
    """Ends its process in the middle of a run, as a crash in C code would."""

    lr: float = 0.1

    def update(self, theta, g, *, t, lr):
        if t == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        theta -= lr * g
'''
POINTS = "[nnreg.optimizer]\nprobe = zoo:Probe\nraiser = zoo:Raiser\nkiller = zoo:Killer\n"


@dataclass(frozen=True)
class Swept:
    """What a sweep left behind."""

    project: Path
    code: int
    out: str
    err: str

    @property
    def runs(self) -> dict[str, dict[str, Any]]:
        """Summaries by optimizer and seed."""
        found = [json.loads(path.read_text()) for path in sorted(self.project.glob("runs/*/*/summary.json"))]
        return {f"{summary['choices']['optimizer']} {summary['seed']}": summary for summary in found}

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """What was measured, without what the clock says."""
        return {
            name: {metric: value for metric, value in summary["metrics"].items() if metric != "steps_per_second"}
            for name, summary in self.runs.items()
        }

    @property
    def lines(self) -> list[str]:
        """The lines of the jobs, as they ended."""
        return [line for line in self.out.splitlines() if re.match(r"#\d+ ", line)]

    @property
    def probes(self) -> list[dict[str, Any]]:
        """What the probing optimizer saw, once a process."""
        return [json.loads(path.read_text()) for path in self.project.glob("probe_*.json")]

    @property
    def tracked(self) -> dict[str, str]:
        """Status of every run in MLflow's database, by optimizer."""
        query = "SELECT value, status FROM runs JOIN params USING (run_uuid) WHERE key = 'optimizer'"
        with contextlib.closing(sqlite3.connect(self.project / "mlflow.db")) as database:
            return dict(database.execute(query).fetchall())


@dataclass(frozen=True)
class Place:
    """A project folder beside somebody's plugins and a user's own configuration."""

    project: Path
    environment: Mapping[str, str]

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "nnreg", "-m", f"--config-dir={self.project.parent / 'conf'}", *QUICK, *words]

    def sweep(self, *words: str, **environment: str) -> Swept:
        """Run a sweep to its end."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.project,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=150,
        )
        return Swept(self.project, done.returncode, done.stdout, done.stderr)

    def interrupt(self, *words: str, with_signal: int = signal.SIGINT) -> tuple[Swept, list[str]]:
        """Start a sweep of long runs, interrupt it when two are going on, and return what it left, processes too."""
        command = self.command("seed=1,2,3,4", "steps=3000000", "checkpoint_seconds=null", "tracking=off", *words)
        process = subprocess.Popen(
            command,
            cwd=self.project,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            _until(lambda: sum(1 for _ in self.project.glob("runs/*/*/history.csv")) >= 2, 60.0)
            os.kill(process.pid, with_signal)
            out, err = process.communicate(timeout=180)
            _until(lambda: not _of_session(process.pid), 10.0)
            return Swept(self.project, process.returncode, out, err), _of_session(process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)


def _of_session(leader: int) -> list[str]:
    """Return the processes that were started from one, by number and name."""
    table = subprocess.run(["ps", "-e", "-o", "sid=,pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in table.splitlines() if line.split()[0] == str(leader) and "<defunct>" not in line]


def make_place(folder: Path) -> Place:
    """Write the plugins, their metadata and the user's own configuration."""
    site = folder / "site" / "zoo-1.0.dist-info"
    site.mkdir(parents=True)
    site.parent.joinpath("zoo.py").write_text(PLUGINS)
    site.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: zoo\nVersion: 1.0\n")
    site.joinpath("entry_points.txt").write_text(POINTS)
    own = folder / "conf" / "optimizer"
    own.mkdir(parents=True)
    own.joinpath("mine.yaml").write_text("defaults: [adam, _self_]\nlr: 0.02\n")
    (folder / "project").mkdir()
    unset = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "HYDRA_FULL_ERROR", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    path = os.pathsep.join(filter(None, (str(site.parent), environment.get("PYTHONPATH"))))
    return Place(folder / "project", {**environment, "PYTHONPATH": path, "COLUMNS": "250", "NNREG_DATA": "/nowhere"})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place of one's own."""
    return make_place(tmp_path)


@pytest.fixture(scope="session")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    """What Hydra's own launcher makes of the sound plugins."""
    swept = make_place(tmp_path_factory.mktemp("basic")).sweep(f"optimizer={','.join(SOUND)}", "tracking=off")
    assert swept.code == 0, swept.err
    yield swept


def check_all(swept: Swept, basic: Swept, statuses: Sequence[str] = ()) -> None:
    """Hold a sweep over all plugins to what the basic launcher makes of the sound ones, and to the fate of the others."""
    assert swept.code == 1, swept.err
    assert {name: swept.metrics[name] for name in basic.metrics} == basic.metrics
    assert {name: summary["status"] for name, summary in swept.runs.items()} == {
        **{f"{name} 0": "finished" for name in SOUND},
        f"{RAISES} 0": "failed",
        f"{DIES} 0": "failed",
    }
    assert swept.runs[f"{RAISES} 0"]["error"] == "RuntimeError: no more"
    assert swept.runs[f"{DIES} 0"]["error"].startswith("its process died (")
    assert [swept.runs[f"{name} 0"]["job"] for name in (*SOUND, RAISES, DIES)] == [0, 1, 2, 3, 4]
    assert len({summary["sweep_id"] for summary in swept.runs.values()}) == 1
    assert sorted(line.split()[0] for line in swept.lines) == ["#0", "#1", "#2", "#3", "#4"]
    assert "runs          5, 2 failed" in swept.out
    for seen in swept.probes:
        assert seen["cwd"] == str(swept.project)
        assert set(seen["threads"]) == {1}
        assert seen["data"] == "/nowhere"
    assert swept.probes


ALL = f"optimizer={','.join((*SOUND, RAISES, DIES))}"
