"""A study is a sweep: launched, listed, gone on with, asked for in Python; and what is no study is a preset."""

import json
import shutil
from pathlib import Path

import pytest

from nnreg import sweep
from nnreg.records.folder import read_summary
from nnreg.records.manifest import read_manifest

STUDY = """\
# @package _global_
defaults:
  - override /surface: quadratic
  - override /optimizer: sgd
task: descend
steps: 5
study:
  title: "How far do five steps get?"
  arms: {slow: optimizer.lr=0.1, fast: optimizer.lr=0.2}
  figures: [{kind: paths}]
  claims: [{say: slow is less far, measure: 'final("x", arm="slow") - final("x", arm="fast")', expect: "< 0"}]
"""
PRESET = """\
# @package _global_
defaults:
  - override /optimizer: adam
  - override /dataset: iris
hidden: [4]
batch: 8
steps: 3
"""
CLAIMS = Path("study", "claims.csv")
ASKED = ("--config-dir=own", "experiment=mine")


@pytest.fixture(autouse=True)
def own(project, undrawn):
    """A folder with a study and a preset."""
    folder = project / "own" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "small.yaml").write_text(PRESET, encoding="utf-8")
    return folder


def only(project):
    (home,) = (project / "runs").iterdir()
    return home


def stamps(home):
    return {path: path.stat().st_mtime_ns for path in sorted(home.glob("[0-9]*/*"))}


@pytest.mark.long
@pytest.mark.extra("joblib")
def test_a_study_whose_runs_are_made_side_by_side_says_the_same(nnreg, project):
    assert nnreg(*ASKED).code == 0
    alone = only(project).rename(project / "alone")
    assert nnreg(*ASKED, "hydra/launcher=joblib").code == 0
    assert (only(project) / CLAIMS).read_bytes() == (alone / CLAIMS).read_bytes()
    overrides = [read_summary(only(project) / number)["overrides"] for number in "01"]
    assert overrides == [read_summary(alone / number)["overrides"] for number in "01"]


@pytest.mark.long
def test_a_study_that_lost_runs_ends_in_the_same_claims_and_leaves_the_others_alone(nnreg, project):
    assert nnreg(*ASKED).code == 0
    home = only(project)
    claims, kept = (home / CLAIMS).read_bytes(), stamps(home / "1") | stamps(home)
    shutil.rmtree(home / "0")
    shutil.rmtree(home / "study")
    answer = nnreg(*ASKED, "resume=true")
    assert (answer.code, answer.err) == (0, "")
    assert (only(project) / CLAIMS).read_bytes() == claims
    assert json.loads((home / "study" / "study.json").read_text())["arms"] == {"0": "slow", "1": "fast"}
    assert {path: stamp for path, stamp in stamps(home).items() if path.parent.name == "1"} == {
        path: stamp for path, stamp in kept.items() if path.parent.name == "1"
    }


@pytest.mark.long
def test_the_folder_of_a_study_alone_says_what_is_to_be_done_and_a_complete_one_is_asked_anew(nnreg, project, own):
    assert nnreg(*ASKED).code == 0
    home = only(project)
    before = stamps(home)
    (own / "mine.yaml").write_text(STUDY.replace('"< 0"', '"> 0"'), encoding="utf-8")
    refused = nnreg("-m", f"sweep.resume={home.relative_to(project)}")
    assert "what lies there is code: type it again, if you trust it" in refused.complaint
    answer = nnreg("-m", "--config-dir=own", f"sweep.resume={home.relative_to(project)}")
    assert answer.code == 0
    assert "NOT reproduced" in answer.out
    assert stamps(home) == before


def test_a_dry_run_lists_the_members_and_writes_nothing(nnreg, project):
    answer = nnreg(*ASKED, "sweep.dry_run=true")
    assert (answer.code, answer.err) == (0, "")
    assert [line.split()[:3] for line in answer.out.splitlines()[:-1]] == [
        ["#0", "experiment=mine", "optimizer.lr=0.1"],
        ["#1", "experiment=mine", "optimizer.lr=0.2"],
    ]
    assert nnreg(*ASKED, "member=1", "sweep.dry_run=true").out.startswith("#1 ")
    assert not (project / "runs").exists()


