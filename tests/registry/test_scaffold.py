"""``python -m nnreg new``: what it writes is complete, passes its own checks, and is never in anybody's way."""

import importlib.util
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from nnreg import testing
from nnreg.contracts import CONTRACTS
from nnreg.registry import scaffold

KINDS = tuple(CONTRACTS)
PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def imported(path):
    """Import a technique's module from its file."""
    spec = importlib.util.spec_from_file_location(f"made_{path.stem}_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_there_is_a_template_for_every_kind():
    assert {path.stem for path in (scaffold.TEMPLATES / "kinds").glob("*.py")} == set(KINDS)


def test_a_plugin_is_a_complete_distribution(nnreg, project):
    answer = nnreg("new", "optimizer", "half_life")
    assert answer.code == 0
    assert files_in(project) == {
        "nnreg-half-life/README.md",
        "nnreg-half-life/pyproject.toml",
        "nnreg-half-life/src/nnreg_half_life/__init__.py",
        "nnreg-half-life/src/nnreg_half_life/half_life.py",
        "nnreg-half-life/tests/test_half_life.py",
    }
    metadata = tomllib.loads((project / "nnreg-half-life" / "pyproject.toml").read_text(encoding="utf-8"))
    assert metadata["project"]["name"] == "nnreg-half-life"
    assert metadata["project"]["entry-points"] == {"nnreg.optimizer": {"half_life": "nnreg_half_life.half_life:HalfLife"}}


def test_what_to_type_next_is_printed(nnreg):
    out = nnreg("new", "optimizer", "half_life").out
    for command in (
        "cd nnreg-half-life",
        'python -m pip install -e ".[test]"',
        "python -m pytest",
        "python -m nnreg check optimizer/half_life",
        "python -m nnreg optimizer=half_life",
    ):
        assert command in out


def test_the_page_on_plugins_shows_what_is_written(nnreg, project):
    page = PAGE.read_text(encoding="utf-8")
    assert nnreg(*re.search(r"`python -m nnreg (new [^`]+)`", page)[1].split()).code == 0
    folder = project / "nnreg-my-rule"
    written = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shown = tomllib.loads(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])["project"]
    assert shown == {key: written[key] for key in shown}
    assert re.search(r"`(test_\w+ = testing.suite\(.*?\))`", page)[1] in (folder / "tests" / "test_my_rule.py").read_text()
    with pytest.raises(ValueError, match=re.escape(re.search(r"`optimizer=my_rule: (beta .*?)`", page)[1])):
        imported(folder / "src" / "nnreg_my_rule" / "my_rule.py").MyRule(beta=1.2)


def test_an_activation_may_be_written_as_a_layer(nnreg, project):
    assert nnreg("new", "activation", "half_life", "--layer").code == 0
    written = project / "nnreg-half-life" / "src" / "nnreg_half_life" / "half_life.py"
    assert not re.search("my_rule|MyRule|my-rule|my_kind", written.read_text(encoding="utf-8"))
    report = testing.run(imported(written).HalfLife)
    assert report.ok, str(report)
    assert str(report.technique) == "activation/half_life"
    complaint = nnreg("new", "optimizer", "half_life", "--layer").complaint
    assert complaint == "nnreg: --layer is for activations; leave it out for optimizer"


def test_a_technique_may_be_written_around_another(nnreg, project):
    answer = nnreg("new", "optimizer", "half_life", "--inner")
    assert answer.code == 0
    assert "python -m nnreg optimizer=half_life+adam" in answer.out
    written = project / "nnreg-half-life" / "src" / "nnreg_half_life" / "half_life.py"
    assert not re.search("my_rule|MyRule|my-rule|my_kind", written.read_text(encoding="utf-8"))
    report = testing.run(imported(written).HalfLife)
    assert report.ok, str(report)
    around = testing.run(imported(written).HalfLife, inner="lookahead+adam")
    assert around.ok, str(around)
    assert nnreg("new", "loss", "half_life", "--inner").complaint == "nnreg: --inner is for optimizers; leave it out for loss"


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_of_the_template_is_left(kind, tmp_path):
    for path in scaffold.write_plugin(kind, "half_life", tmp_path):
        words = f"{path.relative_to(tmp_path)} {path.read_text(encoding='utf-8')}"
        assert not re.search("my_rule|MyRule|my-rule|my_kind", words)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_keeps_its_contract_untouched(kind, tmp_path):
    written = scaffold.write_plugin(kind, f"half_{kind}", tmp_path)
    technique = getattr(imported(written[-1]), f"Half{kind.capitalize()}")
    report = testing.run(technique)
    assert report.ok, str(report)
    assert str(report.technique) == f"{kind}/half_{kind}"


