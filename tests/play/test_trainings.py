"""Networks on the page are those of the command line, to the bit, whatever is looked at meanwhile."""

import base64

import numpy as np
import pytest

from nnreg import run
from nnreg.contracts import Activation
from nnreg.errors import UserError
from nnreg.play import trainings
from nnreg.play.pictures import GRID
from nnreg.play.trainings import advance, begin, read_drawing
from nnreg.registry import entries
from nnreg_std.datasets.digits import Digits
from tests.play.test_strokes import DRAWINGS


def technique(name, **values):
    return {"name": name, "values": values}


def network(settings=None, **techniques):
    chosen = {"dataset": technique("moons", rows=200), "optimizer": technique("adam", lr=0.02)} | techniques
    return {"techniques": chosen, "settings": {"hidden": [6, 5], "steps": 41, "batch": 16} | (settings or {})}


def trained(*networks, updates=7):
    """Train to the end, a few updates at a time; return the last frame, and all records of each network."""
    found = begin({"networks": list(networks)})
    kept = [dict(each["records"]) for each in found["networks"]]
    while not found["is_over"]:
        found = advance({"updates": updates})
        for known, each in zip(kept, found["networks"], strict=True):
            for metric, (steps, values) in each["records"].items():
                known[metric] = [[*known.get(metric, [[], []])[0], *steps], [*known.get(metric, [[], []])[1], *values]]
    return found, kept


def unpacked(text):
    return np.frombuffer(base64.b64decode(text), np.uint8)


@pytest.mark.long
@pytest.mark.parametrize(
    "techniques",
    [
        {},
        {"dropout": technique("dropout", rate=0.3), "norm": technique("batch_norm")},
        {"optimizer": technique("sam+momentum"), "regularizer": technique("l2")},
        {"optimizer": technique("ema+adam"), "schedule": technique("cosine")},
        {"activation": technique("rrelu"), "sampler": technique("epoch"), "augmentation": technique("noise")},
    ],
    ids=["plain", "random and normalised", "a rule that looks again", "evaluated elsewhere", "random inside"],
)
def test_what_is_streamed_is_what_a_run_records_to_the_bit(techniques, project):
    wanted = network(**techniques)
    _, (records,) = trained(wanted)
    words = trainings._shown.trainings[0].asked.command().split()[3:]
    recorded = run(*[word.strip("'") for word in words], tracking="off", quiet=True)
    metrics = [
        metric for metric in recorded.history.metrics if metric.startswith(("train/", "valid/", "final/", "start/", "test/"))
    ]
    assert "train/loss" in metrics
    assert "final/train_loss" in metrics
    for metric in metrics:
        steps, values = recorded.history.series(metric)
        assert records[metric] == [steps.tolist(), values.tolist()], metric


def test_how_many_updates_come_at_once_does_not_matter():
    (_, one), (_, other) = trained(network(), updates=1), trained(network(), updates=500)
    assert one == other


def test_two_networks_that_differ_in_one_choice_see_the_same_batches_and_begin_alike():
    found, (one, other) = trained(network(), network(optimizer=technique("sgd", lr=0.1)))
    assert one["start/train_loss"] == other["start/train_loss"]
    assert one["train/loss"][1][0] == other["train/loss"][1][0]
    assert one["train/loss"][1][-1] != other["train/loss"][1][-1]
    assert [each["ended"] for each in found["networks"]] == ["trained for 41 updates"] * 2


def test_the_plane_holds_the_probabilities_of_the_network():
    found, _ = trained(network(activation=technique("tanh")))
    (training,) = trainings._shown.trainings
    plane = unpacked(found["networks"][0]["plane"]).reshape(2, GRID, GRID) / 255
    w = {name: weights.theta.astype(np.float64) for name, weights in training.run.network.parameters.named.items()}
    (left, right), (low, high) = training._plane.domain
    points = np.array([[x, y] for y in np.linspace(low, high, GRID) for x in np.linspace(left, right, GRID)])
    hidden = np.tanh(np.tanh(points @ w["W1"] + w["b1"]) @ w["W2"] + w["b2"])
    powers = np.exp(hidden @ w["W3"] + w["b3"])
    expected = (powers / powers.sum(axis=1, keepdims=True)).T.reshape(2, GRID, GRID)
    assert np.abs(plane - expected).max() < 0.5 / 255 + 1e-4
    x = training.run.splits.train.x
    assert left < x[:, 0].min() < x[:, 0].max() < right
    assert right - left == pytest.approx(high - low)


def test_layers_are_seen_as_diagnostics_see_them(project):
    begin({"networks": [network()]})
    seen = {step: advance({"updates": 1})["networks"][0]["layers"] for step in range(20)}
    words = trainings._shown.trainings[0].asked.command().split()[3:]
    recorded = run(*[w.strip("'") for w in words], "diagnostics=on", "diagnostics_every=1", tracking="off", quiet=True)
    for quantity in ("activation_std", "activation_mean", "dead", "saturated"):
        _, values = recorded.history.series(f"{quantity}/layer2")
        assert [layers[1][quantity] for layers in seen.values()] == values[:20].tolist(), quantity
    last = seen[19][2]
    assert last["name"] == "layer 3"
    assert "outputs" not in last  # there is no activation on the logits


def test_histograms_count_every_output_and_every_gradient_that_is_not_zero():
    begin({"networks": [network(activation=technique("sigmoid"))]})
    first, *_ = (layers := advance({"updates": 3})["networks"][0]["layers"])
    assert sum(first["outputs"]) == 16 * 6
    assert sum(first["gradient"]) == 2 * 6
    assert sum(layers[2]["gradient"]) == 5 * 2


