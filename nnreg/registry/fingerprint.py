"""Which code a technique is: a hash of its source, and the versions of the libraries and checkouts that stand behind it.

The hash is of the syntax tree of the technique's own module and of those modules of its distribution that this one imports, and
those in turn; nnreg itself is not among them. So formatting, comments and docstrings do not count, an edited helper does.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import linecache
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from nnreg.errors import UserError
from nnreg.registry import entries
from nnreg.registry.entries import BrokenPlugin, Entry
from nnreg.registry.nested import entry_at

OWN = "nnreg"
DIGITS, SHOWN = 16, 4  # hexadecimal ones, recorded and told
_LEFT_OUT = frozenset(("type_params", "type_comment", "kind", "ctx", "type_ignores"))  # not of every Python, or said otherwise
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_SHARED = ("site-packages", "dist-packages")  # folders in which modules of many distributions stand side by side


class _Source(NamedTuple):
    """What is known of one module.

    Attributes:
        spec: under which it was imported: another one after a reload.
        digest: of its syntax tree.
        imports: the names of modules, and what may be one, that it imports.
    """

    spec: object
    digest: bytes
    imports: tuple[str, ...]


_known: dict[str, _Source] = {}
_walked: dict[Entry, tuple[object, dict[str, _Source]]] = {}
"""A technique's sources, once for every time that its own module is imported: what that took from others stays what it was."""


def code_of(named: Mapping[str, str]) -> dict[str, str]:
    """Return the fingerprint of every technique, by the place that it has; of unknown ones none.

    Args:
        named: place in a configuration, such as ``optimizer``, ``optimizer.inner`` or ``bias``, to the technique's name.
    """
    used = {slot: entry_at(slot, named) for slot in named}
    return {slot: fingerprint_of(entry) for slot, entry in used.items() if entry is not None}


def fingerprint_of(entry: Entry) -> str:
    """Return the hash of a technique's source; where there is none to be read, its distribution and version."""
    with contextlib.suppress(BrokenPlugin):  # it has a source all the same
        entries.load_class(entry)
    sources = _sources(entry)
    own = sources.get(_module(entry))
    if own is None:
        return f"{entry.distribution} {entry.version}".strip()
    others = [source.digest for name, source in sorted(sources.items()) if source is not own]
    return hashlib.sha256(b"".join([own.digest, *others])).hexdigest()[:DIGITS]


