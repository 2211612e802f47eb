"""Links into MLflow's pages, and the view that they open."""

import base64
import json
import zlib
from pathlib import Path

import pytest
import requests

from nnreg.errors import UserError
from nnreg.tracking import views
from nnreg.tracking.description import describe_run
from nnreg.tracking.views import TAG, SeenRun, links, view
from tests.records.cards import card
from tests.tracking.stores import FINISHED, free_port

METRICS = frozenset(
    {"train/loss", "valid/loss", "valid/accuracy", "test/accuracy"} | {"test_accuracy", "valid_accuracy_final", "seconds"}
)


def run(optimizer="adam", init="he", seed=0, **params):
    return SeenRun({"optimizer": optimizer, "init": init, "seed": str(seed), "parameters": "10", **params}, METRICS)


def content(shared):
    """Unpack a view as MLflow's pages do."""
    kind, _, packed = shared.value.partition(";")
    assert kind == "deflate"
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def test_losses_are_drawn_on_a_log_scale_and_first():
    charts = content(view([run()]))["compareRunCharts"]
    assert [(chart["metricKey"], chart.get("scaleType")) for chart in charts[:3]] == [
        ("train/loss", "log"),
        ("valid/loss", "log"),
        ("valid/accuracy", "linear"),
    ]
    assert {chart["metricSectionId"] for chart in charts[:4]} == {"nnreg-overview"}


def test_what_was_not_measured_is_not_drawn():
    charts = content(view([SeenRun({}, frozenset({"train/loss"}))]))["compareRunCharts"]
    assert [chart["metricKey"] for chart in charts] == ["train/loss"]


def test_columns_are_the_techniques_what_differs_and_the_results():
    columns = content(view([run(batch="32"), run(batch="64", seed=1)]))["selectedColumns"]
    assert columns[1:4] == ["params.`optimizer`", "params.`init`", "params.`batch`"]
    assert "params.`seed`" not in columns
    assert "metrics.`test_accuracy`" in columns


def test_a_view_has_one_name_for_one_content():
    assert view([run()]) == view([run()])
    assert view([run()]).key != view([run()], average_seeds=True).key
    assert len(view([run()]).key) == 64


def test_seeds_are_averaged_over_everything_else_that_differs():
    runs = [run(name, seed=seed, batch=batch) for seed in (0, 1) for batch in ("32", "64") for name in ("adam", "sgd")]
    group = content(view(runs, average_seeds=True))["groupBy"]
    assert group["aggregateFunction"] == "average"
    assert {key["groupByData"] for key in group["groupByKeys"]} >= {"optimizer", "batch"}
    assert {key["mode"] for key in group["groupByKeys"]} == {"param"}
    assert content(view(runs))["groupBy"] is None


def test_a_comparison_is_no_chart_and_part_of_no_group():
    answer = SeenRun({"dataset": "digits"}, frozenset({"arms", "seconds"}), is_answer=True)
    state = content(view([answer, run(seed=0), run(seed=1), run("sgd")], average_seeds=True))
    charts = {chart["metricKey"]: chart["deleted"] for chart in state["compareRunCharts"]}
    assert charts["arms"]
    assert not charts["seconds"]
    assert [key["groupByData"] for key in state["groupBy"]["groupByKeys"]] == ["optimizer"]
    assert "params.`dataset`" not in state["selectedColumns"]


def test_a_store_of_an_earlier_version_is_shown_as_it_was():
    former = SeenRun({}, frozenset({"train/loss", "summary/test_accuracy", "summary/seconds"}))
    state = content(view([former]))
    assert "metrics.`summary/test_accuracy`" in state["selectedColumns"]
    assert {"summary/test_accuracy", "summary/seconds"} <= {chart["metricKey"] for chart in state["compareRunCharts"]}


def test_numbers_of_a_runs_end_stand_in_no_section_of_their_own_above_the_curves():
    """MLflow sorts sections by what is before the last slash of a name; those of names without one come last."""
    told = describe_run(card(Path()), FINISHED)
    assert told.metrics["valid_loss_final"] == FINISHED.summary["valid/loss_final"]
    assert not any("/" in name for name in told.metrics)


