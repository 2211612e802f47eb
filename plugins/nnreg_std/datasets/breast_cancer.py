"""BreastCancer: 30 measurements of cell nuclei from 569 breast tissue samples; comes with scikit-learn.

Source: Wolberg, W., Mangasarian, O., Street, N. & Street, W. (1993), "Breast Cancer Wisconsin (Diagnostic)", UCI Machine
Learning Repository, https://doi.org/10.24432/C5DW2B.

Conventions: as in scikit-learn, class 0 is malignant, class 1 benign. Mean, standard error and worst value of ten quantities,
such as the radius of the nuclei.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnreg_std.datasets._shipped import Shipped, ShippedRows

COLUMNS = (
    "mean radius",
    "mean texture",
    "mean perimeter",
    "mean area",
    "mean smoothness",
    "mean compactness",
    "mean concavity",
    "mean concave points",
    "mean symmetry",
    "mean fractal dimension",
    "radius error",
    "texture error",
    "perimeter error",
    "area error",
    "smoothness error",
    "compactness error",
    "concavity error",
    "concave points error",
    "symmetry error",
    "fractal dimension error",
    "worst radius",
    "worst texture",
    "worst perimeter",
    "worst area",
    "worst smoothness",
    "worst compactness",
    "worst concavity",
    "worst concave points",
    "worst symmetry",
    "worst fractal dimension",
)


@dataclass(frozen=True)
class BreastCancer(ShippedRows):
    """Cell nuclei of breast tissue as 30 measurements, malignant or benign.

    Args:
        valid_fraction: share of each class held out for validation, in [0, 1); 0 has no validation split.
        test_fraction: share of each class held out for the test, in [0, 1); 0 has no test split.
        random_state: seed of the division into splits, in [0, inf); the run's own seed does not touch it.
        standardise: shift and scale each feature to mean 0 and standard deviation 1, both of the training rows;
            False keeps the units of the measurement.

    Raises:
        ValueError: a parameter is out of its range, or the two shares leave nothing to train on.
    """

    # 343 rows to train on, 113 to validate and 113 to test with, unless the shares say otherwise
    outputs = 2
    table = Shipped("load_breast_cancer", ("breast_cancer.csv",), header=1, columns=COLUMNS, classes=("malignant", "benign"))
