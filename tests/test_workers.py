"""Two workers train as one does, to rounding; and nothing of the second one is left, however the first one ends."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from nnreg.contracts import Optimizer, Shape, Split
from nnreg.engine.network import Network, Parameters
from nnreg.engine.workers import Pair, TwoWorkers, zeros
from nnreg.records.checkpoint import FILE, load_checkpoint
from nnreg.registry import entries

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
FEATURES, HIDDEN, CLASSES, ROWS = 12, (9, 7), 4, 50


def plugin(kind, name):
    return entries.load_class(entries.find_technique(kind, name))()


def made(norm="none", optimizer="adam", batch=11, regularizer="l2", rule=None):
    """A network and its rule in shared memory, and rows to train on."""
    rng = np.random.default_rng(0)
    rows = Split(rng.standard_normal((ROWS, FEATURES)), rng.integers(CLASSES, size=ROWS))
    network = Network(
        FEATURES,
        HIDDEN,
        CLASSES,
        activation=plugin("activation", "tanh"),
        loss=plugin("loss", "softmax_cross_entropy"),
        regularizer=plugin("regularizer", regularizer),
        norm=None if norm == "none" else plugin("norm", norm),
        rows=batch,
        dtype=np.float64,
        allocate=zeros,
    )
    network.initialise(plugin("init", "he"), rng)
    rule = rule or plugin("optimizer", optimizer)
    rule.bind(network.parameters)
    return network, rule, rows, batch


@pytest.mark.parametrize("batch", [2, 11, 20])
@pytest.mark.parametrize("norm", ["none", "batch_norm", "layer_norm"])
def test_two_halves_give_the_gradient_of_the_whole(norm, batch):
    if norm == "batch_norm" and batch == 2:
        batch = 3
    network, rule, rows, _ = made(norm, batch=batch)
    numbers = np.random.default_rng(1).integers(ROWS, size=batch)
    alone = network.loss_and_gradient(rows.x[numbers], rows.y[numbers])
    wanted, state = network.parameters.grad.copy(), {name: array.copy() for name, array in network.state().items()}
    network, rule, rows, _ = made(norm, batch=batch)
    with TwoWorkers(network, rule, rows, batch) as pair:
        assert pair.gradient(numbers) == pytest.approx(alone, rel=1e-12)
        np.testing.assert_allclose(network.parameters.grad, wanted, rtol=1e-9, atol=1e-13)
        for name, array in network.state().items():
            np.testing.assert_allclose(array, state[name], rtol=1e-12)


@pytest.mark.parametrize("optimizer", list(entries.techniques("optimizer")))
def test_every_optimizer_steps_as_it_does_alone(optimizer):
    network, rule, rows, batch = made(optimizer=optimizer)
    together, shared_rule, *_ = made(optimizer=optimizer)
    with TwoWorkers(together, shared_rule, rows, batch) as pair:
        for t, numbers in enumerate(np.random.default_rng(1).integers(ROWS, size=(5, batch)), start=1):
            network.loss_and_gradient(rows.x[numbers], rows.y[numbers])
            rule.step(t, 0.5)
            pair.gradient(numbers)
            pair.update(t, 0.5)
        saved = shared_rule.save()
    np.testing.assert_allclose(together.parameters.theta, network.parameters.theta, rtol=1e-5, atol=1e-8)
    for name, vector in rule.save().items():
        np.testing.assert_allclose(saved[name], vector, rtol=1e-5, atol=1e-8)


def test_when_the_team_is_done_the_second_one_is_gone_and_the_network_works_alone():
    network, rule, rows, batch = made("batch_norm")
    with TwoWorkers(network, rule, rows, batch) as pair:
        pair.gradient(np.arange(batch))
        second = pair._process.pid
        assert is_running(second)
    assert not is_running(second)
    assert np.isfinite(network.loss_and_gradient(rows.x[:batch], rows.y[:batch]))


def test_a_second_one_that_dies_ends_the_wait():
    network, rule, rows, batch = made()
    with TwoWorkers(network, rule, rows, batch) as pair:
        pair.gradient(np.arange(batch))
        os.kill(pair._process.pid, signal.SIGKILL)
        with pytest.raises(ChildProcessError, match="the second worker has ended: exit code -9"):
            pair.gradient(np.arange(batch))


class Failing(Optimizer):
    def __init__(self):
        self.lr, self.first = 0.1, os.getpid()

    def update(self, theta, g, *, t, lr):
        if os.getpid() != self.first:
            raise LookupError("mine")


def test_an_error_of_the_second_one_is_told(capfd):
    network, rule, rows, batch = made(rule=Failing())
    with TwoWorkers(network, rule, rows, batch) as pair:
        pair.gradient(np.arange(batch))
        with pytest.raises(ChildProcessError, match="LookupError: mine"):
            pair.update(1, 1.0)
    assert "LookupError: mine" in capfd.readouterr().err


SETTINGS = (
    "steps=60",
    "hidden=[20,20]",
    "batch=32",
    "optimizer=adam",
    "norm=batch_norm",
    "dtype=float64",
    "checkpoint_seconds=0",
)


def theta(folder):
    return load_checkpoint(folder / FILE).arrays["theta"]


@pytest.mark.slow
def test_a_run_with_two_workers_is_that_of_one_to_rounding_and_always_the_same(nnreg, project):
    for folder, workers in (("one", 1), ("two", 2), ("again", 2)):
        said = nnreg(*SETTINGS, "checkpoint_seconds=0", f"workers={workers}", f"hydra.run.dir={folder}")
        assert said.code == 0, said.err
    np.testing.assert_allclose(theta(project / "two"), theta(project / "one"), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(theta(project / "again"), theta(project / "two"))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("dropout=dropout",), "dropout=dropout needs the whole batch in one process: use workers=1"),
        (("diagnostics=on",), "diagnostics=on looks at whole batches, of which workers=2 have a half each: use workers=1"),
        (("batch=1",), "workers=2 needs at least a row each: use batch=2 or more, got batch=1"),
    ],
)
def test_what_two_cannot_do_is_refused(nnreg, words, complaint):
    assert nnreg("steps=2", "workers=2", *words).complaint.endswith(complaint)


KILLED = """
import os, sys
from tests.test_workers import TwoWorkers, made
import numpy as np
network, rule, rows, batch = made()
with TwoWorkers(network, rule, rows, batch) as pair:
    pair.gradient(np.arange(batch))
    print(pair._process.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_killed_without_warning_nothing_of_the_second_one_is_left():
    first = subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    second = int(first.stdout.readline())
    first.kill()
    first.communicate()
    for _ in range(200):
        if not is_running(second):
            return
        time.sleep(0.05)
    os.kill(second, signal.SIGKILL)
    pytest.fail("the second worker lives on")


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = subprocess.run(["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True).stdout
    return bool(status.strip()) and "Z" not in status


def test_a_sum_over_both_is_the_same_in_both():
    pair, result = Pair(4, np.float64), zeros(8, np.float64)
    pid = os.fork()
    pair.me = 0 if pid else 1
    for number in range(1, 50):
        vector = np.array([[number, 2.0], [pair.me, 0.1]])
        pair.total(vector)
        if number == 49:
            result[4 * pair.me : 4 * pair.me + 4] = vector.reshape(-1)
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    np.testing.assert_array_equal(result, [98, 4, 1, 0.2] * 2)


def test_parameters_and_what_is_further_needed_come_from_the_same_memory():
    taken = []

    def allocate(size, dtype):
        taken.append(size)
        return np.zeros(size, dtype)

    Parameters([Shape("W", (2, 3), decays=True)], np.float32, allocate).further()
    assert taken == [6, 6, 6]
