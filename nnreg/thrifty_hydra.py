"""Hydra and OmegaConf without work that they do again and again for the same result, while words are composed.

Composing is most of the time before a run begins, and a sweep composes every run. What is left out here changes no result: each
part says why. Hydra 1.4 does without the first one itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

PARSED = 4_096  # interpolations whose parse is kept
MARK = "is_thrifty"


@contextlib.contextmanager
def thrifty() -> Iterator[None]:
    """Spare the work while the block lasts; a block may stand in another, as a study composes its runs while it is composed."""
    from hydra._internal import defaults_list
    from hydra.core.config_store import ConfigStore
    from omegaconf import _utils, base

    with contextlib.ExitStack() as stack:
        stack.enter_context(_replaced(ConfigStore, "__deepcopy__", lambda _: _not_copied))
        stack.enter_context(_replaced(defaults_list, "_create_interpolation_map", _made_where_needed))
        for module in (base, _utils):  # a parse is only read
            stack.enter_context(_replaced(module, "parse", lru_cache(maxsize=PARSED)))
        yield


def _not_copied(store: Any, memo: object) -> Any:
    """Return the store of options itself: Hydra copies all of it to look for one, but what is looked up is a copy anyway."""
    return store


def _made_where_needed(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes the table of all choices only for a list in which one choice depends on another.

    Hydra makes it for each option that has a list of defaults, two dozen a run, and looks at it in that case alone.
    """
    from omegaconf import OmegaConf

    nothing = OmegaConf.create({"defaults": []})

    def made(overrides: Any, defaults: Any, self_added: bool) -> Any:
        depends = any(each.is_interpolation() for each in defaults)
        return make(overrides, defaults, self_added) if depends else nothing

    return made


@contextlib.contextmanager
def _replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """Replace an attribute by what is made of it, unless that was done by a block around this one."""
    before = vars(owner).get(name)
    if hasattr(before, MARK):
        yield
        return
    ours = make(before)
    setattr(ours, MARK, True)
    setattr(owner, name, ours)
    try:
        yield
    finally:
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)
