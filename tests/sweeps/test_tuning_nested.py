"""What is tuned of a technique that holds another."""

import pytest

from nnreg.registry.nested import default_node
from nnreg.sweeps.tuning import declared_by, range_of
from nnreg_std.optimizers.lookahead import Lookahead
from tests.sweeps.test_sweeper import listed

TUNE = ("-m", "protocol=tune_then_seeds", "protocol.trials=3", "protocol.seeds=[1]", "sweep.dry_run=true")


@pytest.mark.parametrize(
    ("name", "parameter", "ends", "told"),
    [
        ("lookahead+sgd", "lr", (1e-3, 1.0), "0.001 to 1 as sgd declares"),
        ("lookahead+lookahead+adam", "lr", (1e-4, 0.1), "0.0001 to 0.1 as adam declares"),
        ("lookahead+adam", "inner.lr", (1e-4, 0.1), "0.0001 to 0.1 as adam declares"),
        ("lookahead+momentum", "inner.momentum", (0.09, 9.0), "two decades around 0.9 as momentum declares none"),
        ("lookahead+momentum", "alpha", (0.05, 5.0), "two decades around 0.5 as it declares none"),
    ],
)
def test_a_wrapper_is_searched_where_what_it_holds_says(name, parameter, ends, told):
    low, high, said = range_of("optimizer", name, default_node("optimizer", name), parameter, None)
    assert ((low, high), told in said) == (ends, True)


def test_what_a_wrapper_says_itself_comes_first(monkeypatch):
    monkeypatch.setattr(Lookahead, "search", {"lr": (0.1, 10.0)})
    assert range_of("optimizer", "lookahead+sgd", default_node("optimizer", "lookahead+sgd"), "lr", None)[:2] == (0.1, 10.0)


@pytest.mark.parametrize("parameter", ["inner.beta1", "outer.lr", "k.lr"])
def test_a_parameter_that_nothing_inside_has_is_not_searched(parameter):
    assert range_of("optimizer", "lookahead+sgd", default_node("optimizer", "lookahead+sgd"), parameter, None) is None


def test_a_wrapper_declares_the_rate_of_what_it_holds_by_default():
    assert declared_by("optimizer", "lookahead") == declared_by("optimizer", "momentum")
    assert declared_by("optimizer", "lookahead+adam") == declared_by("optimizer", "adam")


def test_rules_and_wrappers_are_tuned_by_one_setting(nnreg):
    jobs = listed(nnreg(*TUNE, "optimizer=sgd,lookahead+adam"))
    rates = [(words.split()[0], words.split("optimizer.lr=")[1].split()[0]) for name, words in jobs.items() if "/" in name]
    assert list(dict.fromkeys(rates)) == [
        ("optimizer=sgd", "0.001"),
        ("optimizer=sgd", "0.03162"),
        ("optimizer=sgd", "1.0"),
        ("optimizer=lookahead+adam", "0.0001"),
        ("optimizer=lookahead+adam", "0.003162"),
        ("optimizer=lookahead+adam", "0.1"),
    ]


def test_what_stands_inside_is_tuned_for_each_of_its_choices(nnreg):
    jobs = listed(nnreg(*TUNE, "optimizer=lookahead", "optimizer.inner=sgd,adam"))
    assert len([name for name in jobs if "/" in name]) == 2 * 3 * 3
    assert {words.split("optimizer.lr=")[1].split()[0] for name, words in jobs.items() if "/" in name} == {
        "0.001", "0.03162", "1.0", "0.0001", "0.003162", "0.1"
    }  # fmt: skip


def test_what_stands_inside_is_an_axis_of_the_whole(nnreg):
    words = ("-m", "optimizer=lookahead", "optimizer.inner=sgd,adam", "init=he,glorot", "sweep.dry_run=true")
    assert nnreg(*words, "sweep.axes=[optimizer,init]").code == 0
    assert "'norm' is not swept" in nnreg(*words, "sweep.axes=[norm,init]").complaint


def test_what_stands_inside_can_be_drawn(nnreg):
    search = ("-m", "protocol=random_search", "protocol.trials=6", "sweep.dry_run=true")
    words = ("optimizer=lookahead", "optimizer.inner=sgd,adam", "optimizer.inner.lr=tag(log,interval(1e-3,1))")
    jobs = listed(nnreg(*search, *words))
    assert len(jobs) == 6
    assert all("optimizer@optimizer.inner=" in words and "optimizer.inner.lr=0." in words for words in jobs.values())
