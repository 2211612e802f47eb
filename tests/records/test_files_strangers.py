"""Folders of strangers are data: none is executed, each is refused in one line, in under two seconds and 300 MiB."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.records.hostile import (
    ARCHIVES,
    CONFIG,
    CONFIGS,
    HARMLESS_TO_READ,
    MARK,
    PACKED,
    SPECIAL,
    SUMMARY,
    TEXTS,
    armed,
    sound,
)

SECONDS, MEBIBYTES = 2.0, 300
MEASURED = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "nnreg", *sys.argv[1:]], timeout=60, check=False)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("", done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)
"""


class Ended(NamedTuple):
    """How a command line ended: its code, what it printed, seconds of computing, and memory at its peak."""

    code: int
    out: str
    err: str
    seconds: float
    mebibytes: float


def nnreg(place: Path, *words: str) -> Ended:
    """Run a command line in a process of its own."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("MLFLOW_", "HYDRA_"))}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words],
        cwd=place, env=environment | {"SECRET": "s3cret"}, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    err, _, numbers = done.stderr.rpartition("\n ")
    assert numbers, done.stderr
    code, seconds, mebibytes = numbers.split()
    return Ended(int(code), done.stdout, err, float(seconds), float(mebibytes))


@pytest.fixture(scope="session")
def usual(tmp_path_factory) -> float:
    """Seconds that it takes to say of a folder that it holds no run: what it takes to begin."""
    place = tmp_path_factory.mktemp("usual")
    (place / "empty").mkdir()
    return max(nnreg(place, command, "empty").seconds for command in ("rerun", "compare"))


@pytest.fixture
def place(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return home


def check_refused(place: Path, usual: float, *words: str, said: str = "") -> Ended:
    """Hold a command line on the folder of a stranger to what is promised."""
    before = {path for path in place.rglob("*") if path.name != ".lock"}
    ended = nnreg(place, *words)
    lines = [line for line in (ended.out + ended.err).splitlines() if line.strip()]
    assert ended.code in (1, 2), (ended.code, lines[:5])
    assert len(lines) == 1, lines[:20]
    assert said in lines[0]
    assert len(lines[0]) < 2_000
    assert "s3cret" not in lines[0]
    assert {path for path in place.rglob("*") if path.name != ".lock"} <= before
    assert not [path for path in (place.parent / "elsewhere", place / MARK, place / "run" / MARK) if path.exists()]
    assert ended.seconds < usual + SECONDS
    assert ended.mebibytes < MEBIBYTES
    return ended


SHORT = ("callback", "secret", "ten levels of aliases")


@pytest.mark.parametrize("command", ["rerun", "resume"])
@pytest.mark.parametrize("kind", [pytest.param(k, marks=[] if k in SHORT else pytest.mark.long) for k in CONFIGS])
def test_a_configuration_executes_nothing_and_reads_and_writes_nothing_elsewhere(place, usual, kind, command):
    folder = sound(place / "run")
    (folder / "config.yaml").write_text(CONFIGS[kind](folder))
    check_refused(place, usual, command, "run")


@pytest.mark.long
@pytest.mark.parametrize("kind", CONFIGS)
def test_a_comparison_acts_on_nothing_in_a_configuration(place, usual, kind):
    folder = sound(place / "run")
    (folder / "config.yaml").write_text(CONFIGS[kind](folder))
    if kind not in HARMLESS_TO_READ:
        check_refused(place, usual, "compare", "run", said="its config.yaml is ")
        return
    ended = nnreg(place, "compare", "run", "--folder", "report")
    assert (ended.code, "Traceback" in ended.out + ended.err) == (0, False)
    assert {path.name for path in place.iterdir()} == {"run", "report"}
    assert not [path for path in (place / "report").iterdir() if b"s3cret" in path.read_bytes()]


@pytest.mark.long
@pytest.mark.parametrize("name", ["config.yaml", "summary.json", "history.csv.gz", "history.csv"])
@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("command", ["rerun", "resume", "compare"])
def test_what_is_no_file_is_not_read(place, usual, kind, name, command):
    folder = sound(place / "run")
    summary = SUMMARY | {"status": "finished"} if command == "compare" else SUMMARY
    (folder / "summary.json").write_text(json.dumps(summary))
    SPECIAL[kind](folder / name)
    if command == "rerun" and name != "config.yaml":
        pytest.skip("it reads the configuration alone")
    if command == "resume" and kind == "sparse file" and name.startswith("history"):
        pytest.skip("without a checkpoint it begins again")
    check_refused(place, usual, command, "run")


@pytest.mark.long
@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("command", ["resume", "compare"])
def test_a_summary_is_no_burden(place, usual, kind, command):
    folder = sound(place / "run")
    (folder / "summary.json").write_bytes(TEXTS[kind]())
    check_refused(place, usual, command, "run")


@pytest.mark.long
@pytest.mark.parametrize("kind", PACKED)
def test_a_history_that_unpacks_without_end_is_left_out(place, usual, kind):
    folder = sound(place / "run")
    (folder / "summary.json").write_text(json.dumps(SUMMARY | {"status": "finished"}))
    (folder / "history.csv.gz").write_bytes(PACKED[kind]())
    check_refused(place, usual, "compare", "run", said="history.csv.gz is damaged")


@pytest.mark.parametrize("kind", [pytest.param(k, marks=[] if k == "a pickle" else pytest.mark.long) for k in ARCHIVES])
def test_a_checkpoint_is_refused_by_what_it_says_of_itself(place, usual, kind):
    folder = sound(place / "run")
    (folder / "checkpoint.npz").write_bytes(ARCHIVES[kind]())
    check_refused(place, usual, "resume", "run", said="checkpoint.npz is damaged or no checkpoint")


WORDS = {
    "callback": "+hydra.callbacks.it._target_=pandas.read_pickle +hydra.callbacks.it.filepath_or_buffer={armed}",
    "launcher": "hydra.launcher._target_=pandas.read_pickle",
    "sweeper": "hydra.sweeper._target_=pandas.read_pickle",
    "sampler": "hydra.sweeper.sampler._target_=pandas.read_pickle",
    "storage": "hydra.sweeper.storage=sqlite:///../elsewhere",
    "folder": "hydra.run.dir=../elsewhere hydra.sweep.dir=../elsewhere hydra.sweep.subdir=../../elsewhere",
    "removal": "~hydra.sweeper",
    "search path": "hydra.searchpath=[file://{folder}]",
}
REFUSED = {
    "configuration": "--config-dir={folder}",
    "short configuration": "-cd {folder}",
    "name": "--config-name=../../elsewhere",
    "option": "--experimental-rerun={armed}",
    "secret": "experiment_name='${{oc.env:SECRET}}'",
    "hydra": "experiment_name='${{hydra:runtime.cwd}}'",
    "secret in an axis": "seed=1,'${{oc.decode:${{oc.env:SECRET}}}}'",
    "store": "tracking_uri=http://127.0.0.1:9",
    "store outside": "tracking_uri=sqlite:///../elsewhere",
    "key": "+anything=1",
    "package": "optimizer@hydra.run=sgd",
    "quotes": "'unclosed",
}


def swept(place: Path, words: str) -> None:
    """Make the folder of a sweep that says of itself what a stranger wants."""
    folder = sound(place / "run" / "0").parent
    (folder / "0" / "summary.json").write_text(json.dumps(SUMMARY | {"sweep_id": "run", "job": 0}))
    command = f"python -m nnreg -m {words.format(folder=folder, armed=armed(folder))} seed=0 steps=5"
    (folder / "sweep.json").write_text(json.dumps({"command": command, "overrides": ["seed=0"], "protocol": "grid"}))


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[] if k in ("configuration", "secret") else pytest.mark.long) for k in REFUSED]
)
def test_a_sweep_is_not_resumed_with_words_that_could_do_more_than_choose_what_is_run(place, usual, kind):
    swept(place, REFUSED[kind])
    check_refused(place, usual, "-m", "sweep.resume=run", "tracking=off")


@pytest.mark.long
@pytest.mark.parametrize("kind", [pytest.param(k, marks=[] if k == "callback" else pytest.mark.long) for k in WORDS])
def test_words_for_hydra_are_left_out_and_said(place, kind):
    swept(place, WORDS[kind])
    short = ("dataset=iris", "hidden=[4]", "batch=8")
    ended = nnreg(place, "-m", "sweep.resume=run", "tracking=off", *short)
    assert ended.code == 0, ended.err
    assert "run/sweep.json, type again what is wanted of it: " in ended.err
    assert not (place / MARK).exists()
    assert [path.name for path in place.parent.iterdir()] == ["home"]
    assert [path.name for path in place.iterdir()] == ["run"]


@pytest.mark.long
@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("name", ["mlflow.json", "summary.json", "spool.json"])
def test_a_push_is_no_burden(place, usual, kind, name):
    folder = sound(place / "run")
    noted = {"key": "a1", "uri": f"sqlite:///{place}/mlflow.db", "experiment": "e", "started": 0, "whole": False}
    (folder / "mlflow.json").write_text(json.dumps(noted))
    (folder / name).write_bytes(TEXTS[kind]())
    if name == "spool.json":
        (folder / "mlflow.json").unlink()
    check_refused(place, usual + 2, "runs", "push", "run", said="not sent, still kept")


def test_what_was_measured_was_the_command(place):
    ended = nnreg(place, "rerun", "absent")
    assert ended.code == 2
    assert 10 < ended.mebibytes < MEBIBYTES
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 >= ended.mebibytes * 0.5


def test_a_sound_folder_is_made_again(place):
    sound(place / "run")
    ended = nnreg(place, "rerun", "run", "tracking=off")
    assert ended.code == 0, ended.err
    saved = list((place / "runs").glob("*/config.yaml"))
    assert [("lr: 0.1" in path.read_text(), "steps: 5" in path.read_text()) for path in saved] == [(True, True)]
    assert CONFIG.startswith("task: train")
