"""A metric over two swept settings: means at equal seed over everything else, lost runs in no mean."""

from __future__ import annotations

import math

import pytest

from nnreg.comparison.differences import several
from nnreg.comparison.tables import cell_table, cell_tables, leading, oriented
from tests.comparison.sweeps import standing

AXES = {"optimizer": ["adam", "sgd"], "init": ["he", "normal"]}


def arm(optimizer, init, values, **more):
    return standing(f"{optimizer}, {init}", values, optimizer=optimizer, init=init, **more)


def test_a_cell_is_the_arm_of_its_two_values_and_what_was_not_run_is_none():
    found = [arm("adam", "he", {0: 1.0, 1: 3.0}), arm("sgd", "normal", {0: 5.0, 1: None})]
    made = cell_table(found, AXES, ("optimizer", "init"), "final/train_loss")
    assert made.cells[0][0].measured.mean == pytest.approx(math.sqrt(3.0)), "losses by their logarithms, as everywhere"
    assert made.cells[0][1] is None
    assert (made.cells[1][1].measured.mean, made.cells[1][1].lost, made.cells[1][1].runs) == (5.0, 1, 2)


def test_other_settings_are_averaged_at_each_seed_so_that_the_interval_is_over_seeds():
    found = [arm("adam", "he", {0: 1.0, 1: 2.0, 2: 4.0}, batch=8), arm("adam", "he", {0: 4.0, 1: 8.0, 2: 16.0}, batch=16)]
    cell = cell_table(found, AXES, ("optimizer", "init"), "final/train_loss").cells[0][0]
    assert cell.measured.by_seed == pytest.approx({0: 2.0, 1: 4.0, 2: 8.0})
    assert cell.measured.mean == pytest.approx(4.0)
    half = 4.302653 * math.log(2) / math.sqrt(3)  # Student's with two degrees of freedom, of three logarithms
    assert (cell.measured.low, cell.measured.high) == pytest.approx((4 * math.exp(-half), 4 * math.exp(half)))


def test_accuracies_are_averaged_as_they_are():
    metric = "valid/accuracy_final"
    values = ({0: 0.5, 1: 0.6, 2: 0.7}, {0: 0.7, 1: 0.8, 2: 0.9})
    found = [standing(str(n), each, metric, optimizer="adam", init="he", batch=n) for n, each in enumerate(values)]
    cell = cell_table(found, AXES, ("optimizer", "init"), metric).cells[0][0]
    assert cell.measured.by_seed == pytest.approx({0: 0.6, 1: 0.7, 2: 0.8})
    assert cell.measured.half == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-6)


def test_the_interval_of_a_cell_is_that_of_seeds_however_far_apart_its_arms_are():
    found = [
        arm("adam", "he", {0: 1.0, 1: 4.0, 2: 16.0}, batch=8),
        arm("adam", "he", {0: 100.0, 1: 400.0, 2: 1600.0}, batch=16),
    ]
    measured = cell_table(found, AXES, ("optimizer", "init"), "final/train_loss").cells[0][0].measured
    assert measured.by_seed == pytest.approx({0: 10.0, 1: 40.0, 2: 160.0})
    assert measured.mean == pytest.approx(40.0)
    assert measured.low == pytest.approx(40 / math.exp(4.302653 * math.log(4) / math.sqrt(3)), rel=1e-5)  # Student's, 2 degrees


def test_a_cell_is_averaged_at_seeds_that_all_of_its_arms_have():
    found = [arm("adam", "he", {0: 1.0, 1: 2.0, 2: 8.0}, batch=8), arm("adam", "he", {1: 8.0, 2: 2.0, 3: 99.0}, batch=16)]
    measured = cell_table(found, AXES, ("optimizer", "init"), "final/train_loss").cells[0][0].measured
    assert (measured.by_seed, measured.mean) == (pytest.approx({1: 4.0, 2: 4.0}), pytest.approx(4.0))


def test_arms_without_a_seed_in_common_have_a_mean_but_no_interval():
    found = [arm("adam", "he", {0: 1.0}, batch=8), arm("adam", "he", {1: 3.0}, batch=16)]
    measured = cell_table(found, AXES, ("optimizer", "init"), "final/train_loss").cells[0][0].measured
    assert (measured.mean, measured.half) == (pytest.approx(math.sqrt(3.0)), None)


def test_a_cell_whose_runs_were_all_lost_has_no_value():
    cell = cell_table([arm("adam", "he", {0: None, 1: None})], AXES, ("optimizer", "init"), "final/train_loss").cells[0][0]
    assert math.isnan(cell.measured.mean)
    assert (cell.lost, cell.runs) == (2, 2)


def test_there_is_a_table_for_every_two_settings_that_have_two_values():
    axes = {"optimizer": ["adam", "sgd"], "seedless": [1], "init": ["he", "normal"], "dataset": ["iris", "wine"]}
    assert several(axes) == ["optimizer", "init", "dataset"]
    made = [(each.rows, each.columns) for each in cell_tables([], axes, "final/train_loss")]
    assert made == [("optimizer", "init"), ("dataset", "optimizer"), ("dataset", "init")]


def test_datasets_stand_in_rows_and_give_curves_their_colours_last():
    assert oriented(("optimizer", "dataset")) == ("dataset", "optimizer")
    assert oriented(("optimizer", "init")) == ("optimizer", "init")
    axes = {"dataset": ["iris", "wine"], "optimizer.lr": [1, 2], "optimizer": ["adam", "sgd"]}
    assert leading(axes) == ["optimizer", "optimizer.lr", "dataset"]
