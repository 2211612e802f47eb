"""Loops on two cores compute what they compute on one, to the bit, whatever happens meanwhile."""

import os
import sys
import threading

import numpy as np
import pytest

from nnreg.contracts.optimizer import execute_by
from nnreg.engine import cores, fused, loops
from tests.engine.test_fused import data, network, plugin, stages


def test_all_calls_are_made_and_each_on_a_thread_of_its_own():
    met, told = threading.Barrier(3), []
    cores.together([lambda: (met.wait(20), told.append(threading.get_ident()))] * 3)
    assert len(set(told)) == 3


def test_an_error_of_another_thread_is_raised_and_the_thread_lives_on():
    def fail():
        raise ValueError("over there")

    for _ in range(2):
        with pytest.raises(ValueError, match="over there"):
            cores.together([int, fail])
    told = []
    cores.together([int, lambda: told.append(1)])
    assert told == [1]


def test_where_others_have_the_cores_it_computes_alone():
    told = []
    within = [lambda: told.append(threading.get_ident())] * 2
    cores.together([lambda: cores.together(within), int])
    assert told == [threading.get_ident()] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="no copies of processes here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_copy_of_the_process_has_threads_of_its_own():
    cores.together([int, int])
    child = os.fork()
    if child == 0:
        told = []
        cores.together([int, lambda: told.append(1)])
        os._exit(0 if told == [1] else 1)
    assert os.waitpid(child, 0)[1] == 0


def trained(monkeypatch, threads, norm):
    """Return parameters and losses of some compiled steps."""
    monkeypatch.setattr(cores, "threads", lambda: threads)
    monkeypatch.setattr(cores, "LEAST", 1)
    made = network(norm=norm, activation="tanh")
    made.compile()
    rule = plugin("optimizer", "adam")
    rule.slice_size = 100
    execute_by(rule, loops.Loop)
    rule.bind(made.parameters)
    losses = []
    for t in range(1, 6):
        losses.append(made.loss_and_gradient(*data(np.float32)))
        rule.step(t)
    return made, losses


@pytest.mark.slow
@pytest.mark.extra("fast")
@pytest.mark.parametrize("norm", ["none", "batch_norm", "layer_norm"])
def test_results_do_not_depend_on_the_number_of_threads(monkeypatch, norm):
    together, asked = cores.together, []
    monkeypatch.setattr(cores, "together", lambda calls: asked.append(len(calls)) or together(calls))
    one, losses = trained(monkeypatch, 1, norm)
    assert not asked
    for threads in (2, 3):
        other, its = trained(monkeypatch, threads, norm)
        assert its == losses
        np.testing.assert_array_equal(other.parameters.theta, one.parameters.theta)
        np.testing.assert_array_equal(other.logits(data(np.float32)[0]), one.logits(data(np.float32)[0]))
    assert set(asked) == {2, 3}
    assert stages(one)


def test_units_are_divided_by_lines_of_the_cache():
    told = []
    fused.divided(lambda *arguments: told.append(arguments), 100, 3)("x")
    assert sorted(told) == [("x", 0, 32), ("x", 32, 64), ("x", 64, 100)]
