"""Each built-in technique against an oracle of its own: closed forms, hand calculations, twins written from the paper."""

import dataclasses
import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg_std.activations.identity import Identity
from nnreg_std.activations.relu import ReLU
from nnreg_std.activations.sigmoid import Sigmoid
from nnreg_std.activations.tanh import Tanh
from nnreg_std.inits.glorot import Glorot
from nnreg_std.inits.he import He
from nnreg_std.inits.lecun import LeCun
from nnreg_std.inits.normal import Normal
from nnreg_std.inits.zeros import Zeros
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.optimizers.adagrad import AdaGrad
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.nesterov import Nesterov
from nnreg_std.optimizers.rmsprop import RMSprop
from nnreg_std.optimizers.sgd import SGD
from nnreg_std.regularizers.l2 import L2
from nnreg_std.regularizers.none import NoRegularizer

# --- optimizers ----------------------------------------------------------------------------------------------------------

VALLEY = np.array([1 / 10, 2.0])  # curvatures of x²/20 + y²
START = (-7.0, 2.0)


def path(rule, gradient, start, steps):
    """Positions from the start on, float64, one row each."""
    theta, grad = np.array(start, float), np.empty(len(start))
    rule.bind(SimpleNamespace(theta=theta, grad=grad, named={}))
    positions = [theta.copy()]
    for t in range(1, steps + 1):
        grad[...] = gradient(theta)
        rule.step(t)
        positions.append(theta.copy())
    return np.array(positions)


def down_the_valley(rule, steps=30):
    return path(rule, lambda theta: VALLEY * theta, START, steps)


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


# Gradients are given, not functions of the position, and stay away from zero: a twin must not differ by chaos or cancellation.
signed = st.lists(st.floats(0.1, 10) | st.floats(-10, -0.1), min_size=1, max_size=12)


def end_of(rule, gradients):
    """Where a rule that starts at zero ends."""
    given_gradients = iter(gradients)
    return path(rule, lambda theta: next(given_gradients), [0.0], len(gradients))[-1, 0]


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
        (RMSprop, {"lr": 0.01, "decay": 0.99, "eps": 1e-8}),
        (Adam, {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}),
        (Normal, {"std": 0.01}),
        (Glorot, {"mode": "fan_avg"}),
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


# --- initialisers --------------------------------------------------------------------------------------------------------

FAN_IN, FAN_OUT = 500, 400  # 200,000 weights: the standard error of their standard deviation is 0.16 %


def filled(init, shape=(FAN_IN, FAN_OUT), seed=0):
    weight = np.empty(shape)
    init.fill(weight, np.random.default_rng(seed))
    return weight


@pytest.mark.parametrize(
    ("init", "std"),
    [
        (Normal(), 0.01),
        (Normal(1.5), 1.5),
        (LeCun(), 0.0447214),  # √(1/500)
        (Glorot(), 0.0471405),  # √(2/900)
        (Glorot("fan_in"), 0.0447214),
        (He(), 0.0632456),  # √(2/500)
    ],
    ids=str,
)
def test_weights_are_normal_with_the_standard_deviation_of_the_formula(init, std):
    weight = filled(init)
    assert weight.std() == pytest.approx(std, rel=0.01)  # six standard errors
    assert abs(weight.mean()) < 5 * std / math.sqrt(weight.size)
    within = [np.mean(np.abs(weight) < k * std) for k in (1, 2, 3)]
    np.testing.assert_allclose(within, (0.6827, 0.9545, 0.9973), atol=0.006)


def test_rows_are_inputs_and_columns_are_units():
    assert filled(He(), (800, 100)).std() == pytest.approx(math.sqrt(2 / 800), rel=0.02)
    assert filled(He(), (100, 800)).std() == pytest.approx(math.sqrt(2 / 100), rel=0.02)


@pytest.mark.parametrize("init", [Zeros(), Normal(0.0)], ids=str)
def test_a_width_of_zero_makes_every_weight_zero(init):
    assert not filled(init, (5, 4)).any()


def test_zeros_draws_nothing():
    rng = np.random.default_rng(0)
    Zeros().fill(np.empty((5, 4)), rng)
    assert rng.random() == np.random.default_rng(0).random()


def test_rules_that_differ_in_width_scale_the_same_draws():
    np.testing.assert_allclose(filled(He()), math.sqrt(2) * filled(LeCun()), rtol=1e-14)
    np.testing.assert_array_equal(filled(Glorot("fan_in")), filled(LeCun()))


def test_he_keeps_the_signal_alive_through_many_layers_of_relu_and_lecun_does_not():
    rng = np.random.default_rng(0)
    for init, alive in ((He(), True), (LeCun(), False)):
        x = rng.standard_normal((200, 100))
        for seed in range(20):
            x = np.maximum(x @ filled(init, (100, 100), seed), 0)
        assert (x.std() > 0.1) == alive


# --- activations ---------------------------------------------------------------------------------------------------------


def forward(activation, *z, dtype=np.float64):
    out = np.empty((1, len(z)), dtype)
    activation.forward(np.array([z], dtype), out=out)
    return out[0]


