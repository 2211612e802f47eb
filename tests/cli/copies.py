"""The command line in copies of a process that has everything imported: hundreds of lines typed, some of them killed."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnreg import process
from nnreg.cli import main as cli


def import_everything() -> None:
    """Import what a run and a comparison need."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        cli.run(["--cfg", "job"])
    for name in ("nnreg.figures.run", "nnreg.comparison.compare", "nnreg.runs.resume"):
        importlib.import_module(name)


@dataclass
class Copy:
    """A line that was typed: the process that answers it, the leader of a group of its own, and where it says so."""

    process: int
    folder: Path
    code: int | None = None

    def wait(self, seconds: float) -> int | None:
        """Return the exit code, less than 0 for a signal; None where it had to be killed as it did not end."""
        deadline = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() > deadline:
                self.kill()
                return None
            time.sleep(0.01)
        return self.code

    def is_running(self) -> bool:
        """Tell whether it has not ended."""
        if self.code is None:
            process, status = os.waitpid(self.process, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if process else None
        return self.code is None

    def kill(self, *signals: int) -> None:
        """Send signals to the whole group, SIGKILL where none is named; wait until it is gone after that."""
        for number in signals or (signal.SIGKILL,):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process, number)
            time.sleep(0.02)
        if not signals:
            self.wait(60.0)

    def said(self, stream: str) -> str:
        """Return what it has written to ``out`` or ``err``."""
        return (self.folder / f"{stream}.txt").read_text(encoding="utf-8", errors="replace")


def begin(words: Sequence[str], folder: Path) -> Copy:
    """Type a line in a folder."""
    child = os.fork()
    if child:
        return Copy(child, folder)
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        for number, path in enumerate((Path(os.devnull), folder / "out.txt", folder / "err.txt")):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = ["nnreg", *words]
        process.outlast_readers()
        code = cli.run(words)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
