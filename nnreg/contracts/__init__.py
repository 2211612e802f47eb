"""What a plugin promises: one small contract for each kind of technique.

A plugin imports this package and nothing else of nnreg, and this package imports NumPy and nothing else. Shapes are written
(rows, columns); ``float array`` means float32 or float64, whichever the run asked for, and a formula must keep it:
``math.sqrt(2) * x`` does, ``np.sqrt(2.0) * x`` makes float64 of it.
"""

from collections.abc import Mapping

from nnreg.contracts.architecture import Architecture, Parts
from nnreg.contracts.arrays import Array, Features, Labels, ParametersView, Passed, Place, Role, Targets, Weights
from nnreg.contracts.batches import Augmentation, Indices, Sampler
from nnreg.contracts.checks import check_choices, check_range
from nnreg.contracts.data import Dataset, Preprocessing, Split, Splits, Table
from nnreg.contracts.init import Init, Untrained
from nnreg.contracts.layers import Activation, Dropout, Layer, Norm, Shape
from nnreg.contracts.nesting import Slot, slot
from nnreg.contracts.objective import Loss, Regularizer, Schedule, Surface
from nnreg.contracts.optimizer import Objective, Optimizer

CONTRACTS: Mapping[str, type] = {
    "optimizer": Optimizer,
    "init": Init,
    "activation": Activation,
    "network": Architecture,
    "norm": Norm,
    "dropout": Dropout,
    "regularizer": Regularizer,
    "schedule": Schedule,
    "loss": Loss,
    "dataset": Dataset,
    "surface": Surface,
    "sampler": Sampler,
    "augmentation": Augmentation,
}

__all__ = [
    "CONTRACTS",
    "Activation",
    "Architecture",
    "Array",
    "Augmentation",
    "Dataset",
    "Dropout",
    "Features",
    "Indices",
    "Init",
    "Labels",
    "Layer",
    "Loss",
    "Norm",
    "Objective",
    "Optimizer",
    "ParametersView",
    "Parts",
    "Passed",
    "Place",
    "Preprocessing",
    "Regularizer",
    "Role",
    "Sampler",
    "Schedule",
    "Shape",
    "Slot",
    "Split",
    "Splits",
    "Surface",
    "Table",
    "Targets",
    "Untrained",
    "Weights",
    "check_choices",
    "check_range",
    "slot",
]
