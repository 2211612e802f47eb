"""What the line below a figure says of seeds: no more than is so of its curves or cells."""

from __future__ import annotations

import pytest

from nnreg.figures import FIGURES
from nnreg.records.metrics import format_value
from tests.figures.runs import run, runs, texts

LOSS = "valid/loss"
INTERVAL = "mean and 95 % interval"
THIN = "mean, and each seed thin"


def line(kind, made, **spec):
    return texts(FIGURES[kind](runs(*made), spec, "?")).replace("\n", " ")


def made(seeds_of):
    """Return runs from the name of an arm to its seeds."""
    return [run({LOSS: [2.0, 1.0]}, arm=arm, seed=seed) for arm, seeds in seeds_of.items() for seed in seeds]


@pytest.mark.parametrize(
    ("seeds_of", "said"),
    [
        ({"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]}, f"4 seeds, the same for every curve: {INTERVAL}."),
        ({"a": [0, 1, 2]}, f"3 seeds, the same for every curve: {THIN}."),
        ({"a": [0], "b": [0]}, "One seed (0)."),
        ({"a": [0, 1], "b": [2, 3]}, f"4 seeds, 2 seeds a curve, not the same for all: {THIN}."),
        ({"a": [0, 1, 2], "b": [0]}, f"3 seeds, 1 to 3 seeds a curve, not the same for all: {THIN}."),
        ({"a": [0, 1, 2, 3], "b": [0, 1]}, f"2 to 4 seeds a curve, not the same for all: {INTERVAL}, each seed"),
        ({"a": [0, 0], "b": [1]}, f"2 seeds, one seed a curve, not the same for all: {THIN}."),
        ({"a": [0], "b": [1], "c": [2]}, "3 seeds, one run a curve."),
    ],
)
def test_seeds_are_the_same_for_every_curve_only_where_they_are(seeds_of, said):
    assert said in line("curves", made(seeds_of), metric=LOSS)
    assert said in line("panels", made(seeds_of), metrics=[LOSS])


def test_panels_of_several_metrics_count_each_run_once():
    both = [run({"train/loss": [1.0], LOSS: [1.0]}, arm=arm, seed=seed, status=status) for arm, seed, status in (
        ("a", 0, "finished"), ("a", 1, "diverged"), ("b", 0, "finished"), ("b", 1, "finished"),
    )]  # fmt: skip
    said = line("panels", both, metrics=["train/loss", LOSS], smooth=1)
    assert "2 seeds, the same for every curve" in said
    assert "1 of 4 diverged" in said


def test_curves_in_panels_are_compared_across_all_panels():
    split = [run({LOSS: [1.0]}, arm=arm, norm=norm, seed=seed) for arm, norm, seed in (
        ("a", "none", 0), ("a", "none", 1), ("a", "batch_norm", 0), ("a", "batch_norm", 2),
    )]  # fmt: skip
    assert "3 seeds, 2 seeds a curve, not the same for all" in line("panels", split, metrics=[LOSS], by="norm")


@pytest.mark.parametrize(
    ("seeds_of", "said", "cell"),
    [
        ({"sgd": [0, 1], "adam": [0, 1]}, "2 seeds, the same for every cell. Each cell: ", ", mean over seeds; framed"),
        ({"sgd": [0, 1], "adam": [0]}, "2 seeds, 1 to 2 seeds a cell, not the same for all. Each", ", mean over seeds; framed"),
        ({"sgd": [0], "adam": [0]}, "One seed (0), one run a cell. Each", "; framed"),
        ({"sgd": [0, 0], "adam": [0]}, "One seed (0). Each", ", mean over runs; framed"),
        ({"sgd": [0], "adam": [1]}, "2 seeds, one run a cell. Each", "; framed"),
    ],
)
def test_a_table_speaks_of_cells_and_of_means_only_where_there_are_some(seeds_of, said, cell):
    cells = [run({LOSS: [1.0]}, optimizer=name, seed=seed) for name, seeds in seeds_of.items() for seed in seeds]
    found = line("heatmap", cells, metric=LOSS, rows="optimizer", columns="init")
    assert said in found
    assert f"Each cell: last value of validation loss (cross-entropy, nats){cell}" in found
    assert "interval" not in found


def test_a_table_whose_columns_are_the_seeds_has_one_run_a_cell():
    cells = [run({"train/loss": [1.0]}, optimizer=name, seed=seed) for name in ("sgd", "adam") for seed in range(5)]
    said = line("heatmap", cells, metric="train/loss", rows="optimizer", columns="seed")
    assert "5 seeds, one run a cell. Each cell: mean of the last 100 steps' training loss (cross-entropy, nats); framed" in said
    assert "over seeds" not in said


def test_a_pair_that_was_not_run_does_not_make_seeds_unequal():
    cells = [
        run({LOSS: [1.0]}, optimizer=name, init=init, seed=seed)
        for name, init in (("sgd", "he"), ("sgd", "lecun"), ("adam", "he"))
        for seed in range(2)
    ]
    assert "2 seeds, the same for every cell" in line("heatmap", cells, metric=LOSS, rows="optimizer", columns="init")


def test_a_table_has_no_curves_that_end():
    stopped, lost = run({LOSS: [1.0]}), run({LOSS: [1.0]}, seed=1, status="diverged")
    stopped.summary["early_stop"] = {"stopped_at": 1}
    said = line("heatmap", [stopped, lost], metric=LOSS, rows="optimizer", columns="init")
    assert "1 of 2 diverged: they are in no mean." in said
    assert "curve" not in said


@pytest.mark.parametrize(
    ("metric", "number", "digits", "words"),
    [
        ("distinct_units/layer1", 100.0, 2, "100"),
        ("distinct_units/layer1", 1.0, 2, "1.0"),
        ("value", 12345.6, 3, "12,346"),
        ("value", -12345.6, 3, "−12,346"),
        ("value", 123.4, 3, "123"),
        ("value", 2.5e6, 3, "2.50e6"),
        ("valid/loss", 0.01234, 3, "0.0123"),
        ("valid/accuracy", 0.9534, 3, "95.3 %"),
    ],
)
def test_a_value_has_the_digits_that_matter_and_large_ones_are_whole(metric, number, digits, words):
    assert format_value(metric, number, digits) == words
