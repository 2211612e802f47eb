"""Whatever a technique does to its process, whoever asks gets an answer or one line, and the next question is answered."""

import asyncio
import os
import sys
import time

import pytest

from nnreg.errors import UserError
from nnreg.play.computer import Computer, Computers


def process():
    return os.getpid()


def fail(error):
    raise error


def leave(code):
    os._exit(code)


@pytest.fixture
def computer():
    made = Computer(seconds=15)
    yield made
    made.close()


def test_one_process_answers_until_files_have_changed(computer):
    first = asyncio.run(computer.ask(process))
    assert first not in (os.getpid(), None)
    assert asyncio.run(computer.ask(process)) == first
    computer.renew()
    assert asyncio.run(computer.ask(process)) not in (first, os.getpid())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("one line"), "one line"),
        (ValueError("two\nlines"), "ValueError: two lines"),
        (SystemExit(3), "SystemExit: 3"),
    ],
    ids=["user", "plugin", "exit"],
)
def test_what_is_raised_comes_back_in_one_line(computer, error, said):
    before = computer.ask_and_wait(process)
    with pytest.raises(UserError) as caught:
        computer.ask_and_wait(fail, error)
    assert str(caught.value) == said
    assert computer.ask_and_wait(process) == before


def test_a_process_that_ends_itself_is_replaced(computer):
    with pytest.raises(UserError, match="has ended"):
        computer.ask_and_wait(leave, 5)
    assert computer.ask_and_wait(sys.getrecursionlimit) > 0


@pytest.mark.long
def test_a_process_that_takes_too_long_is_ended():
    computer = Computer(seconds=3)
    try:
        computer.ask_and_wait(process)
        began = time.monotonic()
        with pytest.raises(UserError, match="longer than 3 seconds"):
            computer.ask_and_wait(time.sleep, 60)
        assert time.monotonic() - began < 10
    finally:
        computer.close()


def test_each_purpose_has_a_process_of_its_own():
    computers = Computers()
    try:
        assert computers["a"].ask_and_wait(process) != computers["b"].ask_and_wait(process)
        assert computers["a"] is computers["a"]
    finally:
        computers.close()
