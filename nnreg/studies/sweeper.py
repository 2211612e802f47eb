"""`protocol=study`: the runs of a sweep are the members of a study, and it ends with the study's figures and claims."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.markup import escape

from nnreg.comparison.differences import IGNORED, LOCATIONS
from nnreg.console import terminal
from nnreg.errors import UserError
from nnreg.records.card import ALIKE, flattened
from nnreg.records.folder import read_summary
from nnreg.records.manifest import STUDY
from nnreg.registry.overrides import quoted
from nnreg.settings import OF_A_SWEEP, key_of
from nnreg.studies.definition import Member, Study, as_word, study_of
from nnreg.studies.ending import StudyEnding, check_study
from nnreg.sweeps.axes import Axis, Stage, Words
from nnreg.sweeps.launchers.base import ParallelLauncher
from nnreg.sweeps.resuming import Place, typed_path
from nnreg.sweeps.sweeper import ProtocolSweeper

UNCHANGED = (*IGNORED, *ALIKE, "seed")
"""Settings that leave the numbers that a study is about as they are: of one seed, as its claims speak of many."""
MEMBER = "member"
"""Key below ``study`` of the number of the one run that is asked for."""


class StudySweeper(ProtocolSweeper):
    """Runs the members of the study in the configuration, all or one; what varies says the study alone."""

    protocol = STUDY

    def count(self, axes: Sequence[Axis]) -> int:
        """Return the number of members that are to be run."""
        self._study, self._only = self._read()
        check_study(self._study)
        self._typed = _typed(axes)
        self._members = self._study.members(self._typed)
        if self._only is not None and self._only not in range(len(self._members)):
            raise UserError(f"{self._study.name} has no member {self._only}: they are 0 to {len(self._members) - 1}")
        self._first = self._only or 0
        self._changed = self._changes()
        self._folders: Sequence[Path] = ()
        return len(self._wanted())

    def stages(self, axes: Sequence[Axis]) -> Iterator[Stage]:
        """Yield the one stage that there is."""
        yield Stage("", self._jobs(), self._first)

    def execute(self, axes: Sequence[Axis]) -> None:
        """Run them."""
        terminal().print(f"[bold]{escape(self._study.title)}[/bold]", soft_wrap=True)
        self._folders = self.launch(self._jobs(), first=self._first)

    def hand_over(self, todo: Sequence[tuple[Words, Place]], stage: str, first: int) -> None:
        """Run the first member before the others, where they run one after the other anyway.

        Raises:
            UserError: it could not begin, such as for missing data: no other member would fare better.
        """
        if first != self._first or isinstance(self.launcher, ParallelLauncher):
            super().hand_over(todo, stage, first)
            return
        super().hand_over(todo[:1], stage, first)
        (_, spot), *others = todo
        facts = read_summary(self._home / spot.folder) or {}
        if spot.folder == str(first) and facts.get("status") == "failed" and not facts.get("steps"):
            raise UserError(str(facts.get("error")))
        if others:
            super().hand_over(others, stage, first + 1)

    def ending(self) -> StudyEnding:
        """Return what draws the figures and checks the claims."""
        arms = dict(zip(self._folders, (member.arm for member in self._wanted()), strict=True))
        number = () if self._only is None else (self._only,)
        return StudyEnding(self._study, arms, self._command(*number), is_whole=self._only is None, changed=self._changed)

    def _read(self) -> tuple[Study, int | None]:
        """Return the study that was composed, and the number of the one member that is asked for."""
        if self.config.get("study") is None:
            raise UserError("protocol=study needs a study: experiment=NAME; `python -m nnreg --help` lists them")
        node: Any = OmegaConf.to_container(self.config.study)
        only = node.pop(MEMBER, None) if isinstance(node, dict) else None
        self._name = str(self.config.hydra.runtime.choices.experiment)
        return study_of(self._name, node, f"experiment {self._name}"), only

    def _wanted(self) -> Sequence[Member]:
        return self._members if self._only is None else [self._members[self._only]]

    def _changes(self) -> str:
        """Return which settings of the study typed words replaced by others: ``steps=10 (500 in the study)``; no seeds."""
        typed = [word for word in self._typed if key_of(word) not in UNCHANGED and not word.startswith("hydra")]
        bare = {member.overrides[: len(member.overrides) - len(self._typed)] for member in self._members} if typed else set()
        for words in dict.fromkeys(tuple(word for word in own if key_of(word) != "seed") for own in sorted(bare)):
            own, now = self._settings(words), self._settings((*words, *typed))
            found = [f"{key}={now.get(key, 'none')} ({own.get(key, 'none')} in the study)" for key in {**own, **now}
                     if own.get(key) != now.get(key)]  # fmt: skip
            if found:
                return ", ".join(found)
        return ""

    def _settings(self, words: Sequence[str]) -> dict[str, str]:
        """Return what a member is configured with that its numbers depend on, by key, as it is written."""
        config = self.compose((f"experiment={self._name}", *words))
        try:
            nodes = OmegaConf.to_container(
                OmegaConf.masked_copy(config, [str(key) for key in config if key not in ("hydra", *OF_A_SWEEP)]),
                resolve=True,
                enum_to_str=True,
            )
        except OmegaConfBaseException:  # it refers to something that only a job knows
            return {}
        assert isinstance(nodes, dict)
        flat = flattened({str(key): value for key, value in nodes.items()})
        return {key: as_word(value) for key, value in flat if key not in UNCHANGED and key.rpartition(".")[2] not in LOCATIONS}

    def _jobs(self) -> list[Words]:
        """Return the words of each member; the last says how to ask for it again, which its others cannot."""
        return [
            (f"experiment={self._name}", *member.overrides, f"++study.command={quoted(self._command(number))}")
            for number, member in enumerate(self._wanted(), self._first)
        ]

    def _command(self, *number: int) -> str:
        """Return the command line that asks for the study again, or for one of its members."""
        sources = self.config.hydra.runtime.config_sources
        own = [f"--config-dir={typed_path(Path(source.path))}" for source in sources if source.provider == "command-line"]
        words = [f"experiment={self._name}", *(f"member={one}" for one in number), *self._typed]
        return shlex.join(["python", "-m", "nnreg", *own, *words])


def _typed(axes: Sequence[Axis]) -> list[str]:
    """Return what was typed for every member.

    Raises:
        UserError: it has several values.
    """
    for axis in axes:
        if axis.is_swept:
            raise UserError(
                f"{axis.override.input_line} names several values, and a study says itself what it varies: "
                "name one for all its runs"
            )
    return [str(axis.override.input_line) for axis in axes if axis.setting not in ("experiment", "protocol")]
