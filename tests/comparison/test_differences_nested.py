"""In what runs differ whose techniques stand inside others."""

from nnreg.comparison.compare import compare
from nnreg.comparison.differences import code_labels, find_axes
from nnreg.records.results import read_run
from tests.comparison.sweeps import leave, sweep


def axes(tmp_path, *jobs):
    return find_axes([read_run(leave(tmp_path / str(number), overrides)) for number, overrides in enumerate(jobs)])


def test_what_stands_inside_is_part_of_the_name(tmp_path):
    found = axes(tmp_path, ["optimizer=sgd"], ["optimizer=lookahead+sgd"], ["optimizer=lookahead+momentum"])
    assert found.swept == found.shown == ("optimizer",)


def test_the_learning_rate_of_a_wrapper_and_of_a_rule_are_one_axis(tmp_path):
    inner, own = "optimizer.inner.lr", "optimizer.lr"
    jobs = [[f"optimizer={name}", f"{key}={lr}"] for name, key in (("sgd", own), ("lookahead+sgd", inner)) for lr in (0.1, 1.0)]
    found = axes(tmp_path, *jobs)
    assert found.swept == ("optimizer", "optimizer.lr")
    assert [values["optimizer.lr"] for values in found.values] == [0.1, 1.0, 0.1, 1.0]


def test_parameters_inside_are_named_one_by_one(tmp_path):
    words = [f"optimizer.inner.momentum={value}" for value in (0.5, 0.9)]
    found = axes(tmp_path, *(["optimizer=lookahead+momentum", word] for word in words))
    assert found.swept == ("optimizer.inner.momentum",)


def test_arms_are_called_by_the_whole_and_by_what_differs(tmp_path):
    jobs = {
        ("optimizer=sgd",): [0.5, 0.6, 0.7],
        ("optimizer=lookahead+momentum", "optimizer.inner.momentum=0.5"): [0.3, 0.4, 0.5],
        ("optimizer=lookahead+momentum", "optimizer.inner.momentum=0.9"): [0.1, 0.2, 0.3],
    }
    names = [arm.name for arm in compare([sweep(tmp_path / "s", jobs)]).gathered.arms]
    assert names == ["sgd", "lookahead+momentum, momentum 0.5", "lookahead+momentum, momentum 0.9"]


def test_other_code_inside_is_another_technique(tmp_path):
    names = {"optimizer": "a" * 16, "optimizer.inner": "b" * 16}
    runs = [
        read_run(leave(tmp_path / str(number), ["optimizer=lookahead+sgd"], code=names | {"optimizer.inner": code * 16}))
        for number, code in enumerate("bc")
    ]
    assert sorted(code_labels(runs).values()) == ["lookahead+sgd [aaaa+bbbb]", "lookahead+sgd [aaaa+cccc]"]


def test_the_rate_of_a_run_is_that_of_what_stands_inside(tmp_path):
    run = read_run(leave(tmp_path / "0", ["optimizer=lookahead+sgd", "optimizer.inner.lr=0.3"]))
    assert run.value("optimizer.lr") == 0.3
    assert run.value("optimizer.inner") == "sgd"
    assert run.value("optimizer.inner.lr") == 0.3
