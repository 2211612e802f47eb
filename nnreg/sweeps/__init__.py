"""How a sweep's runs are made up, begun, gone on with, and written down: the sweepers that Hydra knows as nnreg's."""

from __future__ import annotations

from hydra.core.plugins import Plugins

from nnreg.sweeps import optuna_search
from nnreg.sweeps.grid import Grid
from nnreg.sweeps.random_search import RandomSearch
from nnreg.sweeps.tuning import TuneThenSeeds

PREFIX = "hydra_plugins.nnreg"


def register() -> None:
    """Make Hydra know the sweepers, in this process.

    Hydra takes a sweeper by a name below ``hydra_plugins`` only. A package of that name would be found by every other program
    that uses Hydra, so there is none: the names are entered here.
    """
    known = Plugins.instance().class_name_to_class
    for sweeper in (Grid, RandomSearch, TuneThenSeeds):
        known[f"{PREFIX}.{sweeper.__name__}"] = sweeper
    if optuna_search.PLACE in known:  # Hydra's plugin is installed
        known[optuna_search.PLACE] = optuna_search.OptunaSearch
