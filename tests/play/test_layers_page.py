"""The Layers in a real browser: the spread is turned, and the stack follows."""

import re
import time

import pytest

from tests.play.test_network_page import pixels, until

pytestmark = [pytest.mark.extra("browser"), pytest.mark.slow]


@pytest.fixture
def layers(browse, address):
    """Open the Layers, and wait for its first picture."""

    def layers(words="tab=layers", **options):
        page = browse(f"{address}#{words}", **options)
        page.wait_for_selector("#tab-layers[data-drawn]")
        return page

    return layers


def sentence(page):
    return page.locator("#tab-layers .sentence").text_content()


@pytest.mark.long
def test_a_slider_makes_the_signal_fade_and_grow(layers):
    page = layers()
    assert sentence(page).startswith("The signal fades")
    before = pixels(page, "#tab-layers .small-histogram")
    spread = page.locator("[data-choice=init] [data-key=std] input[type=range]")
    spread.focus()
    for _ in range(80):
        spread.press("ArrowRight")
    until(lambda: sentence(page).startswith("The signal grows"))
    assert pixels(page, "#tab-layers .small-histogram") != before
    found = re.search(r"init\.std=([\d.]+)", page.url)
    assert float(found[1]) > 0.2
    until(lambda: f"init.std={found[1]}" in page.locator("#tab-layers .command code").text_content())


@pytest.mark.long
def test_a_spread_that_is_typed_a_depth_and_an_activation_stand_in_the_address_and_come_back(layers, browse):
    page = layers()
    typed = page.locator("[data-choice=init] [data-key=std] input.typed")
    typed.fill("0.3")
    typed.press("Enter")
    activation = page.get_by_label("Activation", exact=True)
    activation.focus()
    activation.select_option("tanh")
    until(lambda: "activation=tanh" in page.locator("#tab-layers .command code").text_content())
    assert activation.evaluate("field => field === document.activeElement")  # who goes by keys goes on from there
    depth = page.locator("[data-key=depth] input.typed")
    depth.fill("16")
    depth.press("Enter")
    until(lambda: page.locator(".stack-row").count() == 17)
    told = sentence(page)
    again = browse(page.url)
    again.wait_for_selector("#tab-layers[data-drawn]")
    assert sentence(again) == told
    assert again.locator(".stack-row").count() == 17
    assert "activation=tanh" in again.locator("#tab-layers .command code").text_content()


@pytest.mark.long
def test_theory_is_drawn_beside_what_is_measured_or_it_is_said_why_not(layers):
    page = layers()
    assert page.locator("#tab-layers .canvas .name text").all_text_contents() == ["measured", "theory"]
    page.get_by_label("Normalisation").select_option("layer_norm")
    page.get_by_text("so there is no line of theory").wait_for()
    assert page.locator("#tab-layers .canvas .name text").all_text_contents() == ["measured"]


@pytest.mark.long
def test_a_slider_is_followed_while_it_moves(layers):
    page = layers()
    spread = page.locator("[data-choice=init] [data-key=std] input[type=range]")
    spread.focus()
    drawn = int(page.locator("#tab-layers").get_attribute("data-drawn"))
    began = time.monotonic()
    spread.press("ArrowRight")
    until(lambda: int(page.locator("#tab-layers").get_attribute("data-drawn")) > drawn)
    assert time.monotonic() - began < 5  # 20 ms where nothing else computes


@pytest.mark.long
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_sticks_out_of_a_narrow_page(layers, dark):
    page = layers("tab=layers&depth=24&activation=sigmoid&init=glorot", width=420, dark=dark)
    assert page.locator("html").evaluate("page => page.scrollWidth") <= 420


@pytest.mark.long
def test_what_cannot_be_built_is_said_and_the_page_lives(layers):
    page = layers("tab=layers&init=normal&init.std=-1")
    page.locator("#tab-layers .problem", has_text="std must be in [0, inf)").first.wait_for()
    page.complaints.clear()  # of the answer that refused
    page.get_by_label("Initial weights").select_option("he")
    until(lambda: sentence(page).startswith("The signal keeps its size"))
