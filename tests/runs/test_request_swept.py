"""What tells a run from the others of its sweep is in its name: what was swept, and nothing that all of them were typed."""

from __future__ import annotations

import json

import pytest

QUICK = ("steps=2", "hidden=[4]", "validate_every=2")


@pytest.fixture
def labels(nnreg, project, undrawn):
    def of(*words):
        answer = nnreg("-m", *words, *QUICK, "hydra.sweep.dir=s")
        assert answer.code == 0, answer.err
        return [json.loads(path.read_text())["label"] for path in sorted((project / "s").glob("[0-9]*/summary.json"))]

    return of


@pytest.mark.long
@pytest.mark.parametrize("alike", ["watch_train=true", "optimizer.lr=1e-3", "dropout=dropout", "norm=batch_norm"])
def test_what_all_runs_have_is_in_no_name(labels, alike):
    assert labels("seed=1,2", alike) == ["sgd-he", "sgd-he"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("swept", "names"),
    [
        ("norm=none,batch_norm", ["norm=none", "norm=batch_norm"]),
        ("optimizer.lr=0.1,0.01", ["lr=0.1", "lr=0.01"]),
        ("watch_train=true,false", ["watch_train=True", "watch_train=False"]),
    ],
)
def test_what_was_swept_is(labels, swept, names):
    assert labels(swept) == [f"sgd-he {name}" for name in names]


@pytest.mark.long
def test_what_a_run_is_called_is_no_part_of_its_name(labels):
    assert labels("run_name=a,b", "seed=1") == ["sgd-he", "sgd-he"]
