"""What docs/sweeps.md tells people to write and to set is so."""

import dataclasses
import re
import shlex
from pathlib import Path

import pytest

from nnreg.settings import SweepSettings

PAGE = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_protocol_of_ones_own_builds_on_another_and_words_behind_it_win(nnreg, project):
    name, text = re.search(r"`my/(protocol/\w+\.yaml)`:\n\n```yaml\n(.*?)```", PAGE, re.DOTALL).groups()
    (project / "my" / "protocol").mkdir(parents=True)
    (project / "my" / name).write_text(text, encoding="utf-8")
    words = shlex.split(re.search(r"`python -m nnreg (-m --config-dir=my [^`]+)`", PAGE)[1])
    listed = nnreg(*words, "sweep.dry_run=true").out
    assert "dry run: 40 runs" in listed
    assert nnreg(*words, "protocol.trials=1", "hidden=[4]", "hydra.sweep.dir=s").code == 0
    assert "steps: 500" in (project / "s" / "0" / "config.yaml").read_text(encoding="utf-8").splitlines()


def test_techniques_inside_others_are_swept_as_shown(nnreg):
    one, other = (shlex.split(words) for words in re.findall(r"`(-m optimizer=[^`]*lookahead[^`]*)`", PAGE))
    assert "dry run: 3 runs" in nnreg(*one, "sweep.dry_run=true").out
    assert "dry run: 2 runs" in nnreg(*other, "sweep.dry_run=true").out


def test_every_setting_of_a_sweep_is_in_the_table():
    table = PAGE[PAGE.index("| setting |") :]
    assert [field.name for field in dataclasses.fields(SweepSettings) if f"`sweep.{field.name}`" not in table] == []
