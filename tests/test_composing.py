"""While words are composed, Hydra's options stay where they are; its lookups, and everything after, are as ever."""

import copy

import pytest
from hydra.core.config_store import ConfigStore

from nnreg import composing


@pytest.fixture
def store():
    return ConfigStore.instance()


def test_options_are_not_copied_as_a_whole(store):
    with composing._options_kept_in_place():
        assert copy.deepcopy([store])[0] is store


def test_what_is_looked_up_is_a_copy_that_may_be_written_into(store):
    with composing._options_kept_in_place():
        found = store.load("hydra/config.yaml").node
        found.verbose = "changed"
        assert store.load("hydra/config.yaml").node.verbose != "changed"


def test_afterwards_hydra_copies_as_ever_whatever_happened(store):
    with pytest.raises(LookupError), composing._options_kept_in_place():
        with composing._options_kept_in_place():
            pass
        assert copy.deepcopy(store) is store, "the inner one is not the last"
        raise LookupError
    assert copy.deepcopy(store) is not store
