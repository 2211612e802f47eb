"""A node of configuration becomes an instance, or a line that says what is wrong with it."""

import pytest
from omegaconf import OmegaConf

from nnreg.errors import UserError
from nnreg.registry import entries
from nnreg.registry.building import build_entry


@pytest.mark.parametrize("given", [{"target": 1.1}, {"drop": ["a", 1.1]}, {"drop": [True]}])
def test_a_number_among_text_of_a_yaml_is_refused_because_what_was_typed_is_lost(given):
    node = OmegaConf.create({"path": "mine.csv", **given})  # untyped, as a YAML of the technique's own name
    with pytest.raises(UserError, match="put what was meant into quotes"):
        build_entry(entries.find_technique("dataset", "csv"), node)
