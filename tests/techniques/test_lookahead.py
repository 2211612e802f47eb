"""Lookahead against optax, and against its Algorithm 1 written out; at the ends of its ranges, and in float32."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.lookahead import Lookahead
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.sgd import SGD
from tests.techniques.paths import end_of, path, signed

ORACLE = json.loads((Path(__file__).parent / "oracles" / "lookahead.json").read_text(encoding="utf-8"))
RULES = {"sgd": SGD, "momentum": Momentum, "adam": Adam}


def slope(theta):
    """Gradient of ½ Σ curvatureᵢ θᵢ² + Σ log cosh(θᵢ − θᵢ₊₁)."""
    pull = np.tanh(theta - np.roll(theta, -1))
    return np.array(ORACLE["curvature"]) * theta + pull - np.roll(pull, 1)


def algorithm_1(gradients, lr, k, alpha):
    """The paper's pseudocode around plain gradient descent, from zero; theta after every step."""
    phi, given_gradients, found = 0.0, iter(gradients), []
    while len(found) < len(gradients):
        theta = phi
        for _ in range(min(k, len(gradients) - len(found))):
            theta = theta - lr * next(given_gradients)
            found.append(theta)
        if len(found) % k == 0:
            phi = phi + alpha * (theta - phi)
            found[-1] = phi
    return found


@pytest.mark.parametrize("case", ORACLE["cases"], ids=lambda case: f"{case['inner']} k={case['k']}")
def test_twenty_steps_lead_where_optax_goes(case):
    inner = RULES[case["inner"]](**case["settings"])
    rule = Lookahead(inner=inner, k=case["k"], alpha=case["alpha"])
    theirs = np.array(case["trajectory"])
    ours = path(rule, slope, ORACLE["start"], len(theirs))[1:]
    assert np.abs(ours / theirs - 1).max() < 1e-9


@given(gradients=signed, lr=st.floats(1e-4, 1), k=st.integers(1, 7), alpha=st.floats(0.01, 1))
def test_around_gradient_descent_it_is_the_algorithm_of_its_paper(gradients, lr, k, alpha):
    assert end_of(Lookahead(inner=SGD(lr), k=k, alpha=alpha), gradients) == pytest.approx(
        algorithm_1(gradients, lr, k, alpha)[-1], rel=1e-9, abs=1e-12
    )


@given(gradients=signed, k=st.integers(1, 5))
def test_where_the_slow_weights_go_all_the_way_it_is_the_inner_rule(gradients, k):
    assert end_of(Lookahead(inner=Momentum(0.1), k=k, alpha=1.0), gradients) == pytest.approx(
        end_of(Momentum(0.1), gradients), rel=1e-9
    )


@pytest.mark.parametrize(("k", "alpha"), [(1, 0.01), (1, 1.0), (5, 0.5), (100, 1.0)])
def test_in_float32_it_goes_where_float64_does(k, alpha):
    single, double = (
        path(Lookahead(inner=Adam(0.1), k=k, alpha=alpha), slope, ORACLE["start"], 20, dtype=dtype)
        for dtype in (np.float32, np.float64)
    )
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-5)


def test_what_is_evaluated_are_the_slow_weights():
    theta, grad, out = np.array([1.0]), np.array([1.0]), np.empty(1)
    rule = Lookahead(inner=SGD(0.1), k=2, alpha=0.5)
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named={}))
    rule.step(1)
    assert rule.evaluation_parameters(out)
    assert out == 1.0
    rule.step(2)
    assert not rule.evaluation_parameters(out)
    assert out == pytest.approx(0.9)


def test_a_learning_rate_given_to_it_is_that_of_the_inner_rule():
    assert Lookahead(lr=0.3, inner=Lookahead(inner=SGD(0.1))).inner.inner.lr == 0.3
    assert Lookahead(inner=SGD(0.1)).rate == 0.1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"k": 0}, r"k must be in \[1, inf\)"), ({"alpha": 0.0}, r"alpha must be in \(0, 1\]"), ({"lr": 0.0}, "lr must be in")],
)
def test_a_value_out_of_its_range_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Lookahead(inner=SGD(0.1), **wrong)