def test_two_networks_share_their_axes_and_count_on_them_as_they_are_now():
    begin({"networks": [network(init=technique("normal", std=0.01)), network(init=technique("normal", std=3.0))]})
    small, large = advance({"updates": 2})["networks"]
    assert small["ends"] == large["ends"]
    low, high = small["ends"]["outputs"]
    widest = trainings._shown.trainings[1]._looks[1].outputs
    assert low <= np.quantile(widest, 0.002)
    assert high >= np.quantile(widest, 0.998)
    for one, training in zip((small, large), trainings._shown.trainings, strict=True):
        outputs = training._looks[1].outputs
        counts, _ = np.histogram(np.clip(outputs, low, high), trainings.BINS, (low, high))
        assert one["layers"][1]["outputs"] == counts.tolist()
    assert np.count_nonzero(small["layers"][1]["outputs"]) < np.count_nonzero(large["layers"][1]["outputs"])


def test_mistakes_are_those_that_the_accuracy_counts_the_surest_first():
    wanted = network({"steps": 30, "hidden": [12], "batch": 64}, dataset=technique("digits"))
    found, (records,) = trained(wanted, updates=30)
    shown = found["networks"][0]
    assert shown["wrong_count"] == round(shown["of"] * (1 - records["valid/accuracy"][1][-1]))
    sure = [each["sure"] for each in shown["wrong"]]
    assert sure == sorted(sure, reverse=True)
    pixels = np.round(Digits().load().valid.x * 255)
    first = shown["wrong"][0]
    rows = np.flatnonzero((pixels == unpacked(first["pixels"])).all(axis=1))
    assert first["is"] in Digits().load().valid.y[rows]
    assert first["said"] != first["is"]


def test_first_weights_are_pictures_of_the_first_matrix():
    found = begin({"networks": [network({"hidden": [5]}, dataset=technique("digits"))]})
    w = trainings._shown.trainings[0].run.network.parameters.named["W1"].theta
    shown = np.array([unpacked(unit) for unit in found["networks"][0]["weights"]], dtype=float)
    assert np.abs((shown - 128) / 127 * np.abs(w).max() - w.T).max() < np.abs(w).max() / 127


def test_a_trained_network_reads_what_is_drawn():
    trained(network({"steps": 400, "hidden": [32], "batch": 64}, dataset=technique("digits")), updates=400)
    answers = {digit: read_drawing({"strokes": strokes})["answers"][0] for digit, strokes in DRAWINGS.items()}
    assert all(sum(shares) == pytest.approx(1) for shares in answers.values())
    assert sum(int(np.argmax(shares)) == digit for digit, shares in answers.items()) >= 8


def test_a_network_that_diverges_ends_with_its_last_loss_and_the_other_goes_on():
    found, (lost, _) = trained(network(optimizer=technique("sgd", lr=1e30)), network())
    one, other = found["networks"]
    assert one["ended"].startswith("diverged at update ")
    assert other["ended"] == "trained for 41 updates"
    assert not np.isfinite([lost["train/loss"][1][-1], lost["valid/loss"][1][-1]]).all()


class Fuse(Activation):
    """It works for a while, then raises."""

    left = 60

    def forward(self, z, out):
        Fuse.left -= 1
        if Fuse.left < 0:
            raise RuntimeError("the fuse is blown")
        out[...] = z

    def backward(self, dy, z, y, out):
        out[...] = dy


@pytest.fixture
def fuse():
    """An activation that raises in the middle of a training."""
    Fuse.left = 60
    entries.register_class(Fuse)
    yield "fuse"
    entries._registered["activation"].pop("fuse")


def test_what_a_technique_raises_while_it_trains_is_told_beside_its_name_and_the_other_goes_on(fuse):
    found, _ = trained(network(activation=technique(fuse)), network())
    one, other = found["networks"]
    assert one["error"].startswith("activation 'fuse'")
    assert one["error"].endswith("RuntimeError: the fuse is blown")
    assert other["ended"] == "trained for 41 updates"
    assert not other["error"]


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (network(dataset=technique("wine")), "13 features"),
        (network(dataset=technique("sine"), loss=technique("mse")), "tell classes apart"),
        (network(activation=technique("step")), "cannot be trained"),
        (network(optimizer=technique("adam", lr=-1.0)), "lr must be"),
        (network({"batch": 4096}), "batch=4096 is larger"),
    ],
)
def test_a_network_that_cannot_be_shown_says_why_and_the_other_is_there(wanted, complaint):
    found = begin({"networks": [wanted, network()]})
    assert complaint in found["networks"][0]["error"]
    assert found["about"][0] is None
    assert found["about"][1]["command"].startswith("python -m nnreg dataset=moons")
    assert not advance({"updates": 2})["networks"][1]["error"]


@pytest.mark.parametrize("asked", [{}, {"networks": []}, {"networks": [network()] * 3}, {"networks": "all"}])
def test_nothing_else_can_be_begun(asked):
    with pytest.raises(UserError, match="networks must be 1 to 2"):
        begin(asked)


def test_nothing_goes_on_that_was_not_begun(monkeypatch):
    monkeypatch.setattr(trainings._shown, "trainings", [])
    with pytest.raises(UserError, match="begin again"):
        advance({"updates": 1})
    with pytest.raises(UserError, match="nothing is being trained on pictures"):
        read_drawing({"strokes": DRAWINGS[0]})
    with pytest.raises(UserError, match="whole number"):
        advance({"updates": 1000})
