"""Runs of a sweep side by side: launchers under the names of Hydra's plugins, on the same engines, that lose no run."""

from __future__ import annotations

from collections.abc import Mapping

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher

from nnreg.launching.joblib_launcher import JoblibLauncher
from nnreg.launching.ray_launcher import RayLauncher
from nnreg.launching.submitit_launcher import LocalLauncher, SlurmLauncher

_PLACES: Mapping[str, type[Launcher]] = {
    "hydra_joblib_launcher.joblib_launcher.JoblibLauncher": JoblibLauncher,
    "hydra_ray_launcher.ray_launcher.RayLauncher": RayLauncher,
    "hydra_submitit_launcher.submitit_launcher.LocalLauncher": LocalLauncher,
    "hydra_submitit_launcher.submitit_launcher.SlurmLauncher": SlurmLauncher,
}


def register() -> None:
    """Put our launchers in the places of the plugins' in this process, where these are installed: name and settings stay."""
    known = Plugins.instance().class_name_to_class
    for name, launcher in _PLACES.items():
        if f"hydra_plugins.{name}" in known:
            known[f"hydra_plugins.{name}"] = launcher
