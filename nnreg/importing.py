"""Large libraries, and what they make in thousands, sooner."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector while a large library is imported, or makes very many objects that stay.

    Modules are no garbage, and looking through them again and again as they come takes a tenth of the time for MLflow, and a
    quarter of that for its tables. What is there at the end is never looked through again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()
