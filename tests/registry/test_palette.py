"""Colours: one for each technique, and a plugin that is installed changes nobody else's."""

import colorsys

import pytest

from nnreg.registry import entries, palette
from nnreg.registry.entries import Entry

ENOUGH = len(palette.COLOURS) * len(palette.DARKER)


def entry(kind, name, distribution):
    return Entry(kind, name, ((f"{name}:{name}", distribution),))


@pytest.fixture
def catalogue(monkeypatch):
    """Replace what is registered."""

    def replace(**techniques):
        made = {
            kind: {name: entry(kind, name, distribution) for name, distribution in sorted(names.items())}
            for kind, names in techniques.items()
        }
        monkeypatch.setattr(entries, "techniques", lambda kind: made.get(kind, {}))

    return replace


def hls(colour):
    return colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))


def contrast(colour):
    """Contrast to white paper, after WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@pytest.mark.parametrize("kind", entries.kinds())
def test_no_two_techniques_of_a_kind_share_a_colour_while_there_are_enough(kind):
    techniques = {entry.target: name for name, entry in entries.techniques(kind).items()}
    assert len({palette.colour(kind, name) for name in techniques.values()}) == min(len(techniques), ENOUGH)


def test_two_names_of_one_technique_share_its_colour():
    assert palette.colour("init", "xavier") == palette.colour("init", "glorot")
    assert palette.shaded("sgd", "xavier") == palette.shaded("sgd", "glorot")


def test_every_colour_can_be_seen_on_white_paper():
    assert min(contrast(colour) for colour in palette.COLOURS) > 2


def test_a_name_that_nobody_registered_is_grey():
    red, green, blue = (palette.colour("optimizer", "lion_fast")[i : i + 2] for i in (1, 3, 5))
    assert red == green == blue


def test_installing_a_plugin_leaves_the_colours_of_the_built_in_ones_alone(catalogue):
    builtin = {"optimizer": {"adam": "nnreg", "sgd": "nnreg"}, "init": {"he": "nnreg", "normal": "nnreg"}}
    catalogue(**builtin)
    before = [palette.shaded(optimizer, init) for optimizer in builtin["optimizer"] for init in builtin["init"]]
    catalogue(
        optimizer={**builtin["optimizer"], "aardvark": "nnreg-zoo", "lion": "nnreg-zoo"},
        init={**builtin["init"], "abacus": "nnreg-zoo"},
    )
    assert [palette.shaded(optimizer, init) for optimizer in builtin["optimizer"] for init in builtin["init"]] == before
    assert palette.colour("optimizer", "lion") not in {palette.colour("optimizer", name) for name in builtin["optimizer"]}


def test_more_techniques_than_colours_begin_again(catalogue):
    names = [f"rule{number:02}" for number in range(ENOUGH + 1)]
    catalogue(optimizer=dict.fromkeys(names, "nnreg"))
    assert palette.colour("optimizer", names[-1]) == palette.colour("optimizer", names[0])


def test_the_runs_of_one_optimizer_share_its_hue_and_differ_in_lightness():
    inits = list({entry.target: name for name, entry in entries.techniques("init").items()}.values())
    shades = [palette.shaded("adam", init) for init in inits]
    hue, darkest, _ = hls(palette.colour("optimizer", "adam"))
    assert len(set(shades)) == len(inits)
    for shade in shades:
        assert hls(shade)[0] == pytest.approx(hue, abs=0.01)
        assert darkest - 0.01 <= hls(shade)[1] < 0.9


def test_a_run_with_an_unknown_init_has_the_colour_of_its_optimizer():
    assert palette.shaded("adam", "none").lower() == palette.colour("optimizer", "adam").lower()
