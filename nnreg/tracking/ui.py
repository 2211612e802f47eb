"""MLflow's own server, started small, on this computer's store."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests

from nnreg.console import say
from nnreg.errors import UserError
from nnreg.tracking.location import ARTIFACTS, IN_THE_OPEN, Target, UnreachableError, has_secret, resolve_target
from nnreg.tracking.store import reason
from nnreg.tracking.views import links

_START_SECONDS = 120.0
_LIGHT = {  # 2 processes and half a gigabyte instead of 16 and three
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # to listen on, and how this machine reaches it


@dataclass(frozen=True)
class Address:
    """Where a server listens, and by which names it is called.

    Args:
        host: address to listen on.
        port: port to listen on.
        names: names under which other machines know this one, beside those that it knows itself.

    Raises:
        UserError: a name is none.
    """

    host: str
    port: int
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.names:
            if not name or set(name) & set("/*, "):
                raise UserError(f"--name takes the name of this machine, such as lab.example.org, got '{name}'")

    @property
    def is_open(self) -> bool:
        """Whether other machines reach it."""
        return not (self.host == "localhost" or self.host.startswith("127.") or self.host == "::1")

    @property
    def here(self) -> str:
        """The server's address as seen from this machine."""
        return self._url(_EVERYWHERE.get(self.host, self.host))

    @property
    def elsewhere(self) -> list[str]:
        """The server's addresses as seen from other machines, as far as this one can tell, the likeliest first."""
        own = own_names() if self.host in _EVERYWHERE else [self.host, *own_names()]
        return [self._url(name) for name in dict.fromkeys((*self.names, *own))]

    def settings(self) -> dict[str, str]:
        """Return what MLflow must be told to answer to these names: it refuses browsers that come by others."""
        if not self.is_open and not self.names:
            return {}
        urls = [*self.elsewhere, *(self._url(name) for name in ("localhost", "127.0.0.1", "::1"))]
        # a browser leaves out the usual port of a scheme, and a proxy in front of the server may encrypt
        urls += [f"{scheme}://{name}" for name in self.names for scheme in ("http", "https")]
        hosts = list(dict.fromkeys(url.partition("://")[2] for url in urls))
        return {"MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(hosts), "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(urls)}

    def check(self) -> None:
        """Raise UserError if the port cannot be listened on, naming one that can."""
        if _is_free(self.host, self.port):
            return
        free = next((port for port in range(self.port + 1, min(self.port + 100, 65_536)) if _is_free(self.host, port)), None)
        advice = f"try `python -m nnreg ui --port {free}`" if free else "choose another with --port"
        raise UserError(f"port {self.port} of {self.host} is in use or not allowed: {advice}")

    def _url(self, name: str) -> str:
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"


def own_names() -> list[str]:
    """Return the names and addresses by which other machines may call this one."""
    found = [name for name in (socket.getfqdn(), socket.gethostname()) if name not in ("", "localhost")]
    for family, outside in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):  # reserved: nobody is there
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((outside, 9))  # sends nothing; the system chooses the address that it would send from
            found.append(probe.getsockname()[0])
    return list(dict.fromkeys(found)) or ["127.0.0.1"]


@contextlib.contextmanager
def server(store: str, artifacts: Path, address: Address) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Run MLflow's server in a process group of its own, and leave no process of it behind.

    Args:
        store: database of the runs; a password in it is not seen in the list of processes.
        artifacts: folder of their files; the server hands them out, so that nobody else needs to see it.
        address: where to listen.

    Yields:
        The process and its log.
    """
    command = [sys.executable, "-m", "mlflow", "server", "--artifacts-destination", str(artifacts), "--workers", "1"]
    command += ["--host", address.host, "--port", str(address.port), "--uvicorn-opts", "--log-level warning"]
    environment = _LIGHT | address.settings() | os.environ | {"MLFLOW_BACKEND_STORE_URI": store}
    groups: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **groups)
        try:
            yield process, log
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with contextlib.suppress(ProcessLookupError):  # all of it has ended
            if os.name == "posix":
                os.killpg(process.pid, number)
            else:
                subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)


def answers(base: str, process: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    """Wait until the server answers; False if it ends, is told to stop or takes minutes."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline and not stop.wait(0.1):
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{base}/health", timeout=1.0).ok:
                return True
    return False


