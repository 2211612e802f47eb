"""Colours on white and on dark paper: every technique's is seen on both."""

import re

import pytest

from nnreg.comparison.report.inks import ink, ink_styles, letters_on, seen_on
from nnreg.registry.palette import COLOURS, DARK_GROUND, contrast


def test_every_colour_of_the_palette_is_seen_on_white_and_on_dark_paper():
    light, dark = ink_styles(COLOURS).split("@media")
    for paper, styles in (("#ffffff", light), (DARK_GROUND, dark)):
        for name, value in re.findall(r"--([ct][0-9a-f]{6}):(#[0-9a-f]{6})", styles):
            assert contrast(value, paper) >= (4.5 if name[0] == "t" else 3.0), (name, value, paper)
    assert light.count("--c") == len({*COLOURS})


def test_a_colour_that_is_seen_stays_as_it_is():
    assert seen_on("#0051f6", "#ffffff", 4.5) == "#0051f6"


@pytest.mark.parametrize(("of_text", "name"), [(False, "var(--c0051f6)"), (True, "var(--t0051f6)")])
def test_an_ink_is_named_by_its_colour(of_text, name):
    assert ink("#0051F6", of_text=of_text) == name


@pytest.mark.parametrize("colour", ["#000000", "#757575", "#767676", "#777777", "#808080", "#7f7c75", "#ffffff", "#ff0000"])
def test_letters_are_read_on_any_colour(colour):
    assert contrast(letters_on(colour), colour) >= 4.5
