"""What a formula does to matrices and vectors, taken down."""

import numpy as np
import pytest

from nnreg.contracts.columns import ACROSS, COLUMN, LOAD, MATRIX, TOTAL, VECTOR, Sheet, form_of
from nnreg.contracts.tracing import Untraceable

FLOAT = np.dtype(np.float32)


def taken_down(formula, *forms):
    sheet = Sheet(FLOAT, forms)
    made = formula(*sheet.cells)
    return sheet, made


def test_operations_are_in_order_and_numbers_beside_them():
    sheet, made = taken_down(lambda x, b: np.maximum(x + b, 0) * 2.5, MATRIX, VECTOR)
    assert [node.operation for node in sheet.nodes] == [LOAD, LOAD, np.add, np.maximum, np.multiply]
    assert [node.form for node in sheet.nodes] == [MATRIX, VECTOR, MATRIX, MATRIX, MATRIX]
    assert sheet.numbers == [0, 2.5]
    assert sheet.nodes[made.node].operands == (3, -2)


def test_an_array_holds_in_the_end_what_was_written_last():
    def formula(x, y):
        y.fill(0)
        np.maximum(x, y, out=y)
        y *= 2

    sheet, _ = taken_down(formula, MATRIX, MATRIX)
    nodes, (x, y) = sheet.program()
    assert x == 0
    assert nodes[y].operation is np.multiply
    assert nodes[nodes[y].operands[0]].operation is np.maximum


def test_a_sum_over_rows_is_one_number_a_unit():
    sheet, made = taken_down(lambda x: x.sum(axis=0) / 4, MATRIX)
    assert [node.operation for node in sheet.nodes[1:]] == [TOTAL, np.divide]
    assert sheet.nodes[made.node].form == VECTOR


def test_a_sum_over_units_is_one_number_a_row_and_spreads_over_its_units_again():
    def formula(x, b, size, y):
        size[...] = (x * b).sum(axis=1, keepdims=True)
        y[...] = size * b

    sheet, _ = taken_down(formula, MATRIX, VECTOR, COLUMN, MATRIX)
    assert [(node.operation, node.form) for node in sheet.nodes[4:]] == [
        (np.multiply, MATRIX),
        (ACROSS, COLUMN),
        (np.multiply, MATRIX),
    ]
    with pytest.raises(Untraceable):
        taken_down(lambda x, size: size.fill(0) or size.sum(axis=1, keepdims=True), MATRIX, COLUMN)
    with pytest.raises(Untraceable):
        taken_down(lambda x, size: np.copyto(size, x), MATRIX, COLUMN)


def test_an_array_is_a_matrix_a_vector_or_a_column():
    forms = [form_of(np.empty(shape), 3) for shape in ((5, 3), (3,), (5, 1))]
    assert forms == [MATRIX, VECTOR, COLUMN]
    assert form_of(np.empty((5, 1)), 1) == MATRIX
    for shape in ((5, 2), (4,), (), (5, 3, 1)):
        with pytest.raises(ValueError, match="formula on columns"):
            form_of(np.empty(shape), 3)


def test_truths_become_ones_and_zeros_where_they_are_written_to_an_array():
    def formula(x, y):
        np.greater(x, 0, out=y)
        y *= np.where((x > 1) & ~(x > 2), x, -x)

    sheet, _ = taken_down(formula, MATRIX, MATRIX)
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
        taken_down(formula, MATRIX, VECTOR)


def test_a_stand_in_of_another_sheet_is_refused():
    other = Sheet(FLOAT, [MATRIX]).cells[0]
    with pytest.raises(Untraceable):
        taken_down(lambda x: x + other, True)
