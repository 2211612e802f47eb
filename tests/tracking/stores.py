"""What the tests of tracking share: runs that are made up but go the whole way, a server, and roads to it that break."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnreg.engine.history import History, Record
from nnreg.records.card import Outcome, RunCard, summarise
from nnreg.records.folder import HISTORY, DiskSink
from nnreg.tracking import store
from nnreg.tracking.sink import MlflowSink
from tests.records.cards import card, history

ARTIFACTS = {"config.yaml", "history.csv.gz", "loss.png", "summary.json"}
FINISHED = Outcome("finished", 200, 1.5, summarise(history()))


class Disk(DiskSink):
    """A run folder whose file is not left open when a test gives the run up in the middle."""

    def open(self, card: RunCard) -> None:
        super().open(card)
        self._file.close()

    def write(self, records: Sequence[Record]) -> None:
        self._file = (self._card.folder / HISTORY).open("a", encoding="utf-8", newline="")
        super().write(records)
        self._file.close()


@dataclass
class Tracked:
    """A run that goes through the sink step by step."""

    home: Path
    uri: str | None = None
    experiment: str | None = None
    changes: dict[str, object] = field(default_factory=dict)
    past: History = field(default_factory=history)
    warnings: list[str] = field(default_factory=list)

    def open(self) -> MlflowSink:
        self.folder = Path(self.changes.pop("folder", self.home / "runs" / "one"))
        of = card(self.folder, **self.changes)
        self.disk = Disk()
        self.disk.open(of)
        (self.folder / ".hydra").mkdir(exist_ok=True)
        (self.folder / ".hydra" / "hydra.yaml").write_text("hidden: true\n")
        self.sink = MlflowSink(self.home, self.uri, self.experiment, self.warnings.append)
        self.sink.open(of)
        return self.sink

    def write(self, records: Sequence[Record] | None = None) -> None:
        new = list(self.past) if records is None else records
        self.disk.write(new)
        self.sink.write(new)

    def close(self, outcome: Outcome = FINISHED) -> MlflowSink:
        (self.folder / "loss.png").write_bytes(b"a picture")
        self.disk.close(outcome, self.past)
        self.sink.close(outcome, self.past)
        return self.sink

    def whole(self, outcome: Outcome = FINISHED) -> MlflowSink:
        self.open()
        self.write()
        return self.close(outcome)


def first_use(home: str, number: str) -> None:
    """Record a run in a process of its own; it must have nothing to say."""
    tracked = Tracked(Path(home), changes={"folder": Path(home) / "runs" / number})
    tracked.whole()
    assert tracked.warnings == []


@functools.cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        store._create_database(path, None)
        return path.read_bytes()


def new_database(path: Path) -> None:
    """Put an empty store in place, as the first run of a project leaves it: a copy takes no second."""
    path.write_bytes(_empty_database())


def make_outdated(path: Path) -> None:
    """Put a store in place whose tables say that they are of an older MLflow."""
    new_database(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    connection.close()


def client(uri):
    """Return MLflow's own client, as an independent witness."""
    return store._import_mlflow(database=True).MlflowClient(uri, registry_uri=uri)


def only_run(uri):
    """Return the one run of a store; fails if there are more or none."""
    witness = client(uri)
    (run,) = witness.search_runs([experiment.experiment_id for experiment in witness.search_experiments()])
    return run


def curve(uri, run_id, metric):
    """Return a metric of a run as {step: value}, as the store has it."""
    return {point.step: point.value for point in client(uri).get_metric_history(run_id, metric)}


def artifacts(uri, run_id):
    """Return the names of a run's files, as the store has them."""
    return {file.path for file in client(uri).list_artifacts(run_id)}


class Road:
    """A port of this machine that leads to a server, until it is closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.number = self._listener.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.number}"
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def close(self) -> None:
        """Let the server die, as seen from the other end."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def reopen(self) -> None:
        """Let the server come back at the same address."""
        self._listener = socket.create_server(("127.0.0.1", self.number))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=[one, other], daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def pages(home: Path, *words: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run ``nnreg ui`` in a project as a person does; yield the process and the lines it printed up to the last.

    Args:
        home: project folder.
        words: what is typed after ``ui``.
        settings: environment variables.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTEST_"))}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "nnreg", "ui", *words],
        cwd=home,
        env=environment | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if "Ctrl-C" in line:
                break
        yield process, lines
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=180)


def children(pid: int) -> set[int]:
    """Return the ids of all processes below one."""
    found = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split("\n")
    parents = {int(child): int(parent) for child, parent in (line.split() for line in found if line)}
    below, last = {pid}, set[int]()
    while below != last:
        last, below = below, below | {child for child, parent in parents.items() if parent in below}
    return below - {pid}


@contextlib.contextmanager
def serving_at(home: Path) -> Iterator[int]:
    """Run ``nnreg ui`` on a project in a process of its own; yield its port."""
    new_database(home / "mlflow.db")
    port = free_port()
    with pages(home, "--port", str(port)):
        yield port
