"""The tables of the documentation say what the docstrings say now, and the pages can be found."""

import re

import pytest

from nnreg.contracts import CONTRACTS
from nnreg.registry import entries
from nnreg.settings import Settings, SweepSettings
from nnreg_std.datasets.digits import Digits
from tests.docs import reference_pages
from tests.docs.reference_pages import DOCS, PAGES, written


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_as_the_command_would_write_it(page):
    assert (DOCS / page).read_text(encoding="utf-8") == written(page), "run `python -m tests.docs.reference_pages`"


@pytest.mark.parametrize("of", [Settings, SweepSettings])
def test_every_setting_has_a_meaning(of):
    assert reference_pages.meanings(of).keys() == of.__dataclass_fields__.keys()


def test_bounds_are_those_that_are_checked():
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert re.search(r"`clip_norm` \| `null` \| number in \(0, inf\), null \| train, descend \|", page)
    with pytest.raises(ValueError, match=r"clip_norm must be in \(0, inf\), got 0"):
        Settings(clip_norm=0)


def test_what_a_pass_is_worth_is_counted_right():
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    rows = len(Digits().load().train.x)
    batch, steps = Settings().batch, Settings().steps
    assert f"| `digits` | {rows:,} | {rows / batch:.1f} | {steps / (rows / batch):.0f} passes |" in page
    assert f"`batch={batch}` | `steps={steps}` are |" in page


@pytest.mark.parametrize("kind", CONTRACTS)
def test_the_catalogue_of_the_readme_has_every_technique(kind):
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w, ]+) \| (.*) \|$", readme.partition("## The catalogue")[2], flags=re.MULTILINE)
    named = {word for kinds, techniques in rows if kind in kinds.split(", ") for word in re.findall(r"\w+", techniques)}
    ours = {name for name, entry in entries.techniques(kind).items() if entry.distribution == "nnreg"}
    assert ours - named == set(), f"add them to the row {kind} in README.md"


def test_the_readme_leads_to_every_page():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in readme] == []


@pytest.mark.parametrize("page", [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda path: path.name)
def test_words_with_brackets_stand_in_quotes_without_which_zsh_refuses_them(page):
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"(?<!['\w.@])[\w.@]+=\[[^\s\]]*\]", text) == []
