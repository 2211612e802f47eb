"""Folders as crashes, full disks and curious people leave them: read whole, or left out with the reason."""

import gzip
import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.comparison.gathering import gather
from nnreg.errors import UserError
from nnreg.records.results import LeftOut, Result, find_run_folders, read_run
from tests.comparison.sweeps import leave, sweep

FILES = ("summary.json", "config.yaml", "history.csv.gz")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return leave(tmp_path_factory.mktemp("whole") / "0", ["optimizer=adam", "optimizer.lr=0.01"], seed=12)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


def copied(whole, scratch):
    shutil.rmtree(scratch / "0", ignore_errors=True)
    return shutil.copytree(whole, scratch / "0")


def test_a_run_is_read_whole(whole):
    run = read_run(whole)
    assert isinstance(run, Result)
    assert (run.seed, run.value("optimizer.lr")) == (12, 0.01)
    assert run.history.metrics == ("train/loss", "valid/loss", "valid/accuracy")


def test_a_run_of_the_version_that_had_workers_is_read_as_one_of_today(tmp_path):
    def left(name, settings):
        return read_run(leave(tmp_path / name, settings=settings))

    today, before, two = left("today", {}), left("before", {"workers": 1}), left("two", {"workers": 2})
    assert (before.config, before.summary["config_hash"]) == (today.config, today.summary["config_hash"])
    assert two.config["workers"] == 2


@given(st.sampled_from(FILES), st.floats(0, 1))
def test_a_file_cut_off_at_any_byte_leaves_the_run_out_or_as_it_was(whole, scratch, name, where):
    folder = copied(whole, scratch)
    content = (folder / name).read_bytes()
    kept = content[: int(where * len(content))]
    (folder / name).write_bytes(kept)
    found = read_run(folder)
    if isinstance(found, Result):
        known = read_run(whole)
        assert (found.summary, found.config, list(found.history)) == (known.summary, known.config, list(known.history))
    else:
        assert name.partition(".")[0] in found.why


@given(st.sampled_from(FILES), st.binary(max_size=300))
def test_garbage_in_a_file_leaves_the_run_out(whole, scratch, name, garbage):
    folder = copied(whole, scratch)
    (folder / name).write_bytes(garbage)
    found = read_run(folder)
    assert isinstance(found, LeftOut)
    assert name.partition(".")[0] in found.why


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_one_wrong_byte_in_the_configuration_is_noticed(whole, scratch, place, value):
    folder = copied(whole, scratch)
    content = bytearray((folder / "config.yaml").read_bytes())
    content[place % len(content)] = value
    (folder / "config.yaml").write_bytes(bytes(content))
    found = read_run(folder)
    kept = read_run(whole).config | {"tracking": None}  # which says nothing of the training
    assert isinstance(found, LeftOut) or found.config | {"tracking": None} == kept


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_wrong_byte_in_the_history_is_noticed_unless_it_means_nothing(whole, scratch, place, change):
    folder = copied(whole, scratch)
    content = bytearray((folder / "history.csv.gz").read_bytes())
    place %= len(content)
    content[place] ^= change
    (folder / "history.csv.gz").write_bytes(bytes(content))
    found = read_run(folder)
    assert isinstance(found, LeftOut) or list(found.history) == list(read_run(whole).history)  # gzip has bits to spare


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_leaves_the_run_out(whole, scratch, name):
    folder = copied(whole, scratch)
    (folder / name).unlink()
    found = read_run(folder)
    assert isinstance(found, LeftOut)
    assert f"it has no {name}" in found.why


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("status", "finshed"),
        ("status", None),
        ("choices", None),
        ("choices", {"optimizer": 1}),
        ("metrics", {"train/loss_mean_last_100": "low"}),
        ("metrics", {"train/loss_mean_last_100": float("nan")}),
        ("metrics", [1]),
        ("overrides", "optimizer=adam"),
        ("steps", None),
        ("seconds", True),
        ("dataset", "iris"),
        ("seed", 13),
    ],
)
def test_a_summary_with_a_field_of_the_wrong_kind_leaves_the_run_out(whole, scratch, key, value):
    folder = copied(whole, scratch)
    facts = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(facts | {key: value}))
    assert isinstance(read_run(folder), LeftOut)


@pytest.mark.parametrize("lines", ["step,metric,value\nx,train/loss,0.5\n", "step,metric,value\n1,2\n", "", "step\n"])
def test_a_history_that_is_none_leaves_the_run_out(whole, scratch, lines):
    folder = copied(whole, scratch)
    (folder / "history.csv.gz").write_bytes(gzip.compress(lines.encode()))
    found = read_run(folder)
    assert isinstance(found, LeftOut)
    assert "history.csv.gz" in found.why


def test_a_run_that_is_going_on_is_left_out_with_what_to_do(whole, scratch):
    folder = copied(whole, scratch)
    facts = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(facts | {"status": "running"}))
    found = read_run(folder)
    assert isinstance(found, LeftOut)
    assert "still running" in found.why
    assert "python -m nnreg resume" in found.why


def test_the_jobs_of_a_sweep_are_found_in_their_order_and_nothing_else(tmp_path):
    for name in ("10", "9", "2", "comparison", "tuning", "study"):
        (tmp_path / name).mkdir()
    leave(tmp_path / "by hand")
    (tmp_path / "paths.png").touch()
    assert [path.name for path in find_run_folders([tmp_path])[tmp_path]] == ["2", "9", "10", "by hand"]


def test_a_run_that_is_named_twice_counts_once(tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=sgd",): [0.5, 0.6]})
    found = find_run_folders([home, home / "0", home / ".." / "sweep"])
    assert [path.name for paths in found.values() for path in paths] == ["0", "1"]


@pytest.mark.parametrize("given", [[], ["nowhere"], ["empty"], ["."]])
def test_folders_without_runs_are_refused_with_what_to_name(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    sweep(tmp_path / "first_sweep", {("optimizer=sgd",): [0.5]})
    with pytest.raises(UserError) as refusal:
        gather([tmp_path.joinpath(name).relative_to(tmp_path) for name in given])
    said = str(refusal.value)
    assert "\n" not in said
    assert ("first_sweep" if given == ["."] else "runs") in said


def test_a_sweep_without_a_readable_run_is_refused_with_the_first_reason(tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=sgd",): [0.5, 0.6]})
    for number in "01":
        (home / number / "config.yaml").unlink()
    with pytest.raises(UserError, match=r"^no run in .* can be read \(0: it has no config.yaml\)$"):
        gather([home])


def test_a_damaged_run_is_left_out_and_the_others_are_compared(tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=sgd",): [0.5, 0.6], ("optimizer=adam",): [0.1, 0.2]})
    (home / "3" / "summary.json").write_text("{")
    (home / "4").mkdir()
    found = gather([home])
    assert [(arm.name, len(arm.runs)) for arm in found.arms] == [("sgd", 2), ("adam", 1)]
    assert [each.folder.name for each in found.left_out] == ["3", "4"]
    assert "damaged" in found.left_out[0].why
    assert "has not begun" in found.left_out[1].why
    assert not found.paired
