"""Diabetes: age, sex, body and blood of 442 patients, and how the disease progressed in a year; comes with scikit-learn.

Source: Efron, B., Hastie, T., Johnstone, I. & Tibshirani, R. (2004), "Least angle regression", Annals of Statistics 32(2),
section 1, https://doi.org/10.1214/009053604000000067.

Conventions: a regression, for ``loss=mse``. Authors and scikit-learn scale each feature to squared length 1 over all rows and
keep the target, 25 to 346; here ``standardise`` asks the training rows alone, and scales the target too: a squared error of 1
(``loss=mse`` shows half of it) is that of always answering their mean. R² is the same in any unit.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg_std.datasets._shipped import Shipped, ShippedRows


@dataclass(frozen=True)
class Diabetes(ShippedRows):
    """Diabetes patients as 10 measurements, and one value: how the disease progressed.

    Args:
        valid_fraction: share of the rows held out for validation, in [0, 1); 0 has no validation split.
        test_fraction: share of the rows held out for the test, in [0, 1); 0 has no test split.
        random_state: seed of the division into splits, in [0, inf); the run's own seed does not touch it.
        standardise: shift and scale each feature, and the target, to mean 0 and standard deviation 1, both of the training
            rows; False keeps the units of the measurement.

    Raises:
        ValueError: a parameter is out of its range, or the two shares leave nothing to train on.
    """

    # 266 rows to train on, 88 to validate and 88 to test with, unless the shares say otherwise
    outputs = 1
    table = Shipped(
        "load_diabetes",
        ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"),
        delimiter=None,
        options={"scaled": False},
        columns=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
        target="progression",
    )
