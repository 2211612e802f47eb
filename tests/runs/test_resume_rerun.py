"""A saved configuration as overrides, read back by Hydra's own grammar."""

import json
import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from nnreg.errors import UserError
from nnreg.runs import resume
from tests.registry.publishing import OPTIMIZER, edit, publishing


def test_a_technique_is_chosen_by_its_group_before_its_parameters(tmp_path):
    config = {"steps": 5, "optimizer": {"name": "adam", "lr": 0.5}, "hidden": [3, 4]}
    OmegaConf.save(OmegaConf.create(config), tmp_path / "config.yaml")
    assert resume.rerun_words(tmp_path) == ["steps=5", "optimizer=adam", "optimizer.lr=0.5", "hidden=[3,4]"]


def test_a_technique_that_is_chosen_again_leaves_the_parameters_of_the_saved_one_behind(tmp_path):
    saved = {
        "optimizer": {"name": "momentum", "lr": 0.5, "momentum": 0.8},
        "bias": {"name": "constant", "value": 0.1},
        "seed": 3,
    }
    OmegaConf.save(OmegaConf.create(saved), tmp_path / "config.yaml")
    assert resume.rerun_words(tmp_path, ["optimizer.lr=0.2", "optimizer=adam"]) == [
        "init@bias=constant",
        "bias.value=0.1",
        "seed=3",
    ]
    assert "optimizer.momentum=0.8" in resume.rerun_words(tmp_path, ["init@bias=zeros", "optimizer.lr=0.2"])
    assert "bias.value=0.1" not in resume.rerun_words(tmp_path, ["init@bias=zeros"])


def test_another_optimizer_is_trained_with_its_own_parameters(nnreg, project):
    nnreg("dataset=iris", "hidden=[4]", "batch=30", "steps=5", "optimizer=momentum", "optimizer.lr=0.5")
    (folder,) = project.glob("runs/*")
    answer = nnreg("rerun", str(folder), "optimizer=adam")
    assert answer.code == 0, answer.err
    config = OmegaConf.load(max(project.glob("runs/*")) / "config.yaml")
    assert (config.optimizer.name, config.optimizer.lr, config.steps) == ("adam", 0.001, 5)


@pytest.mark.parametrize("content", [None, "", "just words", ": : :", "[1, 2]"])
def test_a_folder_without_a_readable_configuration_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(UserError, match=str(tmp_path)):
        resume.rerun_words(tmp_path)


def test_a_run_of_the_version_that_had_workers_is_made_again_without_them(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("workers: 1\nsteps: 5\noptimizer: {name: sgd}\n")
    assert resume.rerun_words(tmp_path) == ["steps=5", "optimizer=sgd"]
    path.write_text("workers: 2\nsteps: 5\noptimizer: {name: sgd}\n")
    with pytest.raises(UserError, match=r"config\.yaml says workers=2: there is no setting .* hydra/launcher=joblib"):
        resume.rerun_words(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hydra: {run: {dir: elsewhere}}", "'hydra' is neither a setting nor a kind"),
        ("hydra.run.dir: elsewhere", "'hydra.run.dir' is neither a setting nor a kind"),
        ("experiment_name: ${oc.env:HOME}", "it refers to values from elsewhere"),
        ("optimizer: {name: 'sgd,adam'}", "there is no optimizer 'sgd,adam'"),
        ("optimizer: {name: sgd, 'lr@x': 1}", "optimizer=sgd has no parameter 'lr@x'"),
        ("optimizer: {name: [sgd]}", "its optimizer has no name"),
        ("optimizer: sgd", "its optimizer has no name"),
    ],
)
def test_nothing_but_settings_and_parameters_is_taken_from_a_folder(tmp_path, line, said):
    (tmp_path / "config.yaml").write_text(line if line.startswith("optimizer") else f"optimizer: {{name: sgd}}\n{line}")
    with pytest.raises(UserError, match=re.escape(said)):
        resume.rerun_words(tmp_path)


