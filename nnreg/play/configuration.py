"""What a page asks of a run, as a configuration to train from, and the command line that asks for the same."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nnreg.errors import UserError, instead, one_line
from nnreg.play.knobs import Chosen, checked_choice, checked_value, node_of, words_of
from nnreg.registry import entries
from nnreg.registry.nested import entry_at, techniques_inside, whole_name
from nnreg.registry.overrides import quoted
from nnreg.settings import TRAIN, Settings, conf_folder

MOST_LAYERS = 100
MOST_UNITS = 512
MOST_ROWS = 4096
MOST_STEPS = 100_000
BOUNDS: Mapping[str, int] = {"steps": MOST_STEPS, "batch": MOST_ROWS, "seed": 2**32 - 1}
"""Largest value that a page may ask for."""


@cache
def plain_choices() -> Mapping[str, str]:
    """Return which technique a plain run has in each place, as ``config.yaml`` says it."""
    listed = OmegaConf.to_container(OmegaConf.load(conf_folder() / "config.yaml").defaults)
    assert isinstance(listed, list)
    said = {str(group): str(name) for each in listed if isinstance(each, dict) for group, name in each.items()}
    return {slot: said[group] for group, slot in entries.groups().items() if group in said}


@dataclass(frozen=True)
class Asked:
    """A run that a page asks for, within what a page may ask.

    Attributes:
        task: of the run.
        techniques: what is chosen, by kind; what is left out is as in a plain run.
        settings: by name, likewise.
    """

    task: str
    techniques: Mapping[str, Chosen]
    settings: Mapping[str, Any]

    @classmethod
    def read(cls, said: Any, kinds: Iterable[str], settings: Iterable[str], task: str = TRAIN) -> Asked:
        """Return what a page asks for: ``{"techniques": {"loss": {"name": "mse", "values": {}}}, "settings": {}}``.

        Args:
            said: the object that the page has sent.
            kinds: of which techniques may be chosen.
            settings: that may be set.
            task: of the run.

        Raises:
            UserError: it asks for something else, or for more than is computed for a page.
        """
        said = said if isinstance(said, dict) else {}
        techniques, values = said.get("techniques", {}), said.get("settings", {})
        if not isinstance(techniques, dict) or not isinstance(values, dict):
            raise UserError("techniques and settings must be objects")
        kinds, settings = tuple(kinds), tuple(settings)
        for name, known in [*((kind, kinds) for kind in techniques), *((each, settings) for each in values)]:
            if name not in known:
                raise UserError(f"'{one_line(str(name))[:80]}' cannot be asked for here{instead(str(name), known)}")
        chosen = {kind: checked_choice(kind, technique) for kind, technique in techniques.items()}
        return cls(task, chosen, {name: _setting(name, value) for name, value in values.items()})

    def config(self) -> DictConfig:
        """Return the configuration, as a command line of these words would compose it.

        Raises:
            UserError: a technique or one of its knobs is none.
        """
        nodes: dict[str, Any] = {slot: {"name": name} for slot, name in plain_choices().items()}
        nodes |= {kind: node_of(kind, name, values) for kind, (name, values) in self.techniques.items()}
        made = OmegaConf.create(dataclasses.asdict(Settings()) | {"task": self.task, **self.settings, **nodes})
        assert isinstance(made, DictConfig)
        return made

    def choices(self, config: DictConfig) -> dict[str, str]:
        """Return what the technique in each place of a configuration is called."""
        return {slot: whole_name(kind, config[slot]) for slot, kind in entries.slots().items() if slot in config}

    def chosen(self, slot: str) -> Chosen:
        """Return what is chosen in a place, by a plain run where the page says nothing."""
        return self.techniques.get(slot) or (plain_choices()[slot], {})

    def entries(self) -> list[entries.Entry]:
        """Return all techniques of the run, those inside of others too."""
        config, named = self.config(), dict[str, str]()
        for slot in entries.slots():
            named |= techniques_inside(slot, config.get(slot))
        return [entry for place in named if (entry := entry_at(place, named)) is not None]

    def command(self) -> str:
        """Return the command line that asks for the same run."""
        words = [f"task={self.task}"] if self.task != TRAIN else []
        for kind, (name, values) in self.techniques.items():
            chosen, *turned = words_of(kind, name, values) if values else [f"{kind}={name}"]
            words += turned if name == plain_choices().get(kind) else [chosen, *turned]
        usual = dataclasses.asdict(Settings())
        words += [f"{name}={quoted(value)}" for name, value in self.settings.items() if value != usual[name]]
        return shlex.join(["python", "-m", "nnreg", *words])


def told(error: BaseException, asked: Asked | None) -> str:
    """Return what was raised in one line, beside the name of the technique whose code raised it.

    Args:
        error: as it was caught.
        asked: the run that it was raised in, or None.
    """
    if isinstance(error, UserError):
        return str(error)
    line = f"{type(error).__name__}: {one_line(error)}"
    used = asked.entries() if asked is not None else []
    by_module = {entry.target.partition(":")[0]: entry for entry in used}
    culprit, frame = None, error.__traceback__
    while frame is not None:
        culprit = by_module.get(frame.tb_frame.f_globals.get("__name__", ""), culprit)
        frame = frame.tb_next
    return f"{culprit}: {line}" if culprit is not None else line


def _setting(name: str, value: Any) -> Any:
    if name == "hidden":
        is_list = isinstance(value, list) and all(isinstance(units, int) and not isinstance(units, bool) for units in value)
        if not is_list or not 0 < len(value) <= MOST_LAYERS or not 0 < min(value) <= max(value) <= MOST_UNITS:
            raise UserError(f"hidden must list 1 to {MOST_LAYERS} layers of 1 to {MOST_UNITS} units, such as [16, 16]")
        return list(value)
    value = checked_value(name, value)
    if name in BOUNDS and not (isinstance(value, int) and not isinstance(value, bool) and value <= BOUNDS[name]):
        raise UserError(f"{name} must be a whole number of at most {BOUNDS[name]:,}, got {one_line(str(value))[:40]}")
    return value