@pytest.mark.long
def test_one_member_that_was_lost_is_run_again_in_its_own_folder(nnreg, project):
    assert nnreg(*ASKED, "member=1").code == 0
    shutil.rmtree(only(project) / "1")
    assert nnreg(*ASKED, "member=1", "resume=true").code == 0
    assert sorted(path.name for path in only(project).iterdir() if path.is_dir()) == ["1", "study"]


@pytest.mark.long
def test_the_study_itself_takes_words(nnreg, project):
    assert nnreg(*ASKED, "study.seeds=2").code == 0
    assert sorted(path.name for path in only(project).glob("[0-9]")) == ["0", "1", "2", "3"]
    assert "++study.seeds=2" in read_manifest(only(project)).overrides
    assert not any("study" in word for word in read_summary(only(project) / "3")["overrides"])


@pytest.mark.long
def test_a_member_is_asked_for_again_without_the_password_that_a_variable_holds(nnreg, project, monkeypatch):
    monkeypatch.setenv("SECRET_NAME", "hunter2")
    assert nnreg(*ASKED, "experiment_name=${oc.env:SECRET_NAME}").code == 0
    command = read_summary(only(project) / "1")["command"]
    assert "experiment=mine member=1 'experiment_name=${oc.env:SECRET_NAME}'" in command
    assert "hunter2" not in command


@pytest.mark.long
def test_studies_of_several_folders_are_known(nnreg, project, own):
    other = project / "other folder" / "experiment"
    other.mkdir(parents=True)
    shutil.move(own / "mine.yaml", other / "mine.yaml")
    assert nnreg("--config-dir=own", "--config-dir=other folder", "experiment=mine").code == 0


def test_a_study_is_a_sweep_in_python_too(project):
    compared = sweep("experiment=mine", "--config-dir=own", tracking="off", quiet=True)
    assert sorted(compared.table()["arm"]) == ["fast", "slow"]
    assert (only(project) / CLAIMS).exists()


def test_a_preset_is_one_run_and_what_is_typed_wins(nnreg, project):
    assert nnreg("--config-dir=own", "experiment=small", "steps=2").code == 0
    summary = read_summary(only(project))
    assert (summary["choices"]["optimizer"], summary["dataset"]["name"], summary["steps"]) == ("adam", "iris", 2)
    assert summary["overrides"] == ["experiment=small", "steps=2", "tracking=off"]
    assert summary["command"].endswith("own experiment=small steps=2 tracking=off seed=0")


@pytest.mark.long
def test_presets_are_swept_as_any_other_choice(nnreg, project, own):
    (own / "large.yaml").write_text(PRESET.replace("[4]", "[8]"), encoding="utf-8")
    assert nnreg("-m", "--config-dir=own", "experiment=small,large", "seed=0,1").code == 0
    assert only(project).name.endswith("_sweep")
    assert [read_summary(only(project) / number)["overrides"][0] for number in "0123"] == [
        *["experiment=small"] * 2,
        *["experiment=large"] * 2,
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["experiment=mine,small"], "small is a preset and has no runs of its own: name it apart from studies"),
        (["experiment=small", "stepz=3"], "did you mean 'steps'"),
        (["experiment=small,small"], "add -m to sweep over them"),
        (["reproduce", "small"], "small.yaml holds no study"),
        (["reproduce", "mine", "sweep.dry_run=true"], "sweep.dry_run=true is for sweeps"),
    ],
)
def test_what_a_preset_is_not_is_answered_in_one_line(nnreg, project, words, said):
    answer = nnreg(*words, "--config-dir=own") if words[0] == "reproduce" else nnreg("--config-dir=own", *words)
    assert answer.code == 2
    assert said in answer.complaint
    assert not (project / "runs").exists()


@pytest.mark.parametrize("name", ["default", "overfit", "gradient"])
def test_a_run_under_inspection_is_not_tracked_and_may_be_a_study(nnreg, project, name):
    code = nnreg("hidden=[4]", "dataset=iris", "batch=8", f"debug={name}", tracking=True).code
    assert code == 0
    assert not (project / "mlflow.db").exists()


def test_a_debugged_study_makes_few_steps(nnreg, project):
    assert nnreg("--config-dir=own", "experiment=mine", "debug=default").code == 0
    assert [read_summary(only(project) / number)["steps"] for number in "01"] == [10, 10]
