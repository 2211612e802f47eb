"""Optimizers: each built-in one against torch, optax, twins and papers, and what every registered one must do."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnreg.contracts import Optimizer, Shape
from nnreg.engine.network import Parameters
from nnreg.registry import entries
from nnreg.registry.building import make_technique
from nnreg.testing.bowl import OnBowl
from nnreg_std.optimizers.adadelta import AdaDelta
from nnreg_std.optimizers.adam import Adam
from nnreg_std.optimizers.adamax import AdaMax
from nnreg_std.optimizers.adamw import AdamW
from nnreg_std.optimizers.lion import Lion
from nnreg_std.optimizers.momentum import Momentum
from nnreg_std.optimizers.nadam import NAdam
from nnreg_std.optimizers.nesterov import Nesterov
from nnreg_std.optimizers.radam import RAdam
from nnreg_std.optimizers.rmsprop import RMSprop
from tests.techniques.libraries import CASES, IN_NO_LIBRARY, WRITTEN_ELSEWHERE
from tests.techniques.paths import down_the_valley, end_of, path, signed

# --- libraries -----------------------------------------------------------------------------------------------------------

TOLERANCE = 1e-9  # relative, of every coordinate at every step; rounding makes about 1e-13


@pytest.mark.parametrize("case", [*CASES, *WRITTEN_ELSEWHERE], ids=str)
def test_the_steps_lead_where_the_library_goes(case):
    assert len(case.trajectory) == (12 if case.problem == "valley" else 20)
    assert case.difference() < TOLERANCE


def test_every_rule_that_torch_or_optax_has_is_compared_with_it():
    ours = {entry.name for entry in entries.techniques("optimizer").values() if entry.distribution == "nnreg"}
    assert {case.optimizer.partition("+")[0] for case in [*CASES, *WRITTEN_ELSEWHERE]} == ours - IN_NO_LIBRARY


def test_the_readme_claims_no_closer_agreement_than_is_tested():
    readme = " ".join((Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split())
    assert "the optimizers go where torch or optax goes, to a relative 1e-9 in every coordinate" in readme
    assert TOLERANCE == 1e-9


def test_the_options_that_a_library_was_asked_for_lead_elsewhere():
    ends = [(case.problem, case.trajectory[-1]) for case in CASES]
    assert all(p != q or (np.abs(a - b) > 1e-7).any() for i, (p, a) in enumerate(ends) for q, b in ends[:i])


# --- twins ---------------------------------------------------------------------------------------------------------------


def test_adam_with_epsilon_hat_ends_where_the_published_study_ends():
    end = down_the_valley(Adam(0.3, eps=1e-7, epsilon_hat=True))[-1]
    np.testing.assert_allclose(end, (0.136007, 0.318245), rtol=0, atol=6e-7)


@given(gradients=signed, lr=st.floats(1e-4, 1), beta1=st.floats(0, 0.99), beta2=st.floats(0, 0.9999), eps=st.floats(1e-8, 1e-2))
def test_adam_with_epsilon_hat_is_the_form_at_the_end_of_section_2(gradients, lr, beta1, beta2, eps):
    theta = m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        theta -= lr * math.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (math.sqrt(v) + eps)
    assert end_of(Adam(lr, beta1, beta2, eps, epsilon_hat=True), gradients) == pytest.approx(theta, rel=1e-9, abs=1e-10)


@given(gradients=signed, lr=st.floats(1e-4, 1), momentum=st.floats(0.1, 1), shrink=st.floats(0.1, 0.9))
def test_the_learning_rate_of_momentum_stands_inside_the_velocity(gradients, lr, momentum, shrink):
    """As in the source and in Keras: speed that was gathered at a high rate outlives it. In torch's form it does not."""
    theta = v = torch_theta = torch_v = 0.0
    for t, g in enumerate(gradients):
        v = momentum * v - lr * shrink**t * g
        theta += v
        torch_v = momentum * torch_v + g
        torch_theta -= lr * shrink**t * torch_v
    given_gradients = iter(gradients)
    end = path(Momentum(lr, momentum), lambda _: np.full(1, next(given_gradients)), [0.0], len(gradients), shrink=shrink)[-1, 0]
    assert end == pytest.approx(theta, rel=1e-9, abs=1e-10)
    if len(gradients) > 1 and all(g > 0 for g in gradients):
        assert end < torch_theta  # further down


