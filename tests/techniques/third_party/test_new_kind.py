"""A kind of technique that nnreg has never heard of: an entry-point group is all it takes to make it a choice."""

import pytest

pytestmark = pytest.mark.slow
TEMPO = ("nnreg-tempo",)


def test_it_is_a_group_of_choices_like_the_others(nnreg):
    answer = nnreg("--help", "+tempo=halving", "tempo.every=3", plugins=TEMPO)
    assert "tempo: halving\n" in answer.out
    assert "tempo:\n  name: halving\n  every: 3\n  mode: stairs\n" in answer.out


def test_its_parameters_are_typed(nnreg, quick):
    answer = nnreg("+tempo=halving", "tempo.mode=leap", *quick, plugins=TEMPO)
    assert answer.code == 2
    assert answer.complaint == "nnreg: tempo.mode=leap: Invalid value 'leap', expected one of [stairs, ramp]"


def test_choosing_it_without_a_plus_is_answered_with_the_plus(nnreg, quick):
    answer = nnreg("tempo=halving", *quick, plugins=TEMPO)
    assert answer.complaint == "nnreg: the configuration has no tempo yet: add one with +tempo=halving"


@pytest.mark.long
def test_it_is_built_and_recorded_with_a_run_and_swept_over(command, quick, project):
    answer = command("-m", "+tempo=glob(*)", "tempo.every=3,4", *quick, plugins=TEMPO)
    assert (answer.code, answer.err) == (0, "")
    saved = [path.read_text() for path in sorted(project.rglob("config.yaml")) if path.parent.name != ".hydra"]
    assert len(saved) == 2
    for every, text in zip((3, 4), saved, strict=True):
        assert f"tempo:\n  name: halving\n  every: {every}\n  mode: stairs\n" in text


def test_the_catalogue_lists_and_shows_it(nnreg):
    answer = nnreg("plugins", "tempo", plugins=TEMPO)
    assert (answer.code, answer.err) == (0, "")
    listed = answer.out.splitlines()[1]
    assert listed.split(maxsplit=2) == ["tempo", "halving", "Halves something now and then. (nnreg-tempo 2.1)"]
    assert "stairs | ramp" in nnreg("plugins", "tempo/halving", plugins=TEMPO).out
