"""Runs that other processes train are found by their folders, and followed as far as they are written."""

import json
import os
import time

import pytest

from nnreg import run, sweep
from nnreg.errors import UserError
from nnreg.play.following import FRESH, MOST_POINTS, answer, followed_first, thinned, told_apart
from nnreg.registry import palette


@pytest.fixture
def growing(project):
    """Return what makes a run folder that is being trained, and appends to its history."""

    def write(name, lines, status="running"):
        folder = project / name
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"status": status, "label": f"adam {folder.name}", "choices": {"optimizer": "adam"}, "metrics": {}}
        (folder / "summary.json").write_text(json.dumps(facts))
        history = folder / "history.csv"
        if not history.exists():
            history.write_text("step,metric,value\n")
        with history.open("a") as file:
            file.write(lines)
        return folder

    return write


def test_a_run_is_followed_as_it_grows(growing):
    growing("runs/sweep/0", "0,train/loss,2.5\n1,train/loss,2.0\n1,other,7\n")
    growing("runs/sweep/1", "0,train/loss,3.0\n")
    (group,) = answer({}, [])["groups"]
    assert group == {"name": "runs/sweep", "running": 2, "ended": 0}
    first, second = answer({"group": "runs/sweep"}, [])["runs"]
    assert first["curves"] == {"train/loss": [[0, 1], [2.5, 2.0]]}
    assert (first["label"], first["status"]) == ("adam 0", "running")
    growing("runs/sweep/0", "2,train/loss,1.5\n2,valid/loss,1.75\n3,train/lo")
    later, _ = answer({"group": "runs/sweep", "seen": {"0": first["end"], "1": second["end"]}}, [])["runs"]
    assert later["curves"] == {"train/loss": [[2], [1.5]], "valid/loss": [[2], [1.75]]}
    growing("runs/sweep/0", "ss,1.25\n")
    last, _ = answer({"group": "runs/sweep", "seen": {"0": later["end"], "1": second["end"]}}, [])["runs"]
    assert last["curves"] == {"train/loss": [[3], [1.25]]}


def test_where_a_sweep_stands_is_said(project):
    sweep("dataset=blobs", "hidden=[4]", seed=[0, 1], steps=10, tracking="off", quiet=True, folder=project / "runs" / "two")
    home = str(project / "runs" / "two")
    found = answer({"group": home}, [home])
    assert found["standing"][0].startswith("2 of 2 runs, ended after")
    assert found["standing"][1].startswith("best so far: ")
    assert [each["name"] for each in found["runs"]] == ["0", "1"]
    assert [each["label"].rpartition("-")[2] for each in found["runs"]] == ["he, seed 0", "he, seed 1"]


def test_runs_of_one_name_are_told_apart_by_what_differs_among_them():
    swept = [
        ("optimizer=sgd", "optimizer.lr=0.1", "seed=1"),
        ("optimizer=sgd", "optimizer.lr=0.1", "seed=2"),
        ("optimizer=adam", "optimizer.lr=0.1", "seed=1"),
        ("optimizer=lion", "optimizer.lr=0.1", "clip_norm=1"),
        ("optimizer=lion", "optimizer.lr=0.2", "clip_norm=1"),
    ]
    labels = told_apart(["sgd", "sgd", "adam", "lion", "lion"], swept)
    assert labels == ["sgd, seed 1", "sgd, seed 2", "adam", "lion, lr 0.1", "lion, lr 0.2"]


def test_a_run_that_ends_meanwhile_is_followed_to_its_end(project):
    made = run("dataset=blobs", "hidden=[4]", "steps=20", tracking="off", quiet=True, folder=project / "runs" / "one")
    found = answer({"group": str(made.folder)}, [str(made.folder)])
    (shown,) = found["runs"]
    steps, values = made.history.series("train/loss")
    assert shown["curves"]["train/loss"] == [steps.tolist(), values.tolist()]
    assert shown["status"] == "finished"
    assert found["groups"] == [{"name": str(made.folder), "running": 0, "ended": 1}]
    half = answer({"group": str(made.folder), "seen": {"one": shown["end"]}}, [str(made.folder)])
    assert half["runs"][0]["curves"] == {}


def test_runs_have_the_colours_of_what_differs(growing):
    for name, words in (("0", ["seed=1", "optimizer=adam", "init=he"]), ("1", ["seed=1", "optimizer=sgd", "init=he"])):
        folder = growing(f"runs/sweep/{name}", "0,train/loss,1.0\n")
        choices = dict(word.split("=") for word in words[1:])
        (folder / "summary.json").write_text(json.dumps({"status": "running", "choices": choices, "overrides": words}))
    found = answer({"group": "runs/sweep"}, [])["runs"]
    assert [each["colour"] for each in found] == [palette.colour("optimizer", name) for name in ("adam", "sgd")]


def test_a_run_that_has_not_written_for_long_is_not_being_trained(growing):
    folder = growing("runs/old", "0,train/loss,1.0\n")
    past = time.time() - FRESH - 5
    os.utime(folder / "history.csv", (past, past))
    assert answer({}, [])["groups"] == []
    (shown,) = answer({"group": str(folder)}, [str(folder)])["runs"]
    assert shown["status"] == "stopped"


def test_only_what_is_listed_can_be_followed(growing, tmp_path_factory):
    elsewhere = growing(str(tmp_path_factory.mktemp("private") / "0"), "0,train/loss,1.0\n")
    for group in (str(elsewhere), "..", "/etc"):
        with pytest.raises(UserError, match="nothing is trained in"):
            answer({"group": group}, [])
    assert answer({"group": str(elsewhere)}, [str(elsewhere)])["runs"]


@pytest.mark.parametrize("seen", [[], {"0": -1}, {"0": "x"}, 3])
def test_what_a_page_has_seen_is_a_byte_a_run(seen, project):
    with pytest.raises(UserError, match="seen must be"):
        answer({"seen": seen}, [])


def test_thinned_curves_keep_their_spikes():
    values = [1.0] * 10_000
    values[4321], values[4322] = 99.0, -99.0
    steps, kept = thinned(list(range(10_000)), values)
    assert len(kept) <= MOST_POINTS + 2
    assert {99.0, -99.0} <= set(kept)
    assert (steps[0], steps[-1]) == (0, 9999)
    assert thinned([1, 2], [3.0, 4.0]) == [[1, 2], [3.0, 4.0]]


def test_the_page_begins_with_the_folder_that_was_named(project):
    (project / "my sweep").mkdir()
    assert followed_first([project / "my sweep"]).startswith("tab=network&follow=")
    assert followed_first([]) == ""
    with pytest.raises(UserError, match="there is no folder nowhere"):
        followed_first([project.relative_to(project) / "nowhere"])
