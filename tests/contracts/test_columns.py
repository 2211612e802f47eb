"""What a formula does to matrices and vectors, taken down."""

import numpy as np
import pytest

from nnreg.contracts.columns import LOAD, TOTAL, Sheet
from nnreg.contracts.tracing import Untraceable

FLOAT = np.dtype(np.float32)


def taken_down(formula, *are_matrices):
    sheet = Sheet(FLOAT, are_matrices)
    made = formula(*sheet.cells)
    return sheet, made


def test_operations_are_in_order_and_numbers_beside_them():
    sheet, made = taken_down(lambda x, b: np.maximum(x + b, 0) * 2.5, True, False)
    assert [node.operation for node in sheet.nodes] == [LOAD, LOAD, np.add, np.maximum, np.multiply]
    assert [node.is_matrix for node in sheet.nodes] == [True, False, True, True, True]
    assert sheet.numbers == [0, 2.5]
    assert sheet.nodes[made.node].operands == (3, -2)


def test_an_array_holds_in_the_end_what_was_written_last():
    def formula(x, y):
        y.fill(0)
        np.maximum(x, y, out=y)
        y *= 2

    sheet, _ = taken_down(formula, True, True)
    nodes, (x, y) = sheet.program()
    assert x == 0
    assert nodes[y].operation is np.multiply
    assert nodes[nodes[y].operands[0]].operation is np.maximum


def test_a_sum_over_rows_is_one_number_a_unit():
    sheet, made = taken_down(lambda x: x.sum(axis=0) / 4, True)
    assert [node.operation for node in sheet.nodes[1:]] == [TOTAL, np.divide]
    assert not sheet.nodes[made.node].is_matrix


def test_truths_become_ones_and_zeros_where_they_are_written_to_an_array():
    def formula(x, y):
        np.greater(x, 0, out=y)
        y *= np.where((x > 1) & ~(x > 2), x, -x)

    sheet, _ = taken_down(formula, True, True)
    nodes, (_, y) = sheet.program()
    assert not nodes[y].is_truth
    assert {np.greater, np.logical_and, np.logical_not, np.where} <= {node.operation for node in nodes}


@pytest.mark.parametrize(
    "formula",
    [
        lambda x, b: len(x),
        lambda x, b: x[0],
        lambda x, b: x.sum(axis=1),
        lambda x, b: x.mean(axis=0),
        lambda x, b: bool(x > 0),
        lambda x, b: np.sort(x, axis=0),
        lambda x, b: x + np.ones(3),
        lambda x, b: x + np.float64(1),
        lambda x, b: x**3,
        lambda x, b: np.multiply(x, 2, dtype=np.float64),
        lambda x, b: np.add.reduce(x),
        lambda x, b: np.copyto(b, x),
        lambda x, b: (x > 0) + (x < 1),
        lambda x, b: np.exp(x > 0),
        lambda x, b: np.where(x, x, b),
        lambda x, b: np.sin(x),
        lambda x, b: np.modf(x),
    ],
)
def test_what_is_no_formula_on_columns_is_refused(formula):
    with pytest.raises((Untraceable, AttributeError)):
        taken_down(formula, True, False)


def test_a_stand_in_of_another_sheet_is_refused():
    other = Sheet(FLOAT, [True]).cells[0]
    with pytest.raises(Untraceable):
        taken_down(lambda x: x + other, True)
