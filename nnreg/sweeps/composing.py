"""Configurations of the jobs of a sweep, made of one another where they differ in plain values and single techniques alone.

Hydra composes from the whole tree of defaults, in a sixth of a second, and the jobs of a sweep differ little. So it composes
the first of those alike, and each technique that is swept once; any other job is a copy with values set in it. Whatever is
typed otherwise (additions, deletions, interpolations, lists, options that bring others along) is left to Hydra, mistakes too.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from nnreg.registry import entries
from nnreg.registry.hydra_source import is_settled, stands_alone
from nnreg.runs.request import typed

MOST = 64  # jobs of which others are made; 30 kB each
PLAIN = (bool, int, float, str)


class _Word(NamedTuple):
    """What a job was told by one word.

    Attributes:
        override: as Hydra reads it.
        form: what jobs that are alike have in common of it: the key of a plain value or of a technique, else all of it.
        slot: place of the technique that it chooses, or "".
    """

    override: Override
    form: str
    slot: str = ""

    @property
    def is_value(self) -> bool:
        """Whether it sets a plain value."""
        return self.form.endswith("=") and not self.slot


class _Model(NamedTuple):
    """A job that Hydra has composed, and of which others are made.

    Attributes:
        words: that it was told.
        config: what came of it, pickled.
    """

    words: tuple[str, ...]
    config: bytes


class _Unusual(Exception):
    """Only Hydra can tell what a job is."""


class Composer:
    """Composes the jobs of a sweep, each exactly as Hydra does.

    Args:
        loader: Hydra's.
        sweep: configuration of the sweep.
    """

    def __init__(self, loader: ConfigLoader, sweep: DictConfig) -> None:
        self._loader, self._sweep = loader, sweep
        self._parser = OverridesParser.create()
        self._read: dict[str, _Word] = {}
        self._literal: set[str] = set()  # keys that hold more than a plain value
        self._models: dict[tuple[str, ...], _Model] = {}
        self._techniques: dict[tuple[tuple[str, ...], str], DictConfig] = {}

    def compose(self, words: Sequence[str]) -> DictConfig:
        """Return the configuration of a job, Hydra's own part included.

        Raises:
            Exception: whatever Hydra has against the words.
        """
        own = typed(self._sweep.hydra.overrides.hydra)
        try:
            told = self._words([*own, *words])
            shape = tuple(word.form for word in told)
            if (model := self._models.get(shape)) is not None:
                return self._made_of(model, shape, told)
        except Exception:  # Hydra has words for what is wrong
            return self._loader.load_sweep_config(self._sweep, list(words))
        config = self._loader.load_sweep_config(self._sweep, list(words))
        self._remember(config, told, words)
        return config

    def _remember(self, config: DictConfig, told: Sequence[_Word], words: Sequence[str]) -> None:
        """Keep a job as Hydra has composed it, for those that are alike."""
        self._literal |= {key for word in told if word.is_value and not _is_plain(config, key := word.override.key_or_group)}
        shape = tuple(word.form for word in map(self._literally, told))
        while len(self._models) >= MOST:
            oldest = next(iter(self._models))
            del self._models[oldest]
            self._techniques = {place: node for place, node in self._techniques.items() if place[0] != oldest}
        self._models[shape] = _Model(tuple(words), pickle.dumps(config))

    def _made_of(self, model: _Model, shape: tuple[str, ...], told: Sequence[_Word]) -> DictConfig:
        """Return a copy of a job, with what is other in the words of this one."""
        config: DictConfig = pickle.loads(model.config)
        choices = config.hydra.runtime.choices
        for word in told:
            if word.slot and choices[key := word.override.get_key_element()] != (name := word.override.value()):
                config[word.slot] = self._technique(model, shape, word)
                choices[key] = name
        for word in told:
            if word.is_value:
                if not _is_plain(config, word.override.key_or_group):
                    raise _Unusual
                OmegaConf.update(config, word.override.key_or_group, word.override.value())
        hydra = config.hydra
        hydra.overrides.hydra = [word.override.input_line for word in told if word.override.is_hydra_override()]
        hydra.overrides.task = [word.override.input_line for word in told if not word.override.is_hydra_override()]
        hydra.job.override_dirname = _dirname(told, hydra.job.config.override_dirname)
        OmegaConf.copy_cache(self._sweep, config)
        return config

    def _technique(self, model: _Model, shape: tuple[str, ...], word: _Word) -> DictConfig:
        """Return what Hydra makes of a technique where nothing else is other than in a job that it has composed."""
        key, line = word.override.get_key_element(), str(word.override.input_line)
        if not is_settled(self._loader, self._sweep):
            raise _Unusual
        if (shape, line) not in self._techniques:
            words = [line if told.partition("=")[0] == key else told for told in model.words]
            self._techniques[shape, line] = self._loader.load_sweep_config(self._sweep, words)[word.slot]
        return self._techniques[shape, line]

    def _words(self, words: Sequence[str]) -> list[_Word]:
        unread = [word for word in words if word not in self._read]
        for word, override in zip(unread, self._parser.parse_overrides(unread), strict=True):
            self._read[word] = self._word(override)
        return [self._literally(self._read[word]) for word in words]

    def _word(self, override: Override) -> _Word:
        line, key, value = str(override.input_line), override.get_key_element(), override.value()
        if override.is_sweep_override() or not isinstance(value, PLAIN) or "${" in line or re.match(r"[+~]", line):
            return _Word(override, line)
        if slot := entries.groups().get(key, ""):
            kind = entries.slots()[slot]
            is_alone = stands_alone(self._loader, kind, str(value))
            return _Word(override, f"{key}=" if is_alone else line, slot if is_alone else "")
        is_value = override.package is None and "/" not in key and (not key.startswith("hydra.") or key == "hydra.sweep.subdir")
        return _Word(override, f"{key}=" if is_value else line)

    def _literally(self, word: _Word) -> _Word:
        """Return a word as one that is the same in all jobs that are alike, if its key holds more than a plain value."""
        return word._replace(form=str(word.override.input_line)) if word.override.key_or_group in self._literal else word


def _is_plain(config: DictConfig, key: str) -> bool:
    """Tell whether a configuration has a plain value at a key."""
    return isinstance(OmegaConf.select(config, key), (*PLAIN, Enum))


def _dirname(told: Sequence[_Word], form: DictConfig) -> str:
    """Return ``hydra.job.override_dirname``: what a job was told, sorted, without Hydra's own words and those left out."""
    own = [word.override for word in told if not word.override.is_hydra_override()]
    lines = sorted(str(each.input_line) for each in own if each.key_or_group not in form.exclude_keys)
    return str(form.item_sep).join(lines).replace("=", form.kv_sep)
