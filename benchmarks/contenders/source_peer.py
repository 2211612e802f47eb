"""The algorithm of the notes this project grew from, as written there: see ``source_style``."""

from __future__ import annotations

import numpy as np
from workloads import BN_EPS, EPS, MOMENTUM, RATES, Workload, batches, data, weights

from contenders import Run, source_style


def as_written(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run in float64 that records the loss of a second forward pass, after the update."""
    x, y = data(workload.rows)
    x64, network = x.astype(np.float64), source_style.Network(weights(workload), 0.0, BN_EPS if workload.batch_norm else None)
    rule = {
        "sgd": lambda: source_style.SGD(RATES["sgd"]),
        "momentum": lambda: source_style.Momentum(RATES["momentum"], MOMENTUM),
        "adam": lambda: source_style.Adam(RATES["adam"], eps=EPS),
    }[optimizer]()
    drawn, history, compared = batches(workload), [], False

    def run(steps: int) -> float:
        nonlocal compared
        before = np.nan
        for step in range(steps):
            rows = next(drawn)
            x_batch, y_batch = x64[rows], y[rows]
            if not compared and step == steps - 1:
                before, compared = network.loss(x_batch, y_batch), True  # what the others record; in the first, untimed call
            rule.update(network.params, network.gradient(x_batch, y_batch))
            history.append(network.loss(x_batch, y_batch))
        return float(before)

    return run