def last_line(log: IO[bytes]) -> str:
    """Return the last thing that the server said."""
    log.seek(0)
    lines: Sequence[str] = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[threading.Event]:
    """Yield an event that the end of the terminal or of the session sets: the server is outside of both."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one just closed is no obstacle
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):  # taken, forbidden, or no port number at all
            return False
    return True


@dataclass(frozen=True)
class Wanted:
    """What to show where.

    Attributes:
        home: project folder.
        address: where to listen.
        store: database to serve, made at first use; else ``MLFLOW_TRACKING_URI``, else that of the project.
        artifacts: folder for the files of runs, made at first use; else ``mlartifacts`` in the folder of an SQLite database,
            or in the project.
        opens: whether a browser shows the last sweep, or all runs, where there is a screen and a person.
    """

    home: Path
    address: Address
    store: str | None = None
    artifacts: Path | None = None
    opens: bool = False


def has_screen() -> bool:
    """Tell whether a person sits at this machine who can be shown a page: no robot, no pipe, no terminal from afar."""
    is_windowed = sys.platform in ("win32", "darwin") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return is_windowed and not os.environ.get("CI") and not os.environ.get("SSH_CONNECTION") and sys.stdout.isatty()


def _show(lines: Sequence[str], wanted: Wanted) -> None:
    """Open the last sweep among some links, or else the first of them, in a browser."""
    linked = sorted((line for line in lines if "/#/" in line), key=lambda line: not line.startswith("the last sweep"))
    if wanted.opens and linked and has_screen():
        address = linked[0].rpartition(" ")[2]
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()  # some browsers return when closed


def serve_ui(wanted: Wanted, say: Callable[[str], None] = say) -> int:
    """Show runs until Ctrl-C, and take those of others; where they are on a server already, only say where.

    Args:
        wanted: what to show where.
        say: takes the lines for the user.

    Returns:
        The exit code.

    Raises:
        UserError: there is nothing to show, the port is taken, or the server does not start.
    """
    address, target = wanted.address, resolve_target(wanted.home, wanted.store, None, say)
    if target.is_server:
        lines = _elsewhere(target, wanted)
        for line in lines:
            say(line)
        _show(lines, wanted)
        return 0
    if wanted.store is not None and has_secret(wanted.store):
        raise UserError(IN_THE_OPEN)
    _check(target, is_new=wanted.store is not None)
    address.check()
    artifacts = wanted.artifacts or target.artifacts or wanted.home / ARTIFACTS
    say("starting MLflow's pages (some seconds) ...")
    with stopping_on_signals() as stop, server(target.uri, artifacts.absolute(), address) as (process, log):
        if answers(address.here, process, stop):
            lines = list(_greeting(address))
            for line in lines:
                say(line)
            _show(lines, wanted)
            while process.poll() is None and not stop.wait(0.2):
                pass
        if not stop.is_set():
            raise UserError(f"MLflow's server does not run: {reason(last_line(log), target.shown)}")
    say("stopped")
    return 0


def _elsewhere(target: Target, wanted: Wanted) -> list[str]:
    """Return what to print of runs that are on a server already."""
    if wanted.store is not None:
        raise UserError(
            f"--store names a database to serve, such as postgresql+psycopg2:///nnreg, and {target.shown} is a server; "
            f"to look at its runs: `MLFLOW_TRACKING_URI={target.shown} python -m nnreg ui`"
        )
    return links(target.uri)


def _check(target: Target, *, is_new: bool) -> None:
    """Refuse a store that has nothing to show, unless it was asked for by name, or that does not answer."""
    if not is_new and target.sqlite_file is not None and not target.sqlite_file.exists():
        raise UserError(f"there are no runs yet (no {target.sqlite_file}): make one with `python -m nnreg`, then come back")
    try:
        target.probe()
    except UnreachableError as error:
        raise UserError(f"the runs cannot be shown: {error}") from error


def _greeting(address: Address) -> Iterator[str]:
    """Return what to print once the server answers: where to look and, where others reach it, how they take part."""
    yield from links(address.here)
    if address.is_open:
        first, *others = address.elsewhere
        yield f"others track here: MLFLOW_TRACKING_URI={first} python -m nnreg ..."
        if others:
            yield f"also known as:     {', '.join(others)}"
        yield "there is no password: whoever reaches this address can read, change and delete every run"
    yield "Ctrl-C stops it"
