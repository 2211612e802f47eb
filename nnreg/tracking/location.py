"""Which tracking store a run goes to, whether it is alive, and no password in anything that is shown.

MLflow itself needs minutes to give up: 245 s on a dead server, 100 s on a dead database.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

KEY = "tracking_uri"


class NoPasswords(Callback):
    """Hydra calls this before a run or a sweep, when nothing is written yet."""

    def on_run_start(self, config: DictConfig, **kwargs: object) -> None:
        """End the program if a password was typed."""
        refuse(config)

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        """End the program if a password was typed."""
        refuse(config)


_asked: set[str] = set()
"""Stores that were asked for in this process, without passwords."""


def refuse(config: DictConfig) -> None:
    """Accept a configuration in which no password was typed; it may take one from elsewhere: ``${oc.env:...}``.

    Raises:
        SystemExit: with the line for the person, as Hydra swallows all other exceptions of callbacks.
    """
    for key, text in _typed(config):
        if has_secret(text):
            where = (
                "put the whole address into the environment variable MLFLOW_TRACKING_URI, which is written nowhere"
                if key == KEY
                else f"put the whole of it into an environment variable, and type '{key}=${{oc.env:NAME}}'"
            )
            raise SystemExit(f"nnreg: {key} holds a password, which would be copied into every run folder: {where}")
    if (uri := config.get(KEY)) is not None:
        _asked.add(without_password(str(uri)))


def _typed(config: DictConfig) -> Iterator[tuple[str, str]]:
    node = OmegaConf.to_container(config, resolve=False)
    assert isinstance(node, dict)
    yield KEY, str(node.get(KEY))
    for word in (*node["hydra"]["overrides"]["task"], *node["hydra"]["overrides"]["hydra"]):
        key, _, value = str(word).lstrip("+").partition("=")
        yield key, value


CONNECT_SECONDS = 1.2  # to a machine that is off: a packet that was lost is sent again after one
PROBE_SECONDS = 4.0  # for the answer of one that is there: who is busy is not dead
DATABASE = "mlflow.db"
UI_HOST, UI_PORT = "127.0.0.1", 5000  # of `python -m nnreg ui`, unless told otherwise
UI = f"http://{UI_HOST}:{UI_PORT}"
MACHINE_LEARNING = "workflowType=machine_learning"
"""Part of a link to MLflow's pages, which are dressed for language models without."""
ARTIFACTS = "mlartifacts"
DEFAULT_EXPERIMENT = "nnreg"
BY_ID = "id:"
"""Begins what stands for the name of an experiment that MLflow's own functions, or its users, named by its number."""
_USER = re.compile(r"(?P<scheme>[a-z][a-z\d+.-]*)://(?P<user>[^:/?#@\s]*)(?P<password>:\S*)?@", re.IGNORECASE)
"""What stands before the last @ of an address: a password may hold what it should not."""
_PARAMETER = re.compile(r"(?<=[?&;#])(?P<key>[^\s=&;?#/'\"]+)=[^&;#\s'\"]*&?")
_SECRET = re.compile(
    r"pass|pwd|secret|token|credential|signature|odbc_connect|^(sig|key|auth|authorization|sas|service)$"
    r"|(api|access|account|shared|private|client|storage|ssl)[_-]?key|ssl[_-]?cert",
    re.IGNORECASE,
)
"""Names of parameters that open something, or say where on this computer what opens it lies."""
_ASSIGNED = re.compile(r"(pass(word|wd|phrase)?|pwd|secret|token|api_?key)\s*=", re.IGNORECASE)
"""Such a name inside the value of another."""
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


class UnreachableError(Exception):
    """The tracking store does not answer; one line that says in what way."""


