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
from nnreg.registry.varied import KIND, VARY
from nnreg.settings import TRAIN, Settings, conf_folder

MOST_LAYERS = 100
MOST_UNITS = 512
MOST_ROWS = 4096
MOST_STEPS = 100_000
MOST_VARYING = 8
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
        techniques: what is chosen, by place: ``optimizer``, ``bias``; the schedule of another number than the learning rate by
            ``vary.optimizer.momentum``. What is left out is as in a plain run.
        settings: by name, likewise.
    """

    task: str
    techniques: Mapping[str, Chosen]
    settings: Mapping[str, Any]

    @classmethod
    def read(cls, said: Any, places: Iterable[str], settings: Iterable[str], task: str = TRAIN) -> Asked:
        """Return what a page asks for: ``{"techniques": {"loss": {"name": "mse", "values": {}}}, "settings": {}}``.

        Args:
            said: the object that the page has sent.
            places: in which techniques may be chosen; numbers of theirs may vary where the task trains.
            settings: that may be set.
            task: of the run.

        Raises:
            UserError: it asks for something else, or for more than is computed for a page.
        """
        said = said if isinstance(said, dict) else {}
        techniques, values = said.get("techniques", {}), said.get("settings", {})
        if not isinstance(techniques, dict) or not isinstance(values, dict):
            raise UserError("techniques and settings must be objects")
        places, settings = tuple(places), tuple(settings)
        varying = [str(place) for place in techniques if task == TRAIN and _varied_in(str(place)) in places]
        if len(varying) > MOST_VARYING:
            raise UserError(f"at most {MOST_VARYING} numbers may vary here, not {len(varying)}")
        for name, known in [*((place, (*places, *varying)) for place in techniques), *((each, settings) for each in values)]:
            if name not in known:
                raise UserError(f"'{one_line(str(name))[:80]}' cannot be asked for here{instead(str(name), known)}")
        chosen = {place: checked_choice(place, technique) for place, technique in techniques.items()}
        return cls(task, chosen, {name: _setting(name, value) for name, value in values.items()})

    def config(self) -> DictConfig:
        """Return the configuration, as a command line of these words would compose it.

        Raises:
            UserError: a technique or one of its knobs is none.
        """
        nodes: dict[str, Any] = {slot: {"name": name} for slot, name in plain_choices().items()}
        chosen = {place: node_of(_kind_of(place), name, values) for place, (name, values) in self.techniques.items()}
        nodes |= {place: node for place, node in chosen.items() if not _varied_in(place)}
        made = OmegaConf.create(dataclasses.asdict(Settings()) | {"task": self.task, **self.settings, **nodes})
        assert isinstance(made, DictConfig)
        for place, node in chosen.items():
            if _varied_in(place):
                OmegaConf.update(made, place, node)
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
        inside = [entry for place in named if (entry := entry_at(place, named)) is not None]
        courses = [name for place, (name, _) in self.techniques.items() if _varied_in(place)]
        return [*inside, *(entries.find_technique(KIND, name) for name in courses)]

    def command(self) -> str:
        """Return the command line that asks for the same run."""
        words = [f"task={self.task}"] if self.task != TRAIN else []
        for place, (name, values) in self.techniques.items():
            chosen, *turned = words_of(_kind_of(place), name, values, place) if values else [f"{place}={name}"]
            chosen = f"{_WORDS.get(place, place)}={name}"
            words += turned if name == plain_choices().get(place) else [chosen, *turned]
        usual = dataclasses.asdict(Settings())
        words += [f"{name}={quoted(value)}" for name, value in self.settings.items() if value != usual[name]]
        return shlex.join(["python", "-m", "nnreg", *words])


_WORDS = {slot: group for group, slot in entries.groups().items()}
"""What chooses the technique in a place, such as ``init@bias`` for ``bias``."""


def _kind_of(place: str) -> str:
    """Return the kind of the technique in a place."""
    return KIND if _varied_in(place) else entries.slots().get(place, place)


def _varied_in(place: str) -> str:
    """Return whose number varies, ``optimizer`` for ``vary.optimizer.momentum``; "" for the place of a technique."""
    parts = place.split(".")
    return parts[1] if len(parts) > 2 and parts[0] == VARY and all(part.isidentifier() for part in parts) else ""


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
