"""The text of a loop, and what it computes, run by Python itself."""

import numpy as np
import pytest

from nnreg.contracts.columns import Sheet, form_of
from nnreg.contracts.tracing import Untraceable
from nnreg.engine.passes import ROWS, Passes

RNG = np.random.default_rng(0)


def passes_of(formula, arrays):
    sheet = Sheet(np.dtype(np.float64), [form_of(array, arrays[0].shape[1]) for array in arrays])
    formula(*sheet.cells)
    return Passes(*sheet.program()), sheet.numbers


def run(formula, arrays):
    """Carry a formula out by its text; return that text."""
    passes, numbers = passes_of(formula, arrays)
    names = {"np": np, "T": np.float64} | {name: getattr(np, name) for name in ("exp", "expm1", "log", "log1p", "tanh")}
    names["across"] = lambda work, row, units: work[row, :units].sum()
    exec(passes.text, names)
    names["loop"](*arrays, np.empty((max(passes.kept, 1), arrays[0].shape[-1])), np.array(numbers), 0, arrays[0].shape[-1])
    return passes.text


def test_bias_and_activation_are_one_pass_that_reads_and_writes_each_number_once():
    def formula(z, b, y):
        z += b
        y.fill(0)
        np.maximum(z, y, out=y)

    passes, numbers = passes_of(formula, [np.empty((3, 2)), np.empty(2), np.empty((3, 2))])
    assert passes.text.splitlines() == [
        "def loop(a0, a1, a2, work, numbers, first, last):",
        "    rows, units = a0.shape",
        "    first, last = np.uint64(first), np.uint64(last)",
        "    n0 = numbers[0]",
        "    for i in range(rows):",
        "        for j in range(first, last):",
        "            x0 = a0[i, j]",
        "            x1 = a1[j]",
        "            x3 = x0 + x1",
        "            x4 = n0",
        "            x5 = np.maximum(x3, x4)",
        "            a0[i, j] = x3",
        "            a2[i, j] = x5",
    ]
    assert (passes.kept, numbers) == (0, [0])


def centred(x, mean, y):
    mean[...] = x.sum(axis=0) / 7
    c = x - mean
    y[...] = c / np.sqrt((c * c).sum(axis=0) / 7 + 1e-5)


def test_each_sum_over_rows_ends_a_pass():
    x, mean, y = RNG.standard_normal((7, 3)), np.empty(3), np.empty((7, 3))
    text = run(centred, [x, mean, y])
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(y, (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5), rtol=1e-13)
    assert text.count("    for i in range(") == 3


def test_many_rows_are_added_up_in_blocks():
    x, total = RNG.standard_normal((2 * ROWS + 5, 2)), np.empty(2)

    def formula(x, total):
        total[...] = x.sum(axis=0)

    run(formula, [x, total])
    blocks = [np.add.accumulate(x[start : start + ROWS])[-1] for start in range(0, len(x), ROWS)]
    np.testing.assert_array_equal(total, sum(blocks, np.zeros(2)))


def test_what_was_written_in_an_earlier_pass_is_read_and_not_computed_again():
    def formula(x, b, s, y):
        x += b
        s[...] = x.sum(axis=0)
        y[...] = x * s

    x, b, s, y = RNG.standard_normal((4, 3)), RNG.standard_normal(3), np.empty(3), np.empty((4, 3))
    before = x.copy()
    run(formula, [x, b, s, y])
    np.testing.assert_array_equal(x, before + b)
    np.testing.assert_allclose(y, (before + b) * (before + b).sum(axis=0), rtol=1e-14)


def test_a_formula_that_needs_what_it_has_overwritten_is_refused():
    def formula(x, s, y):
        old = x.copy()
        x *= 2
        s[...] = x.sum(axis=0)
        y[...] = old * s

    with pytest.raises(Untraceable):
        passes_of(formula, [np.empty((4, 3)), np.empty(3), np.empty((4, 3))])


def test_every_operation_is_that_of_numpy():
    def formula(x, y):
        t = np.where((x > 0.1) | ~(x <= 0.5) & (x != 2), np.expm1(x), np.log1p(np.abs(x)))
        t = t * (x >= 0) + np.tanh(-x) - np.minimum(x, 0.3) / (1 + np.exp(x)) + np.reciprocal(2 + np.square(x))
        y[...] = np.clip(t, -1, 1) + np.sign(x) * np.sqrt(np.log(9 + x)) + x**2 + np.full_like(x, 2)

    x, y, wanted = RNG.standard_normal((5, 4)), np.empty((5, 4)), np.empty((5, 4))
    run(formula, [x, y])
    formula(x, wanted)
    np.testing.assert_allclose(y, wanted, rtol=1e-14)


def normalised(x, b, gamma, deviation, y, total):
    x += b
    centred = x - x.sum(axis=1, keepdims=True) / 3
    deviation[...] = np.sqrt((centred * centred).sum(axis=1, keepdims=True) / 3 + 1e-5)
    y[...] = np.tanh(centred / deviation * gamma)
    total[...] = y.sum(axis=0)


def test_each_sum_over_units_goes_along_its_row_once_more_in_the_same_pass():
    x, b, gamma = RNG.standard_normal((2 * ROWS + 5, 3)), RNG.standard_normal(3), RNG.standard_normal(3)
    deviation, y, total = np.empty((len(x), 1)), np.empty_like(x), np.empty(3)
    wanted = [x.copy(), b, gamma, deviation.copy(), y.copy(), total.copy()]
    normalised(*wanted)
    got = [x, b, gamma, deviation, y, total]
    text = run(normalised, got)
    for array, values in zip(got, wanted, strict=True):
        np.testing.assert_allclose(array, values, rtol=1e-12)
    assert text.count("for i in range(") == 1


def test_a_sum_over_units_behind_a_sum_over_rows_is_made_in_its_pass():
    def formula(x, size, y):
        mean = x.sum(axis=0) / 7
        size[...] = (x - mean).sum(axis=1, keepdims=True)
        y[...] = x / (1 + np.abs(size)) + (x * size).sum(axis=0) + x.sum(axis=1, keepdims=True)

    x, size, y = RNG.standard_normal((7, 3)), np.empty((7, 1)), np.empty((7, 3))
    its_size, its_y = np.empty((7, 1)), np.empty((7, 3))
    formula(x, its_size, its_y)
    run(formula, [x, size, y])
    np.testing.assert_allclose(size, its_size, rtol=1e-13)
    np.testing.assert_allclose(y, its_y, rtol=1e-13)


def test_what_is_needed_along_a_row_after_it_was_overwritten_is_refused():
    def formula(x, y):
        old = x.copy()
        x *= 2
        y[...] = old * x.sum(axis=1, keepdims=True)

    with pytest.raises(Untraceable):
        passes_of(formula, [np.empty((4, 3)), np.empty((4, 3))])
