"""The report in a real browser: by keyboard, linked, on dark paper, on a phone, without scripts, on paper."""

import pytest

from tests.browser import wide_things
from tests.comparison.report.shapes import SHAPES, report

pytestmark = pytest.mark.extra("browser")
STOPS = 30  # presses of the tab key, at most, from one end of the page to the other
OVERLAPPING = """() => {
  const found = [];
  for (const box of document.querySelectorAll(".canvas svg, .cloud, .forest tfoot .track, .spokes")) {
    if (!box.getClientRects().length) continue;
    const texts = [...box.querySelectorAll("text, span, i.label")].filter((each) => each.textContent.trim());
    const places = texts.map((each) => each.getBoundingClientRect());
    for (let i = 0; i < texts.length; i++) for (let j = 0; j < i; j++) {
      const a = places[i], b = places[j], slack = 1.5;
      const beside = a.left >= b.right - slack || b.left >= a.right - slack;
      if (!beside && a.top < b.bottom - slack - 2 && b.top < a.bottom - slack - 2)
        found.push(`${texts[j].textContent} | ${texts[i].textContent}`);
    }
    const frame = box.matches("svg") && box.getBoundingClientRect();
    if (frame) places.forEach((a, i) => {
      const isInside = a.left >= frame.left - 1 && a.right <= frame.right + 1 && a.bottom <= frame.bottom + 1;
      if (!isInside) found.push(`cut: ${texts[i].textContent}`);
    });
  }
  return found;
}"""
FAINT = """(least) => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => sum + part * linear(c[i] / 255), 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const found = rgb(getComputedStyle(e).backgroundColor);
      if (found[3] > 200) return found;
    }
    return rgb("white");
  };
  return [...document.querySelectorAll("h1, h2, p, li, th, td, small, a, button, summary, dt, dd, code, svg text")]
    .filter((e) => e.getClientRects().length && e.textContent.trim())
    .map((e) => {
      const style = getComputedStyle(e), paper = light(ground(e));
      const ink = light(rgb(e instanceof SVGElement ? style.fill : style.color));
      return [e.textContent.trim().slice(0, 30), (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)];
    })
    .filter(([, contrast]) => contrast < least);
}"""
SMALL = """(least) => [...document.querySelectorAll("button, select, summary")]
  .filter((each) => each.getClientRects().length)
  .filter((each) => { const r = each.getBoundingClientRect(); return r.height < least - 0.5 || r.width < least - 0.5; })
  .map((each) => each.outerHTML.slice(0, 90))"""
LIT = "(where) => [...document.querySelectorAll(where + ' [data-arms].lit')].map((each) => each.dataset.arms)"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """Make the report of a shape, once."""
    made = {}

    def address(shape):
        if shape not in made:
            made[shape] = report(tmp_path_factory.mktemp("shape"), shape, pictures=shape == "plain").as_uri()
        return made[shape]

    return address


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
def test_a_report_of_any_shape_is_readable_on_a_screen_and_on_a_phone(browse, addresses, shape):
    for width in (1400, 420):
        page = browse(addresses(shape), width=width)
        assert wide_things(page) == []
        assert page.evaluate(OVERLAPPING) == []
        assert page.evaluate(SMALL, 24) == []


def stops(page):
    """Press the tab key until the focus leaves the page; return what had it."""
    found = []
    for _ in range(200):
        page.keyboard.press("Tab")
        name = page.evaluate("""() => {
          const e = document.activeElement;
          if (!e || e === document.body) return null;
          return e.tagName + ":" + (e.getAttribute("aria-label") || e.textContent || "").trim().slice(0, 40);
        }""")
        if name is None:
            return found
        found.append(name)
    return found


@pytest.mark.long
@pytest.mark.parametrize("shape", ["plain", "forty arms", "search"])
def test_there_are_few_tab_stops_and_none_of_them_is_nameless(browse, addresses, shape):
    found = stops(browse(addresses(shape)))
    assert 5 < len(found) <= STOPS, found
    assert not [each for each in found if each.endswith(":")]


@pytest.mark.long
def test_an_arm_that_is_pointed_at_lights_up_everywhere(browse, addresses):
    page = browse(addresses("plain"))
    page.hover("#standings tbody tr[data-arms='3']")
    assert page.evaluate(LIT, "#standings") == ["3"]
    assert page.evaluate(LIT, "#ahead-1 .forest") == ["3"]
    assert {*page.evaluate(LIT, "#curves .canvas")} == {"3"}
    assert page.evaluate(LIT, "#heatmap") == ["3"]
    page.hover("#heatmap td[data-arms='0']")
    assert page.evaluate(LIT, "#ahead-1 .forest") == ["0"]
    page.hover("h1")
    assert page.evaluate(LIT, "body") == []


def test_a_row_of_a_setting_lights_up_all_of_its_arms(browse, addresses):
    page = browse(addresses("plain"))
    page.click("text=each init")
    page.hover("#ahead-3 tbody tr >> nth=1")
    assert len(page.evaluate(LIT, "#standings")) == 4


