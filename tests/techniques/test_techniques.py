"""Each built-in technique against an oracle of its own: closed forms, hand calculations, twins written from the paper."""

import dataclasses
import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg_std.optimizers.adagrad import AdaGrad
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.nesterov import Nesterov
from nnreg_std.optimizers.rmsprop import RMSprop
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.regularizers.l2 import L2
from nnreg_std.regularizers.none import NoRegularizer
from tests.techniques.paths import START, VALLEY, down_the_valley, end_of, path, signed

# --- optimizers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        (SGD(0.95), (-0.350393, 0.084782)),
        (SGD(0.2), (-3.818390, 0)),
        (Momentum(0.1, 0.9), (0.896414, 0.088086)),
        (Momentum(0.2, 0.8), (0.204703, 0.006059)),
        (Momentum(0.95, 0.1), (-0.238535, 0.000006)),
        (AdaGrad(1.5), (-0.120162, 0)),
    ],
    ids=str,
)
def test_thirty_steps_down_the_valley_end_where_the_published_study_ends(rule, end):
    np.testing.assert_allclose(down_the_valley(rule)[-1], end, rtol=0, atol=6e-7)


def test_a_ball_without_friction_never_settles():
    np.testing.assert_allclose(down_the_valley(Momentum(0.2, 1.0))[-1], (2.703, 1.503), atol=6e-4)
    assert np.abs(down_the_valley(Momentum(0.2, 1.0), steps=2000)[-200:]).max() > 1


def test_sgd_zigzags_across_the_valley():
    y = down_the_valley(SGD(0.95))[:30, 1]
    assert sum(a * b < 0 for a, b in pairwise(y)) == 29


def test_sgd_diverges_beyond_two_over_the_largest_curvature():
    below, above = (abs(down_the_valley(SGD(lr), steps=200)[-1, 1]) for lr in (0.99, 1.01))
    assert below < 0.1 < 10 < above


@given(lr=st.floats(0.001, 1.9), k=st.floats(0.1, 1.0), x=st.floats(-5, 5))
def test_sgd_on_a_parabola_is_a_geometric_series(lr, k, x):
    assert path(SGD(lr), lambda theta: k * theta, [x], 20)[-1, 0] == pytest.approx(x * (1 - lr * k) ** 20, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        (SGD(0.1), 0.8, 0.6),
        (Momentum(0.1), 0.8, 0.42),  # v = −0.2, then −0.18 − 0.2
        (Nesterov(0.1), 0.62, 0.078),  # 1 − 0.18 − 0.2, then 0.62 − 0.342 − 0.2
        (AdaGrad(0.1), 0.9, 0.9 - 0.2 / math.sqrt(8)),
        (RMSprop(0.1), 0.0, -0.2 / math.sqrt(0.0796)),  # h = 0.04, then 0.0396 + 0.04
        (Adam(0.1), 0.9, 0.8),  # a constant gradient moves by lr
    ],
    ids=str,
)
def test_two_steps_from_one_under_a_gradient_of_two_calculated_by_hand(rule, first, second):
    positions = path(rule, lambda theta: np.full(1, 2.0), [1.0], 2)[1:, 0]
    np.testing.assert_allclose(positions, (first, second), rtol=0, atol=2e-6)


@given(gradients=signed, lr=st.floats(1e-4, 1), beta1=st.floats(0, 0.99), beta2=st.floats(0, 0.9999), eps=st.floats(1e-8, 1e-2))
def test_adam_is_algorithm_1_of_its_paper(gradients, lr, beta1, beta2, eps):
    theta = m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        theta -= lr * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps)
    assert end_of(Adam(lr, beta1, beta2, eps), gradients) == pytest.approx(theta, rel=1e-9, abs=1e-10)


def test_adam_is_not_the_variant_with_epsilon_hat_of_the_published_study():
    ends = []
    for x, k in zip(START, VALLEY, strict=True):
        m = v = 0.0
        for t in range(1, 31):
            m = 0.9 * m + 0.1 * k * x
            v = 0.999 * v + 0.001 * (k * x) ** 2
            x -= 0.3 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (math.sqrt(v) + 1e-7)
        ends.append(x)
    np.testing.assert_allclose(ends, (0.136007, 0.318245), rtol=0, atol=6e-7)
    distance = np.abs(down_the_valley(Adam(0.3))[-1] - ends)
    assert (distance > 1e-8).all()
    assert (distance < 1e-4).all()


