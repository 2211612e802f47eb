"""``threads=2``: one run on two cores."""

import json

import pytest
import yaml

from nnreg.engine import cores, numerics
from nnreg.records.card import config_hash
from nnreg.runs import assembly, find_lr, train

TINY = ("dataset=iris", "hidden=[8]", "batch=16", "steps=3")


@pytest.fixture
def seen(monkeypatch):
    """On how many threads products and compiled loops were laid out, run by run."""
    counts, assemble = [], assembly.assemble

    def look(*args):
        counts.append((numerics.kernels()[1], cores.threads()))
        return assemble(*args)

    monkeypatch.setattr(train, "assemble", look)
    monkeypatch.setattr(find_lr, "assemble", look)
    return counts


def folder_of(project):
    (folder,) = (project / "runs").iterdir()
    return folder


def test_a_run_computes_on_the_cores_that_were_asked_for_and_the_next_one_on_as_many_as_before(nnreg, project, seen):
    before = numerics.kernels()[1]
    answer = nnreg(*TINY, "threads=2")
    assert answer.code == 0
    assert "on 2 cores" in " ".join(answer.out.split())
    assert numerics.kernels()[1] == before
    assert yaml.safe_load((folder_of(project) / "config.yaml").read_text())["threads"] == 2
    assert nnreg("rerun", str(folder_of(project))).code == 0
    assert nnreg("find_lr", *TINY, "threads=2").code in (0, 1)
    assert nnreg(*TINY).code == 0
    assert seen == [(2, 2), (2, 2), (2, 2), (before, before)]


def test_runs_that_differ_in_their_cores_alone_are_one_and_the_same(nnreg, project):
    nnreg(*TINY, "threads=2", "hydra.run.dir=two")
    nnreg(*TINY, "hydra.run.dir=one")
    two, one = (json.loads((project / name / "summary.json").read_text()) for name in ("two", "one"))
    assert two["config_hash"] == one["config_hash"]
    loss = "final/train_loss"
    assert two["metrics"][loss] == pytest.approx(one["metrics"][loss], rel=1e-5)
    old = yaml.safe_load((project / "one" / "config.yaml").read_text())
    assert old.pop("threads") is None
    assert config_hash(old) == one["config_hash"], "of a folder that is older than the setting"


def test_a_number_of_threads_that_cannot_be_is_refused_and_a_descent_says_that_it_has_no_use_for_one(nnreg, project):
    answer = nnreg(*TINY, "threads=0")
    assert (answer.code, answer.complaint) == (2, "nnreg: threads must be in [1, inf), got 0")
    assert not (project / "runs").exists()
    assert "threads=2" in nnreg("task=descend", "optimizer=sgd", "steps=3", "threads=2").err