@dataclass(frozen=True)
class Target:
    """A tracking store.

    Args:
        uri: server or database; SQLite files are absolute.
        experiment: name under which runs are filed.
        artifacts: folder for the files of runs, or None where a server decides.
    """

    uri: str
    experiment: str
    artifacts: Path | None

    @property
    def shown(self) -> str:
        """The address without a password, for messages, links and files."""
        return without_password(_unspaced(self.uri))

    @property
    def is_server(self) -> bool:
        """Whether it is spoken to over HTTP."""
        return urlsplit(self.uri).scheme in ("http", "https")

    @property
    def is_postgresql(self) -> bool:
        """Whether it is a PostgreSQL database."""
        return _scheme(self.uri) == "postgresql"

    @property
    def sqlite_file(self) -> Path | None:
        """The database file, or None for anything but SQLite."""
        _, found, path = self.uri.partition(":///")
        return Path(path) if found and _scheme(self.uri) == "sqlite" else None

    def probe(self) -> None:
        """Ask the store for a sign of life; takes under a millisecond where it is well.

        Raises:
            UnreachableError: it is not there, does not answer within seconds, or is locked.
        """
        if self.is_server:
            _probe_server(self.uri)
        elif self.sqlite_file is not None:
            _probe_sqlite(self.sqlite_file)
        elif _scheme(self.uri) in _DATABASES:
            _check_driver(self.uri)
            _probe_port(self.uri)


def without_password(text: str) -> str:
    """Return an address, or a text that holds some, as it may be shown.

    A database is told a name and a password; what stands before the ``@`` of any other address may be a token as a whole.
    """
    return _PARAMETER.sub(_shown_parameter, _USER.sub(_shown_user, text))


def _shown_user(found: re.Match[str]) -> str:
    scheme, user = found["scheme"], found["user"]
    return f"{scheme}://{user}@" if scheme.partition("+")[0].lower() in _DATABASES and user else f"{scheme}://"


def _shown_parameter(found: re.Match[str]) -> str:
    value = unquote_plus(found[0].partition("=")[2])  # options=-c password=...
    return "" if _SECRET.search(unquote_plus(found["key"])) or _ASSIGNED.search(value) else found[0]


def has_secret(text: str) -> bool:
    """Tell whether a word that was typed holds a password, a token or the like."""
    return "://" in text and without_password(_unspaced(text)) != _unspaced(text)


def _unspaced(uri: str) -> str:
    return re.sub(r"\s", "%20", uri) if "://" in uri and _scheme(uri) != "sqlite" else uri


def is_own_store(home: Path, uri: object) -> bool:
    """Tell whether an address that a folder names is trusted: anybody may have written it.

    Those are the store that is used without any address, one that was asked for in this process, and a database that lies in
    the project.
    """
    if uri is None:
        return True
    if not isinstance(uri, str):
        return False
    target = resolve_target(home, uri, None, _say_nothing)
    if target.shown in (resolve_target(home, None, None, _say_nothing).shown, *_asked) or without_password(uri) in _asked:
        return True
    path = target.sqlite_file
    return path is not None and path.is_file() and path.resolve().is_relative_to(home.resolve())


def push_words(uri: str, folder: Path) -> str:
    """Return the command that sends a run to the store that its folder names."""
    return shlex.join(["python", "-m", "nnreg", "runs", "push", "--store", without_password(uri), str(folder)])


IN_THE_OPEN = (
    "--store holds a password, which everybody on this computer could read in the list of processes: put the whole address "
    "into the environment variable MLFLOW_TRACKING_URI, and leave --store out"
)


def _say_nothing(_: str) -> None:
    """Whoever uses the store is told what there is to tell of it."""


def resolve_target(home: Path, uri: str | None, experiment: str | None, warn: Callable[[str], None]) -> Target:
    """Find the store: the argument, else ``MLFLOW_TRACKING_URI``, else a database in the project folder.

    Args:
        home: project folder.
        uri: what the configuration says, if anything.
        experiment: likewise; else that of ``mlflow.start_run`` or ``mlflow.set_experiment`` around this, of
            ``MLFLOW_EXPERIMENT_ID`` or ``MLFLOW_EXPERIMENT_NAME``, else ``nnreg``.
        warn: told in one line if the store named is one that MLflow no longer writes.
    """
    home = home.absolute()
    around = ("", "") if uri and experiment else _surroundings()
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or around[0]
    experiment = experiment or around[1] or os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT
    embedded = home / DATABASE
    if uri and (folder := _file_store(uri)) is not None:
        warn(  # there is no password in the address of a folder
            f"MLflow no longer writes file stores such as {uri}: tracking to sqlite:///{embedded.as_posix()} instead; "
            f"`unset MLFLOW_TRACKING_URI` stops this message, {_migration(folder, home)}"
        )
        uri = ""
    elif not uri and not embedded.exists() and any((home / "mlruns").glob("*/meta.yaml")):
        warn(f"the old runs in {home / 'mlruns'} are not in the new {DATABASE}: {_migration(home, home)}")
    if _scheme(uri) in _DATABASES and (path := Target(uri, experiment, None).sqlite_file) is not None:
        embedded = home / path
        uri = ""
    if not uri:
        return Target(f"sqlite:///{embedded.as_posix()}", experiment, embedded.parent / ARTIFACTS)
    return Target(uri.rstrip("/"), experiment, home / ARTIFACTS if _scheme(uri) in _DATABASES else None)


