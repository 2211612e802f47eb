"""A team's store: a real PostgreSQL, and MLflow's server in front of it, started by the documented command."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.tracking.stores import children, free_port, pages
from tests.tracking.team import postgresql
from tests.tracking.team.postgresql import PASSWORD, PostgreSQL


@dataclass
class Team:
    """MLflow's server on a database of its own; it can be killed and come back.

    Attributes:
        database: its PostgreSQL.
        home: working directory of whoever started it.
        lines: what it printed.
    """

    database: PostgreSQL
    home: Path
    port: int = field(default_factory=free_port)
    lines: list[str] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def artifacts(self) -> Path:
        return self.home / "artifacts"

    def start(self) -> None:
        """Start the server as docs/team.md says, the password in the environment."""
        words = ["--store", self.database.uri("team", password=False), "--artifacts", str(self.artifacts)]
        self._end = contextlib.ExitStack()
        self._process, self.lines = self._end.enter_context(
            pages(self.home, *words, "--host", "0.0.0.0", "--port", str(self.port), PGPASSWORD=PASSWORD)
        )
        assert self.lines[-1:] == ["Ctrl-C stops it"], self.lines

    def kill(self) -> None:
        """Kill all of it without a warning, as a power failure does."""
        for pid in (self._process.pid, *children(self._process.pid)):
            os.kill(pid, signal.SIGKILL)
        self._end.close()

    def stop(self) -> None:
        self._end.close()


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    if postgresql.programs() is None:
        pytest.skip(postgresql.MISSING)
    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="module")
def team(database: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    database.create("team")
    server = Team(database, tmp_path_factory.mktemp("team"))
    server.start()
    yield server
    server.stop()


@dataclass
class Member:
    """Somebody of the team, in a folder of their own.

    Attributes:
        folder: working directory.
        experiment: of MLflow.
        uri: the store.
    """

    folder: Path
    experiment: str
    uri: str

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command line."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTEST_"))}
        environment |= {"MLFLOW_TRACKING_URI": self.uri, "MLFLOW_EXPERIMENT_NAME": self.experiment}
        command = [sys.executable, "-m", "nnreg", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=self.folder, env=environment, text=True, **pipes)  # type: ignore[call-overload,no-any-return]

    def run(self, *words: str) -> str:
        """Run a command line to its end, which must be a good one; return all that it printed."""
        process = self.start(*words)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, out
        return out


@pytest.fixture
def member(team: Team, project: Path, request: pytest.FixtureRequest) -> Member:
    return Member(project, request.node.name, team.uri)
