"""Folders that the last version wrote are read: compared, drawn, run again, sent to a store."""

import json
import re
import shutil
from pathlib import Path

import pytest

import nnreg as package
from nnreg.records.manifest import read_manifest
from nnreg.records.outputs import read_outputs
from nnreg.runs.resume import rerun_words
from tests.tracking.stores import only_run

KEPT = Path(__file__).parent / "last_version"


@pytest.fixture
def folders(project):
    """A copy of what the last version left: a sweep, a descent, a look at layers, and a run whose store never answered."""
    shutil.copytree(KEPT, project / "old")
    return project / "old"


def test_a_sweep_is_compared(folders):
    compared = package.compare(folders / "sweep")
    assert len(compared.runs) == 4
    assert set(compared.table()["arm"]) == {"adam", "sgd"}
    assert not compared.gathered.left_out
    assert compared.save(folders / "answer").exists()


def test_its_final_training_loss_is_the_mean_that_it_was_and_ranks_it(folders):
    compared = package.compare(folders / "sweep")
    written = json.loads((folders / "sweep" / "0" / "summary.json").read_text())["metrics"]["train/loss_final"]
    (run,) = (run for run in compared.runs if run.folder.name == "0")
    assert run.summary["metrics"]["train/loss_mean_last_100"] == written
    assert "train/loss_final" not in run.summary["metrics"]
    assert compared.metric == "train/loss_mean_last_100"
    assert "training loss, mean of the last 100 steps" in compared.answer


def test_it_is_not_ranked_on_one_page_with_a_run_of_this_version(nnreg, folders):
    assert nnreg("rerun", str(folders / "sweep" / "0"), "hydra.run.dir=again").code == 0
    answer = nnreg("compare", str(folders / "sweep"), "again")
    assert answer.code == 2
    assert "was written by an earlier version of nnreg, which recorded none" in answer.complaint
    assert "--metric train/loss_mean_last_100" in answer.complaint
    answer = nnreg("compare", str(folders / "sweep"), "again", "--metric", "train/loss_mean_last_100")
    assert answer.code == 0, answer.err


def test_its_manifest_says_what_was_typed(folders):
    assert read_manifest(folders / "sweep").overrides[-3:] == ("optimizer=sgd,adam", "seed=1,2", "tracking=off")


def test_a_run_is_made_again(nnreg, folders):
    answer = nnreg("rerun", str(folders / "sweep" / "0"), "hydra.run.dir=again")
    assert answer.code == 0, answer.err
    old, new = (package.compare(folder).runs[0] for folder in (folders / "sweep" / "0", Path("again")))
    assert set(new.history.metrics) - set(old.history.metrics) == {"start/train_loss", "final/train_loss"}
    for metric in old.history.metrics:
        assert new.history.series(metric)[1] == pytest.approx(old.history.series(metric)[1], rel=1e-4)


def test_patience_that_was_counted_in_validations_is_counted_in_steps(folders):
    run = folders / "sweep" / "0"
    text = (run / "config.yaml").read_text()
    assert "patience: null" in text
    (run / "config.yaml").write_text(text.replace("patience: null", "patience: 3"))
    every = int(re.search(r"^validate_every: (\d+)", text, re.MULTILINE)[1])
    assert f"patience={3 * every}" in rerun_words(run, ())


def test_a_finished_run_is_not_gone_on_with(nnreg, folders):
    answer = nnreg("resume", str(folders / "sweep" / "0"))
    assert answer.code == 2
    assert "is complete: nothing to resume" in answer.complaint


def test_a_sweep_that_is_complete_is_taken_as_complete(nnreg, folders):
    answer = nnreg("-m", f"sweep.resume={folders / 'sweep'}")
    assert "nothing to resume" in answer.out, answer.out + answer.err


def test_a_descent_and_a_look_at_layers_are_read(folders):
    assert package.compare(folders / "descent").runs[0].figure().axes
    layers, _ = read_outputs(folders / "activations")
    assert len(layers) == 2


@pytest.mark.long
def test_a_run_that_was_kept_for_a_store_is_sent_to_one(nnreg, folders):
    store = f"sqlite:///{folders}/store.db"
    for file in (folders / "kept").glob("*.json"):
        file.write_text(file.read_text(encoding="utf-8").replace("http://127.0.0.1:9", store), encoding="utf-8")
    answer = nnreg("runs", "push", "--store", f"sqlite:///{folders / 'store.db'}", str(folders / "kept"))
    assert answer.code == 0, answer.out + answer.err
    assert only_run(store).data.params["optimizer"] == "sgd"
