"""Every kind of figure, over sweeps of odd shapes: no two words overlap, and every number is written in the one way."""

import numpy as np
import pytest

from nnreg.figures import FIGURES
from tests.figures.runs import overlaps, run, runs
from tests.figures.words import FOREIGN, foreign, seen

LONG = "a name that is rather long for the place that there is"
ARMS = {"one": 1, "two": 2, "five": 5, "six": 6, "fourteen": 14, "thirty": 30}


def losses(place, seed, steps=60, scale=1.0):
    rng = np.random.default_rng(100 * place + seed)
    return scale * np.exp(-np.arange(steps) / (5 + 3 * place)) + scale * 0.02 * rng.random(steps)


def sweep(arms, seeds=3, scale=1.0, name="arm {}", lost=()):
    rules = ("sgd", "momentum", "adam", "rmsprop", "adagrad", "lion", "nadam")
    made = []
    for place in range(arms):
        for seed in range(seeds):
            curve = losses(place, seed, scale=scale)
            config = {"optimizer": {"name": rules[place % 7], "lr": 10.0 ** -(1 + place % 6)}, "batch": 1000}
            accuracy = np.exp(-curve / scale)
            metrics = {"train/loss": curve, "train/accuracy": accuracy, "valid/accuracy": 0.9 * accuracy}
            status = "diverged" if place in lost else "finished"
            one = run(metrics, arm=name.format(place), seed=seed, status=status, config=config, optimizer=rules[place % 7])
            one.summary["metrics"]["final/train_loss"] = float(curve[-1])
            made.append(one)
    return runs(*made)


def descents(count, far=1.0):
    made = []
    for place in range(count):
        x = far * -7.0 * np.exp(-np.arange(50) / (2 + 5 * place))
        config = {
            "task": "descend",
            "optimizer": {"name": "sgd", "lr": 10.0 ** -(place % 7)},
            "surface": {"name": "quadratic"},
        }
        one = run({"x": x, "y": x / 5, "value": x**2}, arm=f"rule {place}", config=config, surface="quadratic")
        one.summary["metrics"]["descent/value"] = float(x[-1] ** 2)
        made.append(one)
    return runs(*made)


SWEEPS = {
    **{name: sweep(count) for name, count in ARMS.items()},
    "one seed": sweep(4, seeds=1),
    "ten seeds": sweep(3, seeds=10),
    "losses of a million": sweep(4, scale=2.5e6),
    "losses of a millionth": sweep(4, scale=3e-7),
    "long names": sweep(8, name=LONG + " {}"),
    "half of it lost": sweep(6, lost=(1, 3, 5)),
    "all lost": sweep(3, lost=(0, 1, 2)),
}
SPECS = [
    ("curves", {"metric": "train/loss", "log": True}),
    ("curves", {"metric": "train/loss"}),
    ("curves", {"metric": "valid/accuracy"}),
    ("panels", {"metrics": ["train/accuracy", "valid/accuracy"]}),
    ("heatmap", {"metric": "train/loss", "rows": "arm", "columns": "seed"}),
    ("against", {"metric": "train/loss", "setting": "optimizer.lr", "by": "optimizer", "log": True}),
    ("search", {"metric": "valid/accuracy", "searched": ["optimizer.lr", "batch"]}),
    ("search", {"metric": "valid/accuracy", "searched": ["optimizer.lr", "batch", "seed"]}),
]


@pytest.mark.long
@pytest.mark.parametrize("kind_and_spec", SPECS, ids=[f"{kind} {' '.join(map(str, spec.values()))}" for kind, spec in SPECS])
@pytest.mark.parametrize("name", SWEEPS)
def test_no_words_overlap_and_every_number_is_written_in_the_one_way(name, kind_and_spec):
    kind, spec = kind_and_spec
    if kind in ("search", "against") and name == "all lost":
        pytest.skip("nothing has a result: refused, or empty")
    figure = FIGURES[kind](SWEEPS[name], spec, "Which is it that gets there first?")
    words = seen(figure)
    assert not overlaps(words)
    assert not foreign(words)


@pytest.mark.long
@pytest.mark.parametrize("far", [1.0, 1e4, 1e-4])
@pytest.mark.parametrize("count", [1, 3, 9, 14])
def test_descents_too(count, far):
    words = seen(FIGURES["paths"](descents(count, far), {}, "Who gets there?"))
    assert not overlaps(words)
    assert not foreign(words)


@pytest.mark.parametrize("text", ["1.22e+03", "1e+06", "2e-05", "10⁻³", "$10^{-3}$", "1234.5", "1000", "-0.5", "95.3%"])
def test_what_the_one_way_is_not_is_noticed(text):
    assert FOREIGN.search(text)


@pytest.mark.parametrize("text", ["1,220", "1e6", "2.3e-6", "0.0001", "1,000", "95.3 %", "−0.5", "0.16 ± 0.03", "784-100-10"])
def test_what_the_one_way_is_passes(text):
    assert not FOREIGN.search(text)
