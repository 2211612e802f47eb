import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from nnreg import serving
from nnreg.errors import UserError
from nnreg.shared_view import TAG
from tests.recording.tracking import Tracked, client, make_outdated, new_database


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def pages(home, port):
    """Run ``nnreg ui`` as a person does; yield the process and the lines it printed up to the last."""
    code = "import sys, pathlib, nnreg.serving as ui; sys.exit(ui.serve(pathlib.Path.cwd(), '127.0.0.1', int(sys.argv[1])))"
    command = [sys.executable, "-W", "error", "-c", code, str(port)]
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if "Ctrl-C" in line:
                break
        yield process, lines
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def children(pid):
    """Return the ids of all processes below one."""
    found = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split("\n")
    parents = dict(map(int, line.split()) for line in found if line)
    below, last = {pid}, set()
    while below != last:
        last, below = below, below | {child for child, parent in parents.items() if parent in below}
    return below - {pid}


def lives(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="asks ps and sends SIGINT")
def test_the_pages_start_lead_to_the_newest_experiment_and_leave_nothing_behind(project):
    new_database(project / "mlflow.db")
    Tracked(project, experiment="older").whole()
    time.sleep(0.002)
    for number in range(2):
        changes = {"folder": project / "runs" / str(number), "seed": number}
        newest = Tracked(project, experiment="newer", changes=changes).whole()
    port = free_port()
    with pages(project, port) as (process, lines):
        below = children(process.pid)
        assert below
        link, averaged = (re.search(r"http\S+", line).group() for line in lines[1:3])
        assert link.startswith(f"http://127.0.0.1:{port}/#/experiments/{newest.experiment_id}/runs?")
        assert "compareRunsMode=CHART" in link
        assert link != averaged
        assert requests.get(f"http://127.0.0.1:{port}/", timeout=10).ok
        picture = f"http://127.0.0.1:{port}/get-artifact?path=loss.png&run_uuid={newest.run_id}"
        assert requests.get(picture, timeout=10).content == b"a picture"
        with pytest.raises(UserError, match=r"in use.*--port \d+"):
            serving.serve(project, "127.0.0.1", port)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out.strip(), err) == (0, "stopped", "")
    assert not [pid for pid in below if lives(pid)]
    key = link.rpartition("viewStateShareKey=")[2]
    assert TAG + key in client(newest.uri).get_experiment(newest.experiment_id).tags


def test_a_port_in_use_names_one_that_is_free(project):
    new_database(project / "mlflow.db")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as error:
            serving.serve(project, "127.0.0.1", port)
    advice = re.search(r"`python -m nnreg ui --port (\d+)`", str(error.value))
    assert int(advice.group(1)) > port


def test_without_runs_it_says_how_to_make_one(project):
    with pytest.raises(UserError, match=r"there are no runs yet.*`python -m nnreg`"):
        serving.serve(project, "127.0.0.1", free_port())


def test_a_damaged_database_is_told_at_once(project):
    (project / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(UserError, match="file is not a database"):
        serving.serve(project, "127.0.0.1", free_port())


@pytest.mark.slow
def test_a_server_that_cannot_start_is_told_with_its_reason(project):
    make_outdated(project / "mlflow.db")
    with pytest.raises(UserError, match=f"does not run: .*mlflow db upgrade sqlite:///{project}"):
        serving.serve(project, "127.0.0.1", free_port(), say=lambda _: None)


class Answers:
    """Stands in for a server's REST interface."""

    def __init__(self, experiments=(), runs=(), tags_allowed=True, known=True):
        self.experiments, self.runs, self.tags_allowed, self.known, self.written = experiments, runs, tags_allowed, known, []

    def __call__(self, url, json, timeout):
        answer = requests.Response()
        answer.status_code = 200
        if url.endswith("experiments/search"):
            body = {"experiments": [{"experiment_id": number} for number in self.experiments]}
        elif url.endswith("runs/search"):
            body = {"runs": [run for run in self.runs if run["info"]["experiment_id"] in json["experiment_ids"]]}
        else:
            body = {}
            answer.status_code = 200 if self.tags_allowed else 403
            self.written.append(json)
        if not self.known:
            answer.status_code = 401
        answer.json = lambda: body
        return answer


RUN = {"info": {"experiment_id": "7"}, "data": {"params": [{"key": "optimizer", "value": "sgd"}], "metrics": []}}


def swept(seed):
    tags = [{"key": "sweep_id", "value": "today"}]
    return {"info": {"experiment_id": "7"}, "data": {"params": [{"key": "seed", "value": str(seed)}], "tags": tags}}


def served(monkeypatch, **facts):
    answers = Answers(**facts)
    monkeypatch.setattr(requests, "post", answers)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://someone:secret@mlflow.example.org/")
    lines = []
    assert serving.serve(Path.cwd(), "127.0.0.1", 5000, lines.append) == 0
    return lines, answers


def test_runs_on_a_server_are_only_linked(project, monkeypatch):
    (line,), answers = served(monkeypatch, experiments=["0", "7"], runs=[RUN])
    assert "https://someone@mlflow.example.org/#/experiments/7/runs?" in line
    assert answers.written[0]["key"].removeprefix(TAG) in line


def test_the_last_sweep_has_a_link_where_there_are_other_runs_too(project, monkeypatch):
    lines, _ = served(monkeypatch, experiments=["7"], runs=[swept(0), swept(1), RUN])
    assert [line.partition(":")[0] for line in lines] == ["compare all runs", "the last sweep", "seeds averaged"]
    lines, _ = served(monkeypatch, experiments=["7"], runs=[swept(0)])
    assert [line.partition(":")[0] for line in lines] == ["compare all runs"]


def test_where_the_view_may_not_be_written_the_plain_comparison_is_linked(project, monkeypatch):
    (line,), _ = served(monkeypatch, experiments=["7"], runs=[RUN], tags_allowed=False)
    assert "experiments/7" in line
    assert "viewStateShareKey" not in line


def test_an_empty_server_is_linked_as_it_is(project, monkeypatch):
    assert served(monkeypatch)[0] == ["no runs yet: https://someone@mlflow.example.org"]


def test_a_server_that_does_not_know_the_user_is_linked_as_it_is(project, monkeypatch):
    assert served(monkeypatch, known=False)[0] == ["the runs are at https://someone@mlflow.example.org"]


def test_a_server_that_is_away_is_told_in_one_line(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UserError, match="does not answer") as error:
        serving.serve(Path.cwd(), "127.0.0.1", 5000)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_number_that_is_no_port_is_answered_in_one_line(project, port):
    Tracked(project).whole()
    with pytest.raises(UserError, match=f"port {port} of 127.0.0.1 is in use or not allowed"):
        serving.serve(project, "127.0.0.1", port)
