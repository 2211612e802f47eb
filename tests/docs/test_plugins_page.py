"""docs/plugins.md: what it shows works as shown."""

import importlib.util
import inspect
import re
import sys
from pathlib import Path

import pytest

from nnreg import testing
from nnreg.records.folder import read_summary
from nnreg.registry import entries

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch):
    monkeypatch.setattr(entries, "_registered", {})


def example(name, folder):
    """Return a class that the page shows, from its block of code."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (source,) = (block for block in blocks if f"class {name}(" in block)
    path = folder / f"shown_{name.lower()}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


@pytest.mark.parametrize("name", ["QHM", "Fromage"])
def test_the_lowest_rungs_keep_their_contract_and_are_those_of_the_example_plugin(name, tmp_path):
    shown = example(name, tmp_path)
    report = testing.run(shown)
    assert report.ok, str(report)
    written = (PAGE.parents[1] / "plugins" / "nnreg_example" / "src" / "nnreg_example" / f"{name.lower()}.py").read_text(
        "utf-8"
    )
    assert inspect.getsource(shown) in written


def test_every_rung_of_the_ladder_has_an_example_that_a_test_here_uses():
    page = PAGE.read_text(encoding="utf-8")
    rungs = re.split(r"(?m)^### (?=\d)", page.partition("## The ladder")[2].partition("\n## ")[0])[1:]
    shown = [re.search(r"```python\n.*?^class (\w+)\(", rung, re.DOTALL | re.MULTILINE)[1] for rung in rungs]
    assert len(shown) == 6
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in shown if f'"{name}"' not in tests] == []


def test_the_activation_that_is_a_layer_keeps_its_contract(tmp_path):
    report = testing.run(example("ScaledTanh", tmp_path))
    assert report.ok, str(report)


def test_the_rule_that_looks_again_keeps_its_contract_and_counts_its_gradients(nnreg, project, tmp_path):
    shown = example("Extragradient", tmp_path)
    report = testing.run(shown)
    assert report.ok, str(report)
    entries.register_class(shown)
    run = nnreg("optimizer=extragradient", "dataset=iris", "hidden=[4]", "batch=30", "steps=6")
    assert run.code == 0
    assert read_summary(max(project.glob("runs/*")))["metrics"]["work/gradients"] == 12


def test_the_rule_around_another_keeps_its_contract_whatever_stands_inside(tmp_path):
    bounded = example("Bounded", tmp_path)
    for inner in ("adam", "momentum", "lookahead+sgd"):
        report = testing.run(bounded, inner=inner)
        assert report.ok, str(report)


@pytest.mark.long
def test_the_rule_around_another_is_typed_as_shown(nnreg, project, tmp_path):
    entries.register_class(example("Bounded", tmp_path))
    text = PAGE.read_text(encoding="utf-8")
    one, other, deep = re.search(r"types `([^`]+)`, or `([^`]+)`; to any depth,\s+`([^`]+)`", text).groups()
    for words, name in ((one, "bounded+momentum"), (other, "bounded+momentum"), (deep, "lookahead+bounded+adam")):
        assert nnreg(*words.split(), "dataset=iris", "hidden=[4]", "batch=30", "steps=2").code == 0
        assert max(project.glob("runs/*")).name.endswith(f"_{name}-he")
    assert nnreg("optimizer=adam+momentum").complaint.endswith("adam has no slot for another optimizer, type optimizer=adam")


def test_a_yaml_chooses_what_stands_inside_as_shown(nnreg, project, tmp_path):
    defaults = re.sub(r"\s+", " ", re.search(r"In a YAML: `([^`]+)`", PAGE.read_text(encoding="utf-8"))[1]).replace(
        "bounded", "lookahead"
    )
    (project / "my" / "optimizer").mkdir(parents=True)
    (project / "my" / "optimizer" / "mine.yaml").write_text(f"{defaults}\n", encoding="utf-8")
    assert "name: sgd" in nnreg("--cfg", "job", "--config-dir=my", "optimizer=mine").out


def test_the_init_that_looks_keeps_its_contract(tmp_path):
    report = testing.run(example("Deepening", tmp_path))
    assert report.ok, str(report)
    assert {"any_place_will_do", "settling_writes_finite_numbers_and_leaves_the_batch_alone"} <= {
        result.check for result in report.of("passed")
    }


def test_the_refusal_of_a_width_is_what_is_printed(nnreg):
    shown = re.search(r"`(it needs an even number .*?)`", PAGE.read_text(encoding="utf-8"))[1]
    assert nnreg("activation=glu", "hidden=[101]").complaint.endswith(f": {shown}")


@pytest.mark.long
def test_the_network_keeps_its_contract_and_is_trained(nnreg, project, tmp_path):
    shown = example("Ladder", tmp_path)
    report = testing.run(shown)
    assert report.ok, str(report)
    entries.register_class(shown)
    run = nnreg(
        "network=ladder",
        "network.channels=[4,8]",
        "hidden=[16]",
        "norm=group_norm",
        "steps=100",
        "optimizer=adam",
        "optimizer.lr=0.01",
    )
    assert run.code == 0, run.err
    assert read_summary(max(project.glob("runs/*")))["metrics"]["valid/accuracy_final"] > 0.5
