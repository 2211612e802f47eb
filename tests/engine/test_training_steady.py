"""A step in the middle of a run makes no array that grows with the network, and computes in the precision of the run."""

import functools
import sys
import tracemalloc
from itertools import islice

import numpy as np
import pytest

from nnreg.contracts import Split, Splits
from nnreg.contracts.optimizer import execute_by
from nnreg.engine.again import Again
from nnreg.engine.loops import Loop
from nnreg.engine.network import Network
from nnreg.engine.training import Streams, train, unclipped
from nnreg.registry import entries
from nnreg.registry.building import make_technique
from tests.engine.drawing import made_batches

ROWS, FEATURES, UNITS, CLASSES = 256, 60, 200, 5
SMALL = 60_000  # bytes: NumPy's buffer of 8,192 numbers, row numbers, logits, a number a unit; a layer's outputs are 204,800
OURS = {
    kind: [name for name, entry in entries.techniques(kind).items() if entry.distribution == "nnreg"]
    for kind in ("optimizer", "norm", "activation")
}
LAVISH = {"adafactor", "lamb", "lars", "lbfgs", "lookahead", "muon", "prodigy", "shampoo", "sophia"}  # on whole layers
DOUBLE = {"shampoo"}  # eigenvectors, meant to be in float64
THRIFTY = ["relu", "leaky_relu", "identity", "sigmoid", "tanh"]  # the other formulas need work arrays of their own


def plugin(kind, name):
    return make_technique(entries.load_class(entries.find_technique(kind, name)))


def training(
    optimizer="sgd",
    norm="none",
    activation="relu",
    dtype=np.float32,
    *,
    loss="softmax_cross_entropy",
    dropout="none",
    compiled=False,
):
    rng, streams = np.random.default_rng(0), Streams.from_seed(0)
    split = Split(rng.standard_normal((500, FEATURES)).astype(np.float32), rng.integers(CLASSES, size=500))
    network = Network(
        FEATURES,
        (UNITS, UNITS),
        CLASSES,
        activation=plugin("activation", activation),
        loss=plugin("loss", loss),
        regularizer=plugin("regularizer", "none"),
        norm=plugin("norm", norm),
        dropout=plugin("dropout", dropout),
        masks=streams.dropout,
        rows=ROWS,
        dtype=dtype,
    )
    network.initialise(plugin("init", "he"), streams.init)
    rule = plugin("optimizer", optimizer)
    if compiled:
        network.compile()
        execute_by(rule, Loop)
    rule.bind(network.parameters)
    rule.equip(Again(network, streams.dropout, unclipped), streams.optimizer)
    batches = made_batches(500, ROWS, "with_replacement", streams.batches)
    splits = Splits(split, valid=None, test=None, outputs=CLASSES, source="random")
    return network, rule, train(network, rule, splits, steps=sys.maxsize, batches=batches, validate_every=sys.maxsize)


def most_at_once(records, steps):
    """Return the most bytes that were in use beyond those in use before."""
    tracemalloc.start()
    try:
        next(records)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in islice(records, steps):
            pass
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


CASES = [
    *({"optimizer": name} for name in OURS["optimizer"] if name not in LAVISH),
    *({"norm": name} for name in ("none", "batch_norm")),
    *({"activation": name} for name in THRIFTY),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case.values()))
def test_a_steady_step_allocates_nothing_that_grows_with_the_network(case):
    _, _, records = training(**case)
    list(islice(records, 12))  # radam changes its formula at step 6
    assert most_at_once(records, 3) < SMALL


def arrays_of(thing, seen):
    """Yield every array that an object of nnreg holds on to."""
    if id(thing) in seen:
        return
    seen[id(thing)] = thing
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from arrays_of(value, seen)
    elif isinstance(thing, list | tuple | set):
        for value in thing:
            yield from arrays_of(value, seen)
    elif isinstance(thing, functools.partial):
        yield from arrays_of((thing.args, thing.keywords, thing.func), seen)
    elif type(thing).__module__.startswith("nnreg"):
        yield from arrays_of(vars(thing) if hasattr(thing, "__dict__") else (), seen)


@pytest.mark.parametrize(
    ("optimizer", "norm"), [(o, "none") for o in OURS["optimizer"] if o not in DOUBLE] + [("sgd", n) for n in OURS["norm"]]
)
def test_a_run_in_float32_holds_no_array_in_float64(optimizer, norm):
    network, rule, records = training(optimizer, norm)
    list(islice(records, 3))
    held = list(arrays_of([network, rule], {}))
    assert len(held) > 20
    assert {array.dtype for array in held if array.dtype.kind == "f"} == {np.dtype(np.float32)}


@pytest.mark.parametrize("activation", OURS["activation"])
def test_no_step_of_a_run_in_float32_computes_with_arrays_in_float64(activation, monkeypatch):
    """Were there one, it would be twice as large as anything that is allocated in float32."""
    if getattr(plugin("activation", activation), "why_untrainable", ""):
        pytest.skip("it is not trained")
    most = {}
    for dtype in (np.float32, np.float64):
        _, _, records = training(activation=activation, dtype=dtype)
        list(islice(records, 3))
        most[dtype] = most_at_once(records, 3)
    assert most[np.float32] < 0.75 * most[np.float64] or most[np.float32] < SMALL


BY_NUMPY = {"glu", "maxout", "prelu", "rrelu", "softmax", "step"}
COMPILED = [
    *(
        {"activation": name}
        for name in OURS["activation"]
        if name not in {"glu", "maxout", "prelu", "rrelu", "softmax", "step"}
    ),
    *({"norm": "batch_norm", "activation": name, "dropout": "dropout", "optimizer": "adam"} for name in ("relu", "gelu")),
    {"loss": "mse", "dropout": "alpha_dropout"},
    {"loss": "binary_cross_entropy", "norm": "layer_norm"},
    {"loss": "focal", "norm": "rms_norm"},
    {"loss": "hinge", "norm": "group_norm"},
]


@pytest.mark.slow
@pytest.mark.extra("fast")
@pytest.mark.parametrize("case", COMPILED, ids=lambda case: "-".join(case.values()))
def test_a_steady_compiled_step_makes_no_array_and_computes_nothing_in_float64(case):
    """An array of a layer's outputs is 204,800 bytes; a number of float64 in a loop's text would make its T another type."""
    network, rule, records = training(compiled=True, **case)
    list(islice(records, 12))
    assert most_at_once(records, 3) < SMALL
    held = list(arrays_of([network, rule], {}))
    assert {array.dtype for array in held if array.dtype.kind == "f"} == {np.dtype(np.float32)}


@pytest.mark.slow
@pytest.mark.extra("fast")
@pytest.mark.parametrize("case", COMPILED, ids=lambda case: "-".join(case.values()))
def test_the_code_of_a_compiled_step_in_float32_knows_no_number_in_float64(case):
    from nnreg.engine import loops

    loops._ready.clear()
    _, _, records = training(compiled=True, **case)
    list(islice(records, 3))
    for (text, _), loop in loops._ready.items():
        for kinds in getattr(loop, "nopython_signatures", ()):
            lines = str(loop.overloads[kinds.args].type_annotation).split("# --- LINE ")[1:]
            assert all("float64" not in line or "return float(" in line for line in lines), text
