"""Runs of a sweep share their data: loaded once, written by nobody, gone when the sweep has ended."""

import json

import numpy as np
import pytest
from omegaconf import OmegaConf

from nnreg.comparison.gathering import gather
from nnreg.contracts import Split, Splits
from nnreg.runs.assembly import digest_of, load_shared, sharing_data


class Source:
    """A dataset that counts how often it is read."""

    def __init__(self):
        self.read, self.x = 0, np.ones((4, 2), np.float32)

    def __call__(self):
        self.read += 1
        return Splits(Split(self.x, np.zeros(4, int)), None, None, outputs=2, source="here")


@pytest.fixture
def source():
    return Source()


def test_runs_that_share_read_once(source):
    with sharing_data():
        first, second = load_shared("a", source), load_shared("a", source)
    assert source.read == 1
    assert first[0].train.x is second[0].train.x
    assert first[1] == second[1] == digest_of(source())


def test_runs_that_do_not_share_read_again_as_files_may_have_changed(source):
    for _ in range(2):
        load_shared("a", source)
    with sharing_data():
        load_shared("a", source)
    load_shared("a", source)
    assert source.read == 4


def test_only_the_last_data_is_kept(source):
    with sharing_data():
        for key in "aba":
            load_shared(key, source)
    assert source.read == 3


def test_no_run_can_write_into_what_the_next_will_see(source):
    splits, _ = load_shared("a", source)
    with pytest.raises(ValueError, match="read-only"):
        splits.train.x[0, 0] = 2
    source.x[0, 0] = 2  # whoever made it still can
    assert splits.train.x[0, 0] == 2


TINY = ("dataset=iris", "hidden=[4]", "steps=3", "batch=8", "tracking=off")


def facts(folder):
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.long
def test_a_split_of_its_own_for_every_seed_is_the_same_for_all_arms_and_made_again(nnreg, project):
    words = ("optimizer=sgd,adam", "seed=1,2", "dataset.random_state=${seed}", *TINY)
    assert nnreg("-m", *words, "hydra.sweep.dir=s").code == 0
    digests = [facts(project / "s" / str(number))["dataset"]["digest"] for number in range(4)]
    assert digests[:2] == digests[2:]
    assert digests[0] != digests[1]
    assert gather([project / "s"]).axes == {"optimizer": ["sgd", "adam"]}
    assert nnreg("-m", "sweep.resume=s").out.startswith("nothing to resume")
    assert nnreg("rerun", "s/1", "hydra.run.dir=again").code == 0
    before, again = facts(project / "s/1"), facts(project / "again")
    assert again["dataset"]["digest"] == digests[1]
    assert again["metrics"]["train/loss_mean_last_100"] == before["metrics"]["train/loss_mean_last_100"]
    assert "dataset.random_state=${seed}" in before["overrides"]


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("optimizer.lr=${init.std}", "optimizer.lr", 0.25),
        ("optimizer.lr=${oc.select:nothing,0.5}", "optimizer.lr", 0.5),
        ("hidden=[${batch},4]", "hidden", [8, 4]),
        ("bias.value=${init.std}", "bias.value", 0.25),
        ("regularizer.weight_decay=${init.std}", "regularizer.weight_decay", 0.25),
    ],
)
def test_a_value_may_refer_to_another(nnreg, project, word, key, value):
    techniques = ("init=normal", "init.std=0.25", "init@bias=constant", "regularizer=l2")
    assert nnreg(*techniques, *TINY, word, "hydra.run.dir=r").code == 0
    assert OmegaConf.select(OmegaConf.load(project / "r/config.yaml"), key) == value


def test_a_reference_to_nothing_and_to_what_does_not_fit_are_told_in_one_line(nnreg, project):
    assert (
        "dataset=iris: random_state: Interpolation key 'sed' not found" in nnreg("dataset.random_state=${sed}", *TINY).complaint
    )
    assert "optimizer=sgd: lr: " in nnreg("optimizer.lr=${init.name}", *TINY).complaint
    assert not (project / "runs").exists()


def test_data_without_a_random_state_says_that_it_is_divided_one_way(nnreg, project):
    complaint = nnreg("-m", "seed=1,2", "dataset=mnist", "dataset.random_state=${seed}").complaint
    assert complaint.startswith("nnreg: dataset=mnist has no parameter 'random_state'")
    assert complaint.endswith("its rows are divided one way, whatever the seed")
