"""Distributions that exist for one test: a module and the metadata that pip would leave beside it."""

import shutil
import sys
import textwrap
from pathlib import Path

from nnreg.registry import entries
from nnreg.registry.nested import slots_of
from nnreg.registry.schemas import schema_of

OPTIMIZER = """
from dataclasses import dataclass
from nnreg.contracts import Optimizer

@dataclass
class Rule(Optimizer):
    "Walks."

    lr: float = 0.1

    def update(self, theta, g, *, t, lr):
        theta -= lr * g
"""


def forget() -> None:
    """Let the registry look again at what is installed."""
    entries._catalogue.cache_clear()
    entries.distribution_version.cache_clear()
    schema_of.cache_clear()
    slots_of.cache_clear()


def edit(module: str, source: str) -> None:
    """Write a module anew, and let this process forget what it has imported from that folder."""
    path = Path(str(sys.modules[module].__file__))
    for name, each in list(sys.modules.items()):
        if str(getattr(each, "__file__", None)).startswith(str(path.parent)):
            del sys.modules[name]
    shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)  # an edit within a second may look like none
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    forget()


def publishing(tmp_path_factory, monkeypatch):
    """Make a fixture of it, ``publish = pytest.fixture(publishing)``, which installs distributions for one test.

    ``publish("my-rules", {"rules": SOURCE}, optimizer={"mine": "rules:Mine"})``.
    """
    places = []

    def install(distribution, modules=None, version="1.0", **groups):
        folder = tmp_path_factory.mktemp("site")
        places.append(str(folder))
        for name, source in (modules or {}).items():
            (folder / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        metadata = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = []
        for kind, techniques in groups.items():
            lines += [f"[nnreg.{kind}]", *(f"{name} = {target}" for name, target in techniques.items())]
        (metadata / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(str(folder))
        forget()

    forget()
    yield install
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(tuple(places) or "\0"):
            del sys.modules[name]
    monkeypatch.undo()
    forget()
