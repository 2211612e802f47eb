"""The registry as Hydra sees it."""

import copy
import pickle
import sys

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException, HydraException
from hydra.plugins.config_source import ConfigSource
from omegaconf import OmegaConf
from omegaconf.errors import ValidationError

from nnreg.registry import entries, hydra_source
from nnreg.registry.hydra_source import NnregConfigSource, kinds_by_glob, register_source
from nnreg.settings import conf_folder
from tests.registry.publishing import OPTIMIZER, publishing

publish = pytest.fixture(publishing)


@pytest.fixture
def source():
    return NnregConfigSource("schema", "nnreg://")


def composed(*overrides):
    register_source()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return compose("config", overrides=list(overrides))


def test_registering_twice_does_no_harm():
    for _ in range(2):
        register_source()
    assert Plugins.instance().discover(ConfigSource).count(NnregConfigSource) == 1


def test_the_kinds_are_groups_and_the_techniques_are_configs(source):
    assert source.available()
    assert source.scheme() == "nnreg"
    assert source.list("", ObjectType.GROUP) == source.list("", None) == list(entries.kinds())
    assert source.list("", ObjectType.CONFIG) == []
    for kind in entries.kinds():
        assert source.is_group(kind)
        assert not source.is_config(kind)
        assert source.list(kind, ObjectType.GROUP) == []
        assert source.list(kind, ObjectType.CONFIG) == source.list(f"{kind}/", None) == list(entries.techniques(kind))


@pytest.mark.parametrize("path", ["optimizer/adam", "optimizer/adam.yaml", "optimizer/_adam", "settings"])
def test_a_technique_is_found_by_its_name_and_its_hidden_alias(source, path):
    assert source.is_config(path)
    assert not source.is_group(path)


@pytest.mark.parametrize("path", ["optimizer/banana", "banana/adam", "adam", "optimizer", "_settings", "optimizer/__adam"])
def test_nothing_else_is_a_config(source, path):
    assert not source.is_config(path)


def test_an_alias_is_not_listed(source):
    assert not any(name.startswith("_") for name in source.list("optimizer", None))


def test_listing_imports_no_plugin_and_loading_imports_the_one(source, publish):
    modules = {"zoo_one": OPTIMIZER, "zoo_two": OPTIMIZER}
    publish("zoo", modules, optimizer={"zebra": "zoo_one:Rule", "yak": "zoo_two:Rule"})
    assert {"yak", "zebra"} <= set(source.list("optimizer", None))
    assert not {"zoo_one", "zoo_two"} & set(sys.modules)
    assert source.load_config("optimizer/zebra").config == {"name": "zebra", "lr": 0.1}
    assert {"zoo_one", "zoo_two"} & set(sys.modules) == {"zoo_one"}


def test_a_broken_plugin_is_a_composition_error_of_one_line(source, publish):
    publish("zoo", {"zoo_module": "1 / 0"}, optimizer={"zebra": "zoo_module:Rule"})
    with pytest.raises(ConfigCompositionException, match=r"^optimizer 'zebra' \(zoo 1.0\) is broken: .* division by zero$"):
        source.load_config("optimizer/zebra")


def test_a_sweep_by_glob_sees_sound_plugins_only_and_says_what_it_skips(source, publish, monkeypatch, capsys):
    publish("zoo", {"zoo_module": "1 / 0"}, optimizer={"zebra": "zoo_module:Rule"}, init={"zebra": "zoo_module:Rule"})
    monkeypatch.setattr(hydra_source, "swept_by_glob", kinds_by_glob(["optimizer=glob(*)"]))
    assert "zebra" not in source.list("optimizer", None)
    assert capsys.readouterr().err.startswith("skipped: optimizer 'zebra' (zoo 1.0) is broken")
    assert "zebra" in source.list("init", None)


def test_whatever_sweeps_over_a_kind_by_glob_is_known():
    words = ["+optimizer=glob(*)", "init@bias=glob([z*,c*])", "activation=relu", "steps=choice(1,2)", "optimizer.lr=glob(1)"]
    assert kinds_by_glob(words) == {"optimizer": ({"*"}, {"lr"}), "init": ({"z*", "c*"}, {"lr"})}
    assert kinds_by_glob(["optimizer=glob([a*], exclude=adam)"]) == {"optimizer": ({"a*"}, frozenset())}


