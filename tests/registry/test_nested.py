"""Techniques inside techniques: found, composed, built, named."""

from dataclasses import dataclass, field

import pytest
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from nnreg.errors import UserError
from nnreg.registry import entries
from nnreg.registry.building import build_technique
from nnreg.registry.entries import BrokenPlugin
from nnreg.registry.hydra_source import NnregConfigSource
from nnreg.registry.nested import (
    default_node,
    defaults_of,
    flat_node,
    slots_text,
    techniques_inside,
    whole_name,
    whole_node,
)
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.lookahead import Lookahead
from nnreg_std.optimizers.momentum import Momentum
from tests.registry.publishing import OPTIMIZER, publishing
from tests.registry.test_hydra_source import composed

publish = pytest.fixture(publishing)

WRAPPER = """
from dataclasses import dataclass
from nnreg.contracts import Optimizer, Schedule, slot

@dataclass
class Wrapper(Optimizer):
    "Wraps."

    lr: float | None = None
    {field}

    def step(self, t, factor=1.0):
        self.inner.step(t, factor)
"""


def wrapper(publish, field, name="wraps"):
    publish(
        f"{name}-plugins", modules={f"{name}_module": WRAPPER.format(field=field)}, optimizer={name: f"{name}_module:Wrapper"}
    )
    return entries.find_technique("optimizer", name)


def built(*words):
    config = composed(*words)
    return build_technique(config, {"optimizer": "x"}, "optimizer")


@pytest.mark.parametrize(
    "words",
    [
        ["optimizer=lookahead+adam"],
        ["optimizer=lookahead", "optimizer@optimizer.inner=adam"],
        ["optimizer=lookahead+momentum", "optimizer@optimizer.inner=adam"],
    ],
)
def test_every_spelling_is_one_configuration(words):
    config = composed(*words)
    assert OmegaConf.to_container(config.optimizer) == OmegaConf.to_container(default_node("optimizer", "lookahead+adam"))
    assert whole_name("optimizer", config.optimizer) == "lookahead+adam"


def test_what_stands_inside_is_built_before_what_is_around_it():
    rule = built("optimizer=lookahead+lookahead+momentum", "optimizer.inner.k=3", "optimizer.inner.inner.momentum=0.8")
    assert rule == Lookahead(inner=Lookahead(inner=Momentum(momentum=0.8), k=3))


def test_what_is_not_said_is_the_default_of_the_slot():
    node = OmegaConf.create({"optimizer": {"name": "lookahead", "k": 3}})
    assert build_technique(node, {}, "optimizer") == Lookahead(inner=Momentum(), k=3)


def test_a_learning_rate_around_is_that_of_what_stands_inside():
    rule = built("optimizer=lookahead+adam", "optimizer.lr=0.3")
    assert rule.inner == Adam(lr=0.3)
    node = OmegaConf.to_container(composed("optimizer=lookahead+adam", "optimizer.lr=0.3").optimizer)
    inner = OmegaConf.to_container(composed("optimizer=lookahead+adam", "optimizer.inner.lr=0.3").optimizer)
    assert whole_node("optimizer", "", node) == whole_node("optimizer", "", inner)
    assert whole_node("optimizer", "", node)["lr"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimizer.inner.momentum=2"], r"optimizer.inner=momentum: momentum must be in \[0, 1\], got 2.0"),
        (["+optimizer.inner.momentm=2"], "optimizer.inner=momentum has no parameter 'momentm'; did you mean 'momentum'?"),
        (
            ["optimizer.inner=null"],
            "optimizer.inner must be chosen by name, such as optimizer.inner=momentum, got nothing",
        ),
        (
            ["optimizer.inner=adam"],
            "optimizer.inner: adam is chosen in the defaults of a YAML, `override /optimizer@optimizer.inner: adam`",
        ),
        (["optimizer.inner.name=adam"], "chosen by its kind: type optimizer.inner=adam, not optimizer.inner.name="),
    ],
)
def test_a_mistake_inside_is_told_by_its_place(words, said):
    with pytest.raises(UserError, match=said):
        built("optimizer=lookahead", *words)


def test_a_rule_without_a_slot_holds_no_other():
    with pytest.raises(ConfigCompositionException, match="adam has no slot for another optimizer, type optimizer=adam"):
        composed("optimizer=adam+momentum")
    with pytest.raises(ConfigCompositionException, match="momentum has no slot"):
        composed("optimizer=lookahead+momentum+adam")


