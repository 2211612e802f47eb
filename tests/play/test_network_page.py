"""The Network in a real browser: trained, paused, stepped, set beside another, drawn for, by mouse and by keys."""

import json
import re
import time

import pytest

pytestmark = [pytest.mark.extra("browser"), pytest.mark.slow]

SMALL = "tab=network&dataset=moons&dataset.rows=200&depth=2&width=8&steps=400&batch=32"
PLUGIN = '''"""Raises on its hundredth look."""
from nnreg.contracts import Activation

class {name}(Activation):
    """It raises."""
    left = {left}

    def forward(self, z, out):
        {name}.left -= 1
        if {name}.left < 0:
            raise RuntimeError("{said}")
        out[...] = z

    def backward(self, dy, z, y, out):
        out[...] = dy
'''


@pytest.fixture
def network(browse, address):
    """Open the Network, wait for its first picture, and return page and tab."""

    def network(words=SMALL, **options):
        page = browse(f"{address}#{words}", **options)
        tab = page.locator("#tab-network")
        page.wait_for_selector("#tab-network[data-drawn]")
        return page, tab

    return network


def step_of(tab):
    return int(tab.get_attribute("data-step") or 0)


def until(told, seconds=40.0):
    """Wait until something is so; the page lets no test evaluate its condition there."""
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def pixels(page, selector):
    """Return the picture of a canvas, as text."""
    return page.locator(selector).first.evaluate("canvas => canvas.toDataURL()")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.long
def test_it_trains_is_paused_and_goes_on_to_its_end(network):
    page, tab = network()
    before = pixels(page, ".plane")
    press(page, "▶ Train")
    until(lambda: step_of(tab) >= 30)
    press(page, "❚❚ Pause")
    until(lambda: tab.get_attribute("data-running") == "false")
    time.sleep(0.5)
    stood = step_of(tab)
    time.sleep(0.5)
    assert step_of(tab) == stood < 400
    assert pixels(page, ".plane") != before
    page.get_by_label("updates from one picture to the next").select_option("100")
    press(page, "▶ Train")
    until(lambda: step_of(tab) == 400)
    page.get_by_text("trained for 400 updates").wait_for()
    assert "right after 400 updates" in page.locator(".network .sentence").text_content()
    assert page.locator(".layer-table tbody tr").count() == 3
    assert page.locator(".net-curves path.line").count() >= 3


@pytest.mark.long
def test_one_update_at_a_time_and_again_from_the_start(network):
    page, tab = network()
    for step in (1, 2):
        press(page, "One update")
        until(lambda step=step: step_of(tab) == step)
    press(page, "Again")
    until(lambda: step_of(tab) == 0)


@pytest.mark.long
def test_another_seed_is_another_network_and_stands_in_the_address(network):
    page, tab = network()
    before = pixels(page, ".plane")
    press(page, "Another seed")
    until(lambda: pixels(page, ".plane") != before)
    assert "seed=1" in page.url
    assert page.locator(".network .commands code").first.text_content().endswith("seed=1")
    assert step_of(tab) == 0


