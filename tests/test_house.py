"""The plan of the house is held by the linter: what breaks it is found, on a copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINTER = Path(sys.executable).with_name("lint-imports")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LINTER.exists(), reason="import-linter is not installed: pip install -e '.[dev]'"),
]


@pytest.fixture
def copy(tmp_path):
    """A copy of the code and of the contracts that it is held to."""
    shutil.copytree(ROOT / "nnreg", tmp_path / "nnreg", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "plugins" / "nnreg_std", tmp_path / "nnreg_std", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def verdict(folder):
    """Return what the linter says of a copy: its exit code, and its report."""
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [LINTER, "--no-cache"], cwd=folder, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def add(path, line):
    path.write_text(f"{path.read_text(encoding='utf-8') if path.exists() else ''}\n{line}\n", encoding="utf-8")


def test_the_house_stands_as_planned(copy):
    code, report = verdict(copy)
    assert code == 0, report


@pytest.mark.parametrize(
    ("where", "line", "broken"),
    [
        ("nnreg/banana.py", '"""A new name at the top."""', "nnreg.banana"),
        ("nnreg/records/card.py", "from nnreg.figures import draw", "nnreg.records is not allowed to import nnreg.figures"),
        (
            "nnreg/records/card.py",
            "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from nnreg.comparison.findings import Findings",
            "nnreg.records is not allowed to import nnreg.comparison",
        ),
        ("nnreg/engine/rows.py", "import nnreg.engine.training", "no circle in any room BROKEN"),
        ("nnreg/engine/rows.py", "import omegaconf", "the engine knows neither configuration nor tracking nor pictures BROKEN"),
        ("nnreg/runs/train.py", "import mlflow", "MLflow is imported in one module BROKEN"),
        ("nnreg/contracts/arrays.py", "import nnreg.errors", "contracts import NumPy alone BROKEN"),
        ("nnreg/cli/main.py", "import nnreg.comparison.report.html", "the report is the comparison's own BROKEN"),
        ("nnreg_std/optimizers/adam.py", "import nnreg.engine.network", "techniques stand on the contracts alone BROKEN"),
    ],
    ids=["a new top-level name", "upwards", "upwards for a type", "a circle", "an engine that reads YAML", "MLflow elsewhere",
         "contracts that need more", "the report from outside", "a technique that reaches in"],
)  # fmt: skip
def test_what_breaks_the_plan_is_found(copy, where, line, broken):
    add(copy / where, line)
    code, report = verdict(copy)
    assert code == 1
    assert broken in report, report
