"""A plain run carries no more of the house than it needs."""

import subprocess
import sys

CODE = """
import sys
from nnreg.cli.main import run
code = run(["steps=1", "tracking=off", "dataset=iris", "hidden=[4]", "batch=8"])
print("imported", *sorted(sys.modules))
sys.exit(code)
"""
ROOMS = ("nnreg.comparison", "nnreg.sweeps.", "nnreg.studies.")
ALLOWED = {"nnreg.sweeps.ending"}  # Hydra calls it
ENGINES = {"ray", "submitit", "mlflow", "optuna"}


def test_a_plain_run_imports_no_launcher_no_sweeper_and_at_most_80_of_our_modules(tmp_path):
    done = subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, capture_output=True, text=True, check=True)
    modules = set(done.stdout.splitlines()[-1].split()[1:])
    ours = {name for name in modules if name.partition(".")[0] == "nnreg"}
    assert "nnreg.runs.train" in ours
    assert len(ours) <= 80
    assert {name for name in ours if name.startswith(ROOMS)} == ALLOWED
    assert not ENGINES & modules
