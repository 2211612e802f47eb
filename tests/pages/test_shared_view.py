import base64
import json
import zlib

from nnreg.tracking.views import SeenRun, view

METRICS = frozenset(
    {"train/loss", "valid/loss", "valid/accuracy", "test/accuracy"}
    | {"summary/test_accuracy", "summary/valid_accuracy_final", "summary/seconds"}
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
    assert "metrics.`summary/test_accuracy`" in columns


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
    answer = SeenRun({"dataset": "digits"}, frozenset({"summary/arms", "summary/seconds"}), is_answer=True)
    state = content(view([answer, run(seed=0), run(seed=1), run("sgd")], average_seeds=True))
    charts = {chart["metricKey"]: chart["deleted"] for chart in state["compareRunCharts"]}
    assert charts["summary/arms"]
    assert not charts["summary/seconds"]
    assert [key["groupByData"] for key in state["groupBy"]["groupByKeys"]] == ["optimizer"]
    assert "params.`dataset`" not in state["selectedColumns"]


def test_a_sweep_is_shown_by_itself():
    assert content(view([run()], sweep_id="2026_sweep"))["searchFilter"] == 'tags.sweep_id = "2026_sweep"'
    assert "searchFilter" not in content(view([run()]))


def test_of_very_many_runs_the_best_are_drawn():
    few, many = (content(view([run()] * count)) for count in (60, 61))
    assert few["runsHiddenMode"] == "SHOW_ALL"
    assert "orderByKey" not in few
    assert many["runsHiddenMode"] == "FIRST_20_RUNS"
    assert (many["orderByKey"], many["orderByAsc"]) == ("metrics.`summary/valid_accuracy_final`", False)
    assert "orderByKey" not in content(view([run()] * 61, average_seeds=True))  # or the averages were those of the best


def test_a_view_of_many_metrics_and_parameters_fits_the_tag_of_an_old_server():
    many = SeenRun(
        {f"kind{n}.parameter": "1" for n in range(200)}, frozenset({*METRICS, *(f"summary/m{n}" for n in range(40))})
    )
    other = SeenRun({f"kind{n}.parameter": "2" for n in range(200)}, frozenset())
    assert len(view([many, other]).value) < 5_000