def libraries_of(named: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of the libraries that some techniques import: not of NumPy, Python's own, or nnreg."""
    tops = {
        name.partition(".")[0] for entry in _entries(named) for source in _sources(entry).values() for name in source.imports
    }
    foreign = sorted(
        tops - sys.stdlib_module_names - {OWN, "numpy", *(_module(entry).partition(".")[0] for entry in _entries(named))}
    )
    versions = {top: str(getattr(sys.modules.get(top), "__version__", "")) for top in foreign}
    return {top: version for top, version in versions.items() if version}


def checkouts_of(named: Mapping[str, str]) -> dict[str, Path]:
    """Return where the code of nnreg and of the distributions behind some techniques is: perhaps in a checkout of git."""
    homes = {OWN: OWN} | {entry.distribution: _module(entry) for entry in _entries(named) if entry.distribution != OWN}
    return {name: path.parent for name, module in homes.items() if (path := _path(module)) is not None}


def short_code(fingerprint: str) -> str:
    """Return as much of a fingerprint as people compare."""
    is_hash = len(fingerprint) == DIGITS and set(fingerprint) <= set("0123456789abcdef")
    return fingerprint[:SHOWN] if is_hash else fingerprint


def changed_code(was: Mapping[str, Any], named: Mapping[str, str]) -> str:
    """Say which techniques have other code now, such as ``optimizer=adam (3f9a, now 77b1)``; "" where none has.

    Args:
        was: place to fingerprint, as a run has recorded them; of a dataset the rows themselves are recorded.
        named: place to the technique's name.
    """
    used = {slot: entry for slot in named if slot in was and slot != "dataset" and (entry := entry_at(slot, named)) is not None}
    now = {slot: fingerprint_of(entry) for slot, entry in used.items()}
    pairs = {slot: (str(was[slot]), code) for slot, code in now.items() if was[slot] != code}
    return ", ".join(f"{slot}={named[slot]} ({short_code(old)}, now {short_code(new)})" for slot, (old, new) in pairs.items())


def _entries(named: Mapping[str, str]) -> list[Entry]:
    return [entry for slot in named if (entry := entry_at(slot, named)) is not None]


def _module(entry: Entry) -> str:
    return entry.target.partition(":")[0]


def _sources(entry: Entry) -> dict[str, _Source]:
    """Return a technique's module and those that it needs of its distribution, by name; those without a source are left out."""
    first = _module(entry)
    if entry.own is not None:
        with contextlib.suppress(UserError):
            return {first: _parsed(source_of(entry.own), None, "")}
        return {}
    spec = getattr(sys.modules.get(first), "__spec__", None)
    if spec is not None and entry in _walked and _walked[entry][0] is spec:
        return _walked[entry][1]
    found: dict[str, _Source] = {}
    waiting, seen = [first], {first}
    while waiting:
        name = waiting.pop()
        source = _source(name)
        if source is None:
            continue
        found[name] = source
        fresh = [each for each in source.imports if each not in seen and _is_of(each, entry.distribution, first)]
        seen.update(fresh)
        waiting += fresh
    _walked[entry] = spec, found
    return found


def _is_of(name: str, distribution: str, first: str) -> bool:
    """Tell whether a module belongs to the distribution of a technique, whose own module is ``first``."""
    top = name.partition(".")[0]
    if top == OWN or top in sys.stdlib_module_names:
        return False
    if top == first.partition(".")[0] or top in _packages(distribution):
        return True
    here, there = _path(first), None if "." in name else _path(name)
    return here is not None and there is not None and here.parent == there.parent and here.parent.name not in _SHARED


@cache
def _packages(distribution: str) -> frozenset[str]:
    """Return the names of a distribution's own packages, as far as it says."""
    try:
        return frozenset((importlib.metadata.distribution(distribution).read_text("top_level.txt") or "").split())
    except importlib.metadata.PackageNotFoundError:
        return frozenset()


def _path(name: str) -> Path | None:
    """Return the file of a module, imported or not, or None where it has none or there is no such module."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    try:
        spec = spec or importlib.util.find_spec(name)
    except Exception:  # what it is in is no package, or raises while it is imported
        return None
    origin = getattr(spec, "origin", None)
    return Path(origin) if origin and origin.endswith(".py") else None


def _source(name: str) -> _Source | None:
    """Return what is known of a module, read once for every time that it is imported."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if spec is not None and name in _known and _known[name].spec is spec:
        return _known[name]
    path = _path(name)
    if path is None:
        return None
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        _known[name] = _parsed(path.read_bytes(), spec, package)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    return _known[name]


def _parsed(text: str | bytes, spec: object, package: str) -> _Source:
    parts: list[str] = []
    imports: dict[str, None] = {}
    _take_down(ast.parse(text), parts, imports, package)
    return _Source(spec, hashlib.sha256("\0".join(parts).encode()).digest(), tuple(imports))


def _take_down(node: Any, parts: list[str], imports: dict[str, None], package: str) -> None:
    """Write a syntax tree down, the same on every Python, and what it imports."""
    if isinstance(node, list):
        parts.append("[")
        for each in node:
            _take_down(each, parts, imports, package)
        parts.append("]")
        return
    kind = type(node)
    fields = getattr(kind, "_fields", None)
    if fields is None or kind in (ast.Name, ast.Constant):  # the most frequent ones, in one step
        parts.append(f"Name {node.id}" if kind is ast.Name else repr(node.value if kind is ast.Constant else node))
        return
    parts.append(kind.__name__)
    if kind in (ast.Import, ast.ImportFrom):
        imports.update(dict.fromkeys(_imported(node, package)))
    for field in fields:
        value = getattr(node, field, None)
        if value is None or value == [] or field in _LEFT_OUT:
            continue
        parts.append(field)
        documented = field == "body" and kind in _DOCUMENTED and _is_text(value[0])
        _take_down(value[1:] if documented else value, parts, imports, package)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
    )


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Yield the modules that a statement imports: ``from a import b`` those of both names that are modules."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1] if node.level else []
    stem = ".".join([*above, *([node.module] if node.module else [])])
    inner = [f"{stem}.{alias.name}" for alias in node.names]
    modules = [name for name in inner if _is_module(name, parents[0])]
    if len(modules) < len(inner):
        yield stem
    yield from modules


