"""A playground that runs, as a person starts it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def playing(*words: str, folder: Path, path: tuple[Path, ...] = ()) -> Iterator[str]:
    """Start ``python -m nnreg play`` and yield its address, which is its first line; it is ended with the block.

    Args:
        words: further ones of the command line.
        folder: that it works in.
        path: folders in which plugins of the test are.
    """
    paths = os.pathsep.join([*map(str, path), *filter(None, [os.environ.get("PYTHONPATH")])])
    begun = (sys.executable, "-m", "nnreg", "play", "--no-open", *words)
    with subprocess.Popen(
        begun, cwd=folder, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), process.stderr.read()
            yield address
        finally:
            process.terminate()
            process.communicate(timeout=180)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a playground of the test's own, and return its address."""
    with contextlib.ExitStack() as stack:
        yield lambda *words, path=(): stack.enter_context(playing(*words, folder=tmp_path, path=path))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a playground that a module's tests share."""
    with playing(folder=tmp_path_factory.mktemp("play")) as found:
        yield found
