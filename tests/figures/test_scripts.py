"""Modules of a page are put together into one plain script that defines nothing outside of itself."""

import json
import re

import pytest

from nnreg.figures.scripts import CHARTS, bundle
from nnreg.play.server import WEB
from nnreg.registry.palette import SHAPES


def write(folder, **modules):
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)


def test_what_is_imported_stands_before_and_once(tmp_path):
    write(
        tmp_path,
        one='import { two, other as more } from "./second.js";\nimport * as third from "./third.js";\ntwo(more, third);\n',
        second='import { name } from "./third.js";\nexport function two() { return name; }\nexport const other = 2;\n',
        third="const name = 3;\nfunction hidden() {}\nexport { name };\n",
    )
    script = bundle("one.js", (tmp_path,))
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    order = [script.index(f"const module_{name} =") for name in ("third", "second", "one")]
    assert order == sorted(order)
    assert script.count("const name = 3;") == 1
    assert "return { two, other };" in script
    assert "return { name };" in script
    assert "const { two, other: more } = module_second;" in script


@pytest.mark.parametrize(
    ("modules", "error"),
    [
        ({"one": 'import { a } from "./two.js";\n', "two": 'import { b } from "./one.js";\n'}, "in a circle"),
        ({"one": "export default 3;\n"}, "cannot be put into one script: export default 3"),
        ({"one": 'import a from "./two.js";\n', "two": ""}, "cannot be put into one script"),
        ({"one": 'import { a } from "./nowhere.js";\n'}, "there is no script nowhere.js"),
    ],
    ids=["a circle", "a default", "an import of it", "nowhere"],
)
def test_what_cannot_be_put_together_is_said(tmp_path, modules, error):
    write(tmp_path, **modules)
    with pytest.raises((ValueError, FileNotFoundError), match=error):
        bundle("one.js", (tmp_path,))


@pytest.mark.parametrize("name", [path.name for path in sorted(CHARTS.glob("*.js"))])
def test_every_chart_script_can_be_held_by_a_page(name):
    assert bundle(name).startswith("(() => {")


def test_pages_draw_every_marker_of_the_palette_in_its_order():
    listed = re.search(r"export const SHAPES = (\[.*?\]);", (CHARTS / "markers.js").read_text())
    assert tuple(json.loads(listed[1])) == SHAPES


@pytest.mark.parametrize("name", ["main.js", "export.js"])
def test_so_can_the_pages_that_move(name):
    assert "import" not in re.sub(r"//.*|\"[^\"]*\"|`[^`]*`", "", bundle(name, (WEB, CHARTS)))
