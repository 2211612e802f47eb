"""Colours: one for each technique, told apart by colour-blind readers, and a plugin that is installed changes nobody else's."""

import colorsys
from itertools import combinations, pairwise

import numpy as np
import pytest

from nnreg.registry import entries, palette
from nnreg.registry.entries import Entry
from tests.registry.colours import DEFICIENCIES, apart, seen

ENOUGH = len(palette.COLOURS)
DOZEN = palette.COLOURS[:12]
PAPER, GROUND = "#ffffff", "#1b1f24"


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


def hue(colour):
    return colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0]


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colour, ground):
    """Contrast after WCAG 2."""
    low, high = sorted([luminance(colour), luminance(ground)])
    return (high + 0.05) / (low + 0.05)


def hue_of(colour):
    """Return the hue in CIELAB, in degrees."""
    _, a, b = seen(colour, "usual")
    return float(np.degrees(np.arctan2(b, a)))


def closest(colours, eyes):
    """Return how far apart the two most alike of some colours are."""
    return min(apart(seen(one, eyes), seen(other, eyes)) for one, other in combinations(colours, 2))


@pytest.mark.parametrize("kind", entries.kinds())
def test_no_two_techniques_of_a_kind_share_a_colour_while_there_are_enough(kind):
    techniques = {entry.target: name for name, entry in entries.techniques(kind).items()}
    assert len({palette.colour(kind, name) for name in techniques.values()}) == min(len(techniques), ENOUGH)


def test_two_names_of_one_technique_share_its_colour():
    assert palette.colour("init", "xavier") == palette.colour("init", "glorot")
    assert palette.of_run({"init": "xavier"}, ["init=xavier"]) == palette.of_run({"init": "glorot"}, ["init=glorot"])


@pytest.mark.parametrize(
    ("eyes", "dozen", "all_of_them"), [("usual", 19, 8), ("protanopia", 12, 5), ("deuteranopia", 12, 5), ("tritanopia", 12, 5)]
)
def test_colours_are_told_apart_with_every_kind_of_eyes(eyes, dozen, all_of_them):
    assert closest(DOZEN, eyes) > dozen
    assert closest(palette.COLOURS, eyes) > all_of_them
    assert closest([*DOZEN, palette.UNKNOWN], eyes) > 11


@pytest.mark.parametrize("eyes", DEFICIENCIES)
def test_colours_are_told_apart_on_a_dark_page_too(eyes):
    assert closest([palette.on_dark(colour) for colour in DOZEN], eyes) > 14