def slope(activation, *z, dtype=np.float64):
    row, out = np.array([z], dtype), np.empty((1, len(z)), dtype)
    activation.backward(np.ones_like(row), row, forward(activation, *z, dtype=dtype)[None], out=out)
    return out[0]


def test_identity_hands_through():
    np.testing.assert_array_equal(forward(Identity(), -2, 0, 3.5), (-2, 0, 3.5))
    np.testing.assert_array_equal(slope(Identity(), -2, 0, 3.5), (1, 1, 1))


def test_relu_cuts_at_zero_and_its_slope_at_zero_is_zero():
    np.testing.assert_array_equal(forward(ReLU(), -2, -0.0, 0, 5e-324, 3, math.inf), (0, 0, 0, 5e-324, 3, math.inf))
    np.testing.assert_array_equal(slope(ReLU(), -2, -0.0, 0, 5e-324, 3, math.inf), (0, 0, 0, 1, 1, 1))


@given(z=st.floats(-700, 700))
def test_sigmoid_is_the_logistic_function(z):
    exact = 1 / (1 + math.exp(-z))
    assert forward(Sigmoid(), z)[0] == pytest.approx(exact, rel=0, abs=5e-16)
    assert slope(Sigmoid(), z)[0] == pytest.approx(exact * (1 - exact), rel=0, abs=5e-16)


def test_sigmoid_has_its_well_known_values():
    np.testing.assert_allclose(forward(Sigmoid(), 0, math.log(3), -math.log(3)), (0.5, 0.75, 0.25), rtol=1e-15)
    np.testing.assert_allclose(slope(Sigmoid(), 0, math.log(3)), (0.25, 0.1875), rtol=1e-15)


@pytest.mark.parametrize("activation", [Sigmoid(), Tanh()], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sigmoid_saturates_exactly_and_without_a_warning(activation, dtype):
    left = -1 if isinstance(activation, Tanh) else 0
    far = (-math.inf, -1e4, -100, 100, 1e4, math.inf)
    np.testing.assert_array_equal(forward(activation, *far, dtype=dtype), (left, left, left, 1, 1, 1))
    np.testing.assert_array_equal(slope(activation, *far, dtype=dtype), 0)


@given(z=st.floats(-20, 20))
def test_tanh_is_the_hyperbolic_tangent(z):
    assert forward(Tanh(), z)[0] == pytest.approx(math.tanh(z), rel=1e-14, abs=1e-300)
    assert slope(Tanh(), z)[0] == pytest.approx(1 / math.cosh(z) ** 2, rel=0, abs=2e-15)


# --- loss ----------------------------------------------------------------------------------------------------------------


def cross_entropy(logits, labels, dtype=np.float64):
    logits = np.array(logits, dtype)
    out = np.full_like(logits, np.nan)
    return SoftmaxCrossEntropy().value_and_gradient(logits, np.array(labels), out=out), out


@pytest.mark.parametrize("classes", [2, 10])
def test_a_guess_costs_the_logarithm_of_the_number_of_classes(classes):
    loss, gradient = cross_entropy(np.full((3, classes), 7.0), [0, 1, 1])
    assert loss == pytest.approx(math.log(classes))
    np.testing.assert_allclose(gradient, (1 / classes - np.eye(classes)[[0, 1, 1]]) / 3)


def test_a_two_class_loss_calculated_by_hand():
    loss, gradient = cross_entropy([[0, math.log(3)]], [0])  # p = (1/4, 3/4)
    assert loss == pytest.approx(math.log(4))
    np.testing.assert_allclose(gradient, [[-0.75, 0.75]])


@given(row=st.lists(st.floats(-300, 300), min_size=2, max_size=6), data=st.data())
def test_the_loss_is_minus_the_log_probability_of_the_label(row, data):
    label = data.draw(st.integers(0, len(row) - 1))
    exact = math.log(math.fsum(math.exp(z - row[label]) for z in row))
    assert cross_entropy([row], [label])[0] == pytest.approx(exact, rel=1e-12, abs=1e-12)


@given(shift=st.floats(-1e6, 1e6))
def test_adding_a_number_to_all_logits_changes_nothing(shift):
    logits = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
    for moved, still in zip(cross_entropy(logits + shift, [2, 0]), cross_entropy(logits, [2, 0]), strict=True):
        np.testing.assert_allclose(moved, still, rtol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_ten_thousand_are_exact(dtype):
    loss, gradient = cross_entropy([[1e4, 0], [1e4, 0]], [1, 0], dtype)
    assert loss == 5000
    np.testing.assert_array_equal(gradient, [[0.5, -0.5], [0, 0]])


def test_the_gradient_of_a_row_sums_to_zero():
    gradient = cross_entropy(np.random.default_rng(0).standard_normal((6, 5)), [0, 1, 2, 3, 4, 0])[1]
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-16)


def test_an_impossible_class_costs_nothing_unless_it_is_the_label():
    logits = [[0.0, 0.0, -math.inf]]
    loss, gradient = cross_entropy(logits, [0])
    assert loss == pytest.approx(math.log(2))
    np.testing.assert_array_equal(gradient, [[-0.5, 0.5, 0]])
    assert cross_entropy(logits, [2])[0] == math.inf


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
