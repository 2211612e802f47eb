"""The one module that imports MLflow: a run created, written to and ended in a store."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import re
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from filelock import FileLock

from nnreg import console
from nnreg.errors import one_line
from nnreg.process import uncollected
from nnreg.records.card import is_trial
from nnreg.records.folder import NETWORK
from nnreg.records.network import NetworkCard, read_network
from nnreg.tracking.description import KEY_TAG, Point, Told, figure_of, files_of, note, shorten
from nnreg.tracking.location import BY_ID, Target, UnreachableError, without_password

_LOCK = 0x6E6E726567  # "nnreg": a number that all who make tables here agree on


def make_tables(uri: str, make: Callable[[], object]) -> None:
    """Have tables made unless they are there, on whichever machine others want the same at this moment.

    Args:
        uri: PostgreSQL database.
        make: makes the tables.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refuses.
    """
    import sqlalchemy  # comes with MLflow, and is imported with it

    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:  # whose end, however it comes, ends the lock
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_lock(_LOCK)))
        if not sqlalchemy.inspect(connection).has_table("alembic_version"):  # it appears with all the others, in one commit
            make()


MODEL = "network"  # what a run calls the model that it logs
LOADER = "nnreg.runs.kept"  # the module whose ``_load_pyfunc`` MLflow calls with the file
_BATCH = 1_000  # metrics a call, the most MLflow takes
_OF_AN_END = {"outcome", "error", "stopped_early_at_step"}  # tags that no longer hold once a run goes on
_SETTINGS = {  # each only where the user has not set it
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # the default, 7, is four minutes on a dead server
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # the console has a line of its own
    "MLFLOW_DISABLE_TELEMETRY": "true",  # a training run tells nobody anything
}


class OpenRun(NamedTuple):
    """A run that the store says is still going on."""

    run_id: str
    name: str
    tags: Mapping[str, str]
    started: int


class Store:
    """An open tracking store. Any method may raise whatever MLflow, its database or its server raises.

    Args:
        target: where; an embedded database is made at first use.

    Raises:
        UnreachableError: it takes no experiment.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._mlflow = _import_mlflow(database=not target.is_server)
        if target.sqlite_file is not None:
            _create_database(target.sqlite_file, target.artifacts)
        elif target.is_postgresql:
            sql_store = self._mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore
            make_tables(target.uri, lambda: sql_store(target.uri, str(target.artifacts)))
        self._client = self._mlflow.MlflowClient(target.uri, registry_uri=target.uri)

    def take_up(self, experiment: str, key: str, started: int, told: Told, *, is_new: bool) -> tuple[str, str]:
        """Create a run, or take up the one of this key, unless it ``is_new``; return the ids of its experiment and its own."""
        experiment_id = self._experiment(experiment)
        run_id = None if is_new else self._find(experiment_id, key)
        if run_id is not None:
            self._client.update_run(run_id, status="RUNNING")
            return experiment_id, run_id
        tags = {**told.tags, KEY_TAG: key}
        run = self._client.create_run(experiment_id, start_time=started, tags=tags, run_name=told.name)
        return experiment_id, str(run.info.run_id)

    def describe(self, experiment_id: str, run_id: str, told: Told, *, is_new: bool) -> None:
        """Write parameters, tags and dataset; a parameter that the run has with another value, for ever, becomes a tag."""
        entities = self._mlflow.entities
        page = told.page or ("" if is_trial(told.tags.get("sweep_id")) else figure_of(told.params.get("task", "")))
        there = entities.RunData() if is_new else self._client.get_run(run_id).data
        changed = {key: value for key, value in told.params.items() if there.params.get(key, value) != value}
        about = note(told.tags["command"], experiment_id, run_id, page, told.about)
        for key in there.tags.keys() & _OF_AN_END:
            self._client.delete_tag(run_id, key)
        params = [entities.Param(key, value) for key, value in told.params.items() if key not in there.params]
        for start in range(100, len(params), 100):  # the most MLflow takes
            self._client.log_batch(run_id, params=params[start : start + 100])
        tags = {**({} if is_new else told.tags), **changed, "mlflow.note.content": about}
        self._client.log_batch(run_id, params=params[:100], tags=self._tags(tags))  # in one transaction
        if told.dataset:
            context = entities.InputTag("mlflow.data.context", "training")
            inputs = [entities.DatasetInput(entities.Dataset(**told.dataset), [context])]
            try:
                self._client.log_inputs(run_id, inputs)
            except self._mlflow.MlflowException:  # another run has registered the same data at this moment
                self._client.log_inputs(run_id, inputs)

    def log(self, run_id: str, points: list[Point]) -> None:
        """Send points; sending the same ones again changes nothing."""
        entities = self._mlflow.entities
        metrics = [entities.Metric(point.metric, point.value, point.millis, int(point.step)) for point in points]
        for start in range(0, len(metrics), _BATCH):
            self._client.log_batch(run_id, metrics=metrics[start : start + _BATCH])

    def finish(self, run_id: str, folder: Path, told: Told) -> None:
        """Upload the files of the run folder, write how the run ended, and end it."""
        for file in files_of(folder):
            inside = file.parent.relative_to(folder).as_posix()
            self._client.log_artifact(run_id, str(file), None if inside == "." else inside)
        if told.logs_model and (folder / NETWORK).exists():
            self._log_model(run_id, folder / NETWORK, told)
        self._client.log_batch(run_id, tags=self._tags(told.closing))
        self._client.set_terminated(run_id, told.status, told.ended)

    def _log_model(self, run_id: str, file: Path, told: Told) -> None:
        """Log the network of a run as a model of the run, once, however often it is tried; nothing is pickled."""
        experiment_id = self._client.get_run(run_id).info.experiment_id
        found = self._client.search_logged_models([experiment_id], f"source_run_id = '{run_id}' AND name = '{MODEL}'")
        model = next(iter(found), None)
        if model is None:
            model = self._client.create_logged_model(experiment_id, MODEL, source_run_id=run_id, model_type="network")
        elif model.status == self._mlflow.entities.LoggedModelStatus.READY:
            return
        with tempfile.TemporaryDirectory() as aside:
            path = Path(aside) / MODEL
            save_model(file, path, told, run_id, model.model_id)
            self._client.log_model_artifacts(model.model_id, str(path))
        outputs = [self._mlflow.entities.LoggedModelOutput(model.model_id, told.step)]
        self._client.log_outputs(run_id, outputs)
        self._client.finalize_logged_model(model.model_id, "READY")

    def watch_system(self, run_id: str, warn: Callable[[str], None]) -> Callable[[], None] | None:
        """Begin to measure the machine, where MLflow is told to, and return what ends that; training goes on without, too."""
        if not watches_system():
            return None
        try:
            from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

            monitor: Any = cast("Any", SystemMetricsMonitor)(run_id, resume_logging=True, tracking_uri=self.target.uri)
            monitor.start()
        except Exception as error:  # psutil is missing, or what MLflow asks it for
            warn(f"MLflow measures no system metrics: {reason(error, self.target.shown)}")
            return None
        ends: Callable[[], None] = monitor.finish
        return ends

    def points(self, run_id: str) -> set[tuple[str, int, float]]:
        """Return every (metric, step, value) that the store has of a run."""
        metrics = self._client.get_run(run_id).data.metrics
        histories = (self._client.get_metric_history(run_id, metric) for metric in metrics)
        return {(point.key, point.step, point.value) for history in histories for point in history}

    def open_runs(self, host: str) -> list[OpenRun]:
        """Return the runs of this program on one host that are marked as running, in all experiments."""
        experiments = [experiment.experiment_id for experiment in self._client.search_experiments()]
        query = f"attributes.status = 'RUNNING' and tags.host = '{host}' and tags.`{KEY_TAG}` != ''"
        page = self._client.search_runs(experiments, query, max_results=1_000)
        found = list(page)
        while page.token:
            page = self._client.search_runs(experiments, query, max_results=1_000, page_token=page.token)
            found += page
        return [OpenRun(run.info.run_id, run.info.run_name, run.data.tags, run.info.start_time) for run in found]

    def kill(self, run_id: str) -> None:
        """Mark a run as killed."""
        self._client.set_tag(run_id, "outcome", "killed")
        self._client.set_terminated(run_id, "KILLED")

    def _find(self, experiment_id: str, key: str) -> str | None:
        found = self._client.search_runs([experiment_id], f"tags.`{KEY_TAG}` = '{key}'", max_results=1)
        return found[0].info.run_id if found else None

    def _tags(self, tags: Mapping[str, str]) -> list[Any]:
        return [self._mlflow.entities.RunTag(key, value) for key, value in tags.items()]

    def _experiment(self, name: str) -> str:
        if name.startswith(BY_ID):
            return str(self._client.get_experiment(name.removeprefix(BY_ID)).experiment_id)
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            artifacts = self.target.artifacts
            # absolute: MLflow would otherwise take the working directory of whoever comes first
            location = None if artifacts is None else (artifacts / _folder_of(name)).as_uri()
            # MLflow's pages ask what kind of experiment it is unless told
            kind = {"mlflow.experimentKind": "custom_model_development"}
            with contextlib.suppress(self._mlflow.MlflowException):  # another run of this sweep was quicker
                return str(self._client.create_experiment(name, location, kind))
            experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            raise UnreachableError(f"experiment {name} can be neither created nor read")
        if experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)
            console.warn(
                f"the experiment {one_line(name)} had been deleted: it is back, with all runs that were in it; "
                "experiment_name=OTHER begins a fresh one"
            )
        return str(experiment.experiment_id)