def _is_module(name: str, own: str) -> bool:
    """Tell whether a name in a package is a module of it: of one's own package also where it is imported later."""
    if name in sys.modules or name.partition(".")[0] != own:
        return name in sys.modules
    package = _path(name.rpartition(".")[0])
    if package is None or package.name != "__init__.py":
        return False
    inside = package.parent / name.rpartition(".")[2]
    return inside.with_suffix(".py").is_file() or (inside / "__init__.py").is_file()


def sources_of(named: Mapping[str, str]) -> dict[str, str]:
    """Return the source of every technique that a program has registered, by the place that it has."""
    used = {slot: entry_at(slot, named) for slot in named}
    found: dict[str, str] = {}
    for slot, entry in used.items():
        with contextlib.suppress(UserError):  # read when it was registered; its file may be gone since
            found |= {slot: source_of(entry.own)} if entry is not None and entry.own is not None else {}
    return found


def source_of(technique: type) -> str:
    """Return the text of a class, behind what it uses of its own cell, script or module: it could stand alone.

    Raises:
        UserError: nothing keeps its text, as of a class that was typed at a prompt.
    """
    written: dict[str, str] = {}
    _define(technique.__name__, technique, technique.__module__, written)
    if technique.__name__ not in written:
        raise UserError(f"the source of {technique.__name__} cannot be read, to be recorded: write it in a cell or a file")
    imports = [text for text in written.values() if text.startswith(("import ", "from "))]
    return (
        "\n".join(sorted(imports)) + "\n\n\n" + "\n\n\n".join(text for text in written.values() if text not in imports) + "\n"
    )


def _define(name: str, value: Any, home: str, written: dict[str, str]) -> None:
    """Write down what a name stands for, behind all that it needs; what has no text is left out."""
    module = getattr(value, "__module__", None)
    if isinstance(value, types.ModuleType):
        written[name] = f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}")
    elif isinstance(value, type | types.FunctionType) and module == home:
        text, known = _text(value), _namespace(value)
        names = [node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name) and node.id in known]
        written[name] = text  # a place, for those that need one another
        for used in dict.fromkeys(names):
            if used not in written:
                _define(used, known[used], home, written)
        del written[name]
        written |= {name: text} if text else {}
    elif isinstance(value, type | types.FunctionType | types.BuiltinFunctionType) and module != "builtins":
        called = value.__qualname__.partition(".")[0]
        written[name] = f"from {module} import {called}" + ("" if called == name else f" as {name}")
    elif isinstance(value, bool | int | float | str | tuple | None):
        written[name] = f"{name} = {value!r}"


def _functions(value: type | types.FunctionType) -> list[types.FunctionType]:
    """Return a function itself, or those that the body of a class defines."""
    inside = [value] if isinstance(value, types.FunctionType) else list(vars(value).values())
    plain = [getattr(each, "__func__", getattr(each, "fget", each)) for each in inside]
    return [each for each in plain if isinstance(each, types.FunctionType) and each.__module__ == value.__module__]


def _namespace(value: type | types.FunctionType) -> dict[str, Any]:
    """Return what is known by name to a class or a function: of its module, and of the function that it is made in."""
    known = dict(vars(sys.modules[value.__module__])) if value.__module__ in sys.modules else {}
    for function in _functions(value):
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        known |= {name: cell.cell_contents for name, cell in cells if name != "__class__"}
    return known


def _text(value: type | types.FunctionType) -> str:
    """Return the definition of a class or a function as it is written, "" if nothing keeps it; cells are kept as files are."""
    codes = [function.__code__ for function in _functions(value)]
    places = [(code.co_filename, code.co_firstlineno) for code in codes if code.co_filename != "<string>"]  # dataclass'
    module = getattr(sys.modules.get(value.__module__), "__file__", None)
    for file, line in places or [(file, 0) for file in ([module] if module else reversed(linecache.cache))]:
        lines = linecache.getlines(file)
        for start, end in _spans(lines, value.__name__):
            if not line or start <= line <= end:
                return textwrap.dedent("".join(lines[start - 1 : end])).rstrip()
    return ""


def _spans(lines: Sequence[str], name: str) -> list[tuple[int, int]]:
    """Return first and last line of every definition of a name, decorators too, the last one first."""
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return []
    nodes = [node for node in ast.walk(tree) if isinstance(node, _DOCUMENTED[1:]) and node.name == name]
    starts = (min([node.lineno, *(each.lineno for each in node.decorator_list)]) for node in nodes)
    return sorted(((start, node.end_lineno or start) for start, node in zip(starts, nodes, strict=True)), reverse=True)