def test_nesterov_momentum_keeps_the_rate_of_its_time_as_well():
    theta = v = 0.0  # position and velocity of the paper, whose gradient is taken ahead, at theta + m v
    for t in range(5):
        v = 0.9 * v - 0.1 * 0.5**t * 2.0
        theta += v
    ahead = path(Nesterov(0.1, 0.9), lambda _: 2.0, [0.0], 5, shrink=0.5)[-1, 0]
    assert ahead == pytest.approx(theta + 0.9 * v, rel=1e-12)


@given(gradients=signed, lr=st.floats(1e-4, 1), beta1=st.floats(0, 0.99), beta2=st.floats(0, 0.99), decay=st.floats(0, 1))
def test_lion_is_algorithm_2_of_its_paper(gradients, lr, beta1, beta2, decay):
    theta = m = 0.0
    for g in gradients:
        update = math.copysign(1.0, beta1 * m + (1 - beta1) * g)
        m = beta2 * m + (1 - beta2) * g
        theta -= lr * (update + decay * theta)
    assert end_of(Lion(lr, beta1, beta2, decay), gradients) == pytest.approx(theta, rel=1e-9, abs=1e-10)


# --- what the papers promise ---------------------------------------------------------------------------------------------


@given(gradients=signed)
def test_with_amsgrad_a_step_is_never_divided_by_less_than_before(gradients):
    rule, seen = Adam(amsgrad=True), []
    path(rule, lambda theta: seen.append(rule.save()["v_max"][0]) or gradients[len(seen) - 1], [0.0], len(gradients))
    assert seen == sorted(seen)
    assert rule.save()["v_max"] >= rule.save()["v"]


@pytest.mark.parametrize("g", [1e-3, 1.0, 1e3])
def test_the_first_step_of_adadelta_is_set_by_epsilon(g):
    assert end_of(AdaDelta(), [g]) == pytest.approx(-math.sqrt(1e-6 / (0.05 * g * g + 1e-6)) * g, rel=1e-12)


@given(gradients=signed, theta=st.floats(1, 10), decay=st.floats(0, 1))
def test_the_decay_of_adamw_depends_on_the_parameter_alone(gradients, theta, decay):
    def steps(rule, scale):
        given_gradients = iter(gradients)
        return path(rule, lambda _: np.full(2, scale * next(given_gradients)), [theta, 0.0], len(gradients))

    small, large = (steps(AdamW(0.1, eps=1e-15, weight_decay=decay), scale) for scale in (1.0, 1e6))
    np.testing.assert_allclose(large, small, rtol=1e-9, atol=1e-9)
    shrunk = theta * (1 - 0.1 * decay) ** np.arange(len(small))
    np.testing.assert_allclose(small[:, 0] - small[:, 1], shrunk, rtol=1e-9)  # the gradient's share cancels


def test_adamw_without_decay_is_adam():
    np.testing.assert_allclose(down_the_valley(AdamW(0.3, weight_decay=0.0)), down_the_valley(Adam(0.3)), rtol=1e-12)


def test_radam_is_momentum_for_five_steps_and_then_adam_held_back():
    gradients = np.full(2000, 3.0)
    moved = -np.diff(path(RAdam(0.1), lambda _: gradients[0], [0.0], 2000)[:, 0])
    np.testing.assert_allclose(moved[:5], 0.1 * 3.0)  # m̂ itself: a step as long as the gradient
    assert 0 < moved[5] < 0.1 * 0.03  # m̂ / √v̂ would be 1
    assert (np.diff(moved[5:]) > 0).all()
    assert 0.07 < moved[-1] < 0.1


def test_radam_with_a_short_memory_stays_momentum():
    moved = -np.diff(path(RAdam(0.1, beta2=0.6), lambda _: 3.0, [0.0], 50)[:, 0])
    np.testing.assert_allclose(moved, 0.1 * 3.0)


def test_the_momentum_of_nadam_grows_from_one_half_of_beta1_to_all_of_it():
    """Seen where the new gradient is all there is: m̂ is its share and the momentum's, over the products so far."""
    for psi, mu in ((0.0, 0.45), (1e9, 0.9)):
        share = mu * 0.1 / (1 - mu * mu) + (1 - mu) / (1 - mu)
        assert end_of(NAdam(0.1, momentum_decay=psi), [2.0]) == pytest.approx(-0.1 * share)


