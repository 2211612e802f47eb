"""Files of plugins are noticed when they are saved, made or removed, without being imported."""

import os
import sys

import pytest

from nnreg.play import files
from nnreg.play.files import PluginFiles
from tests.registry.publishing import OPTIMIZER, publishing

publish = pytest.fixture(publishing)


@pytest.fixture
def rules(publish, tmp_path_factory):
    publish("mine", {"watched_rules": OPTIMIZER}, optimizer={"mine": "watched_rules:Rule"})
    return next(path for path in (tmp_path_factory.getbasetemp()).rglob("watched_rules.py") if str(path.parent) in sys.path)


def test_a_saved_file_is_noticed_once_and_not_imported(rules):
    watched = PluginFiles()
    assert watched.changed() == []
    rules.write_text(OPTIMIZER + "\n# a thought\n")
    assert watched.changed() == ["watched_rules.py"]
    assert watched.changed() == []
    assert "watched_rules" not in sys.modules


def test_a_file_that_is_saved_with_the_same_length_is_noticed_too(rules):
    watched = PluginFiles()
    stat = rules.stat()
    rules.write_text(OPTIMIZER.replace("0.1", "0.2"))
    os.utime(rules, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert watched.changed() == ["watched_rules.py"]


def test_built_in_techniques_are_watched_as_well():
    watched = PluginFiles()
    assert any(path.name == "adam.py" for path in watched._files)


def test_a_distribution_that_comes_is_noticed(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    watched = PluginFiles()
    (site / "other-1.0.dist-info").mkdir()
    os.utime(site, ns=(1, 1))
    assert watched.changed() == [files.INSTALLED]
