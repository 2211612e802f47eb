"""The pages of a comparison are made and become pictures, on two cores where this process can be copied."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from nnreg.figures.overview import cut
from nnreg.figures.page import QUICK, Page, Pixels, pixels_of, write_png
from nnreg.process import can_fork

Make = Callable[[str], Page | None]
Place = Callable[[str], Path]
Drawn = dict[str, Pixels | None]


def draw(names: Iterable[str], make: Make, place: Place) -> dict[str, Pixels]:
    """Write pages as pictures, and return what is seen of each without its words, by name, in order.

    Args:
        names: of the pages, at most 255.
        make: name to page, or None where there is none.
        place: name to file, written.
    """
    wanted = list(names)
    if len(wanted) < 2 or (os.cpu_count() or 1) < 2 or not can_fork():
        drawn = _draw(wanted, make, place)
    else:
        drawn = _draw_beside(wanted, make, place)
    return {name: pixels for name in wanted if (pixels := drawn[name]) is not None}


def _draw_beside(wanted: list[str], make: Make, place: Place) -> Drawn:
    """Draw together with a copy of this process, each taking the next page; what the copy could not is drawn here."""
    context = multiprocessing.get_context("fork")
    pipe, theirs = context.Pipe(duplex=False)
    with _queue(wanted) as waiting:
        copy = context.Process(target=_send, args=(theirs, waiting, make, place), daemon=True)
        copy.start()
        theirs.close()
        drawn = _draw(waiting, make, place)
    with contextlib.suppress(EOFError, OSError):
        drawn |= pipe.recv()
    pipe.close()
    copy.join()
    return drawn | _draw([name for name in wanted if name not in drawn], make, place)


@contextlib.contextmanager
def _queue(names: list[str]) -> Iterator[Iterator[str]]:
    """Give names one by one, each to one of all processes that ask: a byte of a pipe is read once."""
    reading, writing = os.pipe()
    os.write(writing, bytes(range(len(names))))
    os.close(writing)
    try:
        yield (names[number[0]] for number in iter(lambda: os.read(reading, 1), b""))
    finally:
        os.close(reading)


def _send(pipe: Connection, names: Iterable[str], make: Make, place: Place) -> None:
    with contextlib.suppress(Exception):  # the other process draws them again, and has the error
        pipe.send(_draw(names, make, place))


def _draw(names: Iterable[str], make: Make, place: Place) -> Drawn:
    drawn: Drawn = {}
    for name in names:
        page = make(name)
        drawn[name] = None if page is None else _written(page, place(name))
    return drawn


def _written(page: Page, path: Path) -> Pixels:
    pixels = pixels_of(page.figure)
    write_png(pixels, path, QUICK)
    return cut(page, pixels)
