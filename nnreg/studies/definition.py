"""Studies: named experiments as data. One YAML says the configuration, the runs, the figures and the claims.

    # @package _global_
    defaults:
      - override /dataset: mnist
    steps: 2000
    study:
      title: Which update rule learns fastest?
      arms: {sgd: optimizer=sgd, adam: [optimizer=adam, optimizer.lr=0.001]}
      axes: {init.std: [1.0, 0.01]}
      seeds: 5
      figures: [{kind: curves, metric: train/loss}]
      claims: [{say: ..., measure: ..., expect: ...}]

Every arm is run for every value of every axis and for every seed. ``random`` in place of arms draws settings log-uniformly.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from omegaconf import OmegaConf

from nnreg.errors import UserError, instead, one_line
from nnreg.registry.nested_words import as_choices

FOLDER = "experiment"
_STUDY = re.compile(r"""^["']?study["']?\s*:""", re.MULTILINE)
"""The key that makes a study of a YAML; looked for as text, so that one that is no YAML is told of as a study."""


class Member(NamedTuple):
    """One run of a study: the arm it belongs to, and what is typed for it."""

    arm: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A named experiment.

    Args:
        name: of its file.
        title: the question its main figure answers.
        about: what is done and why, a paragraph.
        findings: what one learns from it beyond the claims, a paragraph; may say that the source's own settings hurt.
        arms: name to overrides; one arm without a name where nothing but axes varies.
        axes: setting to its values.
        random: ``trials``, ``seed`` and ``settings`` (setting to [low, high], drawn log-uniformly), instead of arms; every
            trial has a seed of its own.
        seeds: how many, from 0.
        figures: what to draw, each with a ``kind``.
        claims: what to check, each with ``say``, ``measure`` and ``expect``.

    Raises:
        UserError: a field is unknown or of the wrong kind.
    """

    name: str
    title: str
    about: str = ""
    findings: str = ""
    arms: Mapping[str, Any] = field(default_factory=lambda: {"": []})
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    random: Mapping[str, Any] | None = None
    seeds: int = 1
    figures: Sequence[Mapping[str, Any]] = ()
    claims: Sequence[Mapping[str, str]] = ()

    def __post_init__(self) -> None:
        kinds: Mapping[str, Any] = {
            "arms": Mapping,
            "axes": Mapping,
            "seeds": int,
            "figures": list | tuple,
            "claims": list | tuple,
        }
        for key, kind in kinds.items():
            if not isinstance(getattr(self, key), kind):
                raise UserError(f"{key} of the study {self.name} cannot be {getattr(self, key)!r}")
        if self.random is not None and not {"trials", "settings"} <= set(self.random):
            raise UserError(f"random of the study {self.name} needs trials and settings")

    def members(self, typed: Sequence[str] = ()) -> list[Member]:
        """Return every run of the study, in the order in which they are run.

        Args:
            typed: overrides by the user, which win; a ``seed`` among them replaces the study's seeds.
        """
        given = self.random is not None or any(word.lstrip("+").startswith("seed=") for word in typed)
        seeds = [()] if given else [(f"seed={seed}",) for seed in range(self.seeds)]
        axes = [[f"{key}={as_word(value)}" for value in values] for key, values in self.axes.items()]
        return [
            Member(name, tuple(as_choices((*overrides, *point, *seed, *typed))))
            for name, overrides in self._arms()
            for point in itertools.product(*axes)
            for seed in seeds
        ]

    def _arms(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        if self.random is None:
            for name, overrides in self.arms.items():
                yield name, (overrides,) if isinstance(overrides, str) else tuple(overrides or ())
            return
        rng = np.random.default_rng(int(self.random.get("seed", 0)))
        settings: Mapping[str, Sequence[float]] = self.random["settings"]
        for trial in range(int(self.random["trials"])):
            drawn = {
                key: float(np.exp(rng.uniform(*np.log([float(low), float(high)])))) for key, (low, high) in settings.items()
            }
            yield f"trial {trial}", (*(f"{key}={value!r}" for key, value in drawn.items()), f"seed={trial}")


def read_study(name: str, folders: Sequence[Path]) -> Study:
    """Return a study by its name.

    Args:
        name: of the file ``experiment/<name>.yaml``.
        folders: of configuration.

    Raises:
        UserError: there is no such study, there are two, or its file cannot be read.
    """
    found = _paths(name, folders)
    if not found:
        raise UserError(f"there is no experiment '{name}'{instead(name, _known(folders))}")
    if len(found) > 1:  # Hydra would compose the last and this would run the first
        raise UserError(f"there are two experiments '{name}': rename {found[0]}")
    path = found[0]
    try:
        node = OmegaConf.load(path)["study"]  # type: ignore[index]
        node = OmegaConf.to_container(node) if OmegaConf.is_config(node) else node
    except Exception as error:  # not YAML, no study in it, not a mapping: the same to the person
        raise UserError(f"{path} holds no study: {one_line(error) or type(error).__name__}") from error
    return study_of(name, node, str(path))


def study_of(name: str, node: Any, where: str) -> Study:
    """Return a study from what is written of it.

    Args:
        name: of its file.
        node: of the YAML, in plain containers.
        where: it is written, for the person.

    Raises:
        UserError: it has no title, a field is unknown or of the wrong kind.
    """
    known = [key for key in Study.__dataclass_fields__ if key != "name"]
    if not isinstance(node, dict) or "title" not in node:
        raise UserError(f"the study in {where} needs a title: the question that it answers")
    fields = {str(key): value for key, value in node.items()}
    for key in fields:
        if key not in known:
            raise UserError(f"the study in {where} has no field '{key}'{instead(key, known)}")
    return Study(name, **fields)


def is_preset(name: str, folders: Sequence[Path]) -> bool:
    """Tell whether an experiment is a plain YAML of overrides, which Hydra composes as any other, and no study."""
    found = _paths(name, folders)
    return bool(found) and not any(_STUDY.search(_text(path)) for path in found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}") from error


def names(folders: Sequence[Path]) -> list[str]:
    """Return the names of all studies in some folders of configuration."""
    return [name for name in _known(folders) if not is_preset(name, folders)]


def _known(folders: Sequence[Path]) -> list[str]:
    return sorted({path.stem for folder in folders for path in (folder / FOLDER).glob("*.yaml")})


def _paths(name: str, folders: Sequence[Path]) -> list[Path]:
    return [path for folder in folders if (path := folder / FOLDER / f"{name}.yaml").is_file()]


def as_word(value: Any) -> str:
    """Return a value as it is typed."""
    if isinstance(value, list):
        return "[" + ",".join(map(as_word, value)) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else re.sub(r"\s", "", str(value))
