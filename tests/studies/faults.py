"""Faults put into a copy of the source, one at a time, and who notices: ``python -m tests.studies.faults [NAME ...]``.

Ten faults of what the studies teach must make a claim of a study fail, nineteen and more are to be noticed: nine mutants of
code that no study speaks of must make a test fail. A study whose claims all hold on a faulty source claims too little.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("nnreg", "plugins", "conf", "tests", "pyproject.toml", "README.md")
STD, ENGINE, COMPARISON = "plugins/nnreg_std", "nnreg/engine", "nnreg/comparison"


@dataclass(frozen=True)
class Edit:
    """A line of the source, or a part of one, and what stands there instead."""

    file: str
    right: str
    wrong: str

    def make(self, home: Path) -> None:
        """Make it in a copy of the source; two in one file follow one another."""
        path = home / self.file
        path.write_text(self.applied(path), encoding="utf-8")

    def applied(self, path: Path) -> str:
        """Return the text of a file with it.

        Raises:
            ValueError: what is to be replaced does not stand there exactly once.
        """
        text = path.read_text(encoding="utf-8")
        if text.count(self.right) != 1:
            raise ValueError(f"{self.file} has {text.count(self.right)} times '{self.right}', not once")
        return text.replace(self.right, self.wrong)


@dataclass(frozen=True)
class Fault:
    """A plausible slip.

    Attributes:
        name: what is wrong.
        edits: of the source.
        study: whose claims must see it, or "".
        sees: beginning of one that does.
        test: which must see it, where no study speaks of it.
    """

    name: str
    edits: tuple[Edit, ...]
    study: str = ""
    sees: str = ""
    test: str = ""


FAULTS = (
    Fault(
        "Adam without bias correction",
        (
            Edit(f"{STD}/optimizers/adam.py", "unbias = math.sqrt(1 - self.beta2**t)", "unbias = 1.0 + 0 * math.sqrt(t)"),
            Edit(f"{STD}/optimizers/adam.py", "theta -= lr * unbias / (1 - self.beta1**t) * m", "theta -= lr * unbias * m"),
        ),
        study="optimizers_digits",
        sees="Adam's first update moves a weight",
    ),
    Fault(
        "batch norm without beta",
        (
            Edit(f"{STD}/norms/batch_norm.py", "return np.add(y, self._beta, out=y)", "return y"),
            Edit(f"{STD}/norms/batch_norm.py", "np.multiply(of_dbeta, self._n, out=self._dbeta)", "self._dbeta[...] = 0"),
            Edit(f"{STD}/norms/batch_norm.py", "(a.gamma * a.inverse) + a.beta", "(a.gamma * a.inverse)"),
            Edit(f"{STD}/norms/batch_norm.py", "self._norm.eps)) + a.beta", "self._norm.eps))"),
        ),
        study="batch_norm_digits",
        sees="with it even a spread of 1",
    ),
    Fault(
        "dropout unscaled",
        (Edit(f"{STD}/dropouts/dropout.py", "mask /= 1 - self.rate", "mask /= 1"),),
        study="dropout_digits",
        sees="evaluated without masks",
    ),
    Fault(
        "dropout left on in evaluation",
        (
            Edit(f"{STD}/dropouts/_masked.py", "if not training:", "if False:"),
            Edit(
                f"{STD}/dropouts/_masked.py", 'itself."""\n        return x', 'itself."""\n        return self.forward(x, a, n)'
            ),
        ),
        study="dropout_digits",
        sees="evaluated without masks",
    ),
    Fault(
        "decay on biases",
        (
            Edit(
                f"{ENGINE}/network.py",
                "Weights(self.parameters.weights, self.parameters.weights_grad)",
                "Weights(self.parameters.theta, self.parameters.grad)",
            ),
        ),
        study="weight_decay_gradient",
        sees="the loss is higher by",
    ),
    Fault(
        "penalty without 1/2",
        (
            Edit(f"{STD}/regularizers/l2.py", "return 0.5 * self.weight_decay", "return self.weight_decay"),
            Edit(f"{STD}/regularizers/l2.py", "grad += self.weight_decay", "grad += 2 * self.weight_decay"),
        ),
        study="weight_decay_digits",
        sees="before the first update the loss is higher by",
    ),
    Fault(
        "early stopping that does not restore",
        (Edit("nnreg/runs/train.py", "stopping.restore()", "pass"),),
        study="early_stopping_digits",
        sees="going back is what does it",
    ),
    Fault(
        "validation = test",
        (Edit(f"{STD}/datasets/digits.py", "Splits(train, valid, test,", "Splits(train, test, test,"),),
        study="random_search_digits",
        sees="the validation rows are not those of the test",
    ),
    Fault(
        "test measured on validation",
        (Edit("nnreg/runs/train.py", "converted(run.splits.test,", "converted(run.splits.valid,"),),
        study="early_stopping_digits",
        sees="the test rows are others",
    ),
    Fault(
        "linear for logarithmic draws",
        (
            Edit(
                "nnreg/studies/definition.py",
                "float(np.exp(rng.uniform(*np.log([float(low), float(high)]))))",
                "float(rng.uniform(float(low), float(high)))",
            ),
        ),
        study="random_search_digits",
        sees="drawn on a log scale",
    ),
)

MUTANTS = (
    Fault(
        "fresh_seeds always true",
        (Edit("nnreg/sweeps/tuning.py", "if shared := sorted({*self.seeds} & {*self.tuning_seeds}):", "if shared := []:"),),
        test="tests/sweeps/test_tuning.py::test_no_run_is_compared_at_a_seed_of_the_tuning",
    ),
    Fault(
        "heatmap interval over arms for seeds",
        (
            Edit(
                f"{COMPARISON}/tables.py",
                "return measured(by_seed, ruler)",
                "return measured(dict(enumerate(each.mean for each in measures)), ruler)",
            ),
        ),
        test="tests/comparison/test_tables.py::test_the_interval_of_a_cell_is_that_of_seeds_however_far_apart_its_arms_are",
    ),
    Fault(
        "of duplicates the one that came less far kept",
        (Edit(f"{COMPARISON}/gathering.py", "_rank(run) < _rank(twin)", "_rank(run) > _rank(twin)"),),
        test="tests/comparison/test_gathering.py"
        "::test_of_runs_of_one_configuration_and_seed_the_first_is_kept_unless_a_later_one_came_further",
    ),
    Fault(
        "axis average over the union of seeds",
        (
            Edit(
                f"{COMPARISON}/contenders.py",
                "set.intersection(*(set(each) for each in places))",
                "set.union(*(set(each) for each in places))",
            ),
            Edit(
                f"{COMPARISON}/contenders.py",
                "each[seed] for each in places])",
                "each[seed] for each in places if seed in each])",
            ),
        ),
        test="tests/comparison/test_pairs.py::test_an_axis_is_averaged_at_the_seeds_that_every_combination_has",
    ),
    Fault(
        "report bands from unsmoothed spread",
        (
            Edit(
                f"{COMPARISON}/report/charts.py",
                "low, high = band(smoothed, log=log) if",
                "low, high = (band(smoothed, log=log)[0], *band(table, log=log)[1:]) if",
            ),
        ),
        test="tests/comparison/report/test_charts.py::test_a_band_is_that_of_the_smoothed_curves_that_it_surrounds",
    ),
    Fault(
        "momentum in torch's form",
        (
            Edit(f"{STD}/optimizers/momentum.py", "v -= lr * g  #", "v -= g  #"),
            Edit(f"{STD}/optimizers/momentum.py", "theta += v  #", "theta += lr * v  #"),
        ),
        test="tests/techniques/test_optimizers.py::test_the_learning_rate_of_momentum_stands_inside_the_velocity",
    ),
    Fault(
        "an infinite loss that does not end a run",
        (Edit(f"{ENGINE}/training.py", "if not math.isfinite(loss):", "if math.isnan(loss):"),),
        test="tests/engine/test_training.py::test_a_loss_that_is_infinite_ends_training_as_one_that_is_no_number_does",
    ),
    Fault(
        "above made strict",
        (Edit("nnreg/studies/claims.py", "if mean >= bound", "if mean > bound"),),
        test="tests/studies/test_claims.py::test_a_value_at_the_bound_itself_is_above_it",
    ),
    Fault(
        "sign_changes without zeros",
        (Edit("nnreg/studies/claims.py", "np.diff(np.sign(values))", "np.diff(np.sign(values[values != 0]))"),),
        test="tests/studies/test_claims.py::test_zero_has_a_sign_of_its_own",
    ),
)


@contextmanager
def faulty_source(fault: Fault) -> Iterator[Path]:
    """Give a copy of the source with one fault, and take it away again."""
    with tempfile.TemporaryDirectory(prefix="fault-") as place:
        copy = Path(place)
        for name in COPIED:
            path = ROOT / name
            no_caches = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(path, copy / name, ignore=no_caches) if path.is_dir() else shutil.copy(path, copy / name)
        for edit in fault.edits:
            edit.make(copy)
        yield copy


def run_python(source: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m`` with the packages of a copy of the source, in the copy."""
    path = os.pathsep.join((str(source), str(source / "plugins")))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)


