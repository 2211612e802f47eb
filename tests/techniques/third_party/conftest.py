"""Other people's distributions, each in a folder of its own: two installed by pip as their users would, the rest as pip would.

``command`` is the real command line with some of them installed, in a process of its own. ``nnreg`` is the same in this one,
for what is typed and answered and does not depend on how a process starts.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import Answer
from tests.registry.publishing import forget

DISTRIBUTIONS = Path(__file__).resolve().parent / "distributions"
EXAMPLE = Path(__file__).resolve().parents[3] / "plugins" / "nnreg_example"
ENTRY_POINTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "nnreg-tiger": {"optimizer": {"tiger": "nnreg_tiger:Tiger"}},
    "nnreg-pride": {"optimizer": {"tiger": "nnreg_tiger:Tiger"}},  # says what nnreg-tiger says, and brings nothing
    "nnreg-unimportable": {"optimizer": {"unimportable": "nnreg_unimportable:Gone"}},
    "nnreg-usurper": {"optimizer": {"adam": "nnreg_usurper:BetterAdam"}},
    "nnreg-odd": {"optimizer": {"odd": "nnreg_odd:Odd"}},
    "nnreg-idle": {
        "optimizer": {"methodless": "nnreg_idle:Methodless", "rebinding": "nnreg_idle:Rebinding"},
        "init": {"misshapen": "nnreg_idle:Misshapen"},
    },
    "nnreg-tempo": {"tempo": {"halving": "nnreg_tempo:Halving"}},
}
PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "2.1"
dependencies = ["nnreg"]

[tool.setuptools]
py-modules = {modules}
"""
BUILT = ("nnreg-tiger", "nnreg-example")
GROUP = """
[project.entry-points."nnreg.{kind}"]
{points}
"""


def write_project(name: str, folder: Path) -> Path:
    """Write the source tree of a distribution: one module, and a pyproject.toml whose entry points are the registration."""
    module = DISTRIBUTIONS / f"{name.replace('-', '_')}.py"
    text = PYPROJECT.format(name=name, modules=[module.stem] if module.exists() else [])
    for kind, techniques in ENTRY_POINTS[name].items():
        text += GROUP.format(kind=kind, points="\n".join(f'{key} = "{target}"' for key, target in techniques.items()))
    folder.mkdir()
    folder.joinpath("pyproject.toml").write_text(text, encoding="utf-8")
    if module.exists():
        shutil.copy(module, folder)
    return folder


def unpack(name: str, folder: Path) -> Path:
    """Put into a folder what pip would: the module, and the metadata that its pyproject.toml becomes."""
    folder.mkdir()
    module = DISTRIBUTIONS / f"{name.replace('-', '_')}.py"
    if module.exists():
        shutil.copy(module, folder)
    metadata = folder / f"{module.stem}-2.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 2.1\nRequires-Dist: nnreg\n")
    groups = ENTRY_POINTS[name].items()
    lines = [f"[nnreg.{kind}]\n" + "".join(f"{key} = {target}\n" for key, target in each.items()) for kind, each in groups]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    return folder


def pip_install(*words: str | Path, target: Path, **environment: str) -> Path:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, *words]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
    return target


@pytest.fixture(scope="session")
def build_tools(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a setuptools that plugins' authors would build with; "" where this environment's will do."""
    found = [distribution.version for distribution in importlib.metadata.distributions(name="setuptools")]
    if found and int(found[0].split(".")[0]) >= 77:
        return ""
    return str(pip_install("setuptools>=77", target=tmp_path_factory.mktemp("build_tools")))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, build_tools: str) -> Callable[[str], Path]:
    """Install a distribution, once in a session, and return the folder that holds it and nothing else."""

    @cache
    def install(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        if name not in BUILT:
            return unpack(name, folder / "site")
        if name == "nnreg-example":
            project = Path(shutil.copytree(EXAMPLE, folder / "source"))  # pip builds in the tree it is given
        else:
            project = write_project(name, folder / "source")
        offline = ("--no-index", "--no-build-isolation")
        return pip_install(*offline, project, target=folder / "site", PYTHONPATH=build_tools)

    return install


@pytest.fixture
def python(project: Path, installed: Callable[[str], Path]) -> Callable[..., Answer]:
    """Run Python in the project folder, with some distributions installed: ``python("-m", "nnreg", plugins=[...])``."""

    def run(*words: str, plugins: tuple[str, ...] = (), **environment: str) -> Answer:
        places = [*(str(installed(name)) for name in plugins), os.environ.get("PYTHONPATH", "")]
        site = {"PYTHONPATH": os.pathsep.join(filter(None, places)), "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=project,
            env={**os.environ, **site, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=180,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def command(python: Callable[..., Answer]) -> Callable[..., Answer]:
    """Run the real command line, in a process of its own: ``command("optimizer=tiger", plugins=["nnreg-tiger"])``."""

    def run(*words: str, **options: str | tuple[str, ...]) -> Answer:
        return python("-m", "nnreg", *words, **options)

    return run


@pytest.fixture
def nnreg(
    nnreg: Callable[..., Answer], installed: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Answer]]:
    """Run the command line in this process, as if some distributions were installed: the same arguments."""
    sites: list[str] = []

    def run(*words: str, plugins: tuple[str, ...] = (), **environment: str) -> Answer:
        for name, value in {"COLUMNS": "200", **environment}.items():
            monkeypatch.setenv(name, value)
        sites[:] = [str(installed(name)) for name in plugins]
        monkeypatch.setattr(sys, "path", [*sites, *(place for place in sys.path if place not in sites)])
        importlib.invalidate_caches()
        forget()
        return nnreg(*words, tracking=True)  # nothing is added to what is typed

    yield run
    monkeypatch.undo()
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(tuple(sites) or "\0"):
            del sys.modules[name]
    forget()


@pytest.fixture
def quick() -> tuple[str, ...]:
    """What makes a run short; the spirals need no scikit-learn."""
    return ("steps=20", "validate_every=10", "hidden=[8]", "dataset=spirals", "tracking=off")