def test_a_store_that_only_the_folder_names_is_not_tracked_to(project, capsys):
    path = project / "config.yaml"
    path.write_text("optimizer: {name: sgd}\ntracking_uri: http://me:s3cret@host\n")
    assert resume.rerun_words(project) == ["optimizer=sgd"]
    said = "nothing is sent there unless you add tracking_uri=http://host"
    assert capsys.readouterr().err == f"nnreg: {project} names the store http://host: {said}\n"
    assert resume.rerun_words(project, ["tracking_uri=http://host"]) == ["optimizer=sgd"]
    path.write_text("optimizer: {name: sgd}\ntracking_uri: null\n")
    assert resume.rerun_words(project) == ["optimizer=sgd", "tracking_uri=null"]


publish = pytest.fixture(publishing)
TINY = ("dataset=iris", "hidden=[4]", "batch=8", "optimizer=mine", "hydra.run.dir=r")


@pytest.fixture
def trained(nnreg, publish, project):
    """A run of a rule that has been edited since; returns its folder."""

    def train(*words):
        publish("my-rules", {"rules": OPTIMIZER}, optimizer={"mine": "rules:Rule"})
        assert nnreg(*TINY, *words).code == 0
        edit("rules", OPTIMIZER.replace("lr * g", "lr * g / 2"))
        return project / "r"

    return train


@pytest.mark.long
def test_a_run_is_made_again_with_other_code_and_a_line_that_says_so(nnreg, trained):
    trained("steps=3")
    answer = nnreg("rerun", "r", "hydra.run.dir=again")
    assert answer.code == 0
    was, now = (json.loads(Path(folder, "summary.json").read_text())["code"]["optimizer"] for folder in ("r", "again"))
    expected = (
        f"nnreg: r was trained with other code: optimizer=mine ({was[:4]}, now {now[:4]}); its numbers may not come out again"
    )
    assert answer.complaint == expected
    assert nnreg("rerun", "again", "hydra.run.dir=third").err == ""
    assert nnreg("rerun", "r", "optimizer=sgd", "hydra.run.dir=fourth").err == ""


def test_a_run_does_not_go_on_with_other_code(nnreg, trained):
    folder = trained("steps=3", "checkpoint_seconds=0")
    before = (folder / "summary.json").read_text()
    complaint = nnreg("resume", "r", "steps=6").complaint
    assert complaint.startswith("nnreg: r was begun with other code: optimizer=mine (")
    assert complaint.endswith("); a run goes on as it was: `python -m nnreg rerun r` trains anew")
    assert (folder / "summary.json").read_text() == before
    edit("rules", f"# as it was\n{OPTIMIZER}")
    assert nnreg("resume", "r", "steps=6").code == 0


def test_a_run_that_does_not_say_which_code_it_was_goes_on(nnreg, trained):
    folder = trained("steps=3", "checkpoint_seconds=0")
    facts = json.loads((folder / "summary.json").read_text())
    del facts["code"]
    (folder / "summary.json").write_text(json.dumps(facts))
    assert nnreg("resume", "r", "steps=6").code == 0


@pytest.mark.long
@pytest.mark.parametrize("word", ["optimizer.lr=0.5", "optimizer.inner.lr=0.5", "optimizer.inner.inner.lr=0.5"])
def test_a_run_is_made_again_at_another_learning_rate_wherever_that_is_typed(nnreg, project, word):
    small = ("dataset=iris", "hidden=[4]", "batch=30", "steps=2")
    assert nnreg(*small, "optimizer=lookahead+sam+sgd", "optimizer.lr=0.1", "hydra.run.dir=first").code == 0
    answer = nnreg("rerun", "first", word, "hydra.run.dir=again")
    assert answer.code == 0, answer.err
    assert saved_rate(project / "again") == 0.5


def saved_rate(folder):
    return resume.saved_config(folder)["optimizer"]["inner"]["inner"]["lr"]
