"""Formulas taken down and run without new arrays: the same bits as the formula itself, or the formula itself."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from nnreg.contracts import Optimizer
from nnreg.contracts.tracing import Walk
from nnreg.registry import entries
from nnreg.registry.building import make_technique

SIZE = 1000
OURS = [name for name, entry in entries.techniques("optimizer").items() if entry.distribution == "nnreg"]
DTYPES = [np.float32, np.float64]


def vectors(count, dtype=np.float64, size=SIZE, seed=0):
    return list(np.random.default_rng(seed).standard_normal((count, size)).astype(dtype) ** 2 + dtype(0.1))


def taken_down(formula, given, size, **numbers):
    """Apply a formula block by block; return whether it ever saw a real array."""
    seen = []

    def watched(*arguments, **named):
        seen.extend(isinstance(argument, np.ndarray) for argument in arguments)
        formula(*arguments, **named)

    Walk(given, size).apply(watched, **numbers)
    return not any(seen)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", list(entries.techniques("optimizer")))
def test_every_optimizer_steps_to_the_bit_as_its_formula_says(name, dtype):
    plain, fast = (make_technique(entries.load_class(entries.find_technique("optimizer", name))) for _ in range(2))
    if type(fast).step is not Optimizer.step:
        pytest.skip("it works on whole layers")
    fast.slice_size = 300
    (start,), grad = vectors(1, dtype), np.zeros(SIZE, dtype)
    apart, together = (SimpleNamespace(theta=start.copy(), grad=grad, named={}) for _ in range(2))
    plain.bind(apart)
    fast.bind(together)
    for t, gradient in enumerate(np.random.default_rng(1).standard_normal((8, SIZE)), start=1):
        grad[...] = gradient
        plain.update(apart.theta, grad, *plain.state_vectors.values(), t=t, lr=plain.lr * 0.5)
        fast.step(t, 0.5)
    np.testing.assert_array_equal(together.theta, apart.theta)
    for name, vector in plain.state_vectors.items():
        np.testing.assert_array_equal(fast.state_vectors[name], vector)


@pytest.mark.parametrize(
    "name", [name for name, entry in entries.techniques("optimizer").items() if entry.distribution == "nnreg"]
)
def test_the_formula_of_every_optimizer_that_comes_with_nnreg_can_be_taken_down(name):
    rule = make_technique(entries.load_class(entries.find_technique("optimizer", name)))
    if type(rule).step is not Optimizer.step:
        pytest.skip("it has no formula for a slice")
    for t in (1, 50):
        assert taken_down(rule.update, vectors(2 + len(rule.state)), 64, t=t, lr=0.1)


def everything(a, b, c, *, k):
    s = 1 - a / 2 + k * b - (-c)
    s *= 2  # an intermediate result, in place
    alias = b
    alias /= abs(s) + 1  # another name for b, in place
    np.maximum(a, s, out=a)
    c[...] = a**2 + b**0.5 - 2 ** (a / 99) + a**1.5 / (b**-1)
    c[:] += np.sqrt(np.exp(-a)) if k > 0 else np.tanh(a)
    a -= 3
    b[...] = k


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 7, 333, SIZE, 10 * SIZE])
@pytest.mark.parametrize("k", [2.5, -1, 7])
def test_all_there_is_to_elementwise_arithmetic_gives_the_same_bits(dtype, size, k):
    given, wanted = vectors(3, dtype), vectors(3, dtype)
    everything(*wanted, k=k)
    assert taken_down(everything, given, size, k=k)
    np.testing.assert_array_equal(given, wanted)


@pytest.mark.parametrize("seed", range(40))
def test_no_order_of_operations_mixes_up_intermediate_results(seed):
    operations = [np.add, np.subtract, np.multiply, np.maximum, np.sign, np.tanh, np.negative]

    def formula(*given):
        rng, known = np.random.default_rng(seed), list(given)
        for _ in range(30):
            operation = operations[rng.integers(len(operations))]
            operands = [known[rng.integers(len(known))] for _ in range(operation.nin)]
            if rng.random() < 0.4:
                operation(*operands, out=known[rng.integers(len(known))])
            else:
                known.append(operation(*operands))
        given[0][...] = known[-1]

    given, wanted = vectors(3), vectors(3)
    with np.errstate(all="ignore"):
        formula(*wanted)
        assert taken_down(formula, given, 128)
    np.testing.assert_array_equal(given, wanted)


def test_numbers_are_computed_anew_every_time():
    (given,), (wanted,) = vectors(1), vectors(1)
    formula = lambda x, *, t: x.__imul__(1 - math.sqrt(0.9**t))  # noqa: E731
    walk = Walk([given], 64)
    for t in range(1, 5):
        walk.apply(formula, t=t)
        formula(wanted, t=t)
    np.testing.assert_array_equal(given, wanted)


@pytest.mark.parametrize("number", [1e300, -(10**60), 1e-300, math.inf, math.nan])
def test_a_number_that_float32_has_not_is_what_numpy_makes_of_it(number):
    (given,), (wanted,) = vectors(1, np.float32), vectors(1, np.float32)
    formula = lambda x, *, n: x.__imul__(2 * n)  # noqa: E731
    walk = Walk([given], 64)
    with np.errstate(all="ignore"):
        for n in (1.0, number):
            walk.apply(formula, n=n)
            formula(wanted, n=n)
    np.testing.assert_array_equal(given, wanted)


def test_a_formula_may_go_one_way_and_another_and_back():
    (given,), (wanted,) = vectors(1), vectors(1)
    formula = lambda x, *, t: x.__imul__(0.5) if t % 3 else x.__iadd__(t * x)  # noqa: E731
    walk = Walk([given], 64)
    for t in range(1, 9):
        walk.apply(formula, t=t)
        formula(wanted, t=t)
    np.testing.assert_array_equal(given, wanted)


def by_length(x):
    x /= len(x)


def by_sum(x):
    x /= x.sum()


def by_branch(x):
    if x[0] > 0.5:
        x += 1


def by_truth(x):
    if np.all(x):
        x += 1


def by_comparison(x):
    x *= x > 0.5


def by_choice(x):
    x[...] = np.where(x > 0.5, x, 0)


def by_part(x):
    x[::2] = 0


def by_other_array(x):
    x += np.arange(10.0)


def by_double(x):
    x *= np.float64(1 / 3)


def by_reduction(x):
    x -= np.add.reduce(x)


@pytest.mark.parametrize(
    "formula",
    [by_length, by_sum, by_branch, by_truth, by_comparison, by_choice, by_part, by_other_array, by_double, by_reduction],
)
def test_what_cannot_be_taken_down_is_called_as_it_is_block_by_block(formula):
    given, wanted = vectors(1, np.float32, 40), vectors(1, np.float32, 40)
    for first in range(0, 40, 10):
        formula(wanted[0][first : first + 10])
    assert not taken_down(formula, given, 10)
    np.testing.assert_array_equal(given, wanted)


def test_an_error_in_the_formula_is_the_formulas_own():
    def wrong(x):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        Walk(vectors(1), 64).apply(wrong)


def test_a_stand_in_kept_from_an_earlier_call_is_not_taken_for_a_vector():
    kept = []

    def formula(x, *, t):
        kept.append(x)
        x += kept[0]

    given, wanted = vectors(1), vectors(1)
    walk = Walk(given, SIZE)
    walk.apply(formula, t=1)
    wanted[0] *= 2
    np.testing.assert_array_equal(given, wanted)
    with pytest.raises(Exception):  # noqa: B017 - whatever NumPy says of a stand-in beside an array
        walk.apply(formula, t=2)


def test_a_rule_that_keeps_a_result_as_an_attribute_keeps_a_vector():
    class Keeps:
        def update(self, x):
            self.step = x * 0.5
            x -= self.step

    (given,), keeps = vectors(1), Keeps()
    wanted = given * 0.5
    Walk([given], SIZE).apply(keeps.update)
    np.testing.assert_array_equal(given, wanted)
    np.testing.assert_array_equal(keeps.step, wanted)


def test_nothing_is_walked_where_there_is_nothing():
    Walk([np.empty(0)], 64).apply(lambda x: x.__iadd__(1))
