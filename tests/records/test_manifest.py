"""What a sweep's folder says of the sweep is read back as it was written, and damage is no reason to stop."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnreg.records.manifest import FILE, LOOKS, Manifest, Raced, Tuned, count_look, read_manifest

FINITE = st.floats(1e-9, 1e9)
NAMES = st.text("abc_", min_size=1, max_size=4)
TUNED = st.builds(
    Tuned,
    technique=NAMES,
    parameter=NAMES,
    budget=st.dictionaries(NAMES, st.integers(1, 99)),
    ranges=st.dictionaries(NAMES, st.tuples(FINITE, FINITE)),
    chosen=st.dictionaries(NAMES, FINITE),
    fresh_seeds=st.booleans(),
)
SEEDS = st.lists(st.integers(0, 99), max_size=5).map(tuple)
RACED = st.builds(
    Raced,
    metric=NAMES,
    seeds=SEEDS,
    looks=st.lists(st.tuples(st.integers(3, 20), FINITE), max_size=5).map(tuple),
    live=st.lists(NAMES, max_size=3).map(tuple),
    left=st.dictionaries(NAMES, st.tuples(st.integers(3, 20), NAMES)),
    saved=st.integers(0, 99),
)
MANIFEST = st.builds(
    Manifest,
    command=st.text(max_size=9),
    overrides=st.lists(st.text(max_size=9)).map(tuple),
    jobs=st.none() | st.integers(0, 10**6),
    seconds=st.none() | FINITE,
    tuning=st.none() | TUNED,
    race=st.none() | RACED,
    settings=st.none() | st.dictionaries(NAMES, st.none() | NAMES),
    spent=st.none() | FINITE,
    compared=st.none() | st.lists(NAMES).map(tuple),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MANIFEST)
def test_what_is_written_is_read_back(tmp_path, manifest):
    manifest.save(tmp_path)
    assert read_manifest(tmp_path) == manifest


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_that_is_cut_off_is_no_manifest(tmp_path, data):
    Manifest("python", ("seed=1,2",), jobs=2).save(tmp_path)
    whole = (tmp_path / FILE).read_text().rstrip()
    (tmp_path / FILE).write_text(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "3",
        '{"jobs": "many"}',
        '{"overrides": "seed=1"}',
        '{"tuning": {"technique": "optimizer"}}',
        '{"tuning": 7}',
        '{"compared": 7}',
        "\xff",
    ],
)
def test_another_content_is_no_manifest(tmp_path, content):
    (tmp_path / FILE).write_bytes(content.encode("latin-1"))
    assert read_manifest(tmp_path) is None


def test_a_folder_without_the_file_has_none(tmp_path):
    assert read_manifest(tmp_path) is None


def test_what_a_later_version_adds_is_passed_over(tmp_path):
    (tmp_path / FILE).write_text(json.dumps({"protocol": "grid", "jobs": 3, "moon": "full"}))
    assert read_manifest(tmp_path) == Manifest(jobs=3)


def test_a_look_at_other_seeds_is_a_new_look_and_one_at_the_same_is_not(tmp_path):
    assert [count_look(tmp_path, seeds) for seeds in ([1, 2, 3], [3, 2, 1, 1], [1, 2, 3, 4, 5], [1, 2, 3])] == [1, 1, 2, 1]
    assert [count_look(tmp_path, seeds) for seeds in ([1, 2], [1, 2, 3, 4, 5], [6, 7])] == [3, 2, 4]
    assert json.loads((tmp_path / LOOKS).read_text()) == {"seeds": [[1, 2, 3], [1, 2, 3, 4, 5], [1, 2], [6, 7]]}


@pytest.mark.parametrize("damage", ["", "[", "[]", "{}", '{"seeds": 3}', '{"seeds": [3]}', '{"seeds": [["a"]]}', "null"])
def test_damaged_looks_are_counted_anew(tmp_path, damage):
    (tmp_path / LOOKS).write_text(damage)
    assert [count_look(tmp_path, seeds) for seeds in ([1], [1, 2])] == [1, 2]


def test_a_folder_that_cannot_be_written_to_counts_what_was_counted_before(tmp_path, monkeypatch):
    count_look(tmp_path, [1])

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("nnreg.records.manifest.write_whole", refuse)
    assert [count_look(tmp_path, seeds) for seeds in ([1], [1, 2], [1, 2, 3])] == [1, 2, 2]
