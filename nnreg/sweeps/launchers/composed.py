"""The configurations of a sweep's jobs, each composed once: the sweeper checks it, the launcher hands it on.

Hydra composes a job where the sweep is planned and again where it runs, and reads every option anew each time. Composed again
where they run are jobs of a resumed sweep that get another folder than that of their number, and those beyond ``MOST``.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

MOST = 1_000  # jobs that are remembered, 25 kB each; those beyond are composed again where they run

Options = dict[str, bytes | None]
"""Path of an option to what its source says; None: there is no such option."""


class JobConfigs(ConfigLoaderImpl):
    """Composes jobs as Hydra does, and reads every option once; it pickles, without what it remembers.

    Args:
        loader: Hydra's own, whose search path is taken over.
    """

    def __init__(self, loader: ConfigLoaderImpl) -> None:
        super().__init__(loader.config_search_path)
        self._options: Options = {}
        self._jobs: dict[tuple[str, ...], bytes] = {}

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose a job, or return what was remembered of it, once."""
        kept = self.take(master_config, sweep_overrides)
        composed: DictConfig = super().load_sweep_config(master_config, sweep_overrides) if kept is None else pickle.loads(kept)
        return composed

    def remember(self, master_config: DictConfig, words: Sequence[str]) -> DictConfig:
        """Compose a job and keep a copy for where it runs."""
        composed = super().load_sweep_config(master_config, list(words))
        if len(self._jobs) < MOST:
            self._jobs[_key(master_config, words)] = pickle.dumps(composed)
        return composed

    def take(self, master_config: DictConfig, words: Sequence[str]) -> bytes | None:
        """Return the pickled configuration of a job, and forget it; None where it is not known."""
        return self._jobs.pop(_key(master_config, words), None) if self._jobs else None

    def forget(self) -> None:
        """Forget the jobs that no one has taken."""
        self._jobs.clear()

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        """As in Hydra, whose repository forgets what it has read; where a search path is changed it is Hydra's."""
        parsed = OverridesParser.create().parse_overrides(overrides)
        repository = _Repository(self.repository, self._options)
        primary = None if config_name is None else repository.load_config(config_name)
        changed = primary is not None and OmegaConf.select(primary.config, "hydra.searchpath") is not None
        if changed or any(override.get_key_element() == "hydra.searchpath" for override in parsed):
            parent: Any = super()
            found: tuple[list[Override], CachingConfigRepository] = parent._parse_overrides_and_create_caching_repo(
                config_name, overrides
            )
            return found
        return parsed, repository

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_options": {}, "_jobs": {}}


class _Repository(CachingConfigRepository):
    """What one composition reads: its own copies, as Hydra writes into them, of what was read before.

    Args:
        delegate: where an option is read that was not.
        options: that were, added to.
    """

    def __init__(self, delegate: IConfigRepository, options: Options) -> None:
        self.delegate, self._options = delegate, options
        self.cache: dict[str, ConfigResult | None] = {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        if config_path not in self.cache:
            self.cache[config_path] = self._read(config_path)
        return self.cache[config_path]

    def _read(self, config_path: str) -> ConfigResult | None:
        if config_path in self._options:
            kept = self._options[config_path]
            known: ConfigResult | None = None if kept is None else pickle.loads(kept)
            return known
        found = self.delegate.load_config(config_path=config_path)
        self._options[config_path] = None if found is None else pickle.dumps(found)
        return found


def remembering(context: HydraContext) -> HydraContext:
    """Return Hydra's context with a loader that composes each job once."""
    if isinstance(context.config_loader, JobConfigs) or not isinstance(context.config_loader, ConfigLoaderImpl):
        return context
    return HydraContext(config_loader=JobConfigs(context.config_loader), callbacks=context.callbacks)


def _key(master_config: DictConfig, words: Sequence[str]) -> tuple[str, ...]:
    told = OmegaConf.to_container(master_config.hydra.overrides.hydra, resolve=False)
    assert isinstance(told, list)
    return (*map(str, told), "", *words)
