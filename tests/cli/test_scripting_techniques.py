"""Techniques and data of a program: recorded with what they were, chosen by name from then on, never run from a folder."""

import ast
import linecache
from dataclasses import dataclass

import numpy as np
import pytest

import nnreg
from nnreg import UserError, run, sweep
from nnreg.contracts import Optimizer
from nnreg.records.folder import read_summary
from nnreg.registry import entries
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.lookahead import Lookahead
from nnreg_std.optimizers.momentum import Momentum

TINY = {"dataset": "iris", "hidden": [8], "steps": 10, "batch": 16, "tracking": "off", "quiet": True}
ARRAYS = {name: value for name, value in TINY.items() if name != "dataset"}
FACTOR = 2.0
CELL = """
@dataclass
class Celled(Optimizer):
    lr: float = 0.05

    def update(self, theta, grad, t, lr):
        theta -= {step} * lr * grad
"""


@dataclass
class Leaving(Optimizer):
    lr: float = 0.05

    def update(self, theta, grad, t, lr):
        if t == 5:
            raise SystemExit(3)
        theta -= lr * grad


@dataclass
class Added(Optimizer):
    lr: float = 0.05

    def step(self, t, factor=1.0):
        self.parameters.grad *= 0.5
        self.parameters.theta -= self.lr * factor * self.parameters.grad


def test_a_rule_that_leaves_the_program_ends_its_run_and_not_the_program(project):
    with pytest.raises(nnreg.RunFailed, match="SystemExit: 3") as caught:
        run(optimizer=Leaving(), **TINY)
    assert (caught.value.folder / "traceback.txt").is_file()
    assert read_summary(caught.value.folder)["status"] == "failed"


def test_a_rule_may_write_into_its_parameters_by_their_whole_names(project):
    halved = run(optimizer=Added(lr=0.1), **TINY)
    plain = run(optimizer="sgd", optimizer__lr=0.05, **TINY)
    assert halved.summary["metrics"]["final/train_loss"] == plain.summary["metrics"]["final/train_loss"]


def test_a_technique_in_the_place_of_another_kind_is_refused(project):
    with pytest.raises(UserError, match="init takes an init, and Adam is an optimizer"):
        run(init=Adam(), **TINY)


def doubled(value):
    return FACTOR * value


@dataclass
class Signed(Optimizer):
    lr: float = 0.05

    def update(self, theta, grad, t, lr):
        theta -= lr * doubled(np.sign(grad))


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch):
    monkeypatch.setattr(entries, "_registered", {})


def celled(step, number):
    """Run a cell as a notebook does: its lines are kept by linecache."""
    text, file = CELL.format(step=step), f"/tmp/ipykernel_1/{number}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    known = {"Optimizer": Optimizer, "dataclass": dataclass, "__name__": __name__}
    exec(compile(text, file, "exec"), known)
    return known["Celled"]


def data(rows=60):
    x = np.random.default_rng(0).normal(size=(rows, 3))
    return x, np.array(["a", "b"])[(x[:, 0] > 0).astype(int)]


def test_an_instance_is_recorded_as_a_name_its_parameters_and_a_source_that_stands_alone(project):
    ended = run(optimizer=Signed(lr=0.1), **TINY)
    assert (ended.config["optimizer"]["name"], ended.config["optimizer"]["lr"]) == ("signed", 0.1)
    assert len(ended.summary["code"]["optimizer"]) == 16
    source = (ended.folder / "sources" / "optimizer.py").read_text()
    alone = {"__name__": "alone"}
    exec(source, alone)
    theta = np.ones(3)
    alone["Signed"]().update(theta, np.array([1.0, -3.0, 0.0]), 1, 0.5)
    assert theta.tolist() == [0.0, 2.0, 1.0]


@pytest.mark.long
def test_a_cell_that_was_changed_is_other_code_under_the_same_name(project):
    first, same, other = (run(optimizer=celled(step, number), **TINY) for number, step in enumerate(("1", "1", "2")))
    codes = [ended.summary["code"]["optimizer"] for ended in (first, same, other)]
    assert codes[0] == codes[1] != codes[2]
    assert list(first.history) == list(same.history) != list(other.history)
    assert "theta -= 2 * lr * grad" in (other.folder / "sources" / "optimizer.py").read_text()


def test_an_installed_class_keeps_its_name_and_needs_no_source(project):
    ended = run(optimizer=Adam(lr=0.002), **TINY)
    assert (ended.config["optimizer"]["name"], ended.config["optimizer"]["lr"]) == ("adam", 0.002)
    assert not (ended.folder / "sources").exists()


@pytest.mark.long
def test_a_class_is_swept_beside_names_and_by_name_once_registered(project):
    assert nnreg.register(Signed) is Signed
    swept = sweep("optimizer=sgd,signed", seed=range(2), **TINY | {"hidden": [[8]]})
    again = sweep(optimizer=["sgd", Signed], seed=range(2), **TINY | {"hidden": [[8]]})
    assert swept.table()["optimizer"].tolist() == again.table()["optimizer"].tolist()
    assert set(swept.table()["optimizer"]) == {"sgd", "signed"}


