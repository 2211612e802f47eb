"""A job is composed once, to what Hydra composes."""

import pickle

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from nnreg.cli import compose
from nnreg.registry.hydra_source import register_source
from nnreg.sweeps.launchers.composed import JobConfigs


@pytest.fixture
def loader():
    register_source()
    with initialize_config_dir(str(compose.conf_folder()), version_base="1.3"):
        yield GlobalHydra.instance().config_loader()


@pytest.fixture
def sweep(loader):
    return loader.load_configuration("config", ["hydra.job.name=test"], RunMode.MULTIRUN)


@pytest.mark.parametrize("words", [["optimizer=adam", "optimizer.lr=0.5"], ["init@bias=constant", "seed=3"], ["+more=1"]])
def test_a_job_is_what_hydra_makes_of_it_whatever_was_read_before(loader, sweep, words):
    configs = JobConfigs(loader)
    configs.remember(sweep, ["optimizer=momentum", "init@bias=uniform", "dataset=iris"])
    expected = OmegaConf.to_yaml(loader.load_sweep_config(sweep, words))
    assert OmegaConf.to_yaml(configs.remember(sweep, words)) == expected
    assert OmegaConf.to_yaml(configs.load_sweep_config(sweep, words)) == expected


def test_what_is_remembered_is_handed_over_once_and_not_what_became_of_it(loader, sweep):
    configs = JobConfigs(loader)
    configs.remember(sweep, ["seed=1"]).seed = 2
    kept = configs.take(sweep, ["seed=1"])
    assert pickle.loads(kept).seed == 1
    assert configs.take(sweep, ["seed=1"]) is None


def test_a_job_of_a_sweep_that_was_told_something_else_is_another(loader, sweep):
    configs = JobConfigs(loader)
    configs.remember(sweep, ["seed=1"])
    other = loader.load_configuration("config", ["hydra.job.name=other"], RunMode.MULTIRUN)
    assert configs.take(other, ["seed=1"]) is None


def test_it_goes_to_other_machines_without_what_it_remembers(loader, sweep):
    configs = JobConfigs(loader)
    configs.remember(sweep, ["seed=1"])
    assert pickle.loads(pickle.dumps(configs)).take(sweep, ["seed=1"]) is None
