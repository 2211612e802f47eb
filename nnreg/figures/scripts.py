"""Scripts of pages, read and put together: the charts in ``figures/web``, which the report and the playground share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

CHARTS = Path(__file__).parent / "web"
"""Folder of the chart scripts, modules that import each other alone."""

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_WHOLE = re.compile(r'^import \* as (\w+) from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function\*?|const|class) (\w+)", re.MULTILINE)
_LISTED = re.compile(r"^export \{([\w, ]*)\};\n?", re.MULTILINE)


def bundle(name: str, folders: Sequence[Path] = (CHARTS,)) -> str:
    """Return a module and all that it imports as one plain script, which a page can hold that is opened from a file.

    Our modules import by name from beside themselves and export functions, constants and classes where they declare them.

    Args:
        name: of the module that begins, such as ``main.js``.
        folders: where modules are, the first that has one counts.

    Raises:
        FileNotFoundError: a module is nowhere.
        ValueError: a module imports or exports in another way, or modules import each other in a circle.
    """
    order: list[str] = []
    texts: dict[str, str] = {}
    _gather(name, folders, order, texts, ())
    parts = [f"const {_variable(each)} = (() => {{\n{_body(texts[each])}}})();\n" for each in order]
    return f'(() => {{\n"use strict";\n{"".join(parts)}}})();\n'


def _gather(name: str, folders: Sequence[Path], order: list[str], texts: dict[str, str], outside: tuple[str, ...]) -> None:
    if name in outside:
        raise ValueError(f"modules import each other in a circle: {' from '.join((*outside, name))}")
    if name in texts:
        return
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if path is None:
        raise FileNotFoundError(f"there is no script {name} in {', '.join(map(str, folders))}")
    texts[name] = path.read_text(encoding="utf-8")
    for pattern in (_IMPORT, _WHOLE):
        for found in pattern.finditer(texts[name]):
            _gather(found[2], folders, order, texts, (*outside, name))
    order.append(name)


def _body(text: str) -> str:
    """Return a module's text as the body of a function that returns what it exports."""
    exported = _EXPORT.findall(text) + [name.strip() for names in _LISTED.findall(text) for name in names.split(",")]
    text = _IMPORT.sub(lambda found: f"const {{{found[1].replace(' as ', ': ')}}} = {_variable(found[2])};\n", text)
    text = _WHOLE.sub(lambda found: f"const {found[1]} = {_variable(found[2])};\n", text)
    text = _LISTED.sub("", text)
    text = re.sub(r"^export (?=(?:async )?(?:function|const|class) )", "", text, flags=re.MULTILINE)
    if left := re.search(r"^(import|export)\b.*", text, re.MULTILINE):
        raise ValueError(f"this cannot be put into one script: {left[0]}")
    return f"{text}return {{ {', '.join(exported)} }};\n"


def _variable(name: str) -> str:
    return f"module_{name.removesuffix('.js')}"
