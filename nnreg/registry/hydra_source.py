"""Serves every registered technique to Hydra as a typed option of its config group, under the scheme ``nnreg://``.

Names are listed without importing a plugin; only a chosen one is imported. ``optimizer/_adam`` is a hidden alias of
``optimizer/adam``, for a user's own ``optimizer/adam.yaml`` to build on: ``defaults: [_adam, _self_]``.

What stands inside a technique is chosen in a place of its own, ``optimizer@optimizer.inner``; ``optimizer/lookahead+adam`` is
``lookahead`` with another default there.
"""

from __future__ import annotations

import pickle
import re
import sys
import types
from collections.abc import Collection, Sequence
from fnmatch import fnmatch
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import BooleanNode, DictConfig, ListConfig, OmegaConf, StringNode, open_dict
from omegaconf.errors import ValidationError

from nnreg.errors import UserError
from nnreg.registry import entries
from nnreg.registry.entries import BrokenPlugin, Entry, kinds, techniques
from nnreg.registry.nested import JOINT, chosen_names, defaults_of, slots_text, split_name
from nnreg.registry.schemas import REQUIRED, meant_as_text, parameters_of, schema_of, settings, sweep
from nnreg.settings import key_of, run_label, task_of

SETTINGS = "settings"


class Globbed(NamedTuple):
    """What the words of a sweep say of a kind that it sweeps over by a glob: the patterns, and the parameters in all words."""

    patterns: frozenset[str]
    given: frozenset[str]


swept_by_glob: dict[str, Globbed] = {}
"""Kinds of which this process lists only what a sweep by glob can run; set by who reads its words."""


