"""A real PostgreSQL server for tests: of the Debian package's programs, on loopback, in a folder that goes away with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.tracking.stores import free_port

USER, PASSWORD = "nnreg", "pass-word-of-the-tests"
MISSING = "there is no PostgreSQL server here: sudo apt-get install -y --no-install-recommends postgresql"


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs, or None; Debian does not put them on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@dataclass
class PostgreSQL:
    """A server that takes the password of ``USER`` only.

    Attributes:
        folder: of its data; belongs to the account that it runs under.
        port: on loopback.
    """

    folder: Path
    port: int = field(default_factory=free_port)

    def uri(self, database: str, *, password: bool = True) -> str:
        """Return the address of a database."""
        secret = f":{PASSWORD}" if password else ""
        return f"postgresql+psycopg2://{USER}{secret}@127.0.0.1:{self.port}/{database}"

    def make(self) -> None:
        """Write the empty data folder."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        _hand_over(self.folder, secret)
        words = ["--username", USER, "--auth", "scram-sha-256", "--pwfile", str(secret), "--no-sync", "--encoding", "UTF8"]
        self._run("initdb", "--pgdata", str(self.folder / "data"), "--locale", "C", *words)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        program = [str(_programs() / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *words]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(program, cwd="/", stdout=log, stderr=log, **_account())
        deadline = time.monotonic() + 180
        while True:
            with contextlib.suppress(subprocess.CalledProcessError):
                self._run("pg_isready", "--host", "127.0.0.1", "--port", str(self.port))
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def create(self, database: str) -> str:
        """Create an empty database; return its address."""
        self._run("createdb", "--host", "127.0.0.1", "--port", str(self.port), "--username", USER, database)
        return self.uri(database)

    def dump(self, database: str) -> str:
        """Return everything in a database as text."""
        words = ["--host", "127.0.0.1", "--port", str(self.port), "--username", USER, database]
        return self._run("pg_dump", *words)

    def _run(self, program: str, *words: str) -> str:
        environment = os.environ | {"PGPASSWORD": PASSWORD}
        command = [str(_programs() / program), *words]
        done = subprocess.run(
            command, cwd="/", env=environment, capture_output=True, text=True, timeout=120, check=True, **_account()
        )
        return done.stdout


@contextlib.contextmanager
def running() -> Iterator[PostgreSQL]:
    """Run a server while a test needs it."""
    folder = Path(tempfile.mkdtemp(prefix="nnreg-postgresql-"))  # not below pytest's folders, which root keeps for itself
    server = PostgreSQL(folder)
    try:
        server.make()
        server.start()
        yield server
    finally:
        with contextlib.suppress(AttributeError):  # it never started
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = programs()
    assert found is not None
    return found


def _account() -> dict[str, Any]:
    """Return how a process is started under an account that PostgreSQL accepts: it refuses root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _hand_over(*paths: Path) -> None:
    """Hand files to that account."""
    for path in paths if os.geteuid() == 0 else ():
        shutil.chown(path, "postgres", "postgres")
