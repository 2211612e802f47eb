"""How many threads BLAS uses, as threadpoolctl sees it, and when garbage is collected."""

import gc
import os
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from nnreg.process import VARIABLES, can_fork, limited_threads, uncollected


@pytest.fixture
def free(monkeypatch):
    """An environment that says nothing about threads, and three of them."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with threadpool_limits(3, user_api="blas"):
        yield


def used():
    np.ones((2, 2)) @ np.ones((2, 2))
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_thread_is_used_and_told_to_children_until_the_block_ends(free):
    with limited_threads():
        assert used() == {1}
        assert {os.environ[name] for name in VARIABLES} == {"1"}
    assert used() == {3}
    assert not set(VARIABLES) & set(os.environ)


def test_what_the_environment_says_counts_also_where_it_was_said_too_late_for_numpy(free, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with limited_threads():
        assert used() == {2}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in os.environ


def test_with_a_second_thread_nothing_is_copied():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not can_fork()
    finally:
        stop.set()
        thread.join()


def test_nothing_is_collected_meanwhile_and_everything_after_whatever_happened():
    with pytest.raises(ImportError), uncollected():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_who_has_turned_collecting_off_finds_it_off():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
