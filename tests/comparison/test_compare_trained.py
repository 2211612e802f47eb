"""The numbers of a comparison over a sweep that was really trained."""

import json

import numpy as np
import pytest

from nnreg.comparison.answer import answer_sentence, fairness_line
from nnreg.comparison.gathering import gather
from nnreg.comparison.pairs import matrix
from nnreg.comparison.standings import choose_target, standings
from nnreg.records.folder import read_summary
from tests.comparison.sweeps import leave

METRIC = "final/train_loss"
SAME = ("dataset=iris", "hidden=[8]", "batch=30", "steps=40", "validate_every=10")
SWEPT = ("optimizer=sgd,adam", "optimizer.lr=0.003,0.1", "seed=1,2,3")


@pytest.fixture
def home(nnreg, project):
    assert nnreg("-m", "hydra.sweep.dir=trained", *SAME, *SWEPT).code == 0
    return project / "trained"


def test_a_sweep_that_was_trained_is_gathered_compared_and_told(home, tmp_path):
    found = gather([home])
    order = standings(found, choose_target(found), METRIC)
    compared = matrix(order, METRIC, paired=found.paired)
    finals = {
        (each["choices"]["optimizer"], word.partition("=")[2], each["seed"]): each["metrics"][METRIC]
        for each in (read_summary(home / str(number)) for number in range(12))
        for word in each["overrides"]
        if word.startswith("optimizer.lr=")
    }
    assert len(found.arms) == 4
    assert (found.seeds, found.paired, found.left_out) == ((1, 2, 3), True, ())
    assert compared.names == ["adam, lr 0.1", "sgd, lr 0.1"]
    by_hand = np.mean([finals["adam", "0.1", seed] - finals["sgd", "0.1", seed] for seed in (1, 2, 3)])
    assert compared.differences[0].mean == pytest.approx(by_hand, rel=1e-12)
    assert order[0].arm.name == "adam, lr 0.1"
    assert order[0].reached == 3
    said = answer_sentence(found, compared)
    assert said.startswith("adam (lr 0.1) ")
    assert "Best of 2 learning rates for each optimizer, chosen on the same seeds" in fairness_line(found, [METRIC])
    assert "at an edge of those tried for sgd and adam" in fairness_line(found, [METRIC])

    folders = home / "0", leave(tmp_path / "made up")
    trained, made_up = (json.loads((folder / "summary.json").read_text()) for folder in folders)
    assert trained.keys() == made_up.keys()  # what other tests leave behind is what a run leaves behind
