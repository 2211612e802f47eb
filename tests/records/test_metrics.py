"""One table knows every metric: one that is added there is told everywhere, and a run records none that it has not."""

from __future__ import annotations

import base64
import csv
import json
import zlib

import pytest

from nnreg.engine.network import Network
from nnreg.records.folder import read_history, read_summary
from nnreg.records.metrics import METRICS, Metric, called, is_higher_better, is_known, metric_of, metrics_in_order, summary_name
from nnreg.settings import ACTIVATIONS, DESCEND, TRAIN
from nnreg.tracking.views import SeenRun, view

TOP3 = "valid/top3_accuracy"
SMALL = ("dataset=iris", "batch=16", "hidden=[4]", "steps=6", "validate_every=3")


@pytest.fixture
def top3(monkeypatch):
    """A metric that networks measure and that the table has: added in one place each."""
    evaluate = Network.evaluate

    def measured(self, x, targets, *weight):
        return evaluate(self, x, targets, *weight) | {"top3_accuracy": 0.9375}

    monkeypatch.setattr(Network, "evaluate", measured)
    row = Metric(
        TOP3, "validation top-3 accuracy", "%", heading="valid top-3", higher=True, curve=True, scale="linear", column=True
    )
    monkeypatch.setitem(METRICS, TOP3, row)


def seen(folder):
    """Return a run as MLflow has it."""
    facts = read_summary(folder)
    return SeenRun(
        {"optimizer": facts["choices"]["optimizer"]},
        frozenset([*read_history(folder).metrics, *(f"{name.replace('/', '_')}" for name in facts["metrics"])]),
    )


def test_a_metric_that_is_added_is_told_in_the_table_of_a_run(nnreg, top3):
    answer = nnreg(*SMALL)
    (row,) = (line for line in answer.out.splitlines() if line.startswith("valid top3"))
    assert row.split() == ["valid", "top3_accuracy", "93.75", "%", "93.75", "%"]


@pytest.mark.long
def test_a_metric_that_is_added_is_told_in_a_comparison_its_report_its_csv_and_mlflow(nnreg, top3, project):
    answer = nnreg("-m", "optimizer=sgd,adam", *SMALL, "sweep.metric=valid/top3_accuracy", "hydra.sweep.dir=swept")
    assert answer.code == 0
    (heading,) = (line for line in answer.out.splitlines() if line.split()[:2] == ["#", "optimizer"])
    assert "valid top-3" in heading
    assert "93.8 %" in answer.out
    assert "final validation top-3 accuracy" in answer.out
    page = (project / "swept/comparison/report.html").read_text(encoding="utf-8")
    assert "valid top-3" in page
    assert "validation top-3 accuracy (%)" in page
    with (project / "swept/comparison/table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row[f"{TOP3}_final"]) for row in rows] == [0.9375, 0.9375]
    shared = view([seen(project / "swept/0"), seen(project / "swept/1")])
    content = json.loads(zlib.decompress(base64.b64decode(shared.value.partition(";")[2])))
    assert "metrics.`valid_top3_accuracy_final`" in content["selectedColumns"]
    curves = {chart["metricKey"]: chart.get("scaleType") for chart in content["compareRunCharts"] if chart["type"] == "LINE"}
    assert curves[TOP3] == "linear"


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (TRAIN, ["watch_train=true", "diagnostics=on", "check_gradient=true", "dtype=float64", *SMALL]),
        (TRAIN, ["dataset=diabetes", "loss=mse", "watch_train=true", "steps=3"]),
        (TRAIN, ["optimizer=sam", *SMALL]),
        (DESCEND, ["task=descend", "steps=3"]),
        (ACTIVATIONS, ["task=activations", "hidden=[4,4]"]),
    ],
)
def test_the_table_has_every_metric_that_a_run_records_and_knows_where(nnreg, project, task, words):
    assert nnreg(*words, "hydra.run.dir=run").code == 0
    along, ended = read_history(project / "run").metrics, read_summary(project / "run")["metrics"]
    assert {name for name in (*along, *ended) if not is_known(name)} == set()
    assert {metric_of(name).task for name in (*along, *ended)} == {task}
    assert {metric_of(name).recorded for name in along} <= {"ends", "once", "both", "history"}
    assert {summary_name(name) for name in along if metric_of(name).recorded != "history"} <= set(ended)


def test_every_metric_has_a_name_in_words_of_its_own():
    words = [row.words for row in METRICS.values()]
    assert all(words)
    assert len(set(words)) == len(words)
    assert all(row.name == name for name, row in METRICS.items())


def test_a_member_of_a_family_is_called_by_its_own_word():
    assert is_known("weight_norm/layer12")
    assert called("weight_norm/layer12") == "weight norm layer12"
    assert called("gradient_worst/W1") == "gradient worst W1"
    assert not is_known("weight_norm/layerless")


def test_a_metric_of_another_version_is_a_number_called_by_its_name_and_stands_after_those_that_are_known():
    assert not is_known("valid/f1_final")
    assert called("valid/f1_final") == "final validation f1"
    assert metric_of("valid/f1").recorded == "ends"
    ordered = metrics_in_order(["seconds", "valid/f1_final", "valid/loss_best", "valid/loss_final", "train/loss_final"])
    assert ordered == ["train/loss_final", "valid/loss_final", "valid/loss_best", "valid/f1_final", "seconds"]


# Which way metrics are better.


@pytest.mark.parametrize(
    ("metric", "higher"),
    [
        ("valid/accuracy_final", True),
        ("valid/accuracy", True),
        ("test/r2", True),
        ("final/train_loss", False),
        ("valid/loss_best", False),
        ("descent/value", False),
        ("value", False),
        ("gradient_worst/W1", False),
        ("update_ratio/layer2", False),
        ("seconds", False),
        ("steps_per_second", True),
    ],
)
def test_more_is_better_of_accuracies_r2_and_speed(metric, higher):
    assert is_higher_better(metric) == higher
