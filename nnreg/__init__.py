"""nnreg: compare neural-network training techniques, one change at a time.

``run``, ``sweep`` and ``compare`` are the command line in Python, ``load`` asks what a run has learned, ``register`` adds a
class: see ``nnreg.cli.scripting``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnreg.cli.scripting import compare as compare
    from nnreg.cli.scripting import load as load
    from nnreg.cli.scripting import register as register
    from nnreg.cli.scripting import run as run
    from nnreg.cli.scripting import sweep as sweep
    from nnreg.errors import RunFailed as RunFailed
    from nnreg.errors import UserError as UserError

__all__ = ["RunFailed", "UserError", "compare", "load", "register", "run", "sweep"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that ``import nnreg`` stays instant."""
    import importlib

    if name in __all__:
        module = "errors" if name in ("RunFailed", "UserError") else "cli.scripting"
        return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what can be imported, for the tab key."""
    return sorted({*globals(), *__all__})
