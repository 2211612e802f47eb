"""A saved configuration as overrides, read back by Hydra's own grammar."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from nnreg import rerun
from nnreg.errors import UserError

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | words
values = (
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), scalars, max_size=3)
)


@given(value=values)
def test_every_value_survives_the_way_through_hydras_grammar(value):
    (override,) = OverridesParser.create().parse_overrides([f"key={rerun._quoted(value)}"])
    assert override.value() == value


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
