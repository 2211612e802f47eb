"""``python -m nnreg new``: a complete plugin distribution around one technique, to be filled in.

What is written lies in ``templates`` as real files: ``plugin`` is the distribution, ``kinds`` has the technique of each kind,
``layers`` that of a kind which may be a layer, ``wrappers`` that of one in which another may stand. They are written with the
words ``my_rule``, ``MyRule``, ``my-rule`` and ``my_kind``, which are exchanged and nothing else.
"""

from __future__ import annotations

import builtins
import importlib.metadata
import importlib.util
import keyword
import re
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from nnreg import contracts, errors
from nnreg.errors import UserError
from nnreg.registry import entries

TEMPLATES = Path(__file__).resolve().parent / "templates"
WORDS = re.compile("my_rule|MyRule|my-rule|my_kind")
USUAL = "usual"
FORMS = {"layer": "activations", "inner": "optimizers"}
"""Other forms of a technique, with what they are for."""
OUTSIDE_RUNS = ("surface",)  # kinds that a training run does not choose from


def new_plugin(kind: str, name: str, folder: Path | None = None, *, form: str = USUAL) -> int:
    """Write a plugin distribution with one technique, and print what to type next.

    Args:
        kind: of the technique, such as ``optimizer``.
        name: what will be typed to choose it, in snake_case.
        folder: to be made; None for ``nnreg-<name>`` here.
        form: ``layer`` for an activation that is one instead of a formula, ``inner`` for a technique around another.

    Returns:
        0.

    Raises:
        UserError: the kind is unknown, the name unfit or taken, or the folder exists or cannot be written.
    """
    _check_kind(kind)
    if not _template(kind, form).exists():
        raise UserError(f"--{form} is for {FORMS[form]}; leave it out for {kind}")
    _check_name(kind, name)
    target = Path(f"nnreg-{dashed(name)}") if folder is None else folder
    if target.exists():
        raise UserError(f"{target} exists already: choose another with --folder")
    try:
        written = write_plugin(kind, name, target, form=form)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}") from error
    _print_next(kind, name, target, written, "+adam" if form == "inner" else "")
    return 0


def write_plugin(kind: str, name: str, folder: Path, *, form: str = USUAL) -> list[Path]:
    """Write the files of a plugin into a folder, and return where they are."""
    exchange = {"my_rule": name, "MyRule": class_name(name), "my-rule": dashed(name), "my_kind": kind}
    plugin = TEMPLATES / "plugin"
    sources = {path: path.relative_to(plugin) for path in sorted(plugin.rglob("*.*")) if "__pycache__" not in path.parts}
    sources[_template(kind, form)] = Path("src") / "nnreg_my_rule" / "my_rule.py"
    written = []
    for source, relative in sources.items():
        target = folder / _exchanged(str(relative), exchange)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_exchanged(source.read_text(encoding="utf-8"), exchange), encoding="utf-8")
        written.append(target)
    return written


def _template(kind: str, form: str) -> Path:
    return TEMPLATES / {USUAL: "kinds", "layer": "layers", "inner": "wrappers"}[form] / f"{kind}.py"


def class_name(name: str) -> str:
    """Return what the class of a technique is called: ``my_rule`` is ``MyRule``."""
    return "".join(part.capitalize() for part in name.split("_"))


def dashed(name: str) -> str:
    """Return a technique's name as a distribution spells it: ``my_rule`` is ``my-rule``."""
    return name.replace("_", "-")


def _exchanged(text: str, exchange: dict[str, str]) -> str:
    return WORDS.sub(lambda word: exchange[word[0]], text)


def _check_kind(kind: str) -> None:
    kinds = sorted(path.stem for path in (TEMPLATES / "kinds").glob("*.py"))
    if kind not in kinds:
        raise UserError(f"there is no kind '{kind}'{errors.instead(kind, kinds)}")


def _check_name(kind: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise UserError(f"'{name}' cannot be the name of a technique: use small letters, digits and single _, such as my_rule")
    made = class_name(name)
    meant = {*dir(builtins), *contracts.__all__}
    for word in (name, made):
        if keyword.iskeyword(word) or word in meant:
            raise UserError(f"'{name}' cannot be the name of a technique: {word} has a meaning in Python or nnreg already")
    if name in entries.techniques(kind):
        entry = entries.find_technique(kind, name)
        raise UserError(f"the {kind} '{name}' exists already, in {entry.distribution}: choose another name")
    package, distribution = f"nnreg_{name}", f"nnreg-{dashed(name)}"
    if importlib.util.find_spec(package) is not None or _is_installed(distribution):
        raise UserError(f"{distribution} is installed already: choose another name")


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _print_next(kind: str, name: str, folder: Path, written: list[Path], inside: str) -> None:
    use = f"python -m nnreg plugins {kind}/{name}" if kind in OUTSIDE_RUNS else f"python -m nnreg {kind}={name}{inside}"
    commands = {
        f"cd {folder}": "",
        'python -m pip install -e ".[test]"': "once; edits count at once",
        "python -m pytest": "its own tests",
        f"python -m nnreg check {kind}/{name}": "does it keep the contract?",
        use: "use it",
    }
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"made {escape(str(folder))}; the formula is in {escape(str(written[-1]))}. Next:\n")
    width = max(map(len, commands))
    for command, meaning in commands.items():
        console.print(f"  {escape(command.ljust(width))}  [dim]{meaning}[/dim]" if meaning else f"  {escape(command)}")