def test_a_sweep_is_shown_by_itself():
    assert content(view([run()], sweep_id="2026_sweep"))["searchFilter"] == 'tags.sweep_id = "2026_sweep"'
    assert "searchFilter" not in content(view([run()]))


def test_of_very_many_runs_the_best_are_drawn():
    few, many = (content(view([run()] * count)) for count in (60, 61))
    assert few["runsHiddenMode"] == "SHOW_ALL"
    assert "orderByKey" not in few
    assert many["runsHiddenMode"] == "FIRST_20_RUNS"
    assert (many["orderByKey"], many["orderByAsc"]) == ("metrics.`valid_accuracy_final`", False)
    assert "orderByKey" not in content(view([run()] * 61, average_seeds=True))  # or the averages were those of the best


def test_a_view_of_many_metrics_and_parameters_fits_the_tag_of_an_old_server():
    many = SeenRun({f"kind{n}.parameter": "1" for n in range(200)}, frozenset({*METRICS, *(f"m{n}" for n in range(40))}))
    other = SeenRun({f"kind{n}.parameter": "2" for n in range(200)}, frozenset())
    assert len(view([many, other]).value) < 5_000


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
    assert "https://mlflow.example.org/#/experiments/7/runs?" in line
    assert answers.written[0]["key"].removeprefix(TAG) in line


def test_the_last_sweep_has_a_link_where_there_are_other_runs_too(monkeypatch):
    lines, _ = served(monkeypatch, experiments=["7"], runs=[swept(0), swept(1), RUN])
    assert [line.partition(":")[0] for line in lines] == ["compare all runs", "the last sweep", "seeds averaged"]
    lines, _ = served(monkeypatch, experiments=["7"], runs=[swept(0)])
    assert [line.partition(":")[0] for line in lines] == ["compare all runs"]


def test_the_last_sweep_is_found_in_another_experiment_than_that_of_a_single_run_since(monkeypatch):
    single = {"info": {"experiment_id": "9", "run_id": "single"}, "data": {"params": [], "tags": []}}

    class Filtering(Answers):
        def __call__(self, url, json, **options):
            answer = super().__call__(url, json, **options)
            if "filter" in json:
                body = {"runs": [run for run in answer.json()["runs"] if run["data"].get("tags")]}
                answer.json = lambda: body
            return answer

    monkeypatch.setattr(requests, "post", Filtering(experiments=["7", "9"], runs=[single, ANSWER, swept(0), swept(1)]))
    lines = links("https://mlflow.example.org")
    assert [line.partition(":")[0] for line in lines] == ["compare all runs", "the last sweep", "seeds averaged", "its report"]
    assert "experiments/9/" in lines[0]
    assert all("experiments/7/" in line for line in lines[1:])


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
    assert served(monkeypatch)[0] == ["no runs yet: https://mlflow.example.org"]


def test_a_server_that_does_not_know_the_user_is_linked_as_it_is(monkeypatch):
    assert served(monkeypatch, known=False)[0] == ["the runs are at https://mlflow.example.org"]


def test_a_server_that_is_away_is_told_in_one_line():
    with pytest.raises(UserError, match="does not answer") as error:
        links(f"http://127.0.0.1:{free_port()}")
    assert "\n" not in str(error.value)


def test_a_web_server_in_front_is_told_who_asks(monkeypatch):
    assert served(monkeypatch, experiments=["7"], runs=[RUN])[1].login is None
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "someone")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    assert served(monkeypatch, experiments=["7"], runs=[RUN])[1].login == ("someone", "secret")


def test_the_last_sweep_is_remembered_after_a_single_run(monkeypatch):
    monkeypatch.setattr(views, "_link", lambda base, experiment, shared: shared.key)
    swept = [SeenRun({"optimizer": name}, frozenset(), sweep_id="s") for name in ("sgd", "adam")]
    single = SeenRun({"optimizer": "sgd", "steps": "7"}, frozenset())
    lines = views._lines("http://here", "1", [single, *swept])
    assert lines["the last sweep"] == view(swept, sweep_id="s").key
    assert lines["compare all runs"] == view([single, *swept]).key
