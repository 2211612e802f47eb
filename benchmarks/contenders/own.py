"""nnreg by its public path: plugins from the registry, the trainer's records, the recorder taking every one of them."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from workloads import CLASSES, FEATURES, SIDE, SWEPT, WHITE, Workload, data, plugin

from contenders import Run
from nnreg.contracts import Optimizer, Split, Splits
from nnreg.contracts.optimizer import execute_by
from nnreg.engine.history import TRAIN_LOSS
from nnreg.engine.loops import Loop
from nnreg.engine.network import Network
from nnreg.engine.rows import Batches
from nnreg.engine.training import Streams, spread_validations, train
from nnreg.records.card import RunCard
from nnreg.records.recorder import Recorder

HELD_OUT = 5_000  # rows, as of MNIST


def trained(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run of nnreg as installed; one BLAS thread or two is all that ``threads`` means."""
    return _trained(workload, plugin("optimizer", optimizer)(lr=SWEPT[optimizer]))


def compiled(workload: Workload, optimizer: str, threads: int) -> Run:
    """Return a run with ``kernels=numba``."""
    return _trained(workload, _compiled(optimizer), is_compiled=True)


def _compiled(optimizer: str) -> Optimizer:
    rule: Optimizer = plugin("optimizer", optimizer)(lr=SWEPT[optimizer])
    execute_by(rule, Loop)
    return rule


def _trained(workload: Workload, rule: Optimizer, *, is_compiled: bool = False) -> Run:
    streams = Streams.from_seed(0)
    network = Network(
        FEATURES,
        workload.hidden,
        CLASSES,
        architecture=plugin("network", "convolutional")(workload.channels) if workload.channels else plugin("network", "mlp")(),
        shape=(SIDE, SIDE),
        activation=plugin("activation", "relu")(),
        loss=plugin("loss", "softmax_cross_entropy")(),
        regularizer=plugin("regularizer", "none")(),
        norm=plugin("norm", "batch_norm")() if workload.batch_norm else None,
        masks=streams.dropout,
        rows=workload.batch,
    )
    network.initialise(plugin("init", "he")(), streams.init)
    if is_compiled:
        network.compile()
    rule.bind(network.parameters)
    recorder = Recorder(_card(), sinks=())
    recorder.open()
    split, divisor = Split(*data(workload.rows, workload.kept)), WHITE if workload.kept == "uint8" else 1
    valid = Split(*(part[:HELD_OUT] for part in split)) if workload.validated else None
    splits = Splits(split, valid=valid, test=None, outputs=CLASSES, source="random", divisor=divisor)
    batches = Batches(plugin("sampler", "with_replacement")(), split, workload.batch, streams.batches, sys.maxsize)
    due = spread_validations(workload.validated, workload.batch, HELD_OUT) if valid else frozenset[int]()
    records = train(network, rule, splits, steps=sys.maxsize, batches=batches, validate_every=due)

    def run(steps: int) -> float:
        for record in records:
            recorder.add(record)
            if record.metric == TRAIN_LOSS:
                steps -= 1
                if not steps:
                    return record.value
        return math.nan

    return run


def _card() -> RunCard:
    """Return what the recorder passes on to sinks; here it has none."""
    said = {"label": "peers", "config": {}, "choices": {}, "overrides": (), "command": "", "colour": "#000000", "plugins": {}}
    return RunCard(**said, folder=Path(), dataset=None, parameters=None, seed=0, steps=0)  # type: ignore[arg-type]
