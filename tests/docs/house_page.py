"""Writes the rooms into docs/house.md and draws them, from the code as it is: ``python -m tests.docs.house_page``."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).resolve().parents[2]
PACKAGE, PAGE, DRAWING = ROOT / "nnreg", ROOT / "docs" / "house.md", ROOT / "docs" / "house.png"
BLOCK = "<!-- {name}: written by `python -m tests.docs.house_page` -->\n"
END = "<!-- end -->"
WIDTH, HEIGHT, STEP = 2.1, 0.72, 1.42  # of a room, and from floor to floor, in inches


def floors() -> list[list[str]]:
    """Return the floors of the contract in pyproject.toml, highest first, each with its rooms."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in tools["contracts"] if contract["type"] == "layers")
    return [re.split(r"\s*[|:]\s*", layer) for layer in layers]


def modules(room: str) -> list[Path]:
    """Return the modules of a room that hold code, those of a room within it last."""
    folder = PACKAGE / room
    found = [path for path in folder.rglob("*.py") if "templates" not in path.parts]
    return sorted(found, key=lambda path: (len(path.parts), path.name != "__init__.py", path.name))


def first_line(path: Path) -> str:
    """Return the first sentence of a module's docstring."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(words.split("\n\n")[0].split()).replace("``", "`")


def rooms_table() -> str:
    """Return the rooms from the ground up, each with its modules and what each gives."""
    lines = []
    for floor in reversed(floors()):
        for name in floor:
            folder = PACKAGE / name
            if folder.is_dir():
                lines += [f"\n**`{name}/`** {first_line(folder / '__init__.py')}\n\n| module | what it gives |\n|---|---|"]
                inside = [path for path in modules(name) if path.name != "__init__.py"]
                lines += [f"| `{path.relative_to(folder).with_suffix('').as_posix()}` | {_cell(path)} |" for path in inside]
            elif name == "__main__":
                lines += [f"\n**`__main__`** {first_line(folder.with_suffix('.py'))}"]
        if floor == floors()[-1]:
            open_ones = [name for name in floor if not (PACKAGE / name).is_dir()]
            lines += ["\n**in the open**\n\n| module | what it gives |\n|---|---|"]
            lines += [f"| `{name}` | {_cell(PACKAGE / f'{name}.py')} |" for name in open_ones]
    return "\n".join(lines).strip() + "\n"


def _cell(path: Path) -> str:
    return first_line(path).replace("|", "\\|")


def written() -> str:
    """Return the page with its table made anew."""
    start = BLOCK.format(name="rooms")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(start)
    return before + start + "\n" + rooms_table() + "\n" + END + rest.partition(END)[2]


def arrows() -> Counter[tuple[str, str]]:
    """Return how many import statements lead from one room to another; those for a type checker count."""
    found: Counter[tuple[str, str]] = Counter()
    for floor in floors():
        for room in floor:
            paths = modules(room) if (PACKAGE / room).is_dir() else [PACKAGE / f"{room}.py"]
            for path in paths:
                found.update((room, other) for other in _used(path) if other != room)
    return found


def _used(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "nnreg":
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("nnreg."):
            names.append(node.module.split(".")[1])
    return names


def drawn() -> Figure:
    """Return the drawing: rooms on their floors, an arrow for the imports from one room to another, thicker where many.

    Arrows to the ground are drawn from the floor above it alone.
    """
    rows = [[name for name in floor if (PACKAGE / name).is_dir()] or floor for floor in floors()]
    rows[-1] = ["contracts", "settings · errors · console · numerals · process"]
    figure = Figure(figsize=(9.4, STEP * len(rows) + 0.5), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 9.4), ylim=(0, STEP * len(rows) + 0.5))
    axes.axis("off")
    places = {}
    for number, row in enumerate(rows):
        wide = [WIDTH if "·" not in name else 2.2 * WIDTH for name in row]
        left = (9.4 - sum(wide) - 0.7 * (len(row) - 1)) / 2
        for name, width in zip(row, wide, strict=True):
            places |= dict.fromkeys(name.split(" · "), (left, STEP * (len(rows) - number) - HEIGHT, width))
            _room(axes, name, places[name.split(" · ")[0]])
            left += width + 0.7
    near = {name for row in floors()[-2:] for name in row}
    for (source, target), count in sorted(arrows().items()):
        if target in floors()[-1] and source not in near:
            continue  # every room stands on the ground
        _arrow(axes, places[source], places[target], count)
    return figure


def _room(axes, name, place) -> None:
    left, bottom, width = place
    axes.add_patch(
        FancyBboxPatch((left, bottom), width, HEIGHT, "round,pad=0,rounding_size=0.08", fc="#f4f1ea", ec="#444444", zorder=3)
    )
    folder = PACKAGE / name
    count = f"{len([path for path in modules(name) if path.name != '__init__.py'])} modules" if folder.is_dir() else ""
    middle = bottom + HEIGHT / 2 + (0.12 if count else 0)
    axes.text(left + width / 2, middle, name, ha="center", va="center", fontsize=12, weight="bold", zorder=4)
    axes.text(left + width / 2, bottom + 0.2, count, ha="center", va="center", fontsize=9, color="#666666", zorder=4)


def _arrow(axes, source, target, count) -> None:
    start = (source[0] + source[2] / 2, source[1])
    middle = target[0] + target[2] / 2
    end = (middle + 0.38 * target[2] * max(-1.0, min(1.0, (start[0] - middle) / 3)), target[1] + HEIGHT)
    far = source[1] - target[1] > 1.5 * STEP
    bend = f"arc3,rad={(0.22 if start[0] <= 4.7 else -0.22) if far else 0}"
    look = {"linewidth": 0.5 + count / 22, "color": "#b9c8d6" if far else "#4a78a8", "zorder": 2 if far else 2.5}
    axes.add_patch(FancyArrowPatch(start, end, connectionstyle=bend, arrowstyle="-|>", mutation_scale=9, **look))


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
    drawn().savefig(DRAWING)
