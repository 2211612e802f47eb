"""What Hydra knows as ours is there, and makes of a job what Hydra itself makes of it."""

import importlib
import pickle

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.plugins.plugin import Plugin
from hydra.types import RunMode
from omegaconf import OmegaConf

from nnreg import sweeps
from nnreg.cli import compose
from nnreg.registry.hydra_source import RememberedSource, register_source, remember_options


@pytest.fixture
def loaders():
    """Hydra's own, and one that remembers what it has read."""
    register_source()
    found = []
    for _ in range(2):
        with initialize_config_dir(str(compose.conf_folder()), version_base="1.3"):
            found.append(GlobalHydra.instance().config_loader())
    remember_options(found[1])
    return found


@pytest.mark.parametrize("place", [*sweeps.SWEEPERS.values(), *sweeps.IN_PLACE_OF.values()])
def test_each_is_at_its_address(place):
    module, _, name = place.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), name), Plugin)


@pytest.mark.long
@pytest.mark.parametrize("words", [["optimizer=adam", "optimizer.lr=0.5"], ["init@bias=constant", "seed=3"], ["+more=1"]])
def test_a_job_is_what_hydra_makes_of_it_whatever_was_read_before(loaders, words):
    own, remembering = loaders
    sweep = own.load_configuration("config", ["hydra.job.name=test"], RunMode.MULTIRUN)
    remembering.load_sweep_config(sweep, ["optimizer=momentum", "init@bias=uniform", "dataset=iris"])
    expected = OmegaConf.to_yaml(own.load_sweep_config(sweep, words))
    for _ in range(2):
        assert OmegaConf.to_yaml(remembering.load_sweep_config(sweep, words)) == expected


def test_an_option_is_read_once_and_given_as_copies(loaders):
    source = next(source for source in loaders[1].get_sources() if source.is_config("optimizer/adam"))
    source.load_config("optimizer/adam").config.lr = 9
    source._source = None  # whoever reads again, fails
    assert source.load_config("optimizer/adam").config.lr == 0.001


def test_it_goes_to_other_machines_without_what_it_has_read(loaders):
    source = next(source for source in loaders[1].get_sources() if source.is_config("optimizer/adam"))
    source.load_config("optimizer/adam")
    assert isinstance(source, RememberedSource)
    assert pickle.loads(pickle.dumps(source))._read == {}
