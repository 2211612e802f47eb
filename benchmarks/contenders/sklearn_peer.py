"""scikit-learn: ``MLPClassifier.partial_fit``, one call a batch."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier
from workloads import BETAS, CLASSES, EPS, MOMENTUM, RATES, Workload, batches, data, weights

from contenders import CannotTrain, Run


def partial_fit(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run that starts from the common weights.

    Raises:
        CannotTrain: with batch norm or convolutions.
    """
    if workload.channels:
        raise CannotTrain("has no convolutions")
    if workload.batch_norm:
        raise CannotTrain("has no batch norm")
    (x, y), classes = data(workload.rows), np.arange(CLASSES)
    model = MLPClassifier(
        workload.hidden,
        solver="adam" if optimizer == "adam" else "sgd",
        alpha=0.0,
        batch_size=workload.batch,
        learning_rate_init=RATES[optimizer],
        momentum=MOMENTUM if optimizer == "momentum" else 0.0,
        nesterovs_momentum=False,
        shuffle=False,
        beta_1=BETAS[0],
        beta_2=BETAS[1],
        epsilon=EPS,
    )
    drawn, history, start = batches(workload), [], weights(workload)
    model.partial_fit(x[: workload.batch], y[: workload.batch], classes=classes)  # makes the arrays; then start over
    for mine, common, bias in zip(model.coefs_, start, model.intercepts_, strict=True):
        mine[...], bias[...] = common, 0
    rule = model._optimizer
    rule.t = 0
    for average in (*getattr(rule, "velocities", ()), *getattr(rule, "ms", ()), *getattr(rule, "vs", ())):
        average[...] = 0  # it has seen those rows

    def run(steps: int) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(steps):
                rows = next(drawn)
                model.partial_fit(x[rows], y[rows])
                history.append(model.loss_)
        return float(history[-1])

    return run