def _folder_of(experiment: str) -> str:
    """Return the name of the folder for the files of an experiment's runs: never one above, nor one too long for a disk."""
    plain = re.sub(r"[^\w\-.]|^\.+", "_", experiment)
    return plain if len(plain.encode()) <= 100 else hashlib.sha256(experiment.encode()).hexdigest()[:16]


def watches_system() -> bool:
    """Tell whether ``MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING`` asks for the load of the machine."""
    return os.environ.get("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "").lower() in ("true", "1")


def save_model(file: Path, path: Path, told: Told, run_id: str, model_id: str) -> None:
    """Write the network in a file as a model that ``mlflow.pyfunc.load_model`` loads, with what it takes and answers."""
    with warnings.catch_warnings():
        # of MLflow's own classes, and that no example of rows was given: what a network takes is in its signature
        warnings.simplefilter("ignore", UserWarning)
        with uncollected():
            import mlflow.pyfunc
            from mlflow.models import Model

        _, card = read_network(file)
        mlflow.pyfunc.save_model(
            path=str(path),
            loader_module=LOADER,
            data_path=str(file),
            mlflow_model=Model(run_id=run_id, model_id=model_id),
            pip_requirements=[f"{name}=={version}" for name, version in _distributions(told).items()],
            signature=None if card is None else _signature(card),
        )


def _distributions(told: Told) -> Mapping[str, str]:
    """Return the version of each distribution that a run was made with, as its tag says."""
    named = (entry.rpartition(" ") for entry in told.tags.get("plugins", "").split(", "))
    return {name: version for name, _, version in named if name}


def _signature(card: NetworkCard) -> Any:
    """Return which rows a network takes, and what it answers, in MLflow's words."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    made = card.preprocessing
    if made.columns:
        rows = Schema([ColSpec("string" if name in made.words else "double", name) for name in made.columns])
    else:
        rows = Schema([TensorSpec(np.dtype(np.float64), (-1, card.features))])
    kinds = {type(name) for name in made.classes}
    words = {str: "string", int: "long", float: "double"}
    if card.answers != "classes":
        answers = Schema([ColSpec("double", name) for name in made.targets] or [ColSpec("double")])
        return ModelSignature(rows, answers if card.outputs == 1 else None)
    return ModelSignature(rows, Schema([ColSpec(words[kinds.pop()] if kinds else "long")]) if len(kinds) < 2 else None)


AWAY = 30.0  # seconds for which a store that did not answer is not asked again

_silent: dict[str, float] = {}
"""Stores that did not answer in this process, and when that was."""


def reach(target: Target) -> None:
    """Ask a store for a sign of life, unless it gave none a moment ago: the next runs of a sweep need not wait as well.

    Raises:
        UnreachableError: it gives none.
    """
    if time.monotonic() - _silent.get(target.uri, -AWAY) < AWAY:
        raise UnreachableError(f"{target.shown} did not answer a moment ago")
    try:
        target.probe()
    except UnreachableError:
        _silent[target.uri] = time.monotonic()
        raise


def load_mlflow(target: Target) -> None:
    """Import what a store needs, so that opening it takes no time."""
    _import_mlflow(database=not target.is_server)


@functools.cache
def _import_mlflow(*, database: bool) -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    with uncollected(), warnings.catch_warnings():
        # SQLAlchemy 2.1 on MLflow's own tables, which no caller can change
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
        import mlflow
        import mlflow.entities

        if database:
            import mlflow.store.tracking.sqlalchemy_store
    # both loggers only say what is also raised, and is then told to the user in one line; the first prints a traceback with it
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    logging.getLogger("mlflow.system_metrics.system_metrics_monitor").setLevel(logging.WARNING)  # it began, it ended
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    return mlflow


def _create_database(path: Path, artifacts: Path | None) -> None:
    """Make an SQLite store at first use: of several processes that start without one, MLflow lets one survive."""
    if path.exists() and path.stat().st_size:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.exists() and path.stat().st_size:
            return
        aside = path.with_name(f"{path.name}.new")
        aside.unlink(missing_ok=True)  # left by one that was killed
        sql_store = _import_mlflow(database=True).store.tracking.sqlalchemy_store.SqlAlchemyStore
        with uncollected():
            store = sql_store(f"sqlite:///{aside.as_posix()}", str(artifacts or path.parent))
        store.engine.dispose()
        connection = sqlite3.connect(aside)
        connection.execute("PRAGMA journal_mode=WAL")  # readers, such as the pages, do not block runs
        connection.close()
        aside.replace(path)


def reason(error: Exception | str, uri: str) -> str:
    """Return in one short line what went wrong with a store."""
    text = without_password(str(error).strip()) or type(error).__name__
    if "out-of-date database schema" in text:
        return f"its tables are of another MLflow version: `mlflow db upgrade {uri}` after a backup"
    return shorten(text.splitlines()[0], 200, "the log")
