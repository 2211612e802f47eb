"""A node of configuration becomes an instance that has been used once."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from nnreg.errors import UserError, instead, of_wrong_type, one_line
from nnreg.registry import entries, vocabulary
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg.registry.nested import default_node, slots_of
from nnreg.registry.probing import probe
from nnreg.registry.schemas import Parameter, meant_as_text, parameters_of, schema_of, settings
from nnreg.registry.varied import VARY
from nnreg.settings import WITHDRAWN, Settings, setting_names


def build_technique(config: DictConfig, choices: Mapping[str, str], slot: str) -> Any:
    """Build the technique in one place of a configuration and use it once on a few numbers.

    Args:
        config: settings at the top, one node for each kind.
        choices: kind to the option chosen, for a node that does not name its technique.
        slot: the kind, or ``bias``.

    Raises:
        UserError: the place is empty, a parameter is wrong, or the plugin is broken.
    """
    kind = entries.slots()[slot]
    entry = _entry(slot, kind, config.get(slot), choices)
    built = build_entry(entry, config[slot], slot)
    probe(entry, built)
    return built


def read_settings(config: DictConfig) -> Settings:
    """Return the checked settings of a configuration.

    Raises:
        UserError: a key is neither a setting nor a kind, or a value is out of its range.
    """
    known = check_keys(map(str, config))
    try:
        given = {name: _resolved(config[name]) for name in known if name in config}
        merged = OmegaConf.merge(_typed_settings(), given)
        values = OmegaConf.to_container(merged, resolve=True)
        assert isinstance(values, dict)
        return Settings(**{p.name: p.restore(values[p.name]) for p in parameters_of(Settings)})
    except (ValueError, OmegaConfBaseException) as error:
        raise UserError(of_wrong_type(str(error), f"{getattr(error, 'full_key', None) or 'key'}=")) from error


@cache
def _typed_settings() -> DictConfig:
    """Return the settings as they are unless they are told otherwise; whoever merges copies them."""
    typed: DictConfig = OmegaConf.structured(settings())
    return typed


BUNDLES = ("experiment", "debug")
"""Groups of YAML whose keys belong at the top."""


def check_keys(keys: Iterable[str]) -> list[str]:
    """Return the names of all settings, having refused what is neither one of them nor a kind.

    Raises:
        UserError: naming it.
    """
    known = setting_names()
    for key in keys:
        if key in WITHDRAWN:
            raise UserError(WITHDRAWN[key])
        if key in BUNDLES:
            raise UserError(f"the YAML of {key}=... sets nothing of a run: begin it with the line `# @package _global_`")
        if key not in known and key not in entries.slots() and key != VARY:
            meant = vocabulary.meant_setting(one_line(key), "VALUE")
            raise UserError(meant or f"'{one_line(key)}' is neither a setting nor a kind{instead(key, known, 'Settings')}")
    return known


def parameter_names(entry: Entry) -> list[str]:
    """Return what can be set of a technique.

    Raises:
        BrokenPlugin: it cannot be imported, or its signature cannot be a configuration.
    """
    return [field.name for field in dataclasses.fields(schema_of(entry)) if field.name != "name"]


def _resolved(value: Any) -> Any:
    """Return a value in plain containers, in which nothing refers to what stands elsewhere."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def build_entry(entry: Entry, node: DictConfig, slot: str = "") -> Any:
    """Return an instance of a technique made from its configuration node.

    Args:
        entry: which technique.
        node: its name and parameters.
        slot: where the node stands in the configuration, if not under the technique's kind.

    Raises:
        UserError: a parameter is unknown, missing, of the wrong type, or refused by the technique.
    """
    made, place = entries.load_class(entry), slot or entry.kind
    values = _validated(entry, node, place)
    values |= {name: _build_inside(parameter, node, f"{place}.{name}") for name, parameter in slots_of(entry).items()}
    try:
        arguments = {p.name: p.restore(values[p.name]) for p in parameters_of(made) if p.settable}
        return made(**arguments)
    except ValueError as error:
        raise UserError(f"{_chosen(entry, place)}: {one_line(error)}") from error
    except Exception as error:  # any other error in a constructor is the plugin's, not the user's
        raise BrokenPlugin(f"{entry} is broken: making it raised {type(error).__name__}: {one_line(error)}") from error


