"""Equal configurations have equal hashes; whatever changes a number of a run changes the hash."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nnreg.records.card import LEFT_OUT, config_hash

VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
KEYS = st.text("abc.", min_size=1, max_size=4)
CONFIGS = st.dictionaries(KEYS, VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(KEYS, VALUES, max_size=3), max_size=5)


@given(CONFIGS)
def test_the_order_of_keys_is_no_matter(config):
    assert config_hash(dict(reversed(config.items()))) == config_hash(config)


@given(CONFIGS, KEYS, VALUES)
def test_a_value_more_is_another_hash(config, key, value):
    changed = {**config, key: value}
    same = repr(sorted(changed.items(), key=str)) == repr(sorted(config.items(), key=str))
    assert (config_hash(changed) == config_hash(config)) == same


@given(CONFIGS, st.sampled_from(LEFT_OUT), VALUES)
def test_where_a_run_is_tracked_and_how_its_sweep_is_made_is_no_matter(config, key, value):
    assert config_hash({**config, key: value}) == config_hash(config)


def test_kernels_compute_the_same_and_a_run_hashed_before_that_was_seen_keeps_its_hash():
    known, by_default = "3c35cb52231f5231", {"kernels": "numpy", "seed": 1, "workers": 1}
    assert config_hash(by_default) == config_hash(by_default | {"kernels": "numba"}) == known


@given(CONFIGS)
def test_a_run_of_the_version_that_had_workers_has_the_hash_of_the_same_run_today(config):
    assert config_hash(config | {"workers": 1}) == config_hash(config) != config_hash(config | {"workers": 2})
