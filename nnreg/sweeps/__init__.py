"""Many runs made up, launched, gone on with, summed up; the sweepers and launchers that Hydra knows as nnreg's."""

from __future__ import annotations

from typing import Any

from hydra.core.plugins import Plugins

SWEEPERS = {
    "hydra_plugins.nnreg.Grid": "nnreg.sweeps.sweeper.Grid",
    "hydra_plugins.nnreg.RandomSearch": "nnreg.sweeps.random_search.RandomSearch",
    "hydra_plugins.nnreg.Race": "nnreg.sweeps.race.RaceSweeper",
    "hydra_plugins.nnreg.TuneThenSeeds": "nnreg.sweeps.tuning.TuneThenSeeds",
    "hydra_plugins.nnreg.OptunaSearch": "nnreg.sweeps.optuna.OptunaSearch",
    "hydra_plugins.nnreg.StudySweeper": "nnreg.studies.sweeper.StudySweeper",
}
"""Name in ``conf/hydra/sweeper`` to the class."""
IN_PLACE_OF = {
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher": "nnreg.sweeps.launchers.base.SerialLauncher",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher": "nnreg.sweeps.launchers.processes.JoblibLauncher",
    "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher": "nnreg.sweeps.launchers.ray.RayLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher": "nnreg.sweeps.launchers.submitit.LocalLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher": "nnreg.sweeps.launchers.submitit.SlurmLauncher",
}
"""Name of Hydra's own or of one of its plugins to ours, which takes the same settings."""


def register(*, searches: bool = True) -> None:
    """Make Hydra know the sweepers, and ours in the places of its own and of its plugins' where these are installed.

    Each is entered by its address, which Hydra imports when the first is made: a plain run needs none of them. Hydra takes a
    sweeper by a name below ``hydra_plugins`` only. A package of that name would be found by every other program that uses
    Hydra, so there is none. No public way leads to the table in which Hydra looks names up.

    Args:
        searches: whether a search may be asked for, whose settings have types of their own.
    """
    known: dict[str, Any] = Plugins.instance().class_name_to_class
    known.update(SWEEPERS)
    known.update((name, ours) for name, ours in IN_PLACE_OF.items() if name in known)
    if searches:
        from nnreg.sweeps.optuna_choices import register_settings

        register_settings()
