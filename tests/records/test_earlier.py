"""What earlier versions wrote means now what it meant then."""

import json
import re
import shutil
from pathlib import Path

import pytest

import nnreg as package
from nnreg.records.card import config_hash
from nnreg.records.earlier import current_choices, current_command, current_config, current_words, hashed_config
from nnreg.records.files import read_yaml
from nnreg.records.folder import read_facts
from nnreg.runs.resume import rerun_words

KEPT = Path(__file__).parent / "last_version"
DRAWN = {"replacement": "with_replacement", "epoch": "epoch"}


@pytest.mark.parametrize("value", DRAWN)
def test_how_batches_were_drawn_is_a_sampler_of_the_same_hash(value):
    before = {"optimizer": {"name": "sgd"}, "sampling": value, "steps": 3, "workers": 1}
    now = current_config(before)
    assert now == {"optimizer": {"name": "sgd"}, "sampler": {"name": DRAWN[value]}, "steps": 3}
    assert hashed_config(now) == before
    assert config_hash(now) == config_hash(before)
    assert current_config(now) == now


def test_another_sampler_has_a_hash_of_its_own():
    names = [*DRAWN.values(), "full", "growing"]
    nodes = [*({"name": name} for name in names), {"name": "growing", "factor": 3.0}]
    assert len({config_hash({"sampler": node}) for node in nodes}) == len(nodes)


@pytest.mark.parametrize(
    ("typed", "now"),
    [
        ("sampling=epoch", "sampler=epoch"),
        ("+sampling=replacement", "sampler=with_replacement"),
        ("sampling=replacement,epoch", "sampler=with_replacement,epoch"),
        ("resampling=epoch", "resampling=epoch"),
        ("notes=sampling", "notes=sampling"),
    ],
)
def test_words_are_those_that_are_typed_now(typed, now):
    assert current_words([typed]) == [now]
    assert current_command(f"python -m nnreg {typed} seed=1") == f"python -m nnreg {now} seed=1"


def test_a_command_that_cannot_be_read_stays_what_it_is():
    assert current_command("python -m nnreg sampling='epoch") == "python -m nnreg sampling='epoch"


def test_a_run_of_training_has_chosen_what_came_later_and_another_task_has_not():
    config = {"sampler": {"name": "epoch"}}
    assert current_choices({"dataset": "iris"}, config) == {"dataset": "iris", "sampler": "epoch"}
    assert current_choices({"surface": "beale"}, config) == {"surface": "beale"}


@pytest.fixture
def old(project):
    """A run of an earlier version that went through epochs, as it left it."""
    folder = project / "old"
    shutil.copytree(KEPT / "sweep" / "0", folder)
    config, summary = folder / "config.yaml", folder / "summary.json"
    config.write_text(re.sub(r"^sampling: replacement", "sampling: epoch", config.read_text(), flags=re.MULTILINE))
    facts = json.loads(summary.read_text())
    facts["overrides"].append("sampling=epoch")
    facts["command"] += " sampling=epoch"
    facts["config_hash"] = config_hash(read_yaml(config)[0])
    summary.write_text(json.dumps(facts))
    return folder


def test_its_folder_is_read_as_of_the_sampler(old):
    (run,) = package.compare(old).runs
    assert run.summary["choices"]["sampler"] == run.config["sampler"]["name"] == "epoch"
    facts = read_facts(old)
    assert facts["overrides"][-1] == "sampler=epoch"
    assert facts["command"].endswith(" sampler=epoch")
    assert "sampler=epoch" in rerun_words(old)


def test_it_is_made_again_and_is_one_arm_with_the_run_of_this_version(nnreg, old):
    assert nnreg("rerun", str(old), "hydra.run.dir=again").code == 0
    again = json.loads(Path("again/summary.json").read_text())
    assert again["choices"]["sampler"] == "epoch"
    assert again["config_hash"] == config_hash(current_config(read_yaml(Path("again/config.yaml"))[0]))
    answer = nnreg("rerun", str(old), "hydra.run.dir=other", "seed=7", "sampler=with_replacement")
    assert answer.code == 0, answer.err
    for folder, axes in ((old, {}), (Path("other"), {"sampler": ["epoch", "with_replacement"]})):
        del_code(Path("again")), del_code(folder)
        compared = package.compare(folder, "again", metric="train/loss_mean_last_100")
        assert {key: sorted(values) for key, values in compared.gathered.axes.items()} == axes


def del_code(folder):
    """Let a run have recorded no fingerprints, as the earlier version did not."""
    path = folder / "summary.json"
    facts = json.loads(path.read_text())
    facts.pop("code", None)
    path.write_text(json.dumps(facts))


def test_a_later_kind_has_no_code_to_differ_by_where_the_run_is_older(nnreg, old):
    assert nnreg("rerun", str(old), "hydra.run.dir=again", "seed=1").code == 0
    assert nnreg("rerun", str(old), "hydra.run.dir=older", "seed=2").code == 0
    path = Path("older/summary.json")
    facts = json.loads(path.read_text())
    del facts["code"]["sampler"]
    path.write_text(json.dumps(facts))
    assert package.compare("again", "older").gathered.axes == {}


def test_what_was_trained_before_there_were_networks_was_an_mlp():
    before = {"activation": {"name": "relu"}, "sampler": {"name": "epoch"}}
    now = current_config(before)
    assert now == before | {"network": {"name": "mlp"}}
    assert hashed_config(now) == hashed_config(before)
    assert current_config(now | {"network": {"name": "own"}})["network"] == {"name": "own"}
    assert current_choices({"activation": "relu"}, now) == {"activation": "relu", "network": "mlp"}
    assert current_choices({"optimizer": "sgd", "surface": "beale"}, now) == {"optimizer": "sgd", "surface": "beale"}
