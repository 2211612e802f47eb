"""One tracked run as many a script has it: ``mlflow.log_metric`` at every step, figures by pyplot.

Training is nnreg's own, so that what is measured is the way of recording. Importing and making the database are left out.
"""

from __future__ import annotations

import sys
import time

import matplotlib as mpl
import mlflow
from contenders.own import trained
from workloads import SWEPT, WORKLOADS

mpl.use("Agg")
from matplotlib import pyplot as plt  # after the backend is chosen

FIGURES = ("loss", "loss_log", "loss_smooth")


def main() -> None:
    """Train and record each optimizer that is named, and print its seconds, of the clock and of CPU."""
    steps, optimizers = int(sys.argv[1]), sys.argv[2:]
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("naive")
    for optimizer in optimizers:
        run = trained(WORKLOADS["W1"], optimizer, 1)
        began, used = time.perf_counter(), time.process_time()
        _record(run, optimizer, steps)
        print(time.perf_counter() - began, time.process_time() - used, flush=True)


def _record(run, optimizer: str, steps: int) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    losses = []
    with mlflow.start_run(run_name=optimizer):
        mlflow.log_params({"optimizer": optimizer, "lr": SWEPT[optimizer], "steps": steps})
        for step in range(steps):
            losses.append(run(1))
            mlflow.log_metric("train/loss", losses[-1], step=step)
        for name in FIGURES:
            plt.figure()
            plt.plot(losses)
            plt.yscale("log" if name == "loss_log" else "linear")
            mlflow.log_figure(plt.gcf(), f"{name}.png")
            plt.close()


if __name__ == "__main__":
    main()
