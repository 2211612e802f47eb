"""Without an extra, what needs it says how to install it, before anything is made."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("hydra/launcher=joblib",), "joblib"),
        (("hydra/launcher=ray",), "ray"),
        (("hydra/launcher=submitit_local",), "submitit"),
        (("hparams_search=optuna",), "optuna"),
        (("hparams_search=optuna_tpe",), "optuna"),
        (("hparams_search=optuna_multi",), "optuna"),
    ],
)
def test_a_missing_extra_is_told_with_the_command_that_installs_it(project, words, extra):
    without = "import sys; sys.modules['hydra_plugins'] = sys.modules['optuna'] = None; from nnreg.__main__ import main; main()"
    command = [sys.executable, "-c", without, "-m", "seed=1,2", *words]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f" needs what is not installed: `python -m pip install 'nnreg[{extra}]'`\n")
    assert len(done.stderr.splitlines()) == 1
    assert list(project.iterdir()) == []