def make_technique(technique: type, **values: Any) -> Any:
    """Return an instance of a class, what stands in its slots made with its defaults.

    Args:
        technique: the class.
        values: parameters other than the defaults; a slot takes an instance, or the name of a technique.

    Raises:
        UserError: there is no technique of a slot's name, or it cannot be made.
    """
    for parameter in parameters_of(technique):
        inner = values.get(parameter.name, parameter.default.default if parameter.kind else None)
        if parameter.kind is not None and isinstance(inner, str):
            node = default_node(parameter.kind, inner)
            values[parameter.name] = build_entry(entries.find_technique(parameter.kind, str(node["name"])), node)
    return technique(**values)


def _build_inside(parameter: Parameter, node: DictConfig, place: str) -> Any:
    """Build the technique in a slot, used once as well; where the configuration says nothing, the slot's default."""
    kind, default = str(parameter.kind), parameter.default.default
    is_told = parameter.name in node and not OmegaConf.is_missing(node, parameter.name)
    inner = node[parameter.name] if is_told else default_node(kind, default)
    if inner is None and parameter.may_be_none:
        return None
    if isinstance(inner, str) and inner in entries.techniques(kind):
        raise UserError(f"{place}: {inner} is chosen in the defaults of a YAML, `override /{kind}@{place}: {inner}`")
    if not isinstance(inner, DictConfig):
        raise UserError(f"{place} must be chosen by name, such as {place}={default}, got {inner if inner else 'nothing'}")
    entry = _entry(place, kind, inner, {})
    built = build_entry(entry, inner, place)
    probe(entry, built)
    return built


def _chosen(entry: Entry, place: str) -> str:
    """Return how a technique is chosen in its place."""
    return f"{place if '.' in place else entry.kind}={entry.name}"


def _entry(slot: str, kind: str, node: Any, choices: Mapping[str, str]) -> Entry:
    """Return which technique a node configures: it says so itself, or it is the option of that name."""
    if not isinstance(node, DictConfig):
        raise UserError(f"{slot} must be chosen by name, such as {slot}={next(iter(entries.techniques(kind)))}, got {node}")
    name = str(node.get("name") or choices.get(slot, ""))
    if name not in entries.techniques(kind) and "name" not in node:
        raise UserError(
            f"{slot}={name} comes from a file that names no technique: begin it with `defaults: [TECHNIQUE, _self_]`, where "
            f"TECHNIQUE is one of {', '.join(entries.techniques(kind))}"
        )
    return entries.find_technique(kind, name)


def _check_text(where: str, node: Any) -> None:
    """Refuse numbers among text: what was typed is lost.

    Raises:
        UserError: there is one.
    """
    held = OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node._value()
    values = held.values() if isinstance(held, dict) else held if isinstance(held, list) else [held]
    for complaint in filter(None, map(meant_as_text, values)):
        raise UserError(f"{where}: {complaint}")


def _validated(entry: Entry, node: DictConfig, slot: str) -> dict[str, Any]:
    """Check a node against the schema, unless it is typed by that: a user's YAML of a technique's name comes here untyped."""
    made = OmegaConf.get_type(node)
    if getattr(made, "__module__", "") == schema_of.__module__ and made is not schema_of(entry):  # only its name was changed
        raise UserError(f"a technique is chosen by its kind: type {slot}={entry.name}, not {slot}.name=...")
    known = parameter_names(entry)
    for key in map(str, node):
        if key not in ("name", *known):  # `in schema` would miss a parameter without a default
            raise UserError(f"{_chosen(entry, slot)} has no parameter '{key}'{instead(key, known)}")
    texts = [parameter for parameter in parameters_of(entries.load_class(entry)) if parameter.is_text]
    for parameter in texts:
        if parameter.name in node:
            _check_text(f"{_chosen(entry, slot)}: {parameter.name}", node._get_node(parameter.name))
    if made is schema_of(entry) and not texts and not slots_of(entry):  # a typed list of text may hold numbers still
        with contextlib.suppress(OmegaConfBaseException):  # told below
            return _plain(node)
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema_of(entry)), node)
        assert isinstance(merged, DictConfig)
        for name in slots_of(entry):
            merged[name] = None  # it is built on its own
        merged._set_parent(node._get_parent())  # what `${seed}` refers to stands beside the node
        return _plain(merged)
    except MissingMandatoryValue as error:
        key = str(error.full_key)
        raise UserError(f"{_chosen(entry, slot)} needs a value for {key}: add {slot}.{key}=VALUE") from error
    except OmegaConfBaseException as error:
        raise UserError(f"{_chosen(entry, slot)}: {error.full_key}: {of_wrong_type(str(error))}") from error


def _plain(node: DictConfig) -> dict[str, Any]:
    """Return a node in plain containers, in which nothing is missing."""
    values = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}
