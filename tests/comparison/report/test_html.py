"""The report: one well-formed file that needs nothing from elsewhere and takes every name for a name."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from html.parser import HTMLParser

import pytest

from nnreg.comparison.compare import compare
from tests.comparison.sweeps import sweep

VOID = {"meta", "col", "img", "br", "link", "input", "hr", "line", "circle", "rect", "path"}
NASTY = '<img src=x onerror=alert(1)> & "q" \'é</script>'


class Page(HTMLParser):
    """Checks that every tag is closed in order, and gathers what the page refers to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.words, self.tags, self.handlers, self.ids = [], [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href", "action", "data", "poster", "srcset")]
        self.ids += [value for name, value in attributes if name == "id"]
        self.handlers += [name for name, _ in attributes if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def data_of(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def report_of(home, folder, **asked):
    return compare([home], **asked).save(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """The report of a sweep over two optimizers and three inits with a diverged arm."""
    home = tmp_path_factory.mktemp("grid")
    pairs = itertools.product(("adam", "sgd"), ("he", "normal", "lecun"))
    spread = (1.0, 1.1, 1.2)
    losses = {pair: [(1 + place // 2) * each for each in spread] for place, pair in enumerate(pairs)}
    jobs = {(f"optimizer={rule}", f"init={init}"): each for (rule, init), each in losses.items()}
    jobs["optimizer=adam", "init=normal"] = [1.15, 1.05, 1.1]
    jobs["optimizer=sgd", "init=lecun"] = [None, None, None]
    return report_of(sweep(home / "sweep", jobs), home / "out")


@pytest.mark.long
def test_it_is_well_formed_and_refers_to_nothing_elsewhere(grid):
    page = Page(grid)
    assert page.open == []
    assert page.links
    assert all(link.startswith(("data:image/png;base64,", "#term-")) for link in page.links)
    assert {link for link in page.links if link.startswith("#")} == {
        f"#{name}" for name in page.ids if name.startswith("term-")
    }
    assert set(re.findall(r"https?://[^\s\"')]+", grid)) <= {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"@import|url\((?!#)|import\s*\(|fetch\(|XMLHttpRequest|localStorage|eval\(", grid)
    assert page.handlers == []
    assert len(grid) < 1_500_000


def test_the_answer_comes_first_then_how_fair_it_was(grid, tmp_path):
    text = Page(grid).text
    assert text.index("beats") < text.index("3 seeds, the same for every arm") < text.index("Which combination of")


def test_without_a_script_there_are_pictures_and_tables(grid):
    assert grid.count("<noscript>") == 2
    page = Page(re.sub(r"<script.*?</script>", "", grid, flags=re.S))
    for words in ("adam, he", "cannot tell", "3 of 3 lost", "diverged at step 3", "python -m nnreg compare"):
        assert words in page.text
    # standings; distances and matrix of arms and of inits, distances of two optimizers; a heatmap; lost runs
    assert page.tags.count("table") == 7


def test_every_name_is_a_name_whatever_characters_it_has(tmp_path):
    jobs = {(f"optimizer={NASTY}",): [1.0, 2.0], ("optimizer=sgd",): [3.0, None]}
    text = report_of(sweep(tmp_path / "<b>&sweep", jobs), tmp_path / "out")
    page = Page(text)
    assert page.open == []
    assert page.handlers == []
    assert 'onerror=alert(1)> & "q" \'é' in page.text
    assert all(link.startswith(("data:image/png", "#term-")) for link in page.links)
    assert NASTY in [series["name"] for series in data_of(text)["charts"]["curves"]["series"]]


def test_the_curves_are_means_with_bands_thinned_and_without_infinities(tmp_path):
    long = {"train/loss": [2.0] * 2000, "valid/accuracy": [0.5, 0.6]}
    jobs = {("optimizer=adam",): [1.0, 2.0, 1.5, 1.2], ("optimizer=sgd",): [None]}
    home = sweep(tmp_path / "sweep", jobs, curves=long)
    chart = data_of(report_of(home, tmp_path / "out"))["charts"]["curves"]
    assert [view["name"] for view in chart["views"]] == ["training loss", "validation accuracy"]
    adam, sgd = chart["views"][0]["curves"]
    assert set(adam["y"]) == set(adam["low"]) == {2.0}
    assert len(chart["steps"][adam["x"]]) <= 240
    assert (chart["steps"][adam["x"]][0], chart["steps"][adam["x"]][-1]) == (0, 1999)
    assert sgd["y"] == []
    assert len(sgd["lost"]) == 1


@pytest.mark.long
def test_rates_and_profiles_have_charts_and_only_the_best_rates_are_shown_at_first(tmp_path):
    jobs = {
        (f"optimizer={rule}", f"optimizer.lr={rate}"): [rate, rate + 0.1] for rule in ("sgd", "adam") for rate in (0.1, 1.0)
    }
    data = data_of(report_of(sweep(tmp_path / "rates", jobs), tmp_path / "out"))
    assert set(data["charts"]) == {"curves", "sensitivity"}
    shown = [each["name"] for place, each in enumerate(data["charts"]["curves"]["series"])
             if place not in data["charts"]["curves"]["hidden"]]  # fmt: skip
    assert sorted(shown) == ["adam, lr 0.1", "sgd, lr 0.1"]
    assert all(curve["rings"][0]["edge"] for curve in data["charts"]["sensitivity"]["views"][0]["curves"])
    jobs = {(f"dataset={data}", f"optimizer={rule}"): [1.0, 2.0] for data in ("iris", "wine") for rule in ("sgd", "adam")}
    data = data_of(report_of(sweep(tmp_path / "data", jobs), tmp_path / "alike"))
    assert "profile" not in data["charts"], "all alike on every dataset: a panel without information"
    jobs["dataset=iris", "optimizer=sgd"] = [3.0, 4.0]
    data = data_of(report_of(sweep(tmp_path / "apart", jobs), tmp_path / "more"))
    assert data["charts"]["profile"]["views"][0]["curves"][0]["y"][-1] == 1.0


def test_no_path_of_this_computer_is_on_the_page(tmp_path):
    home = sweep(tmp_path / "sweep", {("optimizer=adam",): [1.0, 2.0], ("optimizer=sgd",): [3.0, None]})
    report = report_of(home, tmp_path / "out")
    assert str(tmp_path) not in report
    assert "python -m nnreg compare sweep --metric" in Page(report).text, "not as it lies from here"
    assert "typed in the folder that holds sweep" in report
    assert "sweep/3" in Page(report).text, "the lost run, from its sweep's folder on"


def test_the_fairness_text_stands_in_one_place(grid):
    assert grid.count("the same for every arm") == 1


def test_what_cannot_be_told_and_how_many_seeds_would_tell_comes_after_the_answer(grid):
    text = Page(grid).text
    assert text.index("What cannot be told?") < text.index("seeds would tell") < text.index("How far is the leader ahead?")
    assert "Whether it is so on another dataset: all ran on iris" in text
    assert "none was tuned" in text


def test_panels_without_information_are_left_out(tmp_path):
    """One seed: no distance has an interval, nobody wins; nothing reaches the target; every cell of the heatmap is alike."""
    jobs = {(f"optimizer={rule}", f"init={init}"): [1.0] for rule in ("adam", "sgd") for init in ("he", "normal")}
    page = Page(report_of(sweep(tmp_path / "sweep", jobs), tmp_path / "out", target="valid/accuracy=0.99"))
    assert {"ahead", "heatmap", "lost"}.isdisjoint(page.ids)
    assert "steps to target" not in page.text
    assert "not reached" not in page.text
    assert "one seed carries no interval" in page.text


def test_a_word_is_explained_where_it_is_first_used_and_in_the_list(grid):
    for key in ("seed", "holm", "interval", "nats"):
        assert grid.count(f'href="#term-{key}"') == 1
        assert grid.count(f'id="term-{key}"') == 1
        assert grid.index(f'href="#term-{key}"') < grid.index(f'id="term-{key}"')


def test_the_command_of_the_report_makes_the_same_comparison(nnreg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = sweep(tmp_path / "a sweep", {("optimizer=adam",): [1.0, 2.0], ("optimizer=sgd",): [3.0, 4.0]})
    report = report_of(home, tmp_path / "out", metric="valid/loss", target="train/loss=1.2345678901")
    words = shlex.split(re.search(r"python -m nnreg (compare .*? --target \S+)", Page(report).text)[1])
    assert words == ["compare", "a sweep", "--metric", "valid/loss_final", "--target", "train/loss=1.2345678901"]
    answer = nnreg(*words, "--folder", str(tmp_path / "again"))
    assert answer.code == 0, answer.err
    first, again = (json.loads((tmp_path / name / "comparison.json").read_text()) for name in ("out", "again"))
    assert first | {"folders": ["a sweep"]} == again


def test_a_pair_that_is_open_for_its_lost_runs_is_not_said_to_be_indistinguishable(tmp_path):
    jobs = {("optimizer=adam",): [0.1, 0.11, 0.12, None], ("optimizer=sgd",): [1.0, 1.1, 1.2, 1.1]}
    page = Page(report_of(sweep(tmp_path / "sweep", jobs), tmp_path / "out"))
    assert "runs were lost" in page.text, "beside the distance"
    assert "told apart" not in (tmp_path / "out" / "report.html").read_text()
