"""While words are composed, Hydra does not copy its store of options; what comes of it, and everything after, are as ever."""

import copy

import pytest
from hydra.core.config_store import ConfigStore

from nnreg.cli.compose import store_uncopied


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
