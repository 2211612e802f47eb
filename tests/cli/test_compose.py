"""While words are composed, Hydra neither copies its store nor composes twice; what comes of it, and all after, are as ever."""

import contextlib
import copy

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra.core.config_store import ConfigStore
from hydra.types import RunMode
from omegaconf import OmegaConf

from nnreg.cli import compose
from nnreg.cli.compose import composed_once, store_uncopied


@pytest.fixture
def store():
    return ConfigStore.instance()


def test_options_are_not_copied_as_a_whole(store):
    with store_uncopied():
        assert copy.deepcopy([store])[0] is store


def test_what_is_looked_up_is_a_copy_that_may_be_written_into(store):
    with store_uncopied():
        found = store.load("hydra/config.yaml").node
        found.verbose = "changed"
        assert store.load("hydra/config.yaml").node.verbose != "changed"


def test_afterwards_they_are_copied_as_ever_whatever_happened(store):
    with pytest.raises(LookupError), store_uncopied():
        with store_uncopied():
            pass
        assert copy.deepcopy(store) is store, "the inner one is not the last"
        raise LookupError
    assert copy.deepcopy(store) is not store


@pytest.fixture
def told(nnreg, undrawn, monkeypatch):
    """Return a line's exit code, what Hydra composed of its own words in the end, and how often it composed, jobs included."""
    composed, times = [], []
    compose_config, load = Hydra.compose_config, ConfigLoaderImpl._load_configuration_impl

    def remember(*args, **named):
        composed.append(compose_config(*args, **named))
        return composed[-1]

    monkeypatch.setattr(Hydra, "compose_config", remember)
    monkeypatch.setattr(
        ConfigLoaderImpl, "_load_configuration_impl", lambda *args, **named: times.append(1) or load(*args, **named)
    )

    def tell(*words):
        composed.clear(), times.clear()
        code = nnreg(*words, "steps=1", "dataset=spirals").code
        lines = OmegaConf.to_yaml(composed[-1]).splitlines() if composed else []
        return code, [line for line in lines if "output_dir:" not in line], len(times)  # it is named after the second

    return tell


@pytest.mark.parametrize(
    ("line", "saved"),
    [
        ("optimizer=adam", 1),
        ("optimizer=adam hydra.mode=RUN", 1),
        ("hydra.mode=MULTIRUN optimizer.lr=0.1", 0),
        ("-m optimizer.lr=0.1,0.2", 1),
        ("-m optimizer.lr=0.1", 1),
        ("optimizer.lr=0.1,0.2", -1),
        ("optimizer=nonsense", -1),
    ],
)
def test_words_are_composed_once_and_to_what_hydra_makes_of_them(told, monkeypatch, line, saved):
    code, config, times = told(*line.split())
    monkeypatch.setattr(compose, "composed_once", lambda _: contextlib.nullcontext())
    plain_code, plain_config, plain_times = told(*line.split())
    assert (code, config) == (plain_code, plain_config)
    assert (code == 0) == (saved >= 0), "a mistake costs one more"
    assert plain_times - times == saved


def test_afterwards_words_are_composed_as_ever_whatever_happened():
    load = ConfigLoaderImpl.load_configuration
    with pytest.raises(LookupError), composed_once(RunMode.RUN):
        assert ConfigLoaderImpl.load_configuration is not load
        raise LookupError
    assert ConfigLoaderImpl.load_configuration is load