def test_the_nearest_curve_lights_up_the_table(browse, addresses):
    page = browse(addresses("plain"))
    name = page.locator("#curves .name").nth(2)
    name.locator("text").hover()
    assert page.evaluate(LIT, "#standings") == [name.get_attribute("data-arms")]
    box = page.locator("#curves .canvas svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.locator("#curves .tip tr").count() == 8


@pytest.mark.long
def test_an_arm_that_is_not_drawn_is_while_it_is_pointed_at(browse, addresses):
    page = browse(addresses("forty arms"))
    before = page.locator("#curves .name").count()
    assert before == 12
    page.hover("#standings tbody tr[data-arms='30']")
    assert page.locator("#curves .name").count() == 13
    assert "30" in page.evaluate(LIT, "#curves .canvas")


@pytest.mark.long
def test_by_keyboard_alone_rows_are_gone_through_sorted_and_read(browse, addresses):
    page = browse(addresses("plain"))
    page.focus("#standings tbody tr >> nth=0")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(LIT, "#ahead-1 .forest") == ["1"]
    page.focus("#standings thead button >> nth=0")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "valid acc."
    page.keyboard.press("Enter")
    texts = page.locator("#standings tbody tr td:nth-child(6)").all_inner_texts()
    values = [float(text.split()[0].rstrip("%")) for text in texts]
    assert values == sorted(values, reverse=True), "the first press sorts the best first"
    page.keyboard.press("Enter")
    assert page.get_attribute("#standings th[aria-sort]", "aria-sort") == "ascending"
    page.focus("#curves svg[tabindex]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#curves [aria-live]").startswith("step ")
    page.focus("#ahead .tabs [aria-selected=true]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.is_visible("#ahead-2")
    assert not page.is_visible("#ahead-1")


def test_a_cell_of_the_matrix_is_read_as_a_sentence(browse, addresses):
    page = browse(addresses("plain"))
    page.click("#ahead-1 summary")
    page.focus("#ahead-1 .wins td[tabindex='0']")
    page.keyboard.press("ArrowDown")
    assert " divided by " in page.inner_text("#ahead-1 .said")


def test_a_word_is_explained_when_pointed_at_focused_or_tapped(browse, addresses):
    page = browse(addresses("plain"), width=420, has_touch=True)
    word = page.locator("a.term[href='#term-interval']")
    meaning = page.inner_text("#term-interval dd")
    word.focus()
    assert meaning in page.inner_text(".meaning")
    page.keyboard.press("Escape")
    assert page.is_hidden(".meaning")
    page.locator("h2").first.hover()
    word.tap()
    assert meaning in page.inner_text(".meaning")
    assert "#term" not in page.url, "a tap stays where it is"
    box = page.locator(".meaning").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 420


def test_targets_are_large_under_a_finger(browse, addresses):
    page = browse(addresses("plain"), width=420, has_touch=True, is_mobile=True)
    assert page.evaluate(SMALL, 44) == []


@pytest.mark.long
def test_names_that_do_not_fit_are_told_apart_and_sentences_take_their_room(browse, addresses):
    page = browse(addresses("long names"), width=420)
    names = page.locator("#curves .name text").all_text_contents()
    assert len(names) == len(set(names)) == 6
    assert any("…" in name for name in names)
    for verdict in page.locator(".forest tbody .verdict:not(.told)").all():
        if verdict.is_visible():
            assert verdict.bounding_box()["width"] > 300
    broken = "(each) => each.getClientRects().length > 1"
    words = page.locator("pre .whole").all()
    assert "--metric" in [word.text_content() for word in words]
    assert not [word.text_content() for word in words if word.evaluate(broken)]


@pytest.mark.long
def test_a_table_that_goes_on_says_so(browse, addresses):
    page = browse(addresses("plain"), width=420)
    assert page.is_visible("#standings .more")
    assert "goes-on" in page.get_attribute("#standings .wide", "class")
    page.evaluate("document.querySelector('#standings .wide').scrollLeft = 1e4")
    page.wait_for_function("!document.querySelector('#standings .wide').classList.contains('goes-on')")


@pytest.mark.long
@pytest.mark.parametrize(("dark", "paper"), [(False, "rgb(255, 255, 255)"), (True, "rgb(20, 23, 27)")])
def test_every_text_is_read_on_white_and_on_dark_paper(browse, addresses, dark, paper):
    page = browse(addresses("plain"), dark=dark)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
    assert page.evaluate(FAINT, 4.5) == []


def test_without_scripts_everything_is_said_and_shown(browse, addresses):
    page = browse(addresses("plain"), java_script_enabled=False)
    for part in (
        "#ahead-1 table",
        "#ahead-3 table",
        "#standings table",
        "#heatmap table",
        "#words dl",
        "noscript img >> nth=0",
    ):
        assert page.is_visible(part), part
    for control in page.locator(".only-js, .controls").all():
        assert not control.is_visible()
    page.click("a.term >> nth=0")
    assert "#term-" in page.url, "the word leads to the list at the end"


def test_on_paper_nothing_is_there_to_be_pressed(browse, addresses):
    page = browse(addresses("plain"), dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    for part in (".controls", ".tabs", "#standings .only-js", ".said", ".more"):
        assert not page.locator(part).first.is_visible(), part
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "no ink for dark paper"
    assert page.is_visible("#curves .canvas svg")


def test_numbers_in_a_tooltip_have_no_more_digits_than_their_interval(browse, addresses):
    page = browse(addresses("plain"))
    box = page.locator("#curves .canvas svg").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    for text in page.locator("#curves .tip td:nth-child(2)").all_inner_texts():
        mean, half = text.split(" ± ")
        assert len(mean.partition(".")[2]) == len(half.partition(".")[2]), text
