"""Files that are whole at every moment: the one before, or the one that takes its place."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all."""
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def whole_file(path: Path, *, is_lasting: bool = False) -> Iterator[IO[bytes]]:
    """Open a file that takes its place at the end of the block, and never does if that raises.

    Args:
        path: of the file; what is written lies beside it until then, see ``part_of``.
        is_lasting: whether it must be there even if the power fails right afterwards, which takes some milliseconds.
    """
    aside = part_of(path)
    with aside.open("wb") as file:
        yield file
        if is_lasting:
            file.flush()
            os.fsync(file.fileno())
    aside.replace(path)


def part_of(path: Path) -> Path:
    """Return where a file lies that is being written; of a process that was killed meanwhile it stays there."""
    return path.with_name(f"{path.name}.part")
