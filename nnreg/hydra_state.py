"""What Hydra keeps in the process, put aside while nnreg uses Hydra inside somebody else's program."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from hydra import version
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobRuntime
from hydra.plugins.search_path_plugin import SearchPathPlugin

from nnreg.registry import hydra_source


@contextlib.contextmanager
def put_aside() -> Iterator[None]:
    """Give Hydra a clean desk while the block lasts, and the program its own back: it may be an application of Hydra."""
    known: dict[Any, list[Any]] = Plugins.instance().plugin_type_to_subclass_list
    search_paths = list(known[SearchPathPlugin])
    hydra, config = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    base, name = version.VersionBase.instance().version_base, JobRuntime.instance().get("name")
    swept = hydra_source.swept_by_glob
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra, HydraConfig.instance().cfg = hydra, config
        version.VersionBase.instance().version_base = base
        JobRuntime.instance().set("name", name)
        hydra_source.swept_by_glob = swept
        known[SearchPathPlugin] = search_paths  # the techniques are no options of the program's own configuration