def test_rerun_and_resume_never_run_the_source_in_a_folder(nnreg, project):
    ended = run(optimizer=Signed, **TINY)
    source = ended.folder / "sources" / "optimizer.py"
    source.write_text(f"open({str(project / 'run')!r}, 'w')")
    assert nnreg("rerun", str(ended.folder), "hydra.run.dir=again").code == 0  # it is registered here
    entries._registered.clear()
    for command in ("rerun", "resume"):
        said = nnreg(command, str(ended.folder)).complaint
        assert "optimizer=signed was registered in Python and must be again" in said
        assert "\n" not in said.strip()
    assert not (project / "run").exists()


@pytest.mark.long
@pytest.mark.parametrize("given", ["pair", "four", "dict"])
def test_arrays_are_kept_in_a_file_that_the_command_line_trains_on_too(nnreg, project, given):
    x, y = data()
    ways = {"pair": (x, y), "four": (x, y, x[:10], y[:10]), "dict": {"X": x, "y": y, "X_test": x[:10], "y_test": y[:10]}}
    ended = run(dataset=ways[given], **ARRAYS)
    assert ended.summary["dataset"]["rows"]["test"] == (12 if given == "pair" else 10)
    nnreg(*ended.summary["command"].split("nnreg ")[1].replace("'", "").split(), "hydra.run.dir=typed")
    config = (project / "typed" / "config.yaml").read_text()
    assert config == (ended.folder / "config.yaml").read_text()
    run(dataset=ways[given], **ARRAYS)
    assert len(list((project / "runs" / "arrays").iterdir())) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dataset": (np.ones((4, 2)),)}, "dataset takes (x, y), (x, y, x_test, y_test) or a dict of arrays, got 1 values"),
        ({"dataset": (np.ones((60, 2)), np.ones(5))}, "'x' has 60 rows and 'y' has 5"),
        ({"dataset": ([[1], [1, 2]], [0, 1])}, "x is no array"),
        ({"dataset": data(), "stpes": 5}, "there is no setting 'stpes'"),
        ({"optimizer": len}, "optimizer: <built-in function len>"),
        ({"optimizer": Signed(lr=0.1), "optimizer__lr": 0.2}, "optimizer.lr is given twice"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(project, settings, said):
    with pytest.raises(UserError) as caught:
        run(**TINY | settings)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    ("technique", "words", "said"),
    [
        (Signed, {"name": "adam"}, "there is optimizer 'adam' (nnreg"),
        (Signed(), {}, "is no class"),
        (int, {}, "int subclasses no contract of a technique"),
        (Signed, {"kind": "optimiser"}, "there is no kind 'optimiser'"),
        (type("Typed", (Optimizer,), {"update": lambda self, theta, grad, t, lr: None}), {}, "cannot be read, to be recorded"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_one_line(technique, words, said):
    with pytest.raises(UserError) as caught:
        nnreg.register(technique, **words)
    assert said in str(caught.value)


def test_a_registered_class_does_not_go_to_other_processes_and_says_so(project):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    with pytest.raises(UserError, match="optimizer=signed is registered in this process only"):
        sweep("hydra/launcher=joblib", optimizer=["sgd", Signed], **TINY | {"hidden": [[8]]})


def test_the_source_holds_what_the_class_uses_and_nothing_else(project):
    source = (run(optimizer=Signed, **TINY).folder / "sources" / "optimizer.py").read_text()
    names = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert names == {"Signed", "update", "doubled"}


@pytest.mark.long
def test_an_instance_inside_another_is_recorded_as_what_is_typed(project):
    runs = [
        run(optimizer=Lookahead(inner=Momentum(0.1)), **TINY),
        run(optimizer=Lookahead(lr=0.1, inner=Momentum()), **TINY),
        run(optimizer=Lookahead, optimizer__inner=Momentum(0.1), **TINY),
        run(optimizer="lookahead", optimizer__inner="momentum", optimizer__inner__lr=0.1, **TINY),
        run("optimizer=lookahead+momentum", optimizer__lr=0.1, **TINY),
    ]
    assert len({each.summary["config_hash"] for each in runs}) == 1
    assert {each.summary["label"] for each in runs} == {"lookahead+momentum-he"}


def test_a_class_of_the_program_inside_another_is_recorded_with_its_source(project):
    made = run(optimizer=Lookahead(inner=Signed(lr=0.2)), **TINY)
    assert made.config["optimizer"]["inner"] == {"name": "signed", "lr": 0.2}
    assert "class Signed(Optimizer)" in (made.folder / "sources" / "optimizer.inner.py").read_text()


@pytest.mark.long
def test_techniques_inside_others_are_swept(project):
    several = {**TINY, "hidden": [[8]]}
    by_instance = sweep(optimizer=[Adam(), Lookahead(inner=Adam()), Lookahead(inner=Signed())], **several)
    assert by_instance.gathered.axes["optimizer"] == ["adam", "lookahead+adam", "lookahead+signed"]
    by_slot = sweep(optimizer="lookahead", optimizer__inner=[Adam, "momentum"], **several)
    assert by_slot.gathered.axes["optimizer"] == ["lookahead+adam", "lookahead+momentum"]
