"""What is known of a run when it has ended; equal configurations have equal hashes, others others."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from nnreg.engine.history import TEST_ACCURACY, TRAIN_LOSS, VALID_ACCURACY, VALID_LOSS, History, Record
from nnreg.records.card import LEFT_OUT, config_hash, summarise

records = st.lists(
    st.builds(Record, st.integers(0, 10**6), st.sampled_from([TRAIN_LOSS, VALID_LOSS]), st.floats(allow_nan=False))
)


def filled(*given_records):
    history = History()
    for record in given_records:
        history.add(Record(*record))
    return history


@given(records)
def test_a_history_gives_back_every_record_in_the_order_of_its_metric(given_records):
    history = filled(*given_records)
    for metric in (TRAIN_LOSS, VALID_LOSS):
        steps, values = history.series(metric)
        assert [(step, value) for step, name, value in given_records if name == metric] == list(zip(steps, values, strict=True))
    assert sorted(history) == sorted(given_records)


def test_a_metric_never_recorded_is_empty():
    steps, values = History().series(TRAIN_LOSS)
    assert steps.size == values.size == 0


def test_the_final_training_loss_is_the_mean_of_the_last_hundred_steps():
    history = filled(*((step, TRAIN_LOSS, float(step)) for step in range(300)))
    assert summarise(history) == {"train/loss_mean_last_100": 249.5, "train/loss_best": 0.0}


def test_best_means_lowest_loss_and_highest_accuracy():
    history = filled(
        (1, VALID_LOSS, 0.5), (2, VALID_LOSS, 0.2), (3, VALID_LOSS, 0.3), (1, VALID_ACCURACY, 0.9), (2, VALID_ACCURACY, 0.8)
    )
    assert summarise(history) == {
        "valid/loss_final": 0.3,
        "valid/loss_best": 0.2,
        "valid/accuracy_final": 0.8,
        "valid/accuracy_best": 0.9,
    }


def test_values_that_are_not_finite_stay_out_of_the_summary():
    history = filled((0, TRAIN_LOSS, 2.0), (1, TRAIN_LOSS, math.nan), (1, VALID_LOSS, math.inf), (2, TEST_ACCURACY, 0.9))
    assert summarise(history) == {"train/loss_mean_last_100": 2.0, "train/loss_best": 2.0, TEST_ACCURACY: 0.9}


# Equal configurations have equal hashes; whatever changes a number of a run changes the hash.


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
def test_a_run_of_a_version_without_networks_has_the_hash_of_the_same_run_today(config):
    assert config_hash(config | {"network": {"name": "mlp"}}) == config_hash(config)
    assert config_hash(config | {"network": {"name": "residual"}}) != config_hash(config)


@given(CONFIGS)
def test_a_run_of_the_version_that_had_workers_has_the_hash_of_the_same_run_today(config):
    assert config_hash(config | {"workers": 1}) == config_hash(config) != config_hash(config | {"workers": 2})
