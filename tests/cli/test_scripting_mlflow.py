"""What users of MLflow do around a run: an experiment and a run of their own, names, tags, notes, the load of the machine."""

import json
import subprocess
import sys
import textwrap

import pytest

from nnreg import run, sweep

TINY = {"dataset": "iris", "hidden": [[8]], "steps": 10, "batch": 16, "quiet": True}
SCRIPT = """
    import json, mlflow, nnreg
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    tiny = {"dataset": "iris", "steps": 10, "batch": 16, "quiet": True}
    mlflow.set_experiment("mine")
    nnreg.run(run_name="by hand", tags={"paper": "fig2", "pid": "no"}, notes="see page 3", **tiny)
    nnreg.run(experiment_name="other", **tiny)
    with mlflow.start_run(run_name="outer"):
        nnreg.sweep(norm=["none", "batch_norm"], seed=range(2), **tiny)
        nnreg.run(tracking_uri="sqlite:///elsewhere.db", experiment_name="far", **tiny)
    client, seen = mlflow.MlflowClient(), {}
    for store in (client, mlflow.MlflowClient("sqlite:///elsewhere.db")):
        for experiment in store.search_experiments():
            for each in store.search_runs([experiment.experiment_id]):
                parent = each.data.tags.get("mlflow.parentRunId")
                above = client.get_run(parent).info.run_name if parent else None
                seen.setdefault(experiment.name, {})[each.info.run_name] = [above, each.data.tags, each.data.params]
    print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Experiment to run name to the name of the run above, tags and parameters, after a script in a process of its own."""
    words = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(SCRIPT)]
    done = subprocess.run(words, cwd=tmp_path_factory.mktemp("script"), capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.long
def test_the_experiment_of_the_program_is_that_of_its_runs_unless_they_name_another(seen):
    assert {"by hand", "outer", "comparison"} <= set(seen["mine"])
    assert list(seen["other"]) == ["sgd-he"]


@pytest.mark.long
def test_runs_within_a_run_stand_below_it_in_the_same_store_only(seen):
    below = {name for name, (above, *_) in seen["mine"].items() if above == "outer"}
    assert below == {"comparison"} | {f"sgd-he norm={norm} s{seed}" for norm in ("none", "batch_norm") for seed in (0, 1)}
    assert [above for above, *_ in seen["far"].values()] == [None]


@pytest.mark.long
def test_tags_and_notes_are_those_of_the_run_and_take_nothing_from_it(seen):
    _, tags, params = seen["mine"]["by hand"]
    assert tags["paper"] == "fig2"
    assert tags["pid"].isdecimal()
    assert tags["mlflow.note.content"].startswith("see page 3\n\nReproduce this run:")
    assert not {"run_name", "notes", "tags.paper"} & set(params)


def test_colours_tell_apart_what_was_swept(seen):
    colours = {name: tags["mlflow.runColor"] for name, (_, tags, _) in seen["mine"].items() if name.startswith("sgd-he norm")}
    assert colours["sgd-he norm=none s0"] == colours["sgd-he norm=none s1"]
    assert len(set(colours.values())) == 2


def test_a_name_tags_and_notes_are_no_part_of_what_was_trained(project):
    first = run(**TINY | {"hidden": [8]}, tracking="off")
    other = run(**TINY | {"hidden": [8]}, tracking="off", run_name="b", tags={"a": 1}, notes="c")
    assert first.summary["config_hash"] == other.summary["config_hash"]
    assert (other.config["run_name"], dict(other.config["tags"]), other.config["notes"]) == ("b", {"a": 1}, "c")


@pytest.mark.long
def test_a_label_names_what_was_swept_and_no_other_word(project):
    swept = sweep("optimizer=sgd,adam", optimizer__lr=[0.1, 0.0123456], seed=[0], **TINY, tracking="off")
    assert [each.summary["label"] for each in swept.runs] == [
        f"{name}-he lr={rate}" for name in ("sgd", "adam") for rate in ("0.1", "0.0123")
    ]
