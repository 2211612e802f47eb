"""The exported page: one file, small, opened from disk with the network off, and true to what the command line computes."""

import json
import re
import shlex

import numpy as np
import pytest

from nnreg.errors import UserError
from nnreg.play.answers import answer
from nnreg.play.export import FULL, Exported, exported_data, fragment_of, packed_array, page, read_words
from nnreg.records.folder import read_history
from tests.browser import until, wide_things

SMALL = Exported("quadratic", ("sgd", "momentum"), steps=20)


def test_words_say_what_a_page_begins_with():
    wanted = read_words(["surface=rosenbrock", "optimizer=adam,sam+momentum", "steps=50", "start=[0,1.5]", "seed=3"])
    assert wanted == Exported("rosenbrock", ("adam", "sam+momentum"), 50, (0.0, 1.5), 3)
    assert fragment_of(wanted) == (
        "tab=valley&surface=rosenbrock&rules=adam%2Csam%2Bmomentum&steps=50&tune=1&seed=3&start=0%2C1.5"
    )
    assert read_words([]) == Exported()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("lr=0.1", "a page is opened with surface="),
        ("steps=many", "steps must be a whole number"),
        ("start=[a,b]", "start must be a point"),
        ("steps=100000", "steps must be in"),
        ("optimizer=", "rules must be 1 to 4"),
        ("optimizer=sgd,adm", "there is no optimizer 'adm'; did you mean 'adam'?"),
        ("optimizer=sam+momentom", "there is no optimizer 'momentom'; did you mean 'momentum'?"),
        ("surface=rosenbrok", "there is no surface 'rosenbrok'; did you mean 'rosenbrock'?"),
    ],
)
def test_other_words_are_refused_in_one_line(nnreg, word, said):
    answered = nnreg("play", word, "--no-open")
    assert answered.code == 2
    assert said in answered.complaint


def test_numbers_are_packed_to_a_part_in_thirty_thousand():
    values = np.random.default_rng(0).normal(size=(7, 2)) * 12
    largest, text = packed_array(values)
    back = np.frombuffer(__import__("base64").b64decode(text), "<i2").reshape(7, 2) / FULL * largest
    np.testing.assert_allclose(back, values, atol=largest / FULL)


@pytest.mark.long
def test_each_cell_is_the_descent_of_its_stops():
    data = exported_data(SMALL)
    grid = data["grids"]["momentum"]
    assert grid["keys"] == ["lr", "momentum"]
    assert 0.9 in grid["stops"][1]
    assert grid["best"]["momentum"] == 0.9
    (rate, place), (share, where) = ((grid["stops"][axis][k], k) for axis, k in ((0, 10), (1, 3)))
    cell = grid["cells"][place * len(grid["stops"][1]) + where]
    asked = {"surface": "quadratic", "rules": [{"name": "momentum", "values": {"lr": rate, "momentum": share}}], "steps": 20}
    (rule,) = answer(asked)["rules"]
    for key in ("arrived_at", "diverged_at", "rate", "velocity_name"):
        assert cell[key] == rule[key]
    assert json.dumps(data, allow_nan=False)


def test_a_page_cannot_be_made_of_a_surface_without_a_map():
    with pytest.raises(UserError, match="has 20 dimensions"):
        exported_data(Exported("spectrum"))
    with pytest.raises(UserError, match="there is no surface 'rosenbruck'"):
        page(Exported("rosenbruck"))


def test_a_file_that_cannot_be_written_is_one_line(nnreg, project):
    answered = nnreg("play", "--export", "no/such/folder.html", "optimizer=sgd", "steps=5")
    assert answered.code == 2
    assert "no/such/folder.html" in answered.complaint


@pytest.mark.long
@pytest.mark.extra("browser")
@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (420, True)], ids=["desk", "phone"])
def test_it_opens_from_a_file_with_the_network_off(browse, nnreg, project, width, dark):
    file = project / "valley.html"
    answered = nnreg("play", "--export", str(file), "optimizer=sgd,momentum", "steps=30", "surface=quadratic")
    assert (answered.code, answered.err) == (0, "")
    assert answered.out.strip() == str(file)
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    shown = browse(file.as_uri(), width=width, dark=dark, offline=True)
    shown.locator(".valley[data-drawn]").wait_for()
    shown.locator(".rates[data-filled]").wait_for()
    assert wide_things(shown) == []
    before = shown.locator("path.path:not(.later)").evaluate_all("all => all.map(each => each.getAttribute('d'))")
    assert len(before) == 2
    slider = shown.locator("[data-rule='1'] [data-key='lr'] input[type=range]")
    slider.fill(str(int(slider.input_value()) - 2))
    until(shown, "location.hash.includes('2.lr=')")
    after = shown.locator("path.path:not(.later)").evaluate_all("all => all.map(each => each.getAttribute('d'))")
    assert after[0] == before[0]
    assert after[1] != before[1]
    words = shlex.split(shown.locator(".commands code").nth(1).inner_text())
    assert nnreg(*words[3:], f"hydra.run.dir={project / 'run'}").code == 0
    history = read_history(project / "run")
    end = [float(history.series(axis)[1][-1]) for axis in ("x", "y")]
    said = shown.locator(".map .head title").evaluate_all("all => all.map(each => each.textContent)")[1]
    told = [float(part.replace("−", "-")) for part in said.split(": ")[1].split(", ")]
    assert told == pytest.approx(end, abs=0.01)
    shown.get_by_role("button", name="back to the start").click()
    assert shown.locator(".map .arrow.step").count() == 2
