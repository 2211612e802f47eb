"""Texts of loops as compiled code, which is kept: what one process has compiled the next one reads from a file.

A loop is the text of a function that we have written, from places and operations alone. Its file is named by the hash of the
text, of all versions that its code depends on, and of the processor; numba keeps the code beside it. Files lie in the cache
folder of the platform (``~/.cache/nnreg/loops`` on Linux) or where ``NNREG_LOOPS`` says, which must be the user's own and
closed to everybody else, as what lies there is run; where it is not, or cannot be written, nothing is kept. Processes that
start at once write each file whole or not at all, and what cannot be read is made anew.

No operation is reordered, but sums: over rows, those of 256 rows are added up first, one row after the other; over the units
of a row, those of every eighth one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from nnreg.contracts import Array
from nnreg.contracts.tracing import NUMBER, Instruction, Program
from nnreg.engine import cores

FORMS = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.positive: "{}",
    np.square: "{0} * {0}",
    np.sqrt: "np.sqrt({})",
    np.absolute: "np.abs({})",
    np.maximum: "np.maximum({}, {})",
    np.minimum: "np.minimum({}, {})",
    np.sign: "np.sign({})",
}
"""Operations of which IEEE 754 leaves no bit open."""

ELEMENTARY = ("exp", "expm1", "log", "log1p", "tanh")
"""Functions of ``nnreg.engine.elementary``, which a loop calls by these names."""


class Loop(Program):
    """Instructions compiled to one loop over the elements of vectors, or the calls of NumPy where one cannot be compiled.

    Args:
        instructions: what a tape took down.
        blocks: for each block of the vectors its part of each, float arrays (n,).

    Raises:
        Untraceable: an operation does not keep the vectors' precision.
    """

    def __init__(self, instructions: Sequence[Instruction], blocks: Sequence[Sequence[Array]]) -> None:
        super().__init__(instructions, blocks)
        self.is_compiled = all(operation in FORMS for operation, *_ in instructions)
        if self.is_compiled:
            self._loop = compiled(source(instructions, len(blocks[0])), (self._numbers, *blocks[0]))
            self._blocks, threads = blocks, min(cores.threads(), len(blocks))
            self._shares = [blocks[a:b] for a, b in cores.shares(len(blocks), threads)] if threads > 1 else None

    def run(self, numbers: Sequence[float]) -> None:
        """Carry the instructions out with these numbers."""
        if not self.is_compiled:
            super().run(numbers)
            return
        self.take(numbers)
        if self._shares is not None:
            cores.together([partial(self._walk, share) for share in self._shares])
            return
        self._walk(self._blocks)

    def _walk(self, blocks: Sequence[Sequence[Array]]) -> None:
        for block in blocks:
            self._loop(self._numbers, *block)


def source(instructions: Sequence[Instruction], vectors: int) -> str:
    """Return the text of a function ``loop(numbers, v0, v1, ...)``."""
    body, count = [], 0
    for operation, *operands, result in instructions:
        named = []
        for place in operands:
            named.append(f"n{count}" if place == NUMBER else f"x{place}")
            count += place == NUMBER
        body.append(f"x{result} = {FORMS[operation].format(*named)}")
    written = sorted({result for *_, result in instructions if result < vectors})
    lines = [
        f"def loop(numbers, {', '.join(f'v{place}' for place in range(vectors))}):",
        *(f"    n{number} = numbers[{number}]" for number in range(count)),
        "    for i in range(v0.size):",
        *(f"        x{place} = v{place}[i]" for place in range(vectors)),
        *(f"        {line}" for line in body),
        *(f"        v{place}[i] = x{place}" for place in written),
    ]
    return "\n".join(lines)


OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
"""How numba compiles: divisions ask no questions, and another thread of Python may compute meanwhile."""

_ready: dict[tuple[str, str], Callable[..., Any]] = {}
"""What this process has compiled or read already, by text and types."""


def compiled(text: str, arguments: Sequence[Any], dtype: np.dtype[Any] | None = None) -> Callable[..., Any]:
    """Return a function as compiled code.

    Args:
        text: of a function named ``loop``; ours, as it is run.
        arguments: such as it will be called with.
        dtype: for which precision the elementary functions in it are, called T in the text; None where it has none.
    """
    import numba  # here: it takes most of a second

    types = tuple(map(numba.typeof, arguments))
    key = (f"{dtype}{text}", str(types))
    if key not in _ready:
        whole = text if dtype is None else f"{_opening(dtype, text)}{text}\n"
        _ready[key] = _kept(whole, types) or _compiled_here(whole, types)
    return _ready[key]


def _opening(dtype: np.dtype[Any], text: str) -> str:
    called = [name for name in (*ELEMENTARY, "across") if f"{name}(" in text]
    lines = ["import numpy as np", f"T = np.{dtype.name}"]
    if called:
        lines.append("from nnreg.engine.elementary import FUNCTIONS")
        lines += [f"{name} = FUNCTIONS[np.dtype(T)][{name!r}]" for name in called]
    return "\n".join([*lines, "", ""])


def _compiled_here(text: str, types: tuple[Any, ...]) -> Callable[..., Any]:
    """Compile for this process alone."""
    import numba

    names: dict[str, Any] = {"np": np}
    exec(text, names)  # a text of ours: places and operations alone
    loop = numba.njit(**OPTIONS)(names["loop"])
    loop.compile(types)
    made: Callable[..., Any] = loop
    return made


def _kept(text: str, types: tuple[Any, ...]) -> Callable[..., Any] | None:
    """Return code from the cache folder, compiled for it where it is not there yet; None where nothing can be kept."""
    folder = cache_folder()
    if folder is None:
        return None
    path = folder / f"loop_{hashlib.sha256(f'{_surroundings()}{text}'.encode()).hexdigest()[:32]}.py"
    for _ in range(2):
        try:
            _write_once(path, f"import numpy as np\n\n{text}\n")
            return _read(path, types)
        except OSError:
            return None
        except Exception:  # whatever a damaged file makes numba raise
            _remove(path)
    return None


def _read(path: Path, types: tuple[Any, ...]) -> Callable[..., Any]:
    import numba

    spec = importlib.util.spec_from_file_location(f"nnreg_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # numba looks for it by its name when it reads code
    spec.loader.exec_module(module)
    loop = numba.njit(cache=True, **OPTIONS)(module.loop)
    loop.compile(types)
    made: Callable[..., Any] = loop
    return made


def _write_once(path: Path, text: str) -> None:
    """Write a file unless it is there with this text: numba takes code for an older file's where it is written again."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == text:
            return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".loop_")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


def _remove(path: Path) -> None:
    """Remove a loop and all code of it."""
    for each in (path, *(path.parent / "__pycache__").glob(f"{path.stem}.*")):
        with contextlib.suppress(OSError):
            each.unlink()


@cache
def _surroundings() -> str:
    """Return all that code depends on besides its text."""
    import llvmlite
    import numba
    from llvmlite import binding

    elementary = Path(__file__).with_name("elementary.py").read_text(encoding="utf-8")
    versions = (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version())
    return repr((*versions, OPTIONS, binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten(), elementary))


def _usual_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("nnreg", appauthor=False)) / "loops"


def cache_folder() -> Path | None:
    """Return where code is kept, made if need be; None where it cannot be, or does not belong to this user alone."""
    folder = Path(os.environ.get("NNREG_LOOPS") or _usual_folder()).absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_own = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o077)
    return folder if stat.S_ISDIR(found.st_mode) and is_own and os.access(folder, os.W_OK) else None