def surrounding_run() -> Any:
    """Return the run of ``mlflow.start_run`` that this program is in, or None."""
    mlflow = sys.modules.get("mlflow")
    return mlflow.active_run() if mlflow is not None and hasattr(mlflow, "active_run") else None


def _surroundings() -> tuple[str, str]:
    """Return the store and the experiment that MLflow's own functions would use here, "" where nobody has told them."""
    run = surrounding_run()  # set_experiment sets the variable, for processes that are started from here
    number = run.info.experiment_id if run is not None else os.environ.get("MLFLOW_EXPERIMENT_ID", "")
    if not number:
        return "", ""
    mlflow = sys.modules.get("mlflow")
    uri = str(mlflow.get_tracking_uri()) if mlflow is not None and hasattr(mlflow, "get_tracking_uri") else ""
    return ("", "") if uri and _file_store(uri) is not None else (uri, f"{BY_ID}{number}")  # those are not written here


def parent_tags(target: Target) -> dict[str, str]:
    """Return the tag that puts a run below that of ``mlflow.start_run`` around it, if both are in one store."""
    run, (uri, experiment) = surrounding_run(), _surroundings()
    if run is None or not experiment:
        return {}
    around = resolve_target(Path.cwd(), uri, experiment, lambda _: None)
    return {"mlflow.parentRunId": str(run.info.run_id)} if around.uri == target.uri else {}


def _migration(source: Path, home: Path) -> str:
    target = f"sqlite:///{(home / 'mlflow_old.db').as_posix()}"
    return f"`mlflow migrate-filestore --source {source} --target {target}` makes old runs readable again"


def _scheme(uri: str) -> str:
    return urlsplit(uri).scheme.partition("+")[0]


def _file_store(uri: str) -> Path | None:
    parts = urlsplit(uri)
    is_drive = len(parts.scheme) == 1  # C:\mlruns
    if parts.scheme not in ("", "file") and not is_drive:
        return None
    folder = Path(uri if is_drive or not parts.scheme else parts.path)
    return folder.parent if folder.name == "mlruns" else folder


def _probe_server(uri: str) -> None:
    import requests  # half of a tenth of a second that a run without a server does not pay

    try:
        answer = requests.get(f"{uri}/health", timeout=(CONNECT_SECONDS, PROBE_SECONDS))
    except requests.RequestException as error:
        reason = "no answer" if isinstance(error, requests.Timeout) else "no connection"
        raise UnreachableError(f"{reason} from {without_password(uri)}") from error
    if answer.status_code >= 500:
        raise UnreachableError(f"{without_password(uri)} answers with error {answer.status_code}")


def _probe_port(uri: str) -> None:
    ports = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
    parts = urlsplit(uri)
    if parts.hostname is None:  # a database of this machine answers, or not, at once
        return
    host, port = parts.hostname, parts.port or ports[_scheme(uri)]
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise UnreachableError(f"no database answers at {host}:{port}") from error


def _check_driver(uri: str) -> None:
    if urlsplit(uri).scheme in ("postgresql", "postgresql+psycopg2") and importlib.util.find_spec("psycopg2") is None:
        raise UnreachableError("PostgreSQL needs its driver: python -m pip install 'nnreg[postgres]'")


def _probe_sqlite(path: Path) -> None:
    if not path.exists():  # not made yet
        return
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=PROBE_SECONDS)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UnreachableError(f"{path}: {error}") from error