def test_a_sweep_by_glob_leaves_out_what_needs_a_value_that_nobody_gave(source, monkeypatch, capsys):
    monkeypatch.setattr(hydra_source, "swept_by_glob", kinds_by_glob(["init=glob(*)"]))
    assert "he" in source.list("init", None)
    assert "saved" not in source.list("init", None)
    assert "skipped: init=saved needs a value for file\n" in capsys.readouterr().err
    monkeypatch.setattr(hydra_source, "swept_by_glob", kinds_by_glob(["init=glob(s*)", "init.file=runs/a"]))
    assert "saved" in source.list("init", None)
    monkeypatch.setattr(hydra_source, "swept_by_glob", kinds_by_glob(["init=glob([h*])"]))
    source.list("init", None)
    assert capsys.readouterr().err == ""


def test_a_composed_configuration_holds_the_settings_and_a_node_for_each_kind():
    config = composed("optimizer=adam", "init=glorot")
    adam = {"name": "adam", "lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    assert adam.items() <= OmegaConf.to_container(config.optimizer).items()
    assert config.init.mode.value == "fan_avg"
    assert (config.seed, config.hidden) == (0, [100, 100, 100, 100])


def test_the_types_of_a_composed_configuration_hold():
    config = composed("optimizer=adam")
    for key, value in {"optimizer.lr": "fast", "seed": "x", "hidden": ["a"], "dtype": "float16"}.items():
        with pytest.raises(ValidationError):
            OmegaConf.update(config, key, value)


def test_an_alias_composes_the_technique_itself():
    assert composed("optimizer=_adam").optimizer == composed("optimizer=adam").optimizer


def test_a_table_takes_new_entries_of_the_right_type(publish):
    rule = OPTIMIZER.replace("import dataclass", "import dataclass, field")
    table = "lr: float = 0.1\n    table: dict[str, float] = field(default_factory=dict)"
    publish("zoo", {"zoo_module": rule.replace("lr: float = 0.1", table)}, optimizer={"zebra": "zoo_module:Rule"})
    assert composed("optimizer=zebra", "optimizer.table={a:1}", "optimizer.table.b=2").optimizer.table == {"a": 1.0, "b": 2.0}
    for wrong in ("optimizer.table={a:x}", "optimizer.tabel={a:1}"):
        with pytest.raises(HydraException):
            composed("optimizer=zebra", wrong)


def test_a_technique_of_a_new_kind_can_be_added_to_a_run(publish):
    publish(
        "zoo",
        {"zoo_module": "class Halving:\n  def __init__(self, every: int = 3): ..."},
        tempo={"halving": "zoo_module:Halving"},
    )
    assert composed("+tempo=halving", "tempo.every=4").tempo == {"name": "halving", "every": 4}


def test_a_required_parameter_is_missing_in_the_composition(publish):
    publish(
        "zoo", {"zoo_module": "class Halving:\n  def __init__(self, every: int): ..."}, tempo={"halving": "zoo_module:Halving"}
    )
    assert OmegaConf.is_missing(composed("+tempo=halving").tempo, "every")


@pytest.mark.parametrize("value", ["1.10", "2.0", "true"])
def test_a_number_in_the_place_of_text_is_refused_because_what_was_typed_is_lost(value):
    with pytest.raises(HydraException) as caught:
        composed("dataset=csv", f"dataset.target={value}")
    assert "put what was meant into quotes" in str(caught.value.__cause__)


def test_text_and_whole_numbers_are_text():
    config = composed("dataset=csv", "dataset.target='1.10'", "dataset.path=2")
    assert (config.dataset.target, config.dataset.path) == ("1.10", "2")
    copied = pickle.loads(pickle.dumps(copy.deepcopy(config)))
    with pytest.raises(ValidationError):
        copied.dataset.target = 1.1


def test_a_list_of_text_that_is_null_can_be_given():
    assert composed("sweep.objectives=[valid/loss_final,seconds]").sweep.objectives == ["valid/loss_final", "seconds"]
    merged = OmegaConf.merge(composed(), {"sweep": {"objectives": ["seconds"]}})
    assert merged.sweep.objectives == ["seconds"]
