"""Wine: 13 chemical measurements of 178 Italian wines of three cultivars; comes with scikit-learn.

Source: Aeberhard, S. & Forina, M. (1992), "Wine", UCI Machine Learning Repository, https://doi.org/10.24432/C5PC7J.

Conventions: the classes 1, 2, 3 of the repository are 0, 1, 2 here. The measurements differ a thousandfold in size, alcohol in
percent beside proline in mg/l, so that without ``standardise`` gradient descent hardly learns.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg_std.datasets._shipped import Shipped, ShippedRows

COLUMNS = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280/od315_of_diluted_wines",
    "proline",
)


@dataclass(frozen=True)
class Wine(ShippedRows):
    """Wines of one region as 13 chemical measurements, three cultivars.

    Args:
        valid_fraction: share of each class held out for validation, in [0, 1); 0 has no validation split.
        test_fraction: share of each class held out for the test, in [0, 1); 0 has no test split.
        random_state: seed of the division into splits, in [0, inf); the run's own seed does not touch it.
        standardise: shift and scale each feature to mean 0 and standard deviation 1, both of the training rows;
            False keeps the units of the measurement.

    Raises:
        ValueError: a parameter is out of its range, or the two shares leave nothing to train on.
    """

    # 106 rows to train on, 36 to validate and 36 to test with, unless the shares say otherwise
    outputs = 3
    table = Shipped("load_wine", ("wine_data.csv",), header=1, columns=COLUMNS, classes=("class_0", "class_1", "class_2"))