def test_a_wrapper_that_stands_in_itself_by_default_is_broken(publish):
    entry = wrapper(publish, 'inner: Optimizer = slot("wraps")')
    with pytest.raises(BrokenPlugin, match=r"by default it stands in itself \(wraps in wraps\); a slot must name another"):
        defaults_of(entry)
    with pytest.raises(ConfigCompositionException, match="stands in itself"):
        composed("optimizer=wraps")
    with pytest.raises(ConfigCompositionException, match="stands in itself"):
        composed("optimizer=lookahead+wraps")


def test_two_wrappers_that_stand_in_each_other_are_broken(publish):
    entry = wrapper(publish, 'inner: Optimizer = slot("other")')
    wrapper(publish, 'inner: Optimizer = slot("wraps")', name="other")
    with pytest.raises(BrokenPlugin, match="wraps in other in wraps"):
        defaults_of(entry)


def test_a_default_that_there_is_not_is_a_broken_plugin(publish):
    with pytest.raises(BrokenPlugin, match="by default its inner is the optimizer 'zebra', which there is not"):
        defaults_of(wrapper(publish, 'inner: Optimizer = slot("zebra")'))


def test_a_wrapper_may_stand_in_itself_where_it_is_asked_for():
    assert built("optimizer=lookahead+lookahead") == Lookahead(inner=Lookahead(inner=Momentum()))


def test_a_slot_may_be_of_another_kind_and_be_left_empty(publish):
    wrapper(publish, 'pace: Schedule | None = slot("cosine")\n    inner: Optimizer = slot("sgd")')
    config = composed("optimizer=wraps+adam", "schedule@optimizer.pace=step")
    assert whole_name("optimizer", config.optimizer) == "wraps+adam"
    assert techniques_inside("optimizer", config.optimizer) == {
        "optimizer": "wraps",
        "optimizer.pace": "step",
        "optimizer.inner": "adam",
    }
    assert type(build_technique(config, {}, "optimizer").pace).__name__ == "Step"
    node = whole_node("optimizer", "", OmegaConf.to_container(config.optimizer, enum_to_str=True))
    flat = flat_node("optimizer", "optimizer", node)
    assert flat["optimizer.pace"] == "step"
    assert flat["optimizer.lr"] == 0.001
    assert "optimizer.inner.lr" not in flat
    assert flat["optimizer.inner.beta1"] == 0.9
    empty = composed("optimizer=wraps", "optimizer.pace=null")
    assert build_technique(empty, {}, "optimizer").pace is None


def test_a_broken_technique_inside_is_named(publish):
    publish(
        "zoo", modules={"zoo_module": OPTIMIZER.replace("theta -=", "theta = theta -")}, optimizer={"zebra": "zoo_module:Rule"}
    )
    with pytest.raises(BrokenPlugin, match=r"optimizer 'zebra' .* is broken: 3 steps left theta as it was"):
        built("optimizer=lookahead+zebra")


def test_a_users_own_yaml_stands_inside_by_its_name(tmp_path):
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text("defaults: [momentum, _self_]\nmomentum: 0.5\n")
    config = composed(f"hydra.searchpath=[file://{tmp_path}]", "optimizer=lookahead+mine")
    assert build_technique(config, {}, "optimizer").inner.momentum == 0.5
    chosen = {"optimizer": "lookahead+mine", "optimizer@optimizer.inner": "mine"}
    assert whole_name("optimizer", config.optimizer, chosen, "optimizer") == "lookahead+mine"


def test_the_source_lists_no_combination_and_knows_each():
    source = NnregConfigSource("schema", "nnreg://")
    assert source.is_config("optimizer/lookahead+anything")
    assert not source.is_config("optimizer/banana+adam")
    assert not source.is_config("optimizer/lookahead+")
    assert not any("+" in name for name in source.list("optimizer", None))


def test_the_help_tells_what_may_stand_in_what_without_an_import(publish, monkeypatch):
    wrapper(publish, 'pace: "Schedule | None" = slot("cosine")\n    inner: Optimizer = slot("sgd")')
    monkeypatch.setattr(entries, "load_class", lambda entry: pytest.fail(f"{entry} was imported"))
    told = dict(line.split(": ", 1) for line in slots_text().splitlines())
    assert "lookahead+momentum" in told["optimizer"]
    assert "wraps with schedule@optimizer.pace=cosine, wraps+sgd" in told["optimizer"]


def test_a_default_that_can_be_written_into_is_that_of_one_configuration(monkeypatch):
    @dataclass
    class Wide(Adam):
        widths: list[int] = field(default_factory=lambda: [1, 2])

    monkeypatch.setattr(entries, "_registered", {})
    entries.register_class(Wide)
    whole_node("optimizer", "wide", {})["widths"].append(9)
    assert whole_node("optimizer", "wide", {})["widths"] == [1, 2]
