"""``nnreg ui``: MLflow's pages on this project's runs, started the light way, and a link that lands on their comparison."""

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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import requests

from nnreg.errors import UserError
from nnreg.recording.mlflow_sink import reason
from nnreg.recording.tracking_target import Target, UnreachableError, resolve, say, without_password
from nnreg.shared_view import TAG, SeenRun, SharedView, has_several_seeds, view

_START_SECONDS = 120.0
_ASK_SECONDS = 10.0
_LIGHT = {  # 2 processes and half a gigabyte instead of 16 and three
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def serve(home: Path, host: str, port: int, say: Callable[[str], None] = say) -> int:
    """Show the runs of a project until Ctrl-C; where they are on a server already, only say where.

    Args:
        home: project folder.
        host: address to listen on.
        port: port to listen on.
        say: takes the lines for the user.

    Returns:
        The exit code.

    Raises:
        UserError: there is nothing to show, the port is taken, or the server does not start.
    """
    target = resolve(home, None, None, say)
    if target.is_server:
        for line in links(target.uri):
            say(line)
        return 0
    if target.sqlite_file is not None and not target.sqlite_file.exists():
        raise UserError(f"there are no runs yet (no {target.sqlite_file}): make one with `python -m nnreg`, then come back")
    try:
        target.probe()
    except UnreachableError as error:
        raise UserError(f"the runs cannot be shown: {error}") from error
    _check_port(host, port)
    seen_from_here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    base = f"http://[{seen_from_here}]:{port}" if ":" in seen_from_here else f"http://{seen_from_here}:{port}"
    say("starting MLflow's pages (some seconds) ...")
    with _stopping_on_signals() as stop, _server(target, host, port) as (server, log):
        if _answers(base, server, stop):
            for line in (*links(base), "Ctrl-C stops it"):
                say(line)
            while server.poll() is None and not stop.wait(0.2):
                pass
        if not stop.is_set():
            raise UserError(f"MLflow's server does not run: {reason(_last_line(log), target.shown)}")
    say("stopped")
    return 0


def links(base: str) -> list[str]:
    """Return the lines to print: the comparison of the newest experiment, of its last sweep, and the averages over seeds.

    Writes the view as a tag of that experiment; where that is not allowed, the link shows MLflow's defaults.
    """
    try:
        experiments = _ask(base, "experiments/search", {"max_results": 1_000}).get("experiments", [])
        ids = [experiment["experiment_id"] for experiment in experiments]
        runs = _search(base, ids, 1) if ids else []
        if not runs:
            return [f"no runs yet: {without_password(base)}"]
        experiment = runs[0]["info"]["experiment_id"]
        seen = [_seen(run) for run in _search(base, [experiment], 500)]
    except requests.RequestException as error:
        if error.response is not None and error.response.status_code in (401, 403):
            return [f"the runs are at {without_password(base)}"]
        raise UserError(f"{without_password(base)} does not answer as an MLflow server does") from error
    lines = [f"compare all runs: {_link(base, experiment, view(seen))}"]
    sweep_id = seen[0].sweep_id
    swept = [run for run in seen if run.sweep_id == sweep_id]
    if sweep_id is None or len(swept) == len(seen):
        sweep_id, swept = None, seen
    else:
        lines.append(f"the last sweep:   {_link(base, experiment, view(swept, sweep_id=sweep_id))}")
    if has_several_seeds(swept):
        lines.append(f"seeds averaged:   {_link(base, experiment, view(swept, sweep_id=sweep_id, average_seeds=True))}")
    return lines


def _link(base: str, experiment: str, shared: SharedView) -> str:
    page = f"{without_password(base)}/#/experiments/{experiment}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    try:
        _ask(
            base,
            "experiments/set-experiment-tag",
            {"experiment_id": experiment, "key": TAG + shared.key, "value": shared.value},
        )
    except requests.RequestException:
        return page
    return f"{page}&viewStateShareKey={shared.key}"


def _search(base: str, experiments: list[str], most: int) -> list[dict[str, Any]]:
    query = {"experiment_ids": experiments, "max_results": most, "order_by": ["attributes.start_time DESC"]}
    runs: list[dict[str, Any]] = _ask(base, "runs/search", query).get("runs", [])
    return runs


def _seen(run: dict[str, Any]) -> SeenRun:
    data = run.get("data", {})
    params, tags = ({entry["key"]: entry["value"] for entry in data.get(kind, [])} for kind in ("params", "tags"))
    return SeenRun(params, frozenset(metric["key"] for metric in data.get("metrics", [])), tags.get("sweep_id"))


def _ask(base: str, what: str, query: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(f"{base}/api/2.0/mlflow/{what}", json=query, timeout=_ASK_SECONDS)
    answer.raise_for_status()
    content: dict[str, Any] = answer.json()
    return content


def _check_port(host: str, port: int) -> None:
    if _is_free(host, port):
        return
    free = next((other for other in range(port + 1, min(port + 100, 65_536)) if _is_free(host, other)), None)
    advice = f"try `python -m nnreg ui --port {free}`" if free else "choose another with --port"
    raise UserError(f"port {port} of {host} is in use or not allowed: {advice}")


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


@contextlib.contextmanager
def _server(target: Target, host: str, port: int) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Run MLflow's server in a process group of its own, and leave no process of it behind."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", target.uri]
    command += ["--artifacts-destination", str(target.artifacts), "--host", host, "--port", str(port), "--workers", "1"]
    command += ["--uvicorn-opts", "--log-level warning"]
    groups: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, env=_LIGHT | os.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **groups)
        try:
            yield server, log
        finally:
            _stop(server)


def _stop(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with contextlib.suppress(ProcessLookupError):  # all of it has ended
            if os.name == "posix":
                os.killpg(server.pid, number)
            else:
                subprocess.run(["taskkill", "/F", "/T", "/PID", str(server.pid)], capture_output=True, check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5.0)


def _answers(base: str, server: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    """Wait until the server answers; False if it ends, is told to stop or takes minutes."""
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline and not stop.wait(0.1):
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{base}/health", timeout=1.0).ok:
                return True
    return False


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


@contextlib.contextmanager
def _stopping_on_signals() -> Iterator[threading.Event]:
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
