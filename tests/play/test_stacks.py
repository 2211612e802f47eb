"""What the page says of a deep stack is what ``task=activations`` measures, and theory's line is that of the papers."""

import math
import shlex

import numpy as np
import pytest

from nnreg import run
from nnreg.contracts import Activation
from nnreg.errors import UserError
from nnreg.play.stacks import answer
from nnreg.process import limited_threads
from nnreg.registry import entries


def stack(activation="relu", init=("normal", {"std": 0.1}), depth=10, width=100, **more):
    techniques = {"activation": {"name": activation}, "init": {"name": init[0], "values": init[1]}}
    techniques |= {kind: {"name": name} for kind, name in more.items()}
    return {"techniques": techniques, "settings": {"hidden": [width] * depth}}


def spreads(found):
    return [layer["std"] for layer in found["layers"]]


@pytest.mark.long
@pytest.mark.parametrize("asked", [stack(), stack("tanh", ("glorot", {}), 4), stack(norm="batch_norm", depth=3)])
def test_layers_are_those_of_the_task_to_the_bit(asked, project):
    with limited_threads():  # as the page's server is, from its start
        found = answer(asked)
    recorded = run(*shlex.split(found["command"])[3:], tracking="off", quiet=True)
    for quantity in ("std", "mean", "dead", "saturated"):
        _, values = recorded.history.series(f"outputs/{quantity}")
        assert [layer[quantity] for layer in found["layers"]] == values.tolist(), quantity


@pytest.mark.parametrize("spread", [0.03, 0.05, 0.08])
def test_theory_of_relu_is_a_factor_of_the_spread_times_the_root_of_half_the_units(spread):
    theory = answer(stack("relu", ("normal", {"std": spread}), 12, 300))["theory"]
    assert np.array(theory[1:]) / theory[:-1] == pytest.approx(spread * math.sqrt(300 / 2), rel=0.01)
    assert theory[0] == pytest.approx(spread * math.sqrt(300) * math.sqrt(1 / 2 - 1 / (2 * math.pi)), rel=0.01)


def test_theory_of_no_activation_is_a_factor_of_the_spread_times_the_root_of_the_units():
    theory = answer(stack("identity", ("normal", {"std": 0.05}), 8, 300))["theory"]
    assert theory == pytest.approx([(0.05 * math.sqrt(300)) ** layer for layer in range(1, 9)], rel=0.02)


def test_theory_of_small_signals_through_tanh_is_that_of_no_activation():
    found = answer(stack("tanh", ("normal", {"std": 0.002}), 5, 300))
    assert found["theory"] == pytest.approx([(0.002 * math.sqrt(300)) ** layer for layer in range(1, 6)], rel=0.02)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu", "elu"])
def test_wide_layers_do_as_theory_expects(activation):
    found = answer(stack(activation, ("he", {}), 4, 500))
    assert spreads(found) == pytest.approx(found["theory"], rel=0.15)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"norm": "layer_norm"}, "norm=layer_norm"),
        ({"dropout": "dropout"}, "dropout=dropout"),
        ({"network": "residual"}, "residual"),
        ({"activation": "maxout"}, "mixes units"),
    ],
)
def test_where_there_is_no_theory_it_is_said_why(more, reason):
    found = answer(stack(**{"depth": 3} | more))
    assert found["theory"] is None
    assert reason in found["why_no_theory"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (stack(), "The signal fades: each layer multiplies its spread by about 0.7"),
        (stack(init=("normal", {"std": 0.2})), "The signal grows"),
        (stack(init=("he", {})), "The signal keeps its size"),
        (stack(init=("normal", {"std": 1e5}), depth=20), "The signal explodes: outputs of layer"),
        (stack(init=("zeros", {})), "The signal is gone: every output of layer 1 is the same"),
        (stack("tanh", ("normal", {"std": 2.0})), "The units are saturated"),
        (stack(depth=1), "One layer makes a spread of"),
    ],
)
def test_what_became_of_the_signal_is_said_in_a_sentence(asked, said):
    assert answer(asked)["sentence"].startswith(said)


def test_the_spread_that_would_keep_a_signal_is_the_root_of_two_over_the_units_for_relu_and_of_one_for_tanh():
    assert "A spread of 0.14 would" in answer(stack("relu"))["sentence"]
    assert "A spread of 0.10 would" in answer(stack("tanh", ("normal", {"std": 0.01})))["sentence"]


def test_all_layers_share_one_axis_and_every_output_is_counted():
    found = answer(stack("tanh"))
    assert found["ends"] == [-1, 1]
    assert [sum(layer["counts"]) for layer in found["layers"]] == pytest.approx([1] * 10)
    grown = answer(stack("relu", ("normal", {"std": 0.3})))
    assert grown["ends"][0] == 0
    assert grown["ends"][1] < 3 * max(spreads(grown))


class Loud(Activation):
    """It raises."""

    def forward(self, z, out):
        if len(z) > 100:
            raise ZeroDivisionError("nothing to divide by")
        out[...] = z

    def backward(self, dy, z, y, out):
        out[...] = dy


def test_what_an_activation_raises_is_told_beside_its_name():
    entries.register_class(Loud)
    try:
        with pytest.raises(UserError, match=r"activation 'loud'.*ZeroDivisionError: nothing to divide by"):
            answer(stack("loud"))
    finally:
        entries._registered["activation"].pop("loud")


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"settings": {"steps": 3}}, "'steps' cannot be asked for here"),
        ({"techniques": {"optimizer": {"name": "adam"}}}, "'optimizer' cannot be asked for here"),
        (stack(norm="batch_norm") | {"settings": {"batch": 1, "hidden": [4]}}, "use batch=2 or more"),
        ({"settings": {"batch": 0}}, "batch must be"),
    ],
)
def test_what_cannot_be_looked_at_says_so(asked, complaint):
    with pytest.raises(UserError, match=complaint):
        answer(asked)
