"""Makes the pictures of docs/runs.md: ``python -m tests.docs.runs_page`` makes the runs beside them, and takes theirs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "runs.md"
COMMAND = re.compile(r"^python -m nnreg (.*pictures=all.*?) *# (.*)$", re.MULTILINE)


def shown() -> dict[str, list[str]]:
    """Return the pictures of the page, such as ``mistakes.png``, each with the words of the run that it is of."""
    commands = COMMAND.findall(PAGE.read_text(encoding="utf-8"))
    return {f"{name}.png": shlex.split(words) for words, names in commands for name in names.split(", ")}


def main() -> None:
    """Make each run in an empty folder, and take its pictures."""
    pictures = shown()
    for words in {tuple(words) for words in pictures.values()}:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-m", "nnreg", *words, "tracking=off"], cwd=folder, check=True)
            (run,) = Path(folder).glob("runs/*")
            for name in (name for name, of in pictures.items() if tuple(of) == words):
                shutil.copyfile(run / name, DOCS / f"run_{name}")


if __name__ == "__main__":
    main()
