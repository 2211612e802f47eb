"""The distribution that authors copy: it builds, installs, trains and passes its own test, untouched."""

import re

import pytest

from tests.techniques.third_party.conftest import EXAMPLE

pytestmark = pytest.mark.slow
EXAMPLES = ("nnreg-example",)


@pytest.mark.long
def test_installing_it_brings_its_package_and_nothing_else(installed):
    site = installed("nnreg-example")
    assert {path.name for path in site.iterdir()} == {"nnreg_example", "nnreg_example-1.0.dist-info"}
    assert {path.name for path in (site / "nnreg_example").glob("*.*")} == {"__init__.py", "fromage.py", "qhm.py", "py.typed"}


@pytest.mark.long
def test_installing_it_is_all_it_takes_to_train_with_it(command, quick):
    answer = command("optimizer=qhm", "optimizer.lr=0.003", *quick, plugins=EXAMPLES)
    assert (answer.code, answer.err) == (0, "")
    assert "qhm (lr=0.003 nu=0.7 beta=0.999)" in answer.out


@pytest.mark.long
def test_its_own_tests_pass_where_it_is_installed(python):
    answer = python("-m", "pytest", "-q", "-rp", "-p", "no:cacheprovider", str(EXAMPLE / "tests"), plugins=EXAMPLES)
    assert answer.code == 0, answer.out
    passed = re.findall(r"^PASSED \S*?(\w+\.py)::", answer.out, flags=re.MULTILINE)
    assert set(passed) == {path.name for path in (EXAMPLE / "tests").glob("test_*.py")}
    assert re.match(rf"{len(passed)} passed in ", answer.out.splitlines()[-1]), "nothing else: none failed, none was skipped"


@pytest.mark.long
def test_it_meets_what_every_technique_and_every_optimizer_is_tested_for(python, request):
    """The same files that test the built-in techniques, with this one installed beside them."""
    files = [
        str(request.config.rootpath / "tests" / "techniques" / f"test_{what}.py") for what in ("every_technique", "optimizers")
    ]
    answer = python(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(request.config.rootpath),
        "-k",
        "qhm or fromage",
        *files,
        plugins=EXAMPLES,
    )
    assert answer.code == 0, answer.out
    assert int(re.search(r"(\d+) passed", answer.out)[1]) > 10


def test_its_readme_names_files_that_exist():
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    for path in re.findall(r"^\| `(.+?)`", readme, flags=re.MULTILINE):
        assert (EXAMPLE / path).exists(), path
