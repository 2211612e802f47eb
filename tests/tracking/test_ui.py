import contextlib
import os
import re
import signal
import socket
import threading
import time

import pytest
import requests

from nnreg.errors import UserError
from nnreg.tracking import ui
from nnreg.tracking.ui import Address, Wanted
from nnreg.tracking.views import TAG
from tests.tracking.stores import Tracked, children, client, free_port, new_database, pages


def serve(home, port=None, **wanted):
    """Ask for the pages of a project within this process."""
    return ui.serve_ui(Wanted(home, Address("127.0.0.1", free_port() if port is None else port), **wanted), lambda _: None)


def lives(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="asks ps and sends SIGINT")
def test_the_pages_start_lead_to_the_newest_experiment_and_leave_nothing_behind(project):
    new_database(project / "mlflow.db")
    Tracked(project, experiment="older").whole()
    time.sleep(0.002)
    for number in range(2):
        changes = {"folder": project / "runs" / str(number), "seed": number}
        newest = Tracked(project, experiment="newer", changes=changes).whole()
    experiment, run = newest.ids
    port = free_port()
    with pages(project, "--port", str(port)) as (process, lines):
        below = children(process.pid)
        assert below
        link, averaged = (re.search(r"http\S+", line).group() for line in lines[1:3])
        assert link.startswith(f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs?")
        assert "compareRunsMode=CHART" in link
        assert link != averaged
        assert requests.get(f"http://127.0.0.1:{port}/", timeout=180).ok
        picture = f"http://127.0.0.1:{port}/get-artifact?path=loss.png&run_uuid={run}"
        assert requests.get(picture, timeout=180).content == b"a picture"
        with pytest.raises(UserError, match=r"in use.*--port \d+"):
            serve(project, port)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=180)
        assert (process.returncode, out.strip(), err) == (0, "stopped", "")
    assert not [pid for pid in below if lives(pid)]
    key = link.rpartition("viewStateShareKey=")[2]
    assert TAG + key in client(newest.uri).get_experiment(experiment).tags


def test_a_port_in_use_names_one_that_is_free(project):
    new_database(project / "mlflow.db")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as error:
            serve(project, port)
    advice = re.search(r"`python -m nnreg ui --port (\d+)`", str(error.value))
    assert int(advice.group(1)) > port


def test_without_runs_it_says_how_to_make_one(project):
    with pytest.raises(UserError, match=r"there are no runs yet.*`python -m nnreg`"):
        serve(project)


def test_a_damaged_database_is_told_at_once(project):
    (project / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(UserError, match="file is not a database"):
        serve(project)


def test_a_server_that_cannot_start_is_told_with_its_reason(project, monkeypatch):
    new_database(project / "mlflow.db")
    package = project / "bin" / "mlflow"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    said = "Starting\\nmlflow.exceptions.MlflowException: Detected out-of-date database schema (found version 451)"
    (package / "__main__.py").write_text(f"raise SystemExit('{said}')")  # as MLflow's own ends with such a store
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    with pytest.raises(UserError, match=f"does not run: .*mlflow db upgrade sqlite:///{project}"):
        serve(project)


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_number_that_is_no_port_is_answered_in_one_line(project, port):
    new_database(project / "mlflow.db")
    with pytest.raises(UserError, match=f"port {port} of 127.0.0.1 is in use or not allowed"):
        serve(project, port)


def test_a_server_is_not_served_again(project):
    with pytest.raises(UserError, match=r"--store names a database to serve.*http://lab:5000 is a server") as error:
        serve(project, store="http://someone:secret@lab:5000")
    assert "secret" not in str(error.value)


@pytest.mark.extra("postgres")
def test_a_store_asked_for_by_name_need_not_be_there_yet(project):
    with pytest.raises(UserError, match=r"no database answers at 127\.0\.0\.1:9"):
        serve(project, store="postgresql+psycopg2://nnreg@127.0.0.1:9/runs")


def test_a_database_without_its_driver_says_what_to_install(project, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"python -m pip install 'nnreg\[postgres\]'"):
        serve(project, store="postgresql+psycopg2:///runs")


LINES = ("compare all runs: http://here/#/a", "the last sweep:   http://here/#/b", "Ctrl-C stops it")


def opened(monkeypatch, lines=LINES, *, opens=True, is_terminal=True, **variables):
    """Return what a browser is sent to, on Linux with those variables only."""
    found = []
    for name in ("CI", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ui.sys, "platform", "linux")
    monkeypatch.setattr(ui.sys.stdout, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(ui.webbrowser, "open", found.append)
    ui._show(lines, Wanted(None, None, opens=opens))
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            thread.join(0.2)
    return found


def test_a_browser_opens_on_the_last_sweep_or_else_on_all_runs(monkeypatch):
    assert opened(monkeypatch, DISPLAY=":0") == ["http://here/#/b"]
    assert opened(monkeypatch, LINES[:1], WAYLAND_DISPLAY="w") == ["http://here/#/a"]
    assert opened(monkeypatch, ("no runs yet: http://here",), DISPLAY=":0") == []


@pytest.mark.parametrize(
    "where", [{}, {"DISPLAY": ":0", "CI": "true"}, {"DISPLAY": ":0", "opens": False}, {"DISPLAY": ":0", "is_terminal": False}]
)
def test_no_browser_opens_without_a_screen_and_a_person_who_wants_it(monkeypatch, where):
    assert opened(monkeypatch, **where) == []
