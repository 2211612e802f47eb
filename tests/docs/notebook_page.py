"""Executes the notebook of the documentation: ``python -m tests.docs.notebook_page`` writes its outputs anew."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

PAGE = Path(__file__).resolve().parents[2] / "docs" / "notebook.ipynb"
ELSEWHERE = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "NNREG_DATA")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def executed(page: Path, folder: Path) -> Any:
    """Return the notebook as an empty folder and a new kernel give it, without what differs from machine to machine.

    Raises:
        CellExecutionError: a cell raised.
    """
    notebook = nbformat.read(page, as_version=4)
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])  # of `!python`
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources, record_timing=False)
    client.execute(env=environment)
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def main() -> None:
    """Execute the page in an empty folder and write it."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(PAGE, Path(folder))
    nbformat.write(notebook, PAGE)


if __name__ == "__main__":
    main()