class Text(StringNode):
    """Text that is not made of a number: of a YAML's ``target: 1.10`` only 1.1 is left, and nobody would be told."""

    def _validate_and_convert_impl(self, value: Any) -> str:
        if complaint := meant_as_text(value):
            raise ValidationError(complaint)
        return super()._validate_and_convert_impl(value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Text:
        copied = Text()
        self._deepcopy_impl(copied, memo)
        return copied


class NnregConfigSource(ConfigSource):
    """The registry as Hydra sees it: kinds are groups, techniques are options."""

    @staticmethod
    def scheme() -> str:
        """Return the scheme of this source."""
        return "nnreg"

    def available(self) -> bool:
        """Return whether there is anything to serve: always."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Return whether a path is a kind."""
        return config_path.rstrip("/") in ("", *entries.kinds())

    def is_config(self, config_path: str) -> bool:
        """Return whether a path is a technique, by its name or its hidden alias."""
        return config_path == SETTINGS or _entry(config_path) is not None

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return the names below a path: kinds below the root, techniques below a kind."""
        path = config_path.strip("/")
        if path == "":
            return list(kinds()) if results_filter in (None, ObjectType.GROUP) else []
        if results_filter == ObjectType.GROUP:
            return []
        known = techniques(path)
        if path not in swept_by_glob:
            return list(known)
        patterns, given = swept_by_glob[path]
        faults = {name: fault for name, entry in known.items() if (fault := _fault_of(entry) or _lack_of(entry, given))}
        meant = {fault: None for name, fault in faults.items() if any(fnmatch(name, each) for each in patterns)}
        for fault in meant:  # what stands inside others by default is told once
            sys.stderr.write(f"skipped: {fault}\n")
        return [name for name in known if name not in faults]

    def load_config(self, config_path: str) -> ConfigResult:
        """Return the typed configuration of a technique, importing it.

        Raises:
            ConfigCompositionException: the plugin is broken; one line names plugin, distribution and cause.
        """
        entry = _entry(config_path)
        inner = split_name(config_path.removesuffix(".yaml").rpartition("/")[2])[1]
        config = _settings() if entry is None else _technique(entry, inner)
        return ConfigResult(provider=self.provider, path=f"nnreg://{config_path}", config=config, header={"package": None})


class RememberedSource(ConfigSource):
    """A source that reads each option once, and gives copies, as Hydra writes into what it is given.

    Args:
        source: that reads.

    Attributes:
        is_settled: whether no option that was read says by an interpolation what else is to be chosen.
    """

    def __init__(self, source: ConfigSource) -> None:
        self._source, self.provider, self.path = source, source.provider, source.path
        self._read: dict[str, bytes] = {}
        self.is_settled = True

    def scheme(self) -> str:  # type: ignore[override] # Hydra asks the object
        """Return the scheme of the source that reads."""
        return self._source.scheme()

    def available(self) -> bool:
        """Return what the source says."""
        return self._source.available()

    def is_group(self, config_path: str) -> bool:
        """Return what the source says."""
        return self._source.is_group(config_path)

    def is_config(self, config_path: str) -> bool:
        """Return what the source says."""
        return self._source.is_config(config_path)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return what the source says."""
        return self._source.list(config_path, results_filter)

    def load_config(self, config_path: str) -> ConfigResult:
        """Return a copy of what the source has said, which is asked once."""
        if config_path not in self._read:
            read = self._source.load_config(config_path)
            self.is_settled = self.is_settled and not _chooses_by_others(read.config)
            self._read[config_path] = pickle.dumps(read)
        option: ConfigResult = pickle.loads(self._read[config_path])
        return option

    def __deepcopy__(self, memo: object) -> RememberedSource:
        """Return itself: Hydra copies its sources for each configuration."""
        return self

    def __reduce__(self) -> Any:
        """Pickle without what was read."""
        return RememberedSource, (self._source,)


def remember_options(loader: ConfigLoader) -> None:
    """Let Hydra read each option once for all jobs of a sweep; those that it keeps in memory it need not read."""
    sources = loader.get_sources()
    sources[:] = [source if source.scheme() == "structured" else RememberedSource(source) for source in sources]


def is_settled(loader: ConfigLoader, composed: DictConfig) -> bool:
    """Tell whether nothing that was composed is chosen by an interpolation, so that a technique brings nothing but itself.

    Args:
        loader: Hydra's, which remembers options.
        composed: by it.
    """
    sources = [source for source in loader.get_sources() if source.scheme() != "structured"]
    is_known = all(isinstance(source, RememberedSource) and source.is_settled for source in sources)
    return is_known and not composed.hydra.searchpath and not _stored_by_others(ConfigStore.instance().repo)


def stands_alone(loader: ConfigLoader, kind: str, name: str) -> bool:
    """Tell whether an option is the registry's own, with nothing inside it that is chosen too."""
    entry = entries.techniques(kind).get(name)
    source = next((source for source in loader.get_sources() if source.is_config(f"{kind}/{name}")), None)
    if entry is None or source is None or source.scheme() != NnregConfigSource.scheme():
        return False
    try:
        return not defaults_of(entry)
    except UserError:
        return False


def _chooses_by_others(config: Any) -> bool:
    """Tell whether an option's list of others has interpolations."""
    return isinstance(config, DictConfig) and "defaults" in config and "${" in str(config._get_node("defaults"))


def _stored_by_others(options: Any) -> bool:
    """Tell likewise of what Hydra keeps in memory, group by group."""
    return any(
        _stored_by_others(option) if isinstance(option, dict) else _chooses_by_others(option.node)
        for option in options.values()
    )


class NnregSearchPath(SearchPathPlugin):
    """Puts the registry behind every folder of YAML, so that a user's ``--config-dir`` wins over it."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the registry; the provider must be called schema for ``--config-dir`` to come before it."""
        search_path.append(provider="schema", path="nnreg://")


def kinds_by_glob(words: Sequence[str]) -> dict[str, Globbed]:
    """Return the kinds that some words of a command line sweep over by a glob, in whichever of their places."""
    given = frozenset(key_of(word).rpartition(".")[2] for word in words if "." in key_of(word))
    found: dict[str, Globbed] = {}
    for word in words:
        match = re.match(r"\+{0,2}(\w+)(@[\w.:]+)?=.*?\bglob\(([^)]*)", word)
        if match and match[1] in entries.kinds():
            patterns = frozenset(re.findall(r"[^\s,\[\]]+", match[3].partition("exclude")[0]))
            before = found.get(match[1], Globbed(frozenset(), given))
            found[match[1]] = Globbed(before.patterns | patterns, given)
    return found


def register_source() -> None:
    """Make Hydra know this source, in this process; registering twice does no harm."""
    for plugin in (NnregConfigSource, NnregSearchPath):
        Plugins.instance().register(plugin)
    OmegaConf.register_new_resolver("run_label", _run_label, replace=True)
    OmegaConf.register_new_resolver("slots", slots_text, replace=True)
    OmegaConf.register_new_resolver("sweep_label", _sweep_label, replace=True)


def _run_label(*, _root_: DictConfig) -> str:
    """Return the short name of the run that a configuration asks for: ``${run_label:}`` in the name of its folder."""
    return run_label(task_of(_root_), chosen_names(_root_.hydra.runtime.choices, _root_))


def _sweep_label(*, _root_: DictConfig) -> str:
    """Return what the folder of a sweep is called: by its study, where it is one."""
    return "sweep" if _root_.get("study") is None else str(_root_.hydra.runtime.choices.experiment)


def _entry(config_path: str) -> Entry | None:
    kind, _, name = config_path.removesuffix(".yaml").rpartition("/")
    known, (outer, inner) = entries.techniques(kind), split_name(name)
    if JOINT in name and not inner:
        return None
    return known.get(outer) or known.get(outer.removeprefix("_"))


def _technique(entry: Entry, inner: str) -> DictConfig:
    try:
        config: DictConfig = OmegaConf.structured(schema_of(entry))
        defaults = defaults_of(entry, inner)
    except UserError as error:
        raise ConfigCompositionException(str(error)) from error
    for key in config:
        node = config._get_node(key)
        if isinstance(node, DictConfig):  # Hydra would refuse optimizer.table={a:1}: it takes new keys of a table for mistakes
            OmegaConf.set_struct(node, False)
    _keep_text(config)
    if defaults:
        with open_dict(config):
            config.defaults = ["_self_", *({f"/{kind}@{slot}": name} for slot, (kind, name) in defaults.items())]
    return config


def _keep_text(config: DictConfig) -> None:
    """Let text be given as text only; what is in lists is looked at when the technique is built."""
    for key, node in config.__dict__["_content"].items():
        if type(node) is StringNode:
            kept = Text(None, key, config)
            kept.__dict__ |= node.__dict__ | {"_parent": config}
            config.__dict__["_content"][key] = kept
        elif isinstance(node, ListConfig | DictConfig) and node._metadata.element_type is str:
            node._metadata.element_type = Any
            held = (list, (Any,)) if isinstance(node, ListConfig) else (dict, (node._metadata.key_type, Any))
            node._metadata.ref_type = types.GenericAlias(*held)


def _settings() -> DictConfig:
    """Return the settings as typed values in an untyped container: a typed root would refuse the kinds beside them."""
    typed, swept = OmegaConf.structured(settings()), OmegaConf.structured(sweep())
    for config in (typed, swept):
        _keep_text(config)
    nodes = {key: typed._get_node(key) for key in typed}
    OmegaConf.set_struct(nodes["tags"], False)  # takes new keys
    of_a_sweep = {"sweep": swept, "resume": BooleanNode(False)}
    return OmegaConf.create(nodes | of_a_sweep)


def _fault_of(entry: Entry) -> str:
    try:
        defaults_of(entry)
    except BrokenPlugin as error:
        return str(error)
    return ""


def _lack_of(entry: Entry, given: Collection[str]) -> str:
    """Say which value a technique needs that nobody gave; "" where it needs none."""
    needed = [each.name for each in parameters_of(entries.load_class(entry)) if each.default is REQUIRED]
    lacking = [name for name in needed if name not in given]
    return f"{entry.kind}={entry.name} needs a value for {', '.join(lacking)}" if lacking else ""
