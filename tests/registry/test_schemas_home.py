"""The importable home of the schemas: the same object by name, by entry, and after pickling."""

import pickle
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from nnreg.registry import entries, schemas
from nnreg.registry.entries import BrokenPlugin
from nnreg.registry.schemas import schema_of, settings
from tests.registry.publishing import OPTIMIZER, publishing

publish = pytest.fixture(publishing)
EVERY = [pytest.param(e, id=f"{kind}/{name}") for kind in entries.kinds() for name, e in entries.techniques(kind).items()]


@pytest.mark.parametrize("entry", EVERY)
def test_the_schema_of_every_technique_can_be_imported_by_name_and_pickles(entry):
    schema = schema_of(entry)
    assert getattr(schemas, f"{entry.kind}__{entry.name}") is schema
    config = OmegaConf.structured(schema)
    assert config.name == entry.name
    again = pickle.loads(pickle.dumps(config))
    assert again == config
    assert OmegaConf.get_type(again) is schema


def test_the_enum_of_a_choice_can_be_imported_by_name():
    mode = schemas.init__glorot__mode
    assert [member.value for member in mode] == ["fan_avg", "fan_in"]
    assert pickle.loads(pickle.dumps(mode.fan_in)) is mode.fan_in
    assert schemas.settings__run__dtype.float32.value == "float32"


def test_the_enum_of_an_optional_choice_can_be_imported_by_name(publish):
    source = OPTIMIZER.replace("    lr: float = 0.1", "    lr: float = 0.1\n    mode: 'Literal[\"a\"] | None' = None")
    publish("zoo", {"zoo_module": "from typing import Literal\n" + source}, optimizer={"zebra": "zoo_module:Rule"})
    assert schemas.optimizer__zebra__mode.a.value == "a"


def test_the_settings_have_a_schema_that_pickles():
    config = OmegaConf.structured(settings())
    assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize(
    "name", ["banana", "optimizer__banana", "banana__adam", "init__zeros__mode", "optimizer__adam__lr", "__path__"]
)
def test_there_is_nothing_else_in_it(name):
    assert not hasattr(schemas, name)


@pytest.mark.parametrize(
    ("field", "cause"),
    [
        ("name: str = 'x'", "ValueError: the parameter 'name' must be called otherwise"),
        ("x: list = field(default_factory=lambda: 1 / 0)", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_signature_that_cannot_be_read_breaks_its_plugin_only(publish, field, cause):
    source = OPTIMIZER.replace("import dataclass", "import dataclass, field").replace(
        "lr: float = 0.1", f"lr: float = 0.1\n    {field}"
    )
    publish("zoo", {"zoo_module": source}, optimizer={"zebra": "zoo_module:Rule"})
    with pytest.raises(BrokenPlugin) as caught:
        schema_of(entries.find_technique("optimizer", "zebra"))
    assert str(caught.value).startswith(f"optimizer 'zebra' (zoo 1.0) is broken: reading its signature raised {cause}")


def test_a_class_written_in_c_without_a_signature_breaks_its_plugin_only(publish):
    publish("zoo", {"zoo_module": ""}, tempo={"zebra": "builtins:range"})
    with pytest.raises(BrokenPlugin, match=r"^tempo 'zebra' \(zoo 1.0\) is broken: reading its signature raised ValueError"):
        schema_of(entries.find_technique("tempo", "zebra"))


def test_importing_the_schemas_looks_for_no_plugins():
    """A worker on another machine gets its path, and so its plugins, after it has imported this."""
    source = "import nnreg.registry.entries as r; from nnreg.registry.schemas import sweep; print(r._catalogue.cache_info())"
    told = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout
    assert "currsize=0" in told
