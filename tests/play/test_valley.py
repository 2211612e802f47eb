"""The Valley in a real browser: turned, dragged, linked to, saved under it, read on a phone, and used by keyboard alone."""

from __future__ import annotations

import os
import textwrap
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser import until, wide_things
from tests.play.conftest import playing
from tests.registry.publishing import OPTIMIZER

pytestmark = [pytest.mark.extra("browser"), pytest.mark.slow]

TWO = "tab=valley&surface=quadratic&rules=sgd,momentum&1.lr=0.9&2.lr=0.1&2.momentum=0.8&steps=40"


def drawn(page):
    """Wait until the page has drawn what was asked last, and return what it says of it."""
    until(page, "document.querySelector('.valley')?.dataset.drawn")
    before, still = None, 0
    while still < 5:
        count = page.evaluate("document.querySelector('.valley').dataset.drawn")
        before, still = count, still + 1 if count == before else 0
        page.wait_for_timeout(80)
    return page.locator(".sentence").inner_text()


def state(page):
    """Return what the address says, text by name."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).fragment).items()}


def paths(page):
    """Return the paths on the first map, as they are drawn."""
    return (
        page.locator(".map")
        .first.locator("path.path:not(.later)")
        .evaluate_all("all => all.map(each => each.getAttribute('d'))")
    )


def knob(page, rule, key):
    return page.locator(f"[data-rule='{rule}'] [data-key='{key}']")


@pytest.mark.long
def test_a_slider_moves_path_sentence_formula_command_and_address(browse, address):
    page = browse(f"{address}#{TWO}")
    said, before = drawn(page), paths(page)
    assert len(before) == 2
    slider = knob(page, 1, "momentum").locator("input[type=range]")
    slider.fill(str(int(slider.input_value()) + 60))
    after = drawn(page)
    assert after != said
    assert paths(page)[0] == before[0]
    assert paths(page)[1] != before[1]
    turned = knob(page, 1, "momentum").locator(".typed").input_value()
    assert 0.8 < float(turned) < 1
    assert state(page)["2.momentum"] == turned
    assert f"optimizer.momentum={turned}" in page.locator(".commands").inner_text()
    assert page.locator(".formula-card mark").all_inner_texts() == ["m"]
    assert "share m of the velocity" in page.locator(".formula-card").inner_text()


@pytest.mark.long
def test_a_value_is_typed_and_one_that_the_rule_refuses_is_said_beside_it(browse, address):
    page = browse(f"{address}#{TWO}")
    drawn(page)
    field = knob(page, 0, "lr").locator(".typed")
    field.fill("1.5")
    field.press("Enter")
    assert "sgd is thrown out of the valley" in drawn(page)
    assert "beyond 1, up to which theory has it stable" in page.locator(".sentence").inner_text()
    field.fill("-1")
    field.press("Enter")
    assert "sgd could not descend" in drawn(page)
    assert "lr must be in (0, inf)" in page.locator("[data-rule='0'] .rule-problem").inner_text()
    assert len(paths(page)) == 1
    page.complaints.clear()


@pytest.mark.long
def test_the_start_is_dragged(browse, address):
    page = browse(f"{address}#{TWO}")
    said = drawn(page)
    ring = page.locator(".start .pin").bounding_box()
    x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 90, steps=6)
    page.mouse.up()
    assert drawn(page) != said
    moved = [float(each) for each in state(page)["start"].split(",")]
    assert moved[0] > -7
    assert moved[1] > 2
    box = page.locator(".map").first.bounding_box()
    assert moved[0] == pytest.approx(-7 + 60 / box["width"] * 20, abs=0.2)
    assert moved[1] == pytest.approx(2 + 90 / box["height"] * 20, abs=0.2)


@pytest.mark.long
def test_the_start_is_dragged_by_a_finger(browse, address):
    page = browse(f"{address}#{TWO}", width=420, has_touch=True)
    said = drawn(page)
    ring = page.locator(".start .pin").bounding_box()
    x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    finger = page.context.new_cdp_session(page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 9):
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x + 5 * step, "y": y + 10 * step}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert drawn(page) != said
    moved = [float(each) for each in state(page)["start"].split(",")]
    assert moved[0] > -6
    assert moved[1] < 0  # downwards too: the page has not scrolled away under the finger
    assert page.evaluate("scrollY") == 0


@pytest.mark.long
def test_all_of_it_is_used_by_keyboard_alone(browse, address):
    page = browse(f"{address}#{TWO}")
    drawn(page)
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent).trim().slice(0, 40)"
            )
        )
        if page.evaluate("document.activeElement.classList.contains('start')"):
            break
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    drawn(page)
    assert state(page)["start"] == "-6.8,3"
    assert page.evaluate("document.activeElement.classList.contains('start')"), "it keeps the focus"
    for _ in range(60):
        page.keyboard.press("Tab")
        label = page.evaluate("document.activeElement.getAttribute('aria-label')")
        seen.add(label)
        if label == "one update back":
            break
    page.keyboard.press("Enter")
    assert page.locator(".clock").inner_text() == "update 39 of 40"
    assert {"Valley"} <= seen
    page.locator("[data-rule='0'] input[type=range]").first.focus()
    before = knob(page, 0, "lr").locator(".typed").input_value()
    page.keyboard.press("ArrowLeft")
    drawn(page)
    assert float(state(page)["1.lr"]) < float(before)


@pytest.mark.long
def test_time_is_scrubbed_stepped_and_played(browse, address):
    page = browse(f"{address}#{TWO}")
    drawn(page)
    page.get_by_role("button", name="back to the start").click()
    page.get_by_role("button", name="one update on").click()
    assert page.locator(".clock").inner_text() == "update 1 of 40"
    assert page.locator(".map .arrow.step").count() == 2
    assert page.locator(".map .arrow.velocity").count() == 1  # sgd has none
    page.get_by_role("slider", name="update", exact=True).fill("20")
    assert page.locator(".clock").inner_text() == "update 20 of 40"
    cursors = page.locator(".canvas .cursor").evaluate_all("all => all.map(each => each.getAttribute('x1'))")
    assert len(cursors) == 3
    page.get_by_role("button", name="Play").click()
    until(page, "document.querySelector('.clock').textContent === 'update 40 of 40'")
    page.get_by_role("button", name="Play").wait_for()


@pytest.mark.long
def test_a_chart_is_read_by_pointing_at_it_and_by_keys(browse, address):
    page = browse(f"{address}#{TWO}")
    drawn(page)
    chart = page.locator(".valley-charts .canvas > svg").first
    corners = "all => all.map(each => each.getAttribute('d').split('L').length)"
    marks = chart.locator(".name.mark > path:not(.tie)").evaluate_all(corners)
    assert len(marks) == len(set(marks)) == 2, "two rules have two shapes"
    chart.hover(position={"x": 90, "y": 60})
    assert page.locator(".canvas .tip tr").count() == 2
    assert page.locator(".canvas .tip b").inner_text().startswith("update ")
    page.mouse.move(0, 0)
    assert page.locator(".canvas .tip").count() == 0
    chart.focus()
    page.keyboard.press("ArrowLeft")
    spoken = page.locator(".valley-charts [aria-live]").first
    assert len(spoken.inner_text().split(": ")[1].split(", ")) == 2
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    assert len(spoken.inner_text().split(": ")[1].split(", ")) == 1, "of the line that is lit"


def focused(page):
    """Return the rule, the knob and the name of what has the focus."""
    return page.evaluate("""() => {
      const [e, of] = [document.activeElement, (name) => document.activeElement.closest(`[data-${name}]`)?.dataset[name]];
      return [of("rule") ?? null, of("key") ?? null, e.getAttribute("aria-label") || e.type];
    }""")


@pytest.mark.long
def test_who_goes_by_keys_keeps_the_place_though_what_is_around_it_is_built_anew(browse, address):
    page = browse(f"{address}#{TWO}")
    drawn(page)
    page.locator("[data-rule='1'] [data-key=lr] input[type=range]").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert focused(page) == ["1", "lr", "range"]
    rule = page.get_by_label("update rule").nth(1)
    rule.focus()
    rule.select_option("adam")
    until(page, "location.hash.includes('rules=sgd%2Cadam')")
    until(page, "document.querySelector('[data-rule=\"1\"]').getAttribute('aria-label') === 'adam'")
    assert focused(page) == ["1", None, "update rule"]
    noise = page.locator("[data-key=noise] input.typed")
    noise.focus()
    noise.fill("0.5")
    page.keyboard.press("Enter")
    page.locator("[data-key=seed]").wait_for()
    assert focused(page) == [None, "noise", "noise, typed"]


@pytest.mark.long
def test_a_link_brings_everything_back(browse, address):
    page = browse(f"{address}#{TWO}")
    drawn(page)
    page.get_by_role("button", name="A map each").click()
    page.get_by_role("slider", name="update", exact=True).fill("7")
    page.locator("[data-key='noise'] .typed").fill("0.2")
    page.locator("[data-key='noise'] .typed").press("Enter")
    said = drawn(page)
    until(page, "location.hash.includes('t=7')")
    again = browse(page.url)
    assert drawn(again) == said
    assert again.locator(".clock").inner_text() == "update 7 of 40"
    assert again.locator(".map").count() == 2
    assert paths(again) == paths(page)
    assert "surface=noisy+quadratic surface.noise=0.2" in again.locator(".commands").inner_text()
    again.evaluate(f"location.hash = '#{TWO}'")
    drawn(again)
    until(again, "document.querySelectorAll('.map').length === 1")
    assert again.locator(".clock").inner_text() == "update 40 of 40"


@pytest.mark.long
def test_a_click_on_the_map_of_knobs_turns_both(browse, address):
    page = browse(f"{address}#{TWO}&moved=2.lr")
    drawn(page)
    page.locator(".rates[data-filled]").wait_for()
    assert page.locator(".cell-lines .bound").count() == 1
    page.locator(".cells").scroll_into_view_if_needed()
    box = page.locator(".cells").bounding_box()
    page.mouse.move(box["x"] + 0.93 * box["width"], box["y"] + 0.97 * box["height"])
    assert "thrown out" in page.locator(".rates .told").inner_text()
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.97 * box["height"])
    drawn(page)
    until(page, "location.hash.includes('2.momentum=0&')")
    assert float(state(page)["2.lr"]) != 0.1


@pytest.mark.long
def test_another_surface_gives_each_rule_a_rate_that_suits_it(browse, address):
    page = browse(f"{address}#{TWO}")
    drawn(page)
    page.locator(".picker select[aria-label=surface]").select_option("rosenbrock")
    until(page, "location.hash.includes('surface=rosenbrock')")
    assert "thrown out" not in drawn(page)
    assert float(state(page)["1.lr"]) < 0.1
    page.get_by_role("button", name="+ Add a rule").click()
    until(page, "document.querySelectorAll('.rule').length === 3")
    drawn(page)
    assert len(paths(page)) == 3
    page.get_by_role("button", name="remove sgd").click()
    until(page, "document.querySelectorAll('.rule').length === 2")
    drawn(page)
    assert state(page)["rules"].startswith("momentum,")


@pytest.mark.long
def test_a_rule_around_another_and_a_surface_without_a_map(browse, address):
    page = browse(f"{address}#tab=valley&surface=spectrum&rules=sam%2Bmomentum,lbfgs&steps=20")
    assert "lbfgs" in drawn(page)
    assert "20 dimensions" in page.locator(".maps").inner_text()
    assert page.locator("[data-rule='0'] select").evaluate_all("all => all.map(each => each.value)") == ["sam", "momentum"]
    assert knob(page, 0, "inner.momentum").count() == 1


@pytest.mark.long
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [420, 1400])
def test_it_fits_a_phone_and_a_desk_by_day_and_by_night(browse, address, width, dark):
    page = browse(f"{address}#{TWO}", width=width, dark=dark)
    drawn(page)
    assert wide_things(page) == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor").strip("rgb()").split(",")
    assert (sum(map(int, ground)) < 150) == dark
    box = page.locator(".map").first.bounding_box()
    assert box["width"] == pytest.approx(box["height"], rel=0.02)  # the domain is a square: equal aspect
    if width == 420:
        small = page.locator("button:visible, select:visible, summary:visible").evaluate_all(
            "all => all.filter(each => each.getBoundingClientRect().height < 28).map(each => each.textContent)"
        )
        assert small == []


def published(folder: Path, source: str) -> Path:
    """Publish an optimizer ``mine`` in a folder, and return its file."""
    metadata = folder / "mine-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[nnreg.optimizer]\nmine = mine_rules:Rule\n")
    file = folder / "mine_rules.py"
    file.write_text(textwrap.dedent(source))
    return file


def save(file: Path, source: str) -> None:
    """Save a file as an editor does: another one in its place, at another time."""
    fresh = file.with_suffix(".new")
    fresh.write_text(textwrap.dedent(source))
    os.utime(fresh, ns=(time.time_ns(), time.time_ns() + 1_000_000))
    fresh.replace(file)


@pytest.mark.long
def test_a_plugin_that_is_saved_is_drawn_anew_and_one_that_raises_is_shown_by_name(browse, tmp_path):
    file = published(tmp_path / "site", OPTIMIZER)
    with playing(folder=tmp_path, path=(tmp_path / "site",)) as address:
        page = browse(f"{address}#tab=valley&surface=quadratic&rules=mine,sgd&1.lr=0.5&2.lr=0.5&steps=20")
        drawn(page)
        first = paths(page)
        assert first[0] == first[1]  # it is plain descent
        save(file, OPTIMIZER.replace("theta -= lr * g", "theta -= 0.5 * lr * g"))
        until(page, "document.querySelector('.saved').textContent.includes('mine_rules.py')")
        until(page, "before => document.querySelector('path.path:not(.later)').getAttribute('d') !== before", first[0])
        drawn(page)
        assert paths(page)[1] == first[1]

        save(file, OPTIMIZER.replace("theta -= lr * g", "raise RuntimeError('the dog ate my state')"))
        told = page.locator("[data-rule='0']")
        told.get_by_text("the dog ate my state").first.wait_for()
        assert "mine" in told.inner_text()
        drawn(page)
        assert len(paths(page)) == 1  # the other one descends

        save(file, "this is no Python")
        told.get_by_text("SyntaxError").first.wait_for()
        save(file, OPTIMIZER)
        until(page, "document.querySelectorAll('path.path:not(.later)').length === 2")
        drawn(page)
        assert paths(page) == first
        page.complaints.clear()  # the browser logs each answer of status 422


def test_a_page_of_another_site_learns_nothing_and_starts_nothing(browse, address):
    page = browse("about:blank")
    tried = page.evaluate(
        """async address => {
            const asked = { method: "POST", mode: "no-cors", body: JSON.stringify({ kind: "optimizer", name: "adam" }) };
            const answers = [];
            for (const [path, options] of [["api/technique", asked], ["api/techniques/optimizer", {}], ["api/changes", {}]])
                answers.push(await fetch(address + path, options).then(() => "answered", () => "refused"));
            return answers;
        }""",
        address,
    )
    assert tried == ["refused"] * 3
    page.complaints.clear()
