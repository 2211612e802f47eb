"""A saved configuration as overrides, read back by Hydra's own grammar."""

import pytest
from omegaconf import OmegaConf

from nnreg.errors import UserError
from nnreg.runs import resume


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