def failed_claims(fault: Fault) -> list[str]:
    """Return what those claims of a fault's study say that fail on the faulty source.

    Raises:
        RuntimeError: the study did not come to its claims.
    """
    with faulty_source(fault) as source:
        done = run_python(source, "nnreg", f"experiment={fault.study}", "tracking=off", "hydra.sweep.dir=found")
        path = source / "found" / "study" / "claims.csv"
        if not path.is_file():
            raise RuntimeError(f"{fault.study} with {fault.name}: {done.stderr or done.stdout}")
        with path.open(encoding="utf-8", newline="") as file:
            return [row["say"] for row in csv.DictReader(file) if row["holds"] != "True"]


def fails(mutant: Fault) -> bool:
    """Tell whether the test of a mutant fails on the faulty source, and not for want of being found."""
    with faulty_source(mutant) as source:
        done = run_python(source, "pytest", "-q", "-p", "no:cacheprovider", mutant.test)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"{mutant.test} with {mutant.name}: {done.stdout}{done.stderr}")
        return done.returncode == 1


def main(names: Sequence[str]) -> int:
    """Print who notices each fault whose name has one of some words in it, or each of all; return 1 if nobody notices one."""
    missed = 0
    chosen = [fault for fault in (*FAULTS, *MUTANTS) if not names or any(name in fault.name for name in names)]
    if not chosen:
        print(f"no fault is called so; they are {', '.join(fault.name for fault in (*FAULTS, *MUTANTS))}")
        return 2
    for fault in chosen:
        said = failed_claims(fault) if fault.study else [fault.test] * fails(fault)
        missed += not said
        print(f"{fault.name}: {'noticed by' if said else 'NOT NOTICED in'} {fault.study}", flush=True)
        for each in said:
            print(f"    {each}", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
