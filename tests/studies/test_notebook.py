"""The lab notebook: pages made of what was measured, and of nothing else."""

import json
import re
from pathlib import Path

import pytest

from nnreg.studies import notebook

NOTEBOOK = Path(__file__).resolve().parents[2] / "experiments"
CLAIM = {"say": "it | falls", "measure": 'final("x")', "expect": "< 0.5", "measured": "0.4321 ± 0.0123", "holds": True}
FACTS = {
    "name": "valley",
    "title": 'How "deep" is it | really?',
    "command": "python -m nnreg --config-dir=own experiment=valley steps=3",
    "about": "One paragraph.\n\nAnother one.",
    "findings": "",
    "claims": [CLAIM, {**CLAIM, "say": "it rests", "measured": "17.25", "holds": False}],
    "figures": ["valley.png", "valley-2.png"],
    "runs": 35,
    "failed": 0,
    "seeds": [0, 1, 2, 3, 4],
    "diverged": 2,
    "dataset": {"name": "digits", "digest": "abcdef0123456789", "rows": {"train": 1079, "test": 360}},
    "seconds": 41.6,
}


@pytest.fixture
def add(tmp_path):
    """A function that adds a page, with changed facts, to a notebook; it returns the page's text."""

    def write(**changes):
        facts = {**FACTS, **changes}
        figures = []
        for name in facts["figures"]:
            (tmp_path / "made").mkdir(exist_ok=True)
            figures.append(tmp_path / "made" / name)
            figures[-1].write_bytes(name.encode())
        return notebook.write_page(tmp_path / "experiments", facts, figures, 65.4).read_text(encoding="utf-8")

    return write


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "experiments"


def numbers(text):
    return set(re.findall(r"\d+(?:\.\d+)?", text.replace(",", "")))


def test_a_page_holds_question_command_figures_claims_and_how_it_was_made(add, folder):
    page = add()
    assert page.startswith('# How "deep" is it | really?\n\nOne paragraph.\n\nAnother one.\n')
    assert "\n```\npython -m nnreg --config-dir=own experiment=valley steps=3\n```\n" in page
    assert "(valley.png)" in page
    assert "(valley-2.png)" in page
    assert "| it \\| falls | `< 0.5` | 0.4321 ± 0.0123 | reproduced |" in page
    assert "| it rests | `< 0.5` | 17.25 | **not reproduced** |" in page
    assert "35 runs, seeds 0 to 4, 2 of them diverged; 65 s in all, 42 s of them training." in page
    assert "digits, 1,079 train, 360 test rows, digest abcdef012345." in page
    assert re.search(r"\d{4}-\d\d-\d\d, .*Python 3\.\d+\.\d+; nnreg .*numpy .*mlflow", page)
    assert (folder / "valley-2.png").read_bytes() == b"valley-2.png"


def test_every_number_of_a_page_is_in_its_data(add, folder):
    page = add()
    facts = json.loads((folder / "valley.json").read_text(encoding="utf-8"))
    assert {key: facts[key] for key in FACTS} == FACTS
    fixed = {"95"}  # the interval's level
    shown = numbers(page.replace("65 s", "65.4 s").replace("42 s", "41.6 s").replace("abcdef012345", ""))
    assert shown - fixed <= numbers(json.dumps(facts, ensure_ascii=False))


@pytest.mark.parametrize("path", sorted(NOTEBOOK.glob("*.json")), ids=lambda path: path.stem)
def test_every_page_of_this_repository_has_the_command_of_its_data(path):
    command = json.loads(path.read_text(encoding="utf-8"))["command"]
    assert f"\n```\n{command}\n```\n" in path.with_suffix(".md").read_text(encoding="utf-8")
    assert f" experiment={path.stem}" in command


def test_findings_have_a_heading_only_where_there_are_some(add):
    assert "What else it shows" not in add()
    assert "## What else it shows\n\nMore.\n" in add(findings="More.")


def test_a_study_without_data_or_spread_says_neither(add):
    page = add(dataset=None, seeds=[0], diverged=0, runs=1)
    assert "Data:" not in page
    assert "diverged" not in page
    assert "one seed" in page


def test_the_index_counts_claims_and_shows_every_study_on_a_contact_sheet(add, folder):
    for name in ("b", "a", "d", "c"):
        add(name=name, title=f"Why {name}?", figures=[f"{name}.png"])
    add(name="e", title='How "deep" | e?', figures=[])
    text = notebook.write_index(folder).read_text(encoding="utf-8")
    assert "**5 of 10 claims reproduced.**" in text
    rows = re.findall(r"^\| \[(\w)\]\(\w\.md\) \| (.*) \| 1 of 2 \| 35 \| 65\.4 \|$", text, re.MULTILINE)
    assert rows == [*((name, f"Why {name}?") for name in "abcd"), ("e", 'How "deep" \\| e?')]
    sheet = text.partition("## Contact sheet")[2]
    assert re.findall(r'<a href="(\w).md"><img src="(\w).png"', sheet) == [(name, name) for name in "abcd"]
    assert len([line for line in sheet.splitlines() if "<img" in line]) == 2


def test_a_question_cannot_break_the_contact_sheet(add, folder):
    add()
    text = notebook.write_index(folder).read_text(encoding="utf-8")
    assert 'alt="How &quot;deep&quot; is it \\| really?"' in text


def test_an_empty_notebook_has_an_index_too(folder):
    folder.mkdir()
    assert "**0 of 0 claims reproduced.**" in notebook.write_index(folder).read_text(encoding="utf-8")


def test_a_page_made_anew_drops_its_old_figures_and_keeps_other_pages(add, folder):
    add()
    add(name="valley-deep", figures=["valley-deep.png"])
    add(name="other", figures=["other.png"])
    before = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("valley.")}
    page = add(figures=["valley.png"], claims=[{**CLAIM, "measured": "0.1"}])
    assert not (folder / "valley-2.png").exists()
    assert "17.25" not in page
    after = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("valley.")}
    assert after == {name: content for name, content in before.items() if name != "valley-2.png"}
    assert "**3 of 5 claims reproduced.**" in notebook.write_index(folder).read_text(encoding="utf-8")
