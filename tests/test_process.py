"""How many threads BLAS uses, as threadpoolctl sees it, when garbage is collected, and what signals and lost readers do."""

import gc
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from nnreg.process import VARIABLES, can_fork, limited_threads, terminable, uncollected, undisturbed


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


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_interrupts_once_and_then_lets_the_ending_be(name):
    before = signal.getsignal(getattr(signal, name))
    with terminable(), terminable():
        with pytest.raises(KeyboardInterrupt, match=name):
            signal.raise_signal(getattr(signal, name))
        for again in ("SIGINT", "SIGTERM", "SIGHUP"):
            signal.raise_signal(getattr(signal, again))
    assert signal.getsignal(getattr(signal, name)) == before


def test_an_ending_that_takes_too_long_can_be_interrupted(monkeypatch):
    monkeypatch.setattr("nnreg.process.PATIENCE", -1.0)
    with terminable():
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)


def test_a_signal_while_something_is_recorded_interrupts_afterwards():
    recorded = []
    with terminable(), pytest.raises(KeyboardInterrupt, match="SIGHUP"), undisturbed():
        signal.raise_signal(signal.SIGHUP)
        recorded.append("all")
    assert recorded == ["all"]


def test_who_ignores_a_hangup_goes_on_ignoring_it():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with terminable():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def program(words, before="", after=""):
    return subprocess.run(
        ["bash", "-c", f"{before}{sys.executable} -m nnreg {words} {after}; echo ${{PIPESTATUS[0]}} >&2"], **PIPES
    )


PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "check": False}
TINY = "steps=20 dataset=iris batch=8 hidden=[4] tracking=off"


@pytest.mark.long
@pytest.mark.parametrize("words", ["--help", "plugins", TINY, f"-m seed=1,2 {TINY}"])
@pytest.mark.parametrize("after", ["| head -1", "2>&1 >&- | true", ">&-", ">&- <&-"])
def test_a_reader_that_goes_away_or_never_was_changes_nothing(project, words, after):
    done = program(words, after=after)
    assert done.stderr == "0\n"
    runs = [path for path in project.rglob("summary.json") if '"status": "finished"' in path.read_text()]
    assert len(runs) == (0 if "steps" not in words else 2 if "seed" in words else 1)


def test_output_that_is_lost_to_a_full_disk_is_told(project):
    done = program("plugins", after="> /dev/full")
    assert done.stderr.splitlines() == ["nnreg: not all of the output could be written: No space left on device", "1"]
