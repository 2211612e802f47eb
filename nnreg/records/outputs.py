"""What each layer of a network put out on one batch, as a run leaves it in its folder: a sample that stands for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nnreg.errors import UserError, one_line
from nnreg.records.files import read_arrays

FILE = "outputs.npz"
SAMPLE = 4001  # evenly spaced quantiles, least and greatest output among them
MOST_BYTES = 64 << 20  # of a thousand layers and more

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LayerOutputs:
    """The outputs of one layer.

    Attributes:
        sample: quantiles of all outputs, ascending, (n,): their histogram is that of the outputs to about 1 in 4,000.
        mean: of all outputs.
        std: their standard deviation.
        saturated: share of outputs where the activation's derivative is nearly zero, NaN where it has none.
        edges: share of outputs below .05 or above .95.
        dead: share of units that pass no gradient on any row, NaN where the activation has no derivative.
    """

    sample: Values
    mean: float
    std: float
    saturated: float
    edges: float
    dead: float

    @classmethod
    def of(cls, outputs: npt.NDArray[np.floating], saturated: float, dead: float) -> LayerOutputs:
        """Return what is kept of a layer's outputs, float array of any shape, finite, read."""
        values = outputs.astype(np.float64).ravel()
        sample = np.sort(values)[_places(values.size)]
        edges = float(np.mean((values < 0.05) | (values > 0.95)))
        return cls(sample, float(values.mean()), float(values.std()), saturated, edges, dead)

    def shares(self, edges: Values) -> Values:
        """Return the share of outputs between neighbouring edges."""
        counts: Values = np.histogram(self.sample, edges)[0] / self.sample.size
        return counts


@lru_cache(maxsize=16)
def _places(count: int) -> npt.NDArray[np.intp]:
    """Return where the quantiles of so many sorted values stand among them; partitioning anew would take ten times as long."""
    return np.quantile(np.arange(count), np.linspace(0, 1, SAMPLE), method="closest_observation").astype(np.intp)


def write_outputs(folder: Path, layers: Sequence[LayerOutputs], bounds: tuple[float, float]) -> None:
    """Write the outputs of all layers to a run folder.

    Args:
        folder: exists.
        layers: first to last.
        bounds: least and greatest value the activation can have, infinite where there is none.
    """
    samples = np.array([layer.sample for layer in layers], dtype=np.float32)
    facts = np.array([(layer.mean, layer.std, layer.saturated, layer.edges, layer.dead) for layer in layers])
    np.savez_compressed(folder / FILE, samples=samples, facts=facts, bounds=np.array(bounds))


def read_outputs(folder: Path) -> tuple[list[LayerOutputs], tuple[float, float]]:
    """Return what a run left in its folder: the layers' outputs, and the bounds of the activation.

    Raises:
        FileNotFoundError: it left nothing: it was another task.
        UserError: the file is damaged.
    """
    try:
        file = read_arrays(folder / FILE, MOST_BYTES)
        low, high = (float(bound) for bound in file["bounds"])
        pairs = zip(file["samples"].astype(float), file["facts"].astype(float).tolist(), strict=True)
        return [LayerOutputs(sample, *facts) for sample, facts in pairs], (low, high)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{folder / FILE} is damaged ({one_line(error)}): `python -m nnreg rerun {folder}` makes it again"
        ) from error