@pytest.mark.long
def test_a_link_brings_back_every_choice(network, browse):
    words = f"{SMALL}&activation=tanh&init=normal&init.std=0.5&optimizer=momentum&optimizer.lr=0.05&norm=layer_norm"
    page, _ = network(words)
    command = page.locator(".network .commands code").first.text_content()
    for word in (
        "activation=tanh",
        "init.std=0.5",
        "optimizer=momentum optimizer.lr=0.05",
        "norm=layer_norm",
        "dataset.rows=200",
    ):
        assert word in command
    slider = page.locator("[data-choice=optimizer] [data-key=lr] input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    until(lambda: "optimizer.lr=0.05&" not in f"{page.url}&")
    again = browse(page.url)
    again.wait_for_selector("#tab-network[data-drawn]")
    moved = page.locator(".network .commands code").first
    until(lambda: again.locator(".network .commands code").first.text_content() == moved.text_content() != command)


@pytest.mark.long
def test_two_networks_that_differ_in_one_choice_train_side_by_side(network):
    page, tab = network()
    page.get_by_label("a second network that differs in").select_option("activation")
    page.locator(".plane-figure").nth(1).wait_for()
    assert page.locator(".plane-figure figcaption").all_text_contents() == ["relu", "tanh"]
    page.get_by_label("Its activation").select_option("sigmoid")
    page.locator(".plane-figure figcaption", has_text="sigmoid").wait_for()
    press(page, "▶ Train")
    until(lambda: step_of(tab) >= 30)
    press(page, "❚❚ Pause")
    one, other = page.locator(".plane").all()
    assert one.evaluate("canvas => canvas.toDataURL()") != other.evaluate("canvas => canvas.toDataURL()")
    commands = page.locator(".network .commands code").all_text_contents()
    assert len(commands) == 2
    assert "activation=sigmoid" in commands[1]
    assert commands[1].replace("activation=sigmoid ", "") == commands[0]
    assert "other=activation&other.name=sigmoid" in page.url
    assert page.locator(".layer-table").count() == 2


DIGITS = "tab=network&dataset=digits&depth=1&width=32&steps=300&speed=50"


@pytest.mark.long
def test_a_digit_that_is_drawn_is_read(network):
    page, tab = network(DIGITS)
    press(page, "▶ Train")
    until(lambda: step_of(tab) == 300, 90)
    field = page.locator("canvas.field").bounding_box()
    points = [(0.3, 0.15), (0.7, 0.15), (0.6, 0.4), (0.45, 0.9)]
    placed = [(field["x"] + x * field["width"], field["y"] + y * field["height"]) for x, y in points]
    page.mouse.move(*placed[0])
    page.mouse.down()
    for place in placed[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
    page.locator(".digit.best .which", has_text="7").wait_for()
    assert page.locator(".seen .pixels").count() == 1
    assert page.locator(".wrong figure").count() >= 1
    assert page.locator(".weights .pixels").count() == 24
    press(page, "Clear")
    until(lambda: page.locator(".digit").count() == 0)


@pytest.mark.long
def test_it_is_drawn_and_trained_by_keys_alone(network):
    page, tab = network(DIGITS)
    page.get_by_role("button", name="▶ Train").focus()
    page.keyboard.press("Enter")
    until(lambda: step_of(tab) == 300, 90)
    page.locator("canvas.field").focus()
    page.keyboard.press(" ")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    page.locator(".digit.best .which", has_text="1").wait_for()
    page.keyboard.press("Delete")
    until(lambda: page.locator(".digit").count() == 0)


@pytest.mark.long
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_sticks_out_of_a_narrow_page(network, dark):
    page, tab = network(f"{SMALL}&other=init&other.name=normal", width=420, dark=dark)
    press(page, "▶ Train")
    until(lambda: step_of(tab) >= 20)
    press(page, "❚❚ Pause")
    assert page.locator("html").evaluate("page => page.scrollWidth") <= 420
    paper = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", paper)[:3]))
    assert (light < 200) == dark
    small = page.locator(".train-bar button, .train-bar select").evaluate_all(
        "all => all.filter(each => each.getBoundingClientRect().height < 40).length"
    )
    assert small == 0


@pytest.fixture
def plugin(tmp_path):
    """Write an activation as a distribution of its own, with something that can be found of it."""

    def write(left, said):
        folder = tmp_path / "plugin"
        folder.mkdir(exist_ok=True)
        (folder / "nnreg_fuse.py").write_text(PLUGIN.format(name="Fuse", left=left, said=said))
        info = folder / "nnreg_fuse-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nnreg-fuse\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[nnreg.activation]\nfuse = nnreg_fuse:Fuse\n")
        return folder

    return write


@pytest.mark.long
def test_what_an_activation_raises_is_shown_beside_its_name_and_what_is_saved_trains_anew(plugin, play, browse):
    folder = plugin(120, "the fuse is blown")
    page = browse(f"{play(path=(folder,))}#{SMALL}&activation=fuse")
    page.wait_for_selector("#tab-network[data-drawn]")
    press(page, "▶ Train")
    problem = page.locator(".plane-figure .problem")
    problem.filter(has_text="activation 'fuse' (nnreg-fuse 1.0): RuntimeError: the fuse is blown").wait_for()
    plugin(10**9, "never")
    until(lambda: not problem.text_content())
    press(page, "▶ Train")
    until(lambda: step_of(page.locator("#tab-network")) >= 20)


@pytest.mark.long
def test_a_run_of_another_process_is_followed_while_it_grows(play, browse, tmp_path):
    folder = tmp_path / "runs" / "sweep" / "0"
    folder.mkdir(parents=True)
    facts = {"status": "running", "label": "adam-he", "choices": {"optimizer": "adam"}, "metrics": {}}
    (folder / "summary.json").write_text(json.dumps(facts))
    history = folder / "history.csv"
    history.write_text("step,metric,value\n0,train/loss,2.0\n1,train/loss,1.5\n")
    page = browse(play("--follow", "runs/sweep"))
    shown = page.locator(".running")
    until(lambda: shown.get_attribute("data-points") == "2")
    with history.open("a") as file:
        file.write("2,train/loss,1.0\n2,valid/loss,1.2\n")
    until(lambda: shown.get_attribute("data-points") == "4")
    assert "adam-he training" in " ".join(page.locator(".running .legend").text_content().split())
    page.get_by_role("button", name="sweep 1 training").click()
    until(lambda: "follow" not in page.url)


@pytest.mark.long
def test_biases_and_numbers_that_vary_are_chosen_kept_in_the_address_and_told_as_words(network):
    page, tab = network(f"{SMALL}&optimizer=momentum&optimizer.lr=0.1&bias=constant&vary.optimizer.momentum=cosine")
    assert page.get_by_label("Initial biases").input_value() == "constant"
    varied = page.get_by_label("optimizer.momentum while it trains")
    assert varied.input_value() == "cosine"
    told = tab.locator(".command code")
    assert "init@bias=constant" in told.inner_text()
    assert "vary.optimizer.momentum=cosine" in told.inner_text()
    varied.focus()
    varied.select_option("step")
    until(lambda: "vary.optimizer.momentum=step" in page.url)
    until(lambda: "vary.optimizer.momentum=step" in told.inner_text())
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "optimizer.momentum while it trains"
    page.get_by_label("Update rule").select_option("adam")
    until(lambda: "vary." not in page.url)
    until(lambda: "optimizer=adam" in told.inner_text() or "optimizer" not in told.inner_text())
    assert page.locator("#tab-network .problem").first.inner_text() == ""
