"""The numbers of a comparison over a sweep that was really trained."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from nnreg.comparison.findings import find
from nnreg.records.folder import read_summary
from tests.comparison.sweeps import leave

METRIC = "final/train_loss"
SAME = ("dataset=iris", "hidden=[8]", "batch=30", "steps=40", "validate_every=10")
SWEPT = ("optimizer=sgd,adam", "optimizer.lr=0.003,0.1", "seed=1,2,3")


@pytest.fixture
def home(nnreg, project):
    assert nnreg("-m", "hydra.sweep.dir=trained", *SAME, *SWEPT).code == 0
    return project / "trained"


@pytest.mark.long
def test_a_sweep_that_was_trained_is_gathered_compared_and_told(home, tmp_path):
    found = find([home])
    finals = {
        (each["choices"]["optimizer"], word.partition("=")[2], each["seed"]): each["metrics"][METRIC]
        for each in (read_summary(home / str(number)) for number in range(12))
        for word in each["overrides"]
        if word.startswith("optimizer.lr=")
    }
    gathered, compared = found.gathered, found.matrices[0]
    assert (len(gathered.arms), gathered.seeds, gathered.paired, gathered.left_out) == (4, (1, 2, 3), True, ())
    assert (found.metric, gathered.companion) == (METRIC, "valid/loss_final")
    assert compared.names == ["adam, lr 0.1", "sgd, lr 0.1"]
    logs = [math.log(finals["adam", "0.1", seed] / finals["sgd", "0.1", seed]) for seed in (1, 2, 3)]
    assert compared.differences[0].center == pytest.approx(np.mean(logs), rel=1e-12)
    assert compared.differences[0].p == pytest.approx(stats.ttest_1samp(logs, 0).pvalue)
    assert found.standings[0].arm.name == "adam, lr 0.1"
    assert found.standings[0].reached == 3
    assert [line[:24] for line in found.answers] == ["Training: adam (lr 0.1) ", "Validation: adam (lr 0.1"]
    assert "Best of 2 learning rates for each optimizer, chosen on the same seeds by final training loss" in found.fairness
    assert "at an edge of those tried for sgd and adam" in found.fairness
    assert "One split of the data." in found.fairness

    folders = home / "0", leave(tmp_path / "made up")
    trained, made_up = (json.loads((folder / "summary.json").read_text()) for folder in folders)
    assert trained.keys() == made_up.keys()  # what other tests leave behind is what a run leaves behind