def test_nadam_continues_far_into_a_run_as_if_never_stopped():
    def steps(rule, theta, first, last):
        for t in range(first, last + 1):
            rule.parameters.grad[...] = np.cos(theta + t)
            rule.step(t)

    def bound(start):
        rule = NAdam()
        path(rule, np.cos, start, 0)
        return rule, rule.parameters.theta

    (straight, there), (late, here) = bound([1.0, 2.0]), bound([0.0, 0.0])
    steps(straight, there, 1, 3000)
    late.load(straight.save())
    here[...] = there
    steps(straight, there, 3001, 3005)
    steps(late, here, 3001, 3005)
    np.testing.assert_array_equal(here, there)


@given(gradients=signed, lr=st.floats(1e-4, 1))
def test_no_step_of_adamax_is_much_longer_than_the_learning_rate(gradients, lr):
    given_gradients = iter(gradients)
    moved = np.diff(path(AdaMax(lr), lambda _: next(given_gradients), [0.0], len(gradients))[:, 0])
    assert (np.abs(moved) < 1.01 * lr).all()


@given(gradients=signed, lr=st.floats(1e-4, 1))
def test_every_step_of_lion_has_the_same_length(gradients, lr):
    given_gradients = iter(gradients)
    moved = np.diff(path(Lion(lr), lambda _: next(given_gradients), [0.0], len(gradients))[:, 0])
    np.testing.assert_allclose(np.abs(moved), lr, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(g=st.floats(1e-3, 1e3))
def test_a_gradient_that_never_changes_is_no_trouble_for_centered_rmsprop(dtype, g):
    """Its variance is zero, and rounding puts it on either side."""
    assert np.isfinite(path(RMSprop(centered=True, decay=0.5), lambda _: dtype(g), [0.0], 100, dtype=dtype)).all()


# --- options -------------------------------------------------------------------------------------------------------------

OPTIONS = [
    (Adam, {}, {"m", "v"}),
    (Adam, {"epsilon_hat": True}, {"m", "v"}),
    (Adam, {"amsgrad": True}, {"m", "v", "v_max"}),
    (Adam, {"amsgrad": True, "epsilon_hat": True}, {"m", "v", "v_max"}),
    (RMSprop, {}, {"h"}),
    (RMSprop, {"centered": True}, {"h", "a"}),
]
every_option = pytest.mark.parametrize(("technique", "settings", "kept"), OPTIONS)


@every_option
def test_a_rule_keeps_what_its_options_need_and_no_more(technique, settings, kept):
    rule = technique(**settings)
    path(rule, np.cos, [1.0], 1)
    assert set(rule.save()) == kept


@every_option
def test_an_option_keeps_the_precision_and_continues_where_it_stopped(technique, settings, kept):
    start = [1.0, -2.0, 0.5]
    straight, first, second = (technique(**settings) for _ in range(3))
    whole = path(straight, np.sin, start, 10, dtype=np.float32)
    half = path(first, np.sin, start, 5, dtype=np.float32)
    path(second, np.sin, half[-1], 0, dtype=np.float32)
    second.load(first.save())
    for t in range(6, 11):
        second.parameters.grad[...] = np.sin(second.parameters.theta)
        second.step(t)
    assert whole.dtype == np.float32
    assert {vector.dtype for vector in second.save().values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(second.parameters.theta, whole[-1])


@every_option
def test_a_rule_with_its_options_finds_the_bottom_of_a_valley(technique, settings, kept):
    height = (down_the_valley(technique(lr=0.01, **settings), steps=3000) ** 2 * (0.05, 1.0)).sum(axis=1)
    assert height[-1] < 1e-3 * height[0]


# What every registered optimizer must do besides the checks of nnreg.testing, run by test_every_technique_conforms.py.


SHAPES = [Shape("W1", (13, 7), decays=True), Shape("b1", (7,), decays=False), Shape("W2", (7, 3), decays=True)]
CURVATURE = np.linspace(0.5, 2.0, 13 * 7 + 7 + 7 * 3)

every_optimizer = pytest.mark.parametrize(
    "entry", [pytest.param(entry, id=name) for name, entry in entries.techniques("optimizer").items()]
)


def start(dtype=np.float64, seed=0):
    """Parameters away from the minimum of ½ Σ curvature · θ²."""
    parameters = Parameters(SHAPES, dtype)
    parameters.theta[...] = np.random.default_rng(seed).uniform(-0.3, 0.3, parameters.theta.size)
    return parameters


def bound(entry, parameters, **settings):
    rule = make_technique(entries.load_class(entry), **settings)
    rule.bind(parameters)
    rule.equip(OnBowl(parameters), np.random.default_rng(0))
    return rule


def descend(rule, parameters, steps, first=1):
    for t in range(first, first + steps):
        parameters.grad[...] = CURVATURE * parameters.theta
        rule.step(t)


MEMORIES = ("decay", "beta1", "beta2", "momentum")
ENDS = [
    pytest.param(entry, {setting: value}, id=f"{name}-{setting}={value}")
    for name, entry in entries.techniques("optimizer").items()
    for setting in MEMORIES
    if setting in {field.name for field in dataclasses.fields(entries.load_class(entry))}
    for value in (0.0, 0.5, 0.9999)
    if (name, setting, value) != ("schedule_free_adamw", "beta1", 0.0)  # it is above 0
]


@pytest.mark.parametrize(("entry", "settings"), ENDS)
def test_in_float32_each_step_is_that_of_float64_at_the_ends_of_the_ranges_whatever_the_gradients(entry, settings):
    directions = np.random.default_rng(0).normal(size=CURVATURE.size).astype(np.float32)
    moves = []
    for dtype in (np.float32, np.float64):
        parameters = start(dtype)
        rule, steps = bound(entry, parameters, **settings), []
        for t, size in enumerate((1.0, 1e-5, 1.0, 1e-6, 1e-3, 10.0, 1e-4), 1):
            parameters.theta[...] = 0.0  # so that the step is all that is there
            parameters.grad[...] = directions * np.float32(size)
            rule.step(t)
            steps.append(parameters.theta.astype(np.float64))
        moves.append(steps)
    np.testing.assert_allclose(moves[0], moves[1], rtol=1e-3, atol=1e-30)


@every_optimizer
def test_it_is_an_optimizer_and_a_dataclass(entry):
    assert issubclass(entries.load_class(entry), Optimizer)
    assert dataclasses.is_dataclass(entries.load_class(entry))


@every_optimizer
def test_the_first_step_goes_downhill(entry):
    parameters = start()
    before = parameters.theta.copy()
    descend(bound(entry, parameters), parameters, steps=1)
    assert CURVATURE @ parameters.theta**2 < CURVATURE @ before**2


@every_optimizer
def test_with_its_defaults_it_finds_the_bottom_of_a_bowl(entry):
    parameters = start()
    before = CURVATURE @ parameters.theta**2
    descend(bound(entry, parameters), parameters, steps=3000)
    assert CURVATURE @ parameters.theta**2 < 0.01 * before


@pytest.mark.long
@every_optimizer
@given(slice_size=st.integers(1, 130))
def test_the_slices_the_buffer_is_walked_in_do_not_change_the_result(entry, slice_size):
    whole, sliced = start(), start()
    descend(bound(entry, whole), whole, steps=4)
    rule = make_technique(entries.load_class(entry))
    rule.slice_size = slice_size
    rule.bind(sliced)
    rule.equip(OnBowl(sliced), np.random.default_rng(0))
    descend(rule, sliced, steps=4)
    np.testing.assert_array_equal(sliced.theta, whole.theta)


@every_optimizer
@given(before=st.integers(0, 5), after=st.integers(1, 5))
def test_a_saved_state_continues_on_the_identical_trajectory(entry, before, after):
    straight, stopped, resumed = start(), start(), start(seed=9)
    descend(bound(entry, straight), straight, steps=before + after)
    first = bound(entry, stopped)
    descend(first, stopped, steps=before)
    second = bound(entry, resumed)
    second.load(first.save())
    resumed.theta[...] = stopped.theta
    descend(second, resumed, steps=after, first=before + 1)
    np.testing.assert_array_equal(resumed.theta, straight.theta)
