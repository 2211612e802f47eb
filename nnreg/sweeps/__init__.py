"""Many runs made up, launched, gone on with, summed up; the sweepers and launchers that Hydra knows as nnreg's."""

from __future__ import annotations

from collections.abc import Mapping

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher

from nnreg.sweeps import optuna_choices
from nnreg.sweeps.launchers.processes import JoblibLauncher
from nnreg.sweeps.launchers.ray import RayLauncher
from nnreg.sweeps.launchers.submitit import LocalLauncher, SlurmLauncher
from nnreg.sweeps.optuna import OptunaSearch
from nnreg.sweeps.random_search import RandomSearch
from nnreg.sweeps.sweeper import Grid
from nnreg.sweeps.tuning import TuneThenSeeds

PREFIX = "hydra_plugins"
_LAUNCHERS: Mapping[str, type[Launcher]] = {
    "hydra_joblib_launcher.joblib_launcher.JoblibLauncher": JoblibLauncher,
    "hydra_ray_launcher.ray_launcher.RayLauncher": RayLauncher,
    "hydra_submitit_launcher.submitit_launcher.LocalLauncher": LocalLauncher,
    "hydra_submitit_launcher.submitit_launcher.SlurmLauncher": SlurmLauncher,
}


def register() -> None:
    """Make Hydra know the sweepers, and our launchers in the places of its plugins' where these are installed, in this process.

    Hydra takes a sweeper by a name below ``hydra_plugins`` only. A package of that name would be found by every other program
    that uses Hydra, so there is none: the names are entered here. Launchers keep the names and settings of Hydra's plugins.
    """
    known = Plugins.instance().class_name_to_class
    for sweeper in (Grid, RandomSearch, TuneThenSeeds, OptunaSearch):
        known[f"{PREFIX}.nnreg.{sweeper.__name__}"] = sweeper
    optuna_choices.register_settings()
    for name, launcher in _LAUNCHERS.items():
        if f"{PREFIX}.{name}" in known:
            known[f"{PREFIX}.{name}"] = launcher
