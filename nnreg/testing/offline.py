"""A check never touches the network: while one runs, opening a connection fails at once."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})

_refused: list[str] | None = None  # an audit hook cannot be removed, only told to stand by: None


@contextmanager
def offline() -> Iterator[list[str]]:
    """Let every attempt to reach a network raise OSError, whatever library makes it; gives the list of attempts."""
    global _refused
    _install()
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # "downloading ..." would be a lie
    attempts: list[str] = []
    _refused = attempts
    try:
        yield attempts
    finally:
        _refused = None
        logging.disable(before)


@cache
def _install() -> None:
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if _refused is not None and event in EVENTS:
        _refused.append(event)
        raise OSError("a check does not use the network")