def test_the_distance_is_that_of_the_standard():
    """Pairs of Sharma, Wu & Dalal (2005), table 1, that tell wrong implementations."""
    assert apart((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(2.0425, abs=5e-5)
    assert apart((50, 2.49, -0.001), (50, -2.49, 0.0011)) == pytest.approx(7.2195, abs=5e-5)
    assert apart((50, 2.5, 0), (73, 25, -18)) == pytest.approx(27.1492, abs=5e-5)
    assert apart((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514)) == pytest.approx(0.9082, abs=5e-5)


def test_every_colour_can_be_seen_on_its_ground():
    assert min(contrast(colour, PAPER) for colour in palette.COLOURS) >= 3
    everything = [*palette.COLOURS, palette.UNKNOWN, "#000000", "#ffffff", "#ffff00", *palette.shades(palette.COLOURS[0], 9)]
    assert min(contrast(palette.on_dark(colour), GROUND) for colour in everything) >= 3


@pytest.mark.parametrize("colour", palette.COLOURS)
def test_shades_keep_their_hue_are_seen_on_paper_and_are_told_apart(colour):
    for count in (2, 3, 5, 8):
        made = palette.shades(colour, count)
        assert [luminance(shade) for shade in made] == sorted(luminance(shade) for shade in made)
        assert min(contrast(shade, PAPER) for shade in made) >= 3
        for eyes in DEFICIENCIES:
            steps = [apart(seen(one, eyes), seen(other, eyes)) for one, other in pairwise(made)]
            assert min(steps) > (6 if count < 5 and colour in DOZEN else 1.5)
        turns = [hue_of(shade) - hue_of(colour) for shade in made]
        assert max(abs((turn + 180) % 360 - 180) for turn in turns) < 12


def test_a_name_that_nobody_registered_is_grey():
    red, green, blue = (palette.colour("optimizer", "lion_fast")[i : i + 2] for i in (1, 3, 5))
    assert red == green == blue


def test_what_changes_nothing_is_grey():
    assert palette.colour("norm", "none") == palette.colour("schedule", "constant") == palette.UNKNOWN
    assert palette.colour("init", "constant") != palette.UNKNOWN


def test_no_plugin_repaints_what_is_well_known_or_built_in(catalogue):
    builtin = {"optimizer": {"adam": "nnreg", "sgd": "nnreg", "muon": "nnreg"}, "init": {"he": "nnreg", "lsuv": "nnreg"}}
    catalogue(**builtin)
    before = {(kind, name): palette.colour(kind, name) for kind in builtin for name in builtin[kind]}
    catalogue(
        optimizer={**builtin["optimizer"], "aardvark": "nnreg-zoo", "lion": "nnreg-zoo"},
        init={**builtin["init"], "abacus": "nnreg-zoo"},
    )
    assert {(kind, name): palette.colour(kind, name) for kind in builtin for name in builtin[kind]} == before
    assert palette.colour("optimizer", "lion") not in before.values()


def test_what_is_well_known_has_its_colour_whether_it_is_built_in_or_not(catalogue):
    before = palette.colour("optimizer", "adamax")
    catalogue(optimizer={"sgd": "nnreg", "adamax": "nnreg-zoo"})
    assert palette.colour("optimizer", "adamax") == before == palette.COLOURS[palette.WELL_KNOWN["optimizer"].index("adamax")]


def test_more_techniques_than_colours_begin_again_in_another_shape(catalogue):
    names = [f"rule{number:02}" for number in range(ENOUGH + 1)]
    catalogue(sampler=dict.fromkeys(names, "nnreg"))
    colours = [palette.colour("sampler", name) for name in names]
    assert len(set(colours)) == ENOUGH
    assert all(palette.shape("sampler", one) != palette.shape("sampler", other) for one, other in pairwise(names))


ADAM = {"optimizer": "adam", "init": "he", "norm": "batch_norm", "activation": "relu"}


@pytest.mark.parametrize(
    ("swept", "usual", "kind"),
    [
        ([], "optimizer", "optimizer"),
        ([], "activation", "activation"),
        (["optimizer=adam"], "optimizer", "optimizer"),
        (["norm=batch_norm"], "optimizer", "norm"),
        (["norm=batch_norm"], "activation", "norm"),
    ],
)
def test_a_run_has_the_colour_of_its_technique_of_the_kind_that_is_swept(swept, usual, kind):
    assert palette.of_run(ADAM, swept, usual) == palette.colour(kind, ADAM[kind])


def test_the_rates_of_a_technique_share_its_hue_the_higher_the_lighter():
    rates = [0.001, 0.01, 0.1, 1.0]
    made = [palette.of_run(ADAM, ["optimizer=adam", f"optimizer.lr={rate}"]) for rate in rates]
    assert len(set(made)) == len(rates)
    assert [luminance(shade) for shade in made] == sorted(luminance(shade) for shade in made)
    assert all(hue(shade) == pytest.approx(hue(palette.colour("optimizer", "adam")), abs=0.03) for shade in made)
    assert made == [palette.of_run(ADAM, [f"optimizer.lr={rate}"]) for rate in rates]


def test_runs_of_one_technique_that_differ_in_anything_else_are_told_apart_by_lightness():
    made = {palette.of_run(ADAM, ["optimizer=adam", f"hidden=[{width}]"]) for width in (10, 20, 50)}
    assert len(made) == 3
    assert palette.of_run(ADAM, ["optimizer=adam", "optimizer.lr=many"]) in {palette.of_run(ADAM, ["optimizer.lr=many"])}
