"""A process beside the page's server that has imported the techniques, and computes what the page asks for.

The server itself imports no technique: when a file of a plugin is saved, the process makes way for a fresh one, and whatever
a plugin does to its process (it raises, ends it, never returns), the page lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from nnreg.errors import UserError, one_line
from nnreg.numerals import chosen

SECONDS = 20.0
"""For which an answer is waited for."""


class Computer:
    """One process that computes one thing after another, started when it is first asked.

    What its functions keep in their modules stays until it is replaced: a training, for instance, that is asked to go on.

    Args:
        seconds: for which an answer is waited for; a process that takes longer is ended.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._one_at_a_time = threading.Lock()
        self._process: Any = None
        self._connection: Connection | None = None
        self._is_stale = False

    async def ask(self, function: Callable[..., Any], *words: Any) -> Any:
        """Return what a function of some module answers in the process; both and the answer must pickle.

        Raises:
            UserError: it raised, in one line; the process ended, or took too long.
        """
        return await asyncio.to_thread(self.ask_and_wait, function, *words)

    def ask_and_wait(self, function: Callable[..., Any], *words: Any) -> Any:
        """Return what ``ask`` does, meanwhile blocking this thread."""
        with self._one_at_a_time:
            connection = self._begin()
            try:
                connection.send((function, words))
                if not connection.poll(self._seconds):
                    self._end()
                    raise UserError(f"it took longer than {chosen(self._seconds)} seconds and was stopped: try fewer steps")
                is_answer, answer = connection.recv()
            except (EOFError, OSError) as error:
                self._end()
                raise UserError("the process that computes has ended: a technique must have ended it") from error
        if not is_answer:
            raise UserError(answer)
        return answer

    def renew(self) -> None:
        """Let a fresh process answer from the next question on: files of techniques have changed."""
        self._is_stale = True

    def close(self) -> None:
        """End the process, whatever it does."""
        process = self._process
        if process is not None:
            process.kill()
            process.join()

    def _begin(self) -> Connection:
        """Return the connection to a process that is there and knows the newest files."""
        if self._is_stale or self._process is None or not self._process.is_alive():
            self._end()
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            self._process = context.Process(target=work, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
            self._connection, self._is_stale = ours, False
        assert self._connection is not None
        return self._connection

    def _end(self) -> None:
        self.close()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


class Computers:
    """A computer for each purpose, so that nobody waits for what another one computes."""

    def __init__(self) -> None:
        self._by_name: dict[str, Computer] = {}

    def __getitem__(self, name: str) -> Computer:
        return self._by_name.setdefault(name, Computer())

    def end(self, name: str) -> None:
        """End the computer of a purpose that has come to its end."""
        if (computer := self._by_name.pop(name, None)) is not None:
            computer.close()

    def renew(self) -> None:
        """Let fresh processes answer from the next question on."""
        for computer in self._by_name.values():
            computer.renew()

    def close(self) -> None:
        """End all processes."""
        for computer in self._by_name.values():
            computer.close()


def work(connection: Connection) -> None:
    """Answer one question after another, until nobody can ask any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which ends this process
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send(_answer(connection))


def _answer(connection: Connection) -> tuple[bool, Any]:
    """Return whether a question was answered, and the answer, or what is wrong in one line."""
    try:
        function, words = connection.recv()
        return True, function(*words)
    except EOFError:
        raise
    except UserError as error:
        return False, str(error)
    except (Exception, SystemExit) as error:  # a plugin may fail in any way
        return False, f"{type(error).__name__}: {one_line(error)}"
