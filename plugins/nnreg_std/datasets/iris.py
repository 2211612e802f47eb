"""Iris: sepals and petals of 150 flowers, measured in cm, 50 of each of three species; comes with scikit-learn.

Source: Fisher, R. A. (1936), "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7(2),
https://doi.org/10.1111/j.1469-1809.1936.tb02137.x.

Conventions: as printed by Fisher, and as in R; the copy of the UCI repository differs in two flowers. Classes in order: setosa,
versicolor, virginica. Features in order: length and width of the sepals, length and width of the petals.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg_std.datasets._shipped import Shipped, ShippedRows


@dataclass(frozen=True)
class Iris(ShippedRows):
    """Sepals and petals of irises as 4 lengths in cm, three species.

    Args:
        valid_fraction: share of each class held out for validation, in [0, 1); 0 has no validation split.
        test_fraction: share of each class held out for the test, in [0, 1); 0 has no test split.
        random_state: seed of the division into splits, in [0, inf); the run's own seed does not touch it.
        standardise: shift and scale each feature to mean 0 and standard deviation 1, both of the training rows;
            False keeps the units of the measurement.

    Raises:
        ValueError: a parameter is out of its range, or the two shares leave nothing to train on.
    """

    # 90 rows to train on, 30 to validate and 30 to test with, unless the shares say otherwise
    outputs = 3
    table = Shipped(
        "load_iris",
        ("iris.csv",),
        header=1,
        columns=("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
        classes=("setosa", "versicolor", "virginica"),
    )
