"""A saved configuration as overrides, read back by Hydra's own grammar."""

import pytest
from omegaconf import OmegaConf

from nnreg import rerun
from nnreg.errors import UserError


def test_a_technique_is_chosen_by_its_group_before_its_parameters(tmp_path):
    config = {"steps": 5, "optimizer": {"name": "adam", "lr": 0.5}, "hidden": [3, 4]}
    OmegaConf.save(OmegaConf.create(config), tmp_path / "config.yaml")
    assert rerun.overrides(tmp_path) == ["steps=5", "optimizer=adam", "optimizer.lr=0.5", "hidden=[3,4]"]


@pytest.mark.parametrize("content", [None, "", "just words", ": : :", "[1, 2]"])
def test_a_folder_without_a_readable_configuration_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(UserError, match=str(tmp_path)):
        rerun.overrides(tmp_path)
