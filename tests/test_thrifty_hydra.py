"""While words are composed, Hydra spares work; what comes of it, and everything after, are as ever."""

import copy

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal import defaults_list
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf, base
from omegaconf.errors import GrammarParseError, InterpolationKeyError

from nnreg.cli.compose import thrifty


@pytest.fixture
def store():
    return ConfigStore.instance()


def test_options_are_not_copied_as_a_whole(store):
    with thrifty():
        assert copy.deepcopy([store])[0] is store


def test_what_is_looked_up_is_a_copy_that_may_be_written_into(store):
    with thrifty():
        found = store.load("hydra/config.yaml").node
        found.verbose = "changed"
        assert store.load("hydra/config.yaml").node.verbose != "changed"


def test_the_same_words_of_an_interpolation_mean_what_they_refer_to_each_time():
    with thrifty():
        for value in (1, 2):
            config = OmegaConf.create({"a": value, "b": "${a}", "c": "x-${a}-${.b}", "d": "${oc.select:e,${a}}"})
            assert (config.b, config.c, config.d) == (value, f"x-{value}-{value}", value)


def test_wrong_words_of_an_interpolation_are_wrong_each_time():
    with thrifty():
        for _ in range(2):
            with pytest.raises(GrammarParseError):
                OmegaConf.create({"a": "${b:"})
            with pytest.raises(InterpolationKeyError):
                _ = OmegaConf.create({"a": "${b}"}).a


def test_a_choice_may_depend_on_another_choice(tmp_path):
    for path, text in {
        "config.yaml": "defaults: [rule: sgd, size: '${rule}']",
        "rule/sgd.yaml": "lr: 1",
        "rule/adam.yaml": "lr: 2",
        "size/sgd.yaml": "rows: 3",
        "size/adam.yaml": "rows: 4",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    with thrifty(), initialize_config_dir(version_base="1.3", config_dir=str(tmp_path)):
        composed = [compose("config", [f"rule={rule}"]) for rule in ("sgd", "adam")]
    assert composed == [{"rule": {"lr": 1}, "size": {"rows": 3}}, {"rule": {"lr": 2}, "size": {"rows": 4}}]


def test_afterwards_hydra_works_as_ever_whatever_happened(store):
    before = defaults_list._create_interpolation_map, base.parse
    with pytest.raises(LookupError), thrifty():
        with thrifty():
            pass
        assert copy.deepcopy(store) is store, "the inner one is not the last"
        assert base.parse is not before[1]
        raise LookupError
    assert copy.deepcopy(store) is not store
    assert (defaults_list._create_interpolation_map, base.parse) == before
