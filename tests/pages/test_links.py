import pytest
import requests

from nnreg.errors import UserError
from nnreg.tracking.views import TAG, links
from tests.recording.tracking import free_port


class Answers:
    """Stands in for a server's REST interface."""

    def __init__(self, experiments=(), runs=(), tags_allowed=True, known=True):
        self.experiments, self.runs, self.tags_allowed, self.known, self.written = experiments, runs, tags_allowed, known, []

    def __call__(self, url, json, timeout, auth):
        self.login = auth
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
    tags = [{"key": "sweep_id", "value": "today"}, {"key": "job", "value": str(seed)}]
    return {"info": {"experiment_id": "7"}, "data": {"params": [{"key": "seed", "value": str(seed)}], "tags": tags}}


ANSWER = {
    "info": {"experiment_id": "7", "run_id": "newest"},
    "data": {
        "params": [],
        "tags": [
            {"key": "sweep_id", "value": "today"},
            {"key": "mlflow.note.content", "value": "[report.html](#/experiments/7/runs/newest/artifacts/report.html)\n"},
        ],
    },
}


def served(monkeypatch, **facts):
    answers = Answers(**facts)
    monkeypatch.setattr(requests, "post", answers)
    return links("https://someone:secret@mlflow.example.org"), answers


def test_the_link_leads_to_the_newest_experiment_and_to_its_view(monkeypatch):
    (line,), answers = served(monkeypatch, experiments=["0", "7"], runs=[RUN])
    assert "https://someone@mlflow.example.org/#/experiments/7/runs?" in line
    assert answers.written[0]["key"].removeprefix(TAG) in line


def test_the_last_sweep_has_a_link_where_there_are_other_runs_too(monkeypatch):
    lines, _ = served(monkeypatch, experiments=["7"], runs=[swept(0), swept(1), RUN])
    assert [line.partition(":")[0] for line in lines] == ["compare all runs", "the last sweep", "seeds averaged"]
    lines, _ = served(monkeypatch, experiments=["7"], runs=[swept(0)])
    assert [line.partition(":")[0] for line in lines] == ["compare all runs"]


def test_the_report_of_the_last_sweep_has_a_link(monkeypatch):
    older = ANSWER | {"info": {"experiment_id": "7", "run_id": "older"}}
    lines, _ = served(monkeypatch, experiments=["7"], runs=[ANSWER, swept(0), older])
    assert [line.partition(":")[0] for line in lines] == ["compare all runs", "its report"]
    assert "/#/experiments/7/runs/newest/artifacts/report.html?" in lines[-1]


def test_where_the_view_may_not_be_written_the_plain_comparison_is_linked(monkeypatch):
    (line,), _ = served(monkeypatch, experiments=["7"], runs=[RUN], tags_allowed=False)
    assert "experiments/7" in line
    assert "viewStateShareKey" not in line


def test_an_empty_server_is_linked_as_it_is(monkeypatch):
    assert served(monkeypatch)[0] == ["no runs yet: https://someone@mlflow.example.org"]


def test_a_server_that_does_not_know_the_user_is_linked_as_it_is(monkeypatch):
    assert served(monkeypatch, known=False)[0] == ["the runs are at https://someone@mlflow.example.org"]


def test_a_server_that_is_away_is_told_in_one_line():
    with pytest.raises(UserError, match="does not answer") as error:
        links(f"http://127.0.0.1:{free_port()}")
    assert "\n" not in str(error.value)


def test_a_web_server_in_front_is_told_who_asks(monkeypatch):
    assert served(monkeypatch, experiments=["7"], runs=[RUN])[1].login is None
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "someone")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    assert served(monkeypatch, experiments=["7"], runs=[RUN])[1].login == ("someone", "secret")
