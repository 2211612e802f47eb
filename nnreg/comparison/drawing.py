"""The pages of a comparison become pictures, on two cores where this process can be copied."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from nnreg.figures import saving
from nnreg.figures.overview import cut
from nnreg.figures.saving import Pixels
from nnreg.figures.style import Page
from nnreg.threads import can_copy

Drawn = dict[str, Pixels]


def draw(pages: Mapping[str, Page], paths: Mapping[str, Path]) -> list[Pixels]:
    """Write every page as a picture, and return what is seen of each without its words, in order.

    Args:
        pages: by name.
        paths: name to file, written.
    """
    names = list(paths)
    if len(names) < 2 or (os.cpu_count() or 1) < 2 or not can_copy():
        drawn = _draw(names, pages, paths)
    else:
        drawn = _draw_beside(names, pages, paths)
    return [drawn[name] for name in names]


def _draw_beside(names: list[str], pages: Mapping[str, Page], paths: Mapping[str, Path]) -> Drawn:
    """Draw half of the pages in a copy of this process; what it could not is drawn here."""
    context = multiprocessing.get_context("fork")
    pipe, theirs = context.Pipe(duplex=False)
    copy = context.Process(target=_send, args=(theirs, names[1::2], pages, paths), daemon=True)
    copy.start()
    theirs.close()
    drawn = _draw(names[::2], pages, paths)
    with contextlib.suppress(EOFError, OSError):
        drawn |= pipe.recv()
    pipe.close()
    copy.join()
    return drawn | _draw([name for name in names if name not in drawn], pages, paths)


def _send(pipe: Connection, names: Iterable[str], pages: Mapping[str, Page], paths: Mapping[str, Path]) -> None:
    with contextlib.suppress(Exception):  # the other process draws them again, and has the error
        pipe.send(_draw(names, pages, paths))


def _draw(names: Iterable[str], pages: Mapping[str, Page], paths: Mapping[str, Path]) -> Drawn:
    drawn = {}
    for name in names:
        pixels = saving.pixels_of(pages[name].figure)
        saving.write(pixels, paths[name], saving.QUICK)
        drawn[name] = cut(pages[name], pixels)
    return drawn