def test_a_plugin_may_be_written_anywhere(nnreg, project):
    assert nnreg("new", "init", "tiny", "--folder", "deep/down").code == 0
    assert (project / "deep" / "down" / "src" / "nnreg_tiny" / "tiny.py").exists()


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("optimizr", "mine", "there is no kind 'optimizr'; did you mean 'optimizer'?"),
        ("optimizer", "adam", "the optimizer 'adam' exists already, in nnreg"),
        ("optimizer", "My-Rule", "use small letters, digits and single _, such as my_rule"),
        ("optimizer", "../etc", "use small letters"),
        ("optimizer", "2fast", "use small letters"),
        ("optimizer", "lambda", "lambda has a meaning in Python"),
        ("init", "true", "True has a meaning in Python"),
        ("optimizer", "optimizer", "Optimizer has a meaning in Python or nnreg"),
        ("loss", "std", "nnreg-std is installed already"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_one_line_and_nothing_is_written(nnreg, project, kind, name, said):
    answer = nnreg("new", kind, name)
    assert answer.code == 2
    assert said in answer.complaint
    assert files_in(project) == set()


def test_an_existing_folder_is_left_alone(nnreg, project):
    (project / "nnreg-half-life").mkdir()
    (project / "nnreg-half-life" / "thesis.txt").write_text("years of work")
    answer = nnreg("new", "optimizer", "half_life")
    assert answer.code == 2
    assert "nnreg-half-life exists already" in answer.complaint
    assert files_in(project) == {"nnreg-half-life/thesis.txt"}


def test_a_folder_that_cannot_be_written_is_told_in_one_line(nnreg, project):
    (project / "file").write_text("")
    answer = nnreg("new", "optimizer", "half_life", "--folder", "file/below")
    assert answer.code == 2
    assert "cannot write file/below" in answer.complaint


@pytest.fixture
def clean_environment(tmp_path):
    """A virtual environment of its own that sees what is installed in this one, and a way to run its Python."""
    pytest.importorskip("setuptools", "70.1", reason="setuptools older than 70.1 cannot build a wheel on its own")
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    ours = (path for path in sys.path if path.endswith("-packages"))
    (site / "ours.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in ours), encoding="utf-8")

    def run(folder, *words):
        return subprocess.run([python, "-m", *words], cwd=folder, capture_output=True, text=True, check=False)

    return run


@pytest.mark.long
def test_a_new_plugin_installs_passes_its_tests_and_trains_in_a_clean_environment(tmp_path, clean_environment):
    for words in (
        ("nnreg", "new", "optimizer", "half_life", "--folder", "plugin"),
        ("pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "./plugin"),
    ):
        done = clean_environment(tmp_path, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    tests = clean_environment(tmp_path / "plugin", "pytest", "-p", "no:cacheprovider")
    assert tests.returncode == 0, tests.stdout
    assert " passed" in tests.stdout
    checked = clean_environment(tmp_path, "nnreg", "check", "nnreg-half-life")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "optimizer/half_life" in checked.stdout
    trained = clean_environment(tmp_path, "nnreg", "optimizer=half_life", "optimizer.beta=0.5", "steps=20", "tracking=off")
    assert trained.returncode == 0, trained.stderr
    assert "half_life (lr=0.01 beta=0.5)" in trained.stdout
