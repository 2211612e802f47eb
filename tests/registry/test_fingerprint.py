"""A technique's fingerprint is that of what it does: of its formula and of its helpers, not of how they are written down."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from nnreg.process import _answer, ask_git, commit_of, processor
from nnreg.registry import entries
from nnreg.registry.fingerprint import (
    changed_code,
    checkouts_of,
    code_of,
    fingerprint_of,
    libraries_of,
    short_code,
)
from tests.registry.publishing import OPTIMIZER, edit, publishing

publish = pytest.fixture(publishing)
HELPED = OPTIMIZER.replace("theta -= lr * g", "theta -= scaled(lr) * g")


@pytest.fixture(autouse=True)
def no_bytecode(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def mine():
    return entries.find_technique("optimizer", "mine")


def edited(module, source):
    """Return the fingerprint once a module is another, in a process that has not imported it yet."""
    entries.load_class(mine())
    edit(module, source)
    entries.load_class(mine())
    return fingerprint_of(mine())


def test_formatting_comments_and_docstrings_do_not_count_and_a_formula_does(publish):
    publish("my-rules", {"rules": OPTIMIZER}, optimizer={"mine": "rules:Rule"})
    entries.load_class(mine())
    first = fingerprint_of(mine())
    assert len(first) == 16
    restyled = OPTIMIZER.replace('"Walks."', '"""Walks downhill."""  # always').replace("lr * g", "(lr\n            * g)")
    assert edited("rules", restyled) == first
    assert edited("rules", OPTIMIZER.replace("lr * g", "lr * g * 2")) != first
    assert edited("rules", OPTIMIZER.replace("= 0.1", "= 0.2")) != first
    assert edited("rules", OPTIMIZER) == first


@pytest.mark.parametrize(
    "imported", ["from _helper import scaled", "import _helper\nscaled = _helper.scaled", "from _between import scaled"]
)
def test_a_helper_counts_however_it_is_imported_and_a_strangers_module_does_not(publish, imported):
    helper = "def scaled(lr):\n    return lr\n"
    modules = {"rules": f"import json\n{imported}\n{HELPED}", "_helper": helper, "_between": "from _helper import *"}
    publish("my-rules", modules, optimizer={"mine": "rules:Rule"})
    first = edited("_helper", f"# a remark\n{helper}")
    assert edited("_helper", helper.replace("return lr", "return 2 * lr")) != first
    assert edited("_helper", helper) == first


def test_a_helper_of_a_package_counts_wherever_it_is_imported(publish, tmp_path):
    publish("my-rules", optimizer={"mine": "pack.inner.rule:Rule"})
    folder = Path(sys.path[0])
    (folder / "pack/inner").mkdir(parents=True)
    (folder / "pack/__init__.py").touch()
    (folder / "pack/inner/__init__.py").touch()
    (folder / "pack/_scale.py").write_text("def scaled(lr):\n    return lr\n")
    (folder / "pack/other.py").write_text("x = 1\n")
    late = HELPED.replace("        theta -=", "        from .. import _scale\n        scaled = _scale.scaled\n        theta -=")
    (folder / "pack/inner/rule.py").write_text(f"from nnreg.contracts import Optimizer\nfrom .._scale import scaled\n{late}")
    entries.load_class(mine())
    first = fingerprint_of(mine())
    assert edited("pack.inner.rule", (folder / "pack/inner/rule.py").read_text()) == first
    (folder / "pack/other.py").write_text("x = 2\n")
    assert edited("pack.inner.rule", (folder / "pack/inner/rule.py").read_text()) == first
    assert edited("pack._scale", "def scaled(lr):\n    return 3 * lr\n") != first


def test_a_helper_that_is_imported_when_it_is_needed_counts_before_and_after(publish):
    publish("my-rules", optimizer={"mine": "pack.rule:Rule"})
    folder = Path(sys.path[0]) / "pack"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "_scale.py").write_text("def scaled(lr):\n    return lr\n")
    late = OPTIMIZER.replace("theta -= lr * g", "from pack import _scale\n        theta -= _scale.scaled(lr) * g")
    (folder / "rule.py").write_text(late)
    first = fingerprint_of(mine())
    assert "pack._scale" not in sys.modules
    importlib.import_module("pack._scale")
    assert edited("pack.rule", late) == first
    importlib.import_module("pack._scale")
    assert edited("pack._scale", "def scaled(lr):\n    return 2 * lr\n") != first


def test_code_without_a_source_is_told_by_its_version(publish):
    publish("my-rules", version="1.3", optimizer={"mine": "gone:Rule"})
    assert fingerprint_of(mine()) == "my-rules 1.3"
    assert short_code(fingerprint_of(mine())) == "my-rules 1.3"


def test_every_technique_of_ours_has_a_fingerprint_of_its_own():
    found = {
        (entry.kind, entry.name): fingerprint_of(entry)
        for kind in ("optimizer", "init", "activation", "schedule", "dataset")
        for entry in entries.techniques(kind).values()
        if entry.distribution == "nnreg"
    }
    modules = {entry: entries.find_technique(*entry).target.partition(":")[0] for entry in found}
    assert all(len(code) == 16 and set(code) <= set("0123456789abcdef") for code in found.values())
    assert len(set(found.values())) == len(set(modules.values()))


def test_what_has_changed_is_named_with_both_fingerprints():
    named = {"optimizer": "adam", "init": "he", "dataset": "digits"}
    now = code_of(named)
    assert changed_code(now, named) == ""
    assert changed_code({}, named) == ""
    was = now | {"optimizer": "0123456789abcdef", "dataset": "0123456789abcdef"}
    assert changed_code(was, named) == f"optimizer=adam (0123, now {now['optimizer'][:4]})"


def test_the_libraries_of_a_technique_are_told_with_their_versions():
    import sklearn
    from sklearn import datasets

    assert datasets is not None
    entries.load_class(entries.find_technique("dataset", "iris"))
    assert libraries_of({"dataset": "iris", "optimizer": "adam"}) in ({}, {"sklearn": sklearn.__version__})


def test_the_commit_of_a_checkout_is_told_and_whether_its_code_has_changes(tmp_path):
    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True, capture_output=True
        )

    (tmp_path / "code").mkdir()
    rule = tmp_path / "code/rule.py"
    rule.write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("a\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    def said():
        ask_git.cache_clear()
        _answer.cache_clear()
        return commit_of(tmp_path / "code")

    assert said() == head
    (tmp_path / "notes.txt").write_text("b\n")
    assert said() == head
    rule.write_text("x = 2\n")
    assert said() == f"{head} with changes"
    installed = tmp_path / "lib/site-packages/x"
    installed.mkdir(parents=True)
    assert commit_of(installed) == ""


def test_without_git_nothing_is_told(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    assert commit_of(tmp_path) == ""
    monkeypatch.setenv("PATH", "")
    (tmp_path / "b").mkdir()
    assert commit_of(tmp_path / "b") == ""


def test_the_processor_has_a_name_and_nnreg_a_place():
    assert processor()
    assert checkouts_of({"optimizer": "adam"})["nnreg"].name == "nnreg"
