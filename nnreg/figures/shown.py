"""A figure that a notebook shows as the value of a cell, whether or not pyplot was imported."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A matplotlib figure that knows its picture."""

    def _repr_png_(self) -> bytes:
        """Return the picture as a small PNG; where pyplot's inline backend is active, that one is asked instead."""
        from nnreg.figures import save

        with TemporaryDirectory() as folder:
            path = Path(folder) / "figure.png"
            save(self, path)
            return path.read_bytes()
