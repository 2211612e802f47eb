"""Trains what `answers.py` draws its real losses from: 14 arms at 120 seeds, six optimizers at nine rates each.

``python benchmarks/answers_losses.py`` takes some minutes and writes ``answers_losses.npz`` beside itself. A loss is
that of the network after the last update, on all rows of a split, in evaluation mode, without penalty.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nnreg.cli.compose import compose
from nnreg.engine.rows import converted
from nnreg.engine.training import train
from nnreg.process import limited_threads
from nnreg.runs.assembly import Assembled, assemble, sharing_data
from nnreg.runs.checkpoints import Live
from nnreg.runs.request import own_request, request_of
from nnreg.sweeps.tuning import declared_by, log_grid

if TYPE_CHECKING:
    from omegaconf import DictConfig

FILE = Path(__file__).with_name("answers_losses.npz")
README = [
    f"optimizer={optimizer} init={init}"
    for optimizer, init in itertools.product(("sgd", "momentum", "adagrad", "adam"), ("xavier", "he"))
]
"""The eight arms of README's first sweep."""
OTHERS = [
    "optimizer=rmsprop",
    "optimizer=lion",
    "optimizer=nadam",
    "optimizer=adam optimizer.lr=0.01",
    "optimizer=adam norm=batch_norm",
    "optimizer=adam dropout=dropout",
]
TUNED = ("sgd", "momentum", "adagrad", "rmsprop", "adam", "lion")
SPLITS = ("train", "valid")
SEEDS, TUNED_SEEDS, RATES, STEPS = 120, 30, 9, 300

Losses = npt.NDArray[np.float32]


def losses_of(words: str, seeds: Sequence[int], steps: int) -> Losses:
    """Return the losses of one arm, (seeds, splits, 2) float32: untrained and trained; NaN of a run that diverged."""
    found: list[list[list[float]]] = []

    def each(config: DictConfig) -> float:
        request = own_request(request_of(config))
        for seed in seeds:
            request.config.seed = seed
            found.append(_trained(assemble(request.config, request.choices)))
        return 0.0

    with TemporaryDirectory() as folder:
        fixed = [f"steps={steps}", "dataset=digits", f"hydra.run.dir={folder}", "hydra.output_subdir=null"]
        compose([*words.split(), *fixed], each)
    return np.array(found, dtype=np.float32)


def _trained(run: Assembled) -> list[list[float]]:
    rows = [converted(split, run.network.dtype, run.splits.divisor) for split in (run.splits.train, run.splits.valid) if split]
    before = [run.network.evaluate(*each)["loss"] for each in rows]
    steps = run.settings.steps
    records = train(
        run.network,
        run.optimizer,
        run.splits,
        steps=steps,
        batches=Live(run).batches,
        validate_every=steps,
        schedule=run.pace.factor,
    )
    is_finite = all(np.isfinite(record.value) for record in records)
    after = [run.network.evaluate(*each)["loss"] if is_finite else float("nan") for each in rows]
    return [list(pair) for pair in zip(before, after, strict=True)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of each arm (%(default)s)")
    parser.add_argument("--tuned-seeds", type=int, default=TUNED_SEEDS, help="of each learning rate (%(default)s)")
    parser.add_argument("--rates", type=int, default=RATES, help="of each optimizer (%(default)s)")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each run (%(default)s)")
    parser.add_argument("--file", type=Path, default=FILE, help="to write (%(default)s)")
    wanted = parser.parse_args(arguments)
    began = time.perf_counter()
    arms = [*README, *OTHERS]
    grids = {name: log_grid(*declared_by("optimizer", name)["lr"], wanted.rates) for name in TUNED}
    with limited_threads(), sharing_data():
        final = np.array([losses_of(words, range(wanted.seeds), wanted.steps) for words in arms])
        tuned = [
            [losses_of(f"optimizer={name} optimizer.lr={rate!r}", range(wanted.tuned_seeds), wanted.steps) for rate in grid]
            for name, grid in grids.items()
        ]
    rates = np.array(list(grids.values()))
    np.savez_compressed(wanted.file, arms=arms, losses=final, optimizers=TUNED, rates=rates, tuned=np.array(tuned))
    runs = final.shape[0] * final.shape[1] + rates.size * wanted.tuned_seeds
    print(f"{runs:,} runs of {wanted.steps} steps in {time.perf_counter() - began:.0f} s: {wanted.file}")


if __name__ == "__main__":
    main()