@given(gradients=signed, lr=st.floats(1e-4, 1), decay=st.floats(0, 0.999), eps=st.floats(1e-8, 1e-2))
def test_rmsprop_divides_by_the_root_of_a_running_average(gradients, lr, decay, eps):
    theta = h = 0.0
    for g in gradients:
        h = decay * h + (1 - decay) * g**2
        theta -= lr * g / (math.sqrt(h) + eps)
    assert end_of(RMSprop(lr, decay, eps), gradients) == pytest.approx(theta, rel=1e-9, abs=1e-10)


@given(gradients=signed, lr=st.floats(1e-4, 1), eps=st.floats(1e-8, 1e-2))
def test_adagrad_divides_by_the_root_of_all_squared_gradients(gradients, lr, eps):
    steps = [lr * g / (math.hypot(*gradients[: t + 1]) + eps) for t, g in enumerate(gradients)]
    assert end_of(AdaGrad(lr, eps), gradients) == pytest.approx(-math.fsum(steps), rel=1e-9, abs=1e-10)


@given(lr=st.floats(1e-4, 0.3), momentum=st.floats(0, 1), x=st.floats(0.5, 5))
def test_momentum_is_the_heavy_ball_recurrence(lr, momentum, x):
    twin = [x, x]
    for _ in range(10):
        twin.append(twin[-1] - lr * math.cos(twin[-1]) + momentum * (twin[-1] - twin[-2]))
    assert path(Momentum(lr, momentum), np.cos, [x], 10)[-1, 0] == pytest.approx(twin[-1], rel=1e-9, abs=1e-9)


@given(lr=st.floats(1e-4, 0.3), momentum=st.floats(0, 1), x=st.floats(0.5, 5))
def test_nesterov_is_the_look_ahead_form_seen_from_the_look_ahead_point(lr, momentum, x):
    phi, v = x, 0.0
    for _ in range(10):
        v = momentum * v - lr * math.cos(phi + momentum * v)
        phi += v
    assert path(Nesterov(lr, momentum), np.cos, [x], 10)[-1, 0] == pytest.approx(phi + momentum * v, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("technique", "defaults"),
    [
        (SGD, {"lr": 0.01}),
        (Momentum, {"lr": 0.01, "momentum": 0.9}),
        (Nesterov, {"lr": 0.01, "momentum": 0.9}),
        (AdaGrad, {"lr": 0.01, "eps": 1e-7}),
        (RMSprop, {"lr": 0.01, "decay": 0.99, "eps": 1e-8, "centered": False}),
        (Adam, {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "epsilon_hat": False, "amsgrad": False}),
        (L2, {"weight_decay": 1e-4}),
    ],
)
def test_a_technique_without_settings_has_those_of_the_literature(technique, defaults):
    assert dataclasses.asdict(technique()) == defaults


@pytest.mark.parametrize("rule", [Momentum, Nesterov])
def test_without_momentum_a_ball_is_sgd(rule):
    np.testing.assert_allclose(down_the_valley(rule(0.3, momentum=0.0)), down_the_valley(SGD(0.3)), rtol=1e-12)


def test_the_learning_rate_stands_inside_the_velocity():
    theta, grad = np.array([1.0]), np.array([2.0])
    rule = Momentum(0.1, 0.9)
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named={}))
    rule.step(1)
    rule.step(2, factor=0.0)  # a schedule that stops pushing does not stop the ball
    assert theta[0] == pytest.approx(0.8 - 0.18)


@given(scale=st.floats(1e-3, 1e6), lr=st.floats(1e-4, 1))
def test_the_first_step_of_adam_has_length_lr_whatever_the_gradient(scale, lr):
    moved = path(Adam(lr), lambda theta: np.array([scale, -scale]), [0.0, 0.0], 1)[-1]
    np.testing.assert_allclose(moved, (-lr, lr), rtol=2e-5)


# --- regularizers --------------------------------------------------------------------------------------------------------


def test_l2_is_half_lambda_times_the_squared_length():
    grad = np.array([1.0, 1.0])
    L2(0.1).add_gradient(np.array([3.0, 4.0]), grad)
    assert L2(0.1).penalty(np.array([3.0, 4.0])) == pytest.approx(1.25)
    np.testing.assert_allclose(grad, (1.3, 1.4))


def test_without_regularizer_the_gradient_is_untouched():
    grad = np.array([1.0, -2.0])
    NoRegularizer().add_gradient(np.array([3.0, 4.0]), grad)
    np.testing.assert_array_equal(grad, (1, -2))
    assert NoRegularizer().penalty(np.array([3.0, 4.0])) == 0
