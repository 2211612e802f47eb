"""A node of configuration becomes an instance, or a line that says what is wrong with it."""

import pytest
from omegaconf import OmegaConf

from nnreg.errors import UserError
from nnreg.registry import entries
from nnreg.registry.building import build_entry, build_technique, read_settings
from nnreg.registry.schemas import parameters_of, schema_of


@pytest.mark.parametrize("given", [{"target": 1.1}, {"drop": ["a", 1.1]}, {"drop": [True]}])
def test_a_number_among_text_of_a_yaml_is_refused_because_what_was_typed_is_lost(given):
    node = OmegaConf.create({"path": "mine.csv", **given})  # untyped, as a YAML of the technique's own name
    with pytest.raises(UserError, match="put what was meant into quotes"):
        build_entry(entries.find_technique("dataset", "csv"), node)


@pytest.mark.parametrize("kind", entries.kinds())
def test_a_technique_is_the_same_of_a_typed_node_and_of_one_that_a_yaml_left_untyped(kind):
    for entry in entries.techniques(kind).values():
        typed = OmegaConf.structured(schema_of(entry))
        missing = [key for key in map(str, typed) if OmegaConf.is_missing(typed, key)]
        if missing:
            continue
        untyped = OmegaConf.create(OmegaConf.to_container(typed, enum_to_str=True))
        one, other = (build_entry(entry, node) for node in (typed, untyped))
        names = [parameter.name for parameter in parameters_of(type(one)) if hasattr(one, parameter.name)]
        assert [repr(getattr(one, name)) for name in names] == [repr(getattr(other, name)) for name in names], entry


def test_what_a_typed_node_lacks_is_the_default_and_what_it_refers_to_wrongly_is_told():
    adam = entries.find_technique("optimizer", "adam")
    root = OmegaConf.create({"optimizer": OmegaConf.structured(schema_of(adam)), "rate": 0.5})
    root.optimizer.lr = "${rate}"
    assert build_technique(root, {}, "optimizer").lr == 0.5
    root.optimizer.lr = "${nothing}"
    with pytest.raises(UserError, match="optimizer=adam: lr: Interpolation key 'nothing' not found"):
        build_technique(root, {}, "optimizer")
    root.optimizer.lr = "???"
    assert build_technique(root, {}, "optimizer").lr == 0.001


def test_settings_of_one_configuration_stay_out_of_the_next():
    first = read_settings(OmegaConf.create({"hidden": [3], "tags": {"a": 1}, "seed": 5}))
    second = read_settings(OmegaConf.create({}))
    assert (list(first.hidden), first.seed) == ([3], 5)
    assert (list(second.hidden), second.seed, dict(second.tags)) == ([100, 100, 100, 100], 0, {})
