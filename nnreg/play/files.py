"""The files that techniques are written in, watched for being saved, and for distributions that come and go."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from nnreg.registry.entries import PREFIX

Stamps = dict[Path, tuple[int, int]]
INSTALLED = "installed packages"


class PluginFiles:
    """Every file of every package in which a technique is registered, as it was when it was last looked at."""

    def __init__(self) -> None:
        self._folders = _stamps(_installed())
        self._packages = _registering_packages()
        self._files = _stamps(_sources(self._packages))

    def changed(self) -> list[str]:
        """Return the names of the files that were saved, made or removed since the last look."""
        folders = _stamps(_installed())
        if is_other := folders != self._folders:
            importlib.invalidate_caches()
            self._folders, self._packages = folders, _registering_packages()
        before, self._files = self._files, _stamps(_sources(self._packages))
        paths = [path for path in before.keys() | self._files.keys() if before.get(path) != self._files.get(path)]
        return sorted({path.name for path in paths}) or [INSTALLED] * is_other


def _stamps(paths: Iterator[Path]) -> Stamps:
    found: Stamps = {}
    for path in paths:
        with contextlib.suppress(OSError):
            stat = path.stat()
            found[path] = stat.st_mtime_ns, stat.st_size
    return found


def _registering_packages() -> list[str]:
    """Return the packages, or single modules, in which distributions register techniques; none is imported."""
    points = (point for distribution in importlib.metadata.distributions() for point in distribution.entry_points)
    return sorted({point.module.partition(".")[0] for point in points if point.group.startswith(PREFIX)})


def _sources(packages: list[str]) -> Iterator[Path]:
    for package in packages:
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(package)
            folders = (spec.submodule_search_locations or ()) if spec is not None else ()
            for folder in folders:
                yield from Path(folder).rglob("*.py")
            if spec is not None and spec.origin is not None and not folders:
                yield Path(spec.origin)


def _installed() -> Iterator[Path]:
    """Yield the folders in which distributions are installed; one that comes or goes changes them."""
    for folder in dict.fromkeys(sys.path):
        if Path(folder).name in ("site-packages", "dist-packages"):
            yield Path(folder)
