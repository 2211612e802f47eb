"""What docs/runs.md says of run folders and of links is so."""

import re
from pathlib import Path

import pytest

from nnreg.tracking import views
from nnreg.tracking.views import SeenRun
from tests.docs.runs_page import DOCS, shown

PAGE = (Path(__file__).parents[2] / "docs" / "runs.md").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["optimizer=adam", "init=he", "diagnostics=on", "hidden=[8]"], "adam-he"),
        (["task=descend", "surface=beale", "animate=gif"], "sgd-beale"),
        (["task=activations", "activation=tanh", "init=lecun"], "tanh-lecun"),
    ],
)
def test_every_file_of_a_run_is_on_the_page(nnreg, project, words, name):
    assert nnreg(*words, *([] if "task=activations" in words else ["steps=4"])).code == 0
    (folder,) = (project / "runs").iterdir()
    assert folder.name.endswith(f"_{name}")
    assert [path.name for path in folder.iterdir() if f"`{path.name}{'/' * path.is_dir()}`" not in PAGE] == []


def test_the_links_have_the_names_that_are_printed(monkeypatch):
    monkeypatch.setattr(views, "_link", lambda *_, **__: "link")
    params = ({"optimizer": "sgd", "seed": seed} for seed in "123")
    swept = [SeenRun(each, frozenset(), "today", seed, False, "") for each, seed in zip(params, "123", strict=True)]
    answer = SeenRun({}, frozenset(), "today", "4", True, "report.html")
    other = SeenRun({"optimizer": "adam", "seed": "1"}, frozenset(), None, "5", False, "")
    printed = views._lines("http://127.0.0.1:5000", "1", [answer, *swept, other])
    part = PAGE[PAGE.index("`python -m nnreg ui` starts") :]
    assert re.findall(r"\*\*(.+?)\*\*", part) == list(printed)


def test_every_picture_of_the_page_is_of_a_run_that_stands_beside_it():
    assert re.findall(r"\]\(run_(\w+\.png)\)", PAGE) == ["confusion.png", "boundary.png", "mistakes.png"]
    assert set(shown()) == {"confusion.png", "boundary.png", "mistakes.png"}
    assert all("pictures=all" in words and (DOCS / f"run_{name}").is_file() for name, words in shown().items())
